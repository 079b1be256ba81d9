// Polling, one event at a time or many: what it gives, when it rejects, and that nothing moves without it.

import { assert, assertEquals, assertFalse, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionLostError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { message, Scene, ServerSide, watch, words } from "./scene.ts";

/** Polls until the server has accepted. */
async function pollConnected(scene: Scene): Promise<ServerSide> {
  const outgoing = scene.eventLoop.poll();
  const connection = await scene.server.accept();
  assertEquals((await outgoing)?.type, "outgoing");
  const connected = scene.eventLoop.poll();
  await connection.acceptConnect();
  assertEquals(await connected, { type: "connected", sessionPresent: false });
  return new ServerSide(connection);
}

test("nothing moves before the first poll", async () => {
  const scene = new Scene();
  await scene.client.publish("a", "x");
  await scene.clock.advance(60_000);
  assertEquals([scene.network.dialCount, scene.clock.pendingTimers], [0, 0]);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  assertEquals([scene.network.dialCount, poll.state], [1, "fulfilled"]);
  scene.eventLoop.close();
});

test("a request is not sent while nobody polls", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await scene.client.publish("a", "x");
  await scene.clock.advance(30_000);
  assertEquals(server.takeWords(), []);
  const poll = scene.eventLoop.poll();
  assertEquals(await poll, { type: "outgoing", packetType: "publish", packetId: 0 });
  await settle();
  assertEquals(server.takeWords(), ["publish"]);
  scene.eventLoop.close();
});

test("what arrives while nobody polls waits for the next poll, undelivered and unacknowledged", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await server.send(message("a", 1, 7), message("b", 1, 8));
  assertEquals(server.takeWords(), []);
  const event = await scene.eventLoop.poll();
  assertEquals(event, { type: "incoming", packet: message("a", 1, 7) });
  await settle();
  assertEquals(server.takeWords(), ["puback 7", "puback 8"]);
  scene.eventLoop.close();
});

test("a pending poll resolves as soon as there is an event", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  assertEquals(poll.state, "pending");
  await server.send(message("a"));
  assertEquals(poll.value, { type: "incoming", packet: message("a") });
  scene.eventLoop.close();
});

test("a lost connection rejects the poll once; polling again reconnects after the delay", async () => {
  const scene = new Scene({ reconnect: { minDelayMillis: 400 } });
  const server = await pollConnected(scene);
  const poll = watch(scene.eventLoop.poll());
  await server.cut(new Error("the cable was pulled"));
  assertInstanceOf(poll.error, ConnectionLostError);
  assertEquals(poll.error.reason, "transport-failed");
  assertEquals(
    poll.error.message,
    "Cannot keep the connection to mqtt://broker.test:1883: the cable was pulled",
  );
  await scene.clock.advance(10_000);
  // The delay is over, but nobody polls.
  assertEquals(scene.network.dialCount, 1);
  const again = scene.eventLoop.poll();
  await settle();
  assertEquals(scene.network.dialCount, 2);
  assertEquals(await again, { type: "outgoing", packetType: "connect", packetId: 0 });
  scene.eventLoop.close();
});

test("a poll right after a loss waits for the delay", async () => {
  const scene = new Scene({ reconnect: { minDelayMillis: 400 } });
  const server = await pollConnected(scene);
  const poll = watch(scene.eventLoop.poll());
  await server.cut();
  assertEquals(poll.state, "rejected");
  const again = watch(scene.eventLoop.poll());
  // Half of 400: `random` gives 0.5.
  await scene.clock.advance(199);
  assertEquals([scene.network.dialCount, again.state], [1, "pending"]);
  await scene.clock.advance(1);
  assertEquals([scene.network.dialCount, again.state], [2, "fulfilled"]);
  scene.eventLoop.close();
});

test("an attempt that fails rejects the poll, each anew", async () => {
  const scene = new Scene();
  const refused = new Error("nobody listens");
  scene.network.refuse(refused, 2);
  const first = await assertRejects(() => scene.eventLoop.poll(), ConnectionLostError);
  assertEquals([first.reason, first.cause], ["dial-failed", refused]);
  assertEquals(first.message, "Cannot connect to mqtt://broker.test:1883: nobody listens");
  const second = watch(scene.eventLoop.poll());
  await scene.clock.advance(50);
  assertInstanceOf(second.error, ConnectionLostError);
  const third = watch(scene.eventLoop.poll());
  await scene.clock.advance(100);
  assertEquals([third.state, scene.network.dialCount], ["fulfilled", 3]);
  scene.eventLoop.close();
});

test("events before a loss are delivered before it", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await server.send(message("a"), message("b"));
  await server.close();
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  const error = await assertRejects(() => scene.eventLoop.poll(), ConnectionLostError);
  assertEquals(error.reason, "closed-by-server");
  scene.eventLoop.close();
});

test("a second concurrent poll is an error, and harms the first one not", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  const first = watch(scene.eventLoop.poll());
  const error = await assertRejects(() => scene.eventLoop.poll(), Error);
  assertEquals(error.message, "Cannot poll: another poll is pending");
  await assertRejects(() => scene.eventLoop.pollBatch(), Error, "another poll is pending");
  await server.send(message("a"));
  assertEquals(first.value?.type, "incoming");
  scene.eventLoop.close();
});

test("poll gives undefined once the loop is done, again and again", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await scene.client.disconnect();
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(await scene.eventLoop.pollBatch(), []);
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(server.takeWords(), ["disconnect"]);
  assert(server.isOver);
  assertEquals(scene.clock.pendingTimers, 0);
});

test("pollBatch gives everything at hand, at least one event", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await server.send(message("a"), message("b"), message("c"));
  assertEquals(words(await scene.eventLoop.pollBatch()), ["incoming publish", "incoming publish", "incoming publish"]);
  const waiting = watch(scene.eventLoop.pollBatch());
  await settle();
  assertEquals(waiting.state, "pending");
  await server.send(message("d"));
  assertEquals(waiting.value, [{ type: "incoming", packet: message("d") }]);
  scene.eventLoop.close();
});

test("pollBatch stops before a loss, which the next call rejects with", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await server.send(message("a"));
  await server.cut();
  assertEquals(words(await scene.eventLoop.pollBatch()), ["incoming publish"]);
  await assertRejects(() => scene.eventLoop.pollBatch(), ConnectionLostError);
  scene.eventLoop.close();
});

test("without outgoing events there are none", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const poll = scene.eventLoop.poll();
  await scene.acceptConnect();
  assertEquals(await poll, { type: "connected", sessionPresent: false });
  scene.eventLoop.close();
});

test("close() ends a pending poll, and the connection without DISCONNECT", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  const poll = watch(scene.eventLoop.poll());
  scene.eventLoop.close();
  await settle();
  assertEquals([poll.state, poll.value], ["fulfilled", undefined]);
  assertEquals(server.takeWords(), []);
  assert(server.isOver);
  scene.eventLoop.close();
  assertEquals(scene.clock.pendingTimers, 0);
});

test("events at hand are still delivered after close()", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  await server.send(message("a"), message("b"));
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  scene.eventLoop.close();
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  assertEquals(await scene.eventLoop.poll(), undefined);
});

test("close() before the first poll ends the loop", async () => {
  const scene = new Scene();
  scene.eventLoop.close();
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(scene.network.dialCount, 0);
});

test("close() during a dial ends the dial", async () => {
  const scene = new Scene();
  scene.network.stall();
  const poll = watch(scene.eventLoop.poll());
  await settle();
  scene.eventLoop.close();
  await settle();
  assertEquals([poll.state, poll.value], ["fulfilled", undefined]);
  assertEquals(scene.clock.pendingTimers, 0);
});

test("leaving the block that owns a loop closes it", async () => {
  const scene = new Scene();
  const server = await pollConnected(scene);
  {
    await using _eventLoop = scene.eventLoop;
  }
  await settle();
  assert(server.isOver);
  assert(scene.eventLoop.diagnostics().isDone);
});

test("clean() drops the connection and keeps the session; polling reconnects at once", async () => {
  const scene = new Scene({ cleanSession: false });
  const server = await pollConnected(scene);
  const notice = await scene.client.publishTracked("a", "x", { qos: 1 });
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  scene.eventLoop.clean();
  await settle();
  assert(server.isOver);
  assertFalse(scene.eventLoop.diagnostics().isDone);
  const poll = scene.eventLoop.poll();
  const next = await scene.acceptConnect({ sessionPresent: true });
  assertEquals(words([(await poll)!]), ["outgoing connect"]);
  assertEquals(words(await scene.eventLoop.pollBatch()), ["connected", "outgoing publish"]);
  await settle();
  assertEquals(next.take(), [{
    type: "publish",
    topicName: "a",
    payload: new TextEncoder().encode("x"),
    qos: 1,
    retain: false,
    dup: true,
    packetId: 1,
  }]);
  const acknowledged = scene.eventLoop.poll();
  await next.send({ type: "puback", packetId: 1 });
  await acknowledged;
  assertEquals((await notice.wait()).type, "qos1-acknowledged");
  scene.eventLoop.close();
});

test("clean() under a pending poll reconnects at once", async () => {
  const scene = new Scene();
  await pollConnected(scene);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  scene.eventLoop.clean();
  await settle();
  assertEquals([scene.network.dialCount, poll.value?.type], [2, "outgoing"]);
  scene.eventLoop.close();
});

test("clean() ends a back-off", async () => {
  const scene = new Scene();
  scene.network.refuse(new Error("nobody listens"));
  await assertRejects(() => scene.eventLoop.poll(), ConnectionLostError);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  assertEquals(poll.state, "pending");
  scene.eventLoop.clean();
  await settle();
  assertEquals([scene.network.dialCount, poll.value?.type], [2, "outgoing"]);
  scene.eventLoop.close();
});

test("clean() of a loop that is done changes nothing", async () => {
  const scene = new Scene();
  scene.eventLoop.close();
  scene.eventLoop.clean();
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(scene.network.dialCount, 0);
});

test("a poll that rejects leaves the delay and the flap to be read, as an iteration tells them", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const iterated = new Scene({ outgoingEvents: false });
  const run = iterated.run();
  assertEquals(scene.eventLoop.lastDisconnected, undefined);
  const told = [];
  for (let i = 0; i < 4; i++) {
    const connected = watch(scene.eventLoop.poll());
    if (i > 0) await scene.passDelay();
    const server = await scene.acceptConnect();
    assertEquals(connected.value?.type, "connected");
    const lost = watch(scene.eventLoop.poll());
    await server.cut();
    const { lastDisconnected } = scene.eventLoop;
    assert(lastDisconnected !== undefined && lastDisconnected.error === lost.error);
    told.push([lastDisconnected.retryInMillis, lastDisconnected.flap]);
    if (i > 0) await iterated.passDelay();
    await (await iterated.acceptConnect()).cut();
  }
  assertEquals(told.at(-1), [400, { losses: 4, likelyCause: "client-id-in-use" }]);
  const iteratedToo = run.events.flatMap((event) =>
    event.type === "disconnected" ? [[event.retryInMillis, event.flap]] : []
  );
  assertEquals(told, iteratedToo);
  scene.eventLoop.close();
  iterated.eventLoop.close();
});

test("pollBatch() leaves them too; once no attempt follows, there is nothing to be read", async () => {
  const dial = () => Promise.reject(new Error("nobody is there"));
  const scene = new Scene({ transport: dial, reconnect: { maxAttempts: 2 } });
  const first = await assertRejects(() => scene.eventLoop.pollBatch());
  assertEquals(scene.eventLoop.lastDisconnected?.error, first);
  assertEquals(scene.eventLoop.lastDisconnected?.retryInMillis, 50);
  const last = watch(scene.eventLoop.pollBatch());
  await settle();
  await scene.clock.advance(50);
  assertEquals([last.state, scene.eventLoop.lastDisconnected], ["rejected", undefined]);
});
