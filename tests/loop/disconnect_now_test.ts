// DISCONNECT without finishing anything: out of a drain, a full window, a dial, a back-off, and past a transport that is stuck.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LoopClosedError, RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, type Run, Scene, words } from "./scene.ts";

function assertDone(scene: Scene, run: Run): void {
  assertEquals([run.end.state, run.end.error], ["fulfilled", undefined]);
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(scene.clock.pendingTimers, 0);
  assertThrows(() => scene.client.tryPublish("a", "x"), LoopClosedError);
}

async function assertFailed(notice: { wait(): Promise<unknown> }, mayHaveBeenDelivered: boolean): Promise<void> {
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["disconnected", mayHaveBeenDelivered]);
}

test("an idle loop is woken", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.disconnectNow();
  await settle();
  assertEquals(server.takeWords(), ["disconnect"]);
  assert(server.isOver);
  assertDone(scene, run);
});

test("nothing in flight is waited for, and nothing that waits is sent", async () => {
  const { scene, run, server } = await connectedScene({ inflight: 2, capacity: 2 });
  const { client } = scene;
  const written = [
    client.tryPublishTracked("a", "x", { qos: 1 }),
    client.tryPublishTracked("b", "x", { qos: 2 }),
    client.trySubscribeTracked("c"),
  ];
  await settle();
  const unwritten = [client.tryPublishTracked("d", "x", { qos: 1 }), client.tryPublishTracked("e", "x")];
  const waiting = client.publish("f", "x");
  await settle();
  assertEquals(server.takeWords(), ["publish 1", "publish 2", "subscribe 3"]);
  await client.disconnectNow();
  await assertRejects(() => waiting, LoopClosedError);
  assertEquals(server.takeWords(), ["disconnect"]);
  for (const notice of written) await assertFailed(notice, true);
  for (const notice of unwritten) await assertFailed(notice, false);
  assertDone(scene, run);
});

test("requests of the same moment are not sent", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  await scene.client.disconnectNow();
  await settle();
  assertEquals(server.takeWords(), ["disconnect"]);
  await assertFailed(notice, false);
  assertDone(scene, run);
});

test("a drain is cut short", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 2 });
  await settle();
  await scene.client.disconnect();
  await settle();
  await scene.client.disconnectNow();
  await settle();
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
  await assertFailed(notice, true);
  assertDone(scene, run);
});

test("the limit of a drain ends with it", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 2 });
  await scene.client.disconnectWithTimeout(100);
  await scene.client.disconnectNow();
  await scene.clock.advance(100);
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
  assertDone(scene, run);
});

test("before the first poll no connection is made", async () => {
  const scene = new Scene();
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  await scene.client.disconnectNow();
  const run = scene.run();
  await settle();
  assertEquals(scene.network.dialCount, 0);
  await assertFailed(notice, false);
  assertDone(scene, run);
});

test("a dial is given up", async () => {
  const scene = new Scene();
  scene.network.stall();
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  const run = scene.run();
  await settle();
  await scene.client.disconnectNow();
  await settle();
  await assertFailed(notice, false);
  assertDone(scene, run);
});

test("a back-off is given up", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 1 });
  await settle();
  await server.cut();
  await scene.client.disconnectNow();
  await settle();
  assertEquals(scene.network.dialCount, 1);
  await assertFailed(notice, true);
  assertDone(scene, run);
});

test("before CONNACK, DISCONNECT follows CONNECT", async () => {
  const scene = new Scene();
  await scene.client.publish("a", "x");
  const run = scene.run();
  const server = await scene.accept();
  await scene.client.disconnectNow();
  await settle();
  assertEquals(server.takeWords(), ["connect", "disconnect"]);
  assertDone(scene, run);
});

test("a connection that is lost meanwhile is not replaced", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const notice = scene.client.tryPublishTracked("a", new Uint8Array(20_000), { qos: 1 });
  await settle();
  await scene.client.disconnectNow();
  await settle();
  assertEquals(run.end.state, "pending");
  await server.cut();
  await assertFailed(notice, true);
  assertEquals([words(run.events).includes("disconnected"), scene.network.dialCount], [false, 1]);
  assertDone(scene, run);
});

test("a transport that takes nothing does not keep the loop", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const notice = scene.client.tryPublishTracked("a", new Uint8Array(20_000));
  await settle();
  await scene.client.disconnectNow();
  await scene.clock.advance(999);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  await assertFailed(notice, true);
  assertDone(scene, run);
});

test("a DISCONNECT of a drain that cannot leave is not waited for any longer", async () => {
  const { scene, run, server } = await connectedScene({ connectTimeoutMillis: 60_000 }, { bufferBytes: 10 });
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(30));
  await scene.client.disconnect();
  await settle();
  assertEquals(words(run.events).at(-1), "outgoing disconnect");
  await scene.client.disconnectNow();
  await scene.clock.advance(1000);
  assertDone(scene, run);
});

test("a transport that becomes free in time still takes DISCONNECT", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(20_000));
  await settle();
  await scene.client.disconnectNow();
  await scene.clock.advance(500);
  server.connection.resume();
  await settle();
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  assertDone(scene, run);
});

test("asking twice is asking once", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.disconnectNow();
  await scene.client.disconnectNow();
  await settle();
  await scene.client.disconnectNow();
  assertEquals(server.takeWords(), ["disconnect"]);
  assertDone(scene, run);
});

test("events at hand are still delivered", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  await server.send(message("a"), message("b"));
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  await scene.client.disconnectNow();
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(server.takeWords(), ["disconnect"]);
});
