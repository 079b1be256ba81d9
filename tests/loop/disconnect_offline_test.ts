// The graceful disconnect of a client that has no connection, or loses it: what is owed is delivered first, and without a debt no
// connection is made.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionLostError, RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, type Run, Scene, words } from "./scene.ts";

/** Fails unless the run has ended well and nothing is left. */
function assertDone(scene: Scene, run: Run): void {
  assertEquals([run.end.state, run.end.error], ["fulfilled", undefined]);
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(scene.clock.pendingTimers, 0);
}

test("before the first poll, with nothing owed, no connection is made", async () => {
  const scene = new Scene();
  await scene.client.disconnect();
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(scene.network.dialCount, 0);
});

test("before the first poll, what is owed is delivered first", async () => {
  const scene = new Scene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  const run = scene.run();
  const server = await scene.acceptConnect();
  assertEquals(server.takeWords(), ["publish 1"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["disconnect"]);
  assertDone(scene, run);
});

test("during a dial, with nothing owed, the dial is given up", async () => {
  const scene = new Scene();
  scene.network.stall();
  const run = scene.run();
  await settle();
  await scene.client.disconnect();
  await settle();
  assertEquals(run.events, []);
  assertDone(scene, run);
});

test("during a dial, what is owed is delivered first", async () => {
  const scene = new Scene();
  const run = scene.run();
  await scene.client.publish("a", "x");
  await scene.client.disconnect();
  const server = await scene.acceptConnect();
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  assertDone(scene, run);
});

test("before CONNACK, with nothing owed, DISCONNECT does not wait for it", async () => {
  const scene = new Scene();
  const run = scene.run();
  const server = await scene.accept();
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["connect", "disconnect"]);
  assertDone(scene, run);
});

test("before CONNACK, what is owed is delivered first", async () => {
  const scene = new Scene();
  const run = scene.run();
  const server = await scene.accept();
  await scene.client.publish("a", "x");
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["connect"]);
  await server.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  assertDone(scene, run);
});

test("during a back-off, with nothing owed, the loop ends at once", async () => {
  const { scene, run, server } = await connectedScene();
  await server.cut();
  assertEquals(words(run.events).at(-1), "disconnected");
  await scene.client.disconnect();
  await settle();
  assertEquals(scene.network.dialCount, 1);
  assertDone(scene, run);
});

test("during a back-off, what is owed is delivered after the reconnect", async () => {
  const { scene, run, server } = await connectedScene();
  await server.cut();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  await scene.clock.advance(50);
  const next = await scene.acceptConnect();
  await next.send({ type: "puback", packetId: 1 });
  assertEquals(next.takeWords(), ["publish 1", "disconnect"]);
  assertDone(scene, run);
});

test("a drain survives lost connections, however many", async () => {
  const { scene, run, server } = await connectedScene({ cleanSession: false, inflight: 2 });
  const notices = Array.from({ length: 3 }, (_, i) => scene.client.tryPublishTracked(`t/${i}`, "x", { qos: 2 }));
  await settle();
  await scene.client.disconnect();
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.cut();
  for (let i = 0; i < 3; i++) {
    await scene.passDelay();
    const next = await scene.acceptConnect({ sessionPresent: true });
    assertEquals(next.takeWords(), ["publish 1", "publish 2"]);
    await next.close();
  }
  await scene.passDelay();
  const last = await scene.acceptConnect({ sessionPresent: true });
  await last.send({ type: "pubrec", packetId: 1 }, { type: "pubrec", packetId: 2 });
  await last.send({ type: "pubcomp", packetId: 1 }, { type: "pubcomp", packetId: 2 });
  await last.send({ type: "pubrec", packetId: 3 });
  await last.send({ type: "pubcomp", packetId: 3 });
  assertEquals(last.takeWords(), [
    "publish 1",
    "publish 2",
    "pubrel 1",
    "pubrel 2",
    "publish 3",
    "pubrel 3",
    "disconnect",
  ]);
  for (const notice of notices) assertEquals((await notice.wait()).type, "qos2-completed");
  assertDone(scene, run);
});

test("a drain over a lost session goes by the policy, and ends", async () => {
  const { scene, run, server } = await connectedScene();
  const one = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  const two = scene.client.tryPublishTracked("b", "x", { qos: 2 });
  await settle();
  await scene.client.disconnect();
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.cut();
  await scene.clock.advance(50);
  const next = await scene.acceptConnect();
  assertEquals(next.takeWords(), ["publish 1"]);
  await next.send({ type: "puback", packetId: 1 });
  assertEquals(next.takeWords(), ["disconnect"]);
  assertEquals((await one.wait()).type, "qos1-acknowledged");
  const error = await assertRejects(() => two.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["session-lost", true]);
  assertDone(scene, run);
});

test("a connection that is lost when nothing is owed any more ends the loop without a reconnect", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const notice = scene.client.tryPublishTracked("a", new Uint8Array(20_000));
  await settle();
  await scene.client.disconnect();
  await server.cut();
  await settle();
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["disconnected", true]);
  assertEquals(scene.network.dialCount, 1);
  assertDone(scene, run);
});

test("a policy that gives up ends the drain with the error", async () => {
  const scene = new Scene({ reconnect: { maxAttempts: 2 } });
  scene.network.refuse(new Error("nobody listens"), Infinity);
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  await scene.client.disconnect();
  const run = scene.run();
  await scene.clock.advance(1000);
  assertInstanceOf(run.end.error, ConnectionLostError);
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered, error.cause], ["loop-closed", false, run.end.error]);
});
