// A graceful disconnect in limited time: if it runs out, the connection ends without DISCONNECT, so that the server publishes the Will.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { DisconnectTimeoutError, RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, type Run, Scene, watch } from "./scene.ts";

/** Fails unless the run has ended by the limit and nothing is left. */
async function assertTimedOut(scene: Scene, run: Run, timeoutMillis: number): Promise<void> {
  assertInstanceOf(run.end.error, DisconnectTimeoutError);
  assertEquals(
    run.end.error.message,
    `Cannot disconnect in order: unfinished requests remain after ${timeoutMillis} ms`,
  );
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(scene.clock.pendingTimers, 0);
  assertEquals(await scene.eventLoop.poll(), undefined);
}

test("in time it is as any graceful disconnect", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnectWithTimeout(5000);
  await scene.clock.advance(4999);
  assertEquals(run.end.state, "pending");
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
  assertEquals([run.end.state, scene.clock.pendingTimers], ["fulfilled", 0]);
});

test("when time runs out, no DISCONNECT is sent, and every request says how it stands", async () => {
  const { scene, run, server } = await connectedScene({ inflight: 1 });
  const written = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  const unwritten = scene.client.tryPublishTracked("b", "x", { qos: 1 });
  const unwrittenZero = scene.client.tryPublishTracked("c", "x");
  const subscribing = scene.client.trySubscribeTracked("d");
  await scene.client.disconnectWithTimeout(5000);
  await scene.clock.advance(4999);
  assertEquals([server.takeWords(), run.end.state], [["publish 1", "subscribe 2"], "pending"]);
  await scene.clock.advance(1);
  await assertTimedOut(scene, run, 5000);
  assertEquals(server.takeWords(), []);
  assert(server.isOver);
  const delivered: boolean[] = [];
  for (const notice of [written, unwritten, unwrittenZero, subscribing]) {
    const error = await assertRejects(() => notice.wait(), RequestFailedError);
    assertEquals(error.reason, "disconnected");
    delivered.push(error.mayHaveBeenDelivered);
  }
  assertEquals(delivered, [true, false, false, true]);
});

test("time runs from the call on, whether or not anybody polls", async () => {
  const scene = new Scene();
  await scene.client.publish("a", "x");
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(1000);
  await assertRejects(() => scene.eventLoop.poll(), DisconnectTimeoutError);
  assertEquals([await scene.eventLoop.poll(), scene.network.dialCount], [undefined, 0]);
});

test("0 gives only what can be done at once", async () => {
  const idle = await connectedScene();
  await idle.scene.client.publish("a", "x");
  await idle.scene.client.disconnectWithTimeout(0);
  await settle();
  assertEquals([idle.server.takeWords(), idle.run.end.state], [["publish", "disconnect"], "fulfilled"]);
  const busy = await connectedScene();
  await busy.scene.client.publish("a", "x", { qos: 1 });
  await busy.scene.client.disconnectWithTimeout(0);
  await settle();
  assertEquals(busy.server.takeWords(), ["publish 1"]);
  await assertTimedOut(busy.scene, busy.run, 0);
});

test("what arrived in time counts, also if nobody polled until after the limit", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  const controller = new AbortController();
  watch(scene.eventLoop.poll({ signal: controller.signal }));
  const notice = await scene.client.publishTracked("a", "x", { qos: 1 });
  await scene.client.disconnectWithTimeout(1000);
  await settle();
  controller.abort();
  await server.send({ type: "puback", packetId: 1 });
  await scene.clock.advance(2000);
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals([server.takeWords(), (await notice.wait()).type], [["publish 1", "disconnect"], "qos1-acknowledged"]);
});

test("time runs out during a dial", async () => {
  const scene = new Scene();
  scene.network.stall();
  await scene.client.publish("a", "x");
  const run = scene.run();
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(1000);
  await assertTimedOut(scene, run, 1000);
});

test("time runs out during a back-off", async () => {
  const scene = new Scene({ reconnect: { minDelayMillis: 10_000, jitter: "none" } });
  scene.network.refuse(new Error("nobody listens"));
  await scene.client.publish("a", "x");
  const run = scene.run();
  await settle();
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(1000);
  assertEquals(scene.network.dialCount, 1);
  await assertTimedOut(scene, run, 1000);
});

test("time runs out before CONNACK", async () => {
  const scene = new Scene();
  await scene.client.publish("a", "x");
  const run = scene.run();
  const server = await scene.accept();
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(1000);
  await assertTimedOut(scene, run, 1000);
  assertEquals([server.takeWords(), server.isOver], [["connect"], true]);
});

test("time runs out over a lost connection", async () => {
  const { scene, run, server } = await connectedScene({ cleanSession: false });
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 2 });
  await settle();
  await scene.client.disconnectWithTimeout(1000);
  await server.cut();
  await scene.clock.advance(500);
  const next = await scene.acceptConnect({ sessionPresent: true });
  await next.send({ type: "pubrec", packetId: 1 });
  await scene.clock.advance(499);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  await assertTimedOut(scene, run, 1000);
  assertEquals(next.takeWords(), ["publish 1", "pubrel 1"]);
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["disconnected", true]);
});

test("time runs out while the transport takes nothing", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const notice = scene.client.tryPublishTracked("a", new Uint8Array(200_000));
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(1000);
  await assertTimedOut(scene, run, 1000);
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["disconnected", true]);
});

test("time runs out while DISCONNECT itself cannot leave", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 10 });
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(30));
  await scene.client.disconnectWithTimeout(1000);
  await scene.clock.advance(999);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  await assertTimedOut(scene, run, 1000);
});

test("a server that is slow to close after DISCONNECT is no timeout", async () => {
  const scene = new Scene();
  const run = scene.run();
  const peer = await scene.network.accept();
  await peer.read();
  await peer.write(Uint8Array.of(0x20, 2, 0, 0));
  await settle();
  let timers = 0;
  const { schedule } = scene.clock;
  scene.clock.schedule = (callback, delayMillis) => {
    if (++timers > 20) throw new Error("timers are set again and again");
    return schedule.call(scene.clock, callback, delayMillis);
  };
  await scene.client.disconnectWithTimeout(100);
  await settle();
  assertEquals(await peer.read(), Uint8Array.of(0xe0, 0));
  await scene.clock.advance(999);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  assertEquals([run.end.state, timers < 5], ["fulfilled", true]);
});

test("a disconnect without a limit leaves the limit of the one before it", async () => {
  const { scene, run } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnectWithTimeout(1000);
  await scene.client.disconnect();
  await scene.clock.advance(1000);
  await assertTimedOut(scene, run, 1000);
});

test("a later limit takes the place of the one before it", async () => {
  const { scene, run } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  await scene.client.disconnectWithTimeout(9000);
  await scene.clock.advance(100);
  await scene.client.disconnectWithTimeout(200);
  await scene.clock.advance(200);
  await assertTimedOut(scene, run, 200);
});

test("a limit that is none is refused, and the client goes on", async () => {
  const { scene, server } = await connectedScene();
  for (const timeoutMillis of [-1, NaN, "5" as unknown as number, undefined as unknown as number]) {
    await assertRejects(() => scene.client.disconnectWithTimeout(timeoutMillis), RangeError, "timeoutMillis is");
  }
  await scene.client.publish("a", "x");
  await settle();
  assertEquals(server.takeWords(), ["publish"]);
  scene.eventLoop.close();
});

test("Infinity is no limit", async () => {
  const { scene, run, server } = await connectedScene({ keepAlive: 0 });
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnectWithTimeout(Infinity);
  await scene.clock.advance(1e9);
  assertEquals(run.end.state, "pending");
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([run.end.state, server.takeWords()], ["fulfilled", ["publish 1", "disconnect"]]);
});
