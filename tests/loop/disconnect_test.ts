// The graceful disconnect: an ordered barrier behind everything asked for before, wherever the client stands.

import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { LoopClosedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, type Run, Scene, watch, words } from "./scene.ts";

/** Fails unless the run has ended well and nothing is left. */
function assertDone(scene: Scene, run: Run): void {
  assertEquals([run.end.state, run.end.error], ["fulfilled", undefined]);
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(scene.clock.pendingTimers, 0);
}

test("on an idle connection DISCONNECT is sent at once and the connection is closed [MQTT-3.14.4-1]", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["disconnect"]);
  assert(server.isOver);
  assertDone(scene, run);
});

test("the client refuses every kind of work afterwards, and its disconnects are no errors", async () => {
  const { scene } = await connectedScene();
  const { client } = scene;
  await client.disconnect();
  const rejecting = [
    () => client.publish("a", "x"),
    () => client.publishTracked("a", "x"),
    () => client.subscribe("a"),
    () => client.subscribeTracked("a"),
    () => client.subscribeMany([{ topicFilter: "a", qos: 0 }]),
    () => client.unsubscribe("a"),
    () => client.unsubscribeTracked("a"),
  ];
  const throwing = [
    () => client.tryPublish("a", "x"),
    () => client.tryPublishTracked("a", "x"),
    () => client.trySubscribe("a"),
    () => client.trySubscribeTracked("a"),
    () => client.tryUnsubscribe("a"),
    () => client.tryUnsubscribeTracked("a"),
  ];
  for (const call of rejecting) await assertRejects(call, LoopClosedError, "the event loop takes no more requests");
  for (const call of throwing) assertThrows(call, LoopClosedError);
  await settle();
  for (const call of rejecting) await assertRejects(call, LoopClosedError);
  await client.disconnect();
  await client.disconnectWithTimeout(10);
  await client.disconnectNow();
});

test("QoS 0 is flushed first", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = await scene.client.publishTracked("a", "x");
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  assertEquals(await notice.wait(), { type: "qos0-flushed" });
  assertDone(scene, run);
});

test("QoS 0 that the transport is busy with is flushed first", async () => {
  const { scene, run, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const notice = await scene.client.publishTracked("a", new Uint8Array(20_000));
  await scene.client.disconnect();
  await settle();
  assertEquals(run.end.state, "pending");
  server.connection.resume();
  await settle();
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  assertEquals(await notice.wait(), { type: "qos0-flushed" });
  assertDone(scene, run);
});

test("QoS 1, QoS 2, subscribe and unsubscribe are completed first", async () => {
  const { scene, run, server } = await connectedScene();
  const { client } = scene;
  const notices = [
    await client.publishTracked("a", "x", { qos: 1 }),
    await client.publishTracked("b", "x", { qos: 2 }),
    await client.subscribeTracked("c"),
    await client.unsubscribeTracked("d"),
  ].map((notice) => watch<unknown>(notice.wait()));
  await client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["publish 1", "publish 2", "subscribe 3", "unsubscribe 4"]);
  await server.send({ type: "puback", packetId: 1 });
  await server.send({ type: "pubrec", packetId: 2 });
  await server.send({ type: "suback", packetId: 3, returnCodes: [0] });
  assertEquals(server.takeWords(), ["pubrel 2"]);
  await server.send({ type: "pubcomp", packetId: 2 });
  assertEquals([server.takeWords(), run.end.state], [[], "pending"]);
  await server.send({ type: "unsuback", packetId: 4 });
  assertEquals(server.takeWords(), ["disconnect"]);
  assertEquals(notices.map(({ state }) => state), Array(4).fill("fulfilled"));
  assertDone(scene, run);
});

test("requests that nobody tracks are completed first too", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.subscribe("a");
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["publish 1", "subscribe 2"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), []);
  await server.send({ type: "suback", packetId: 2, returnCodes: [0] });
  assertEquals(server.takeWords(), ["disconnect"]);
  assertDone(scene, run);
});

test("publishes that the window holds back are sent and completed first, those of waiting callers too", async () => {
  const { scene, run, server } = await connectedScene({ inflight: 1, capacity: 2 });
  const calls = Array.from({ length: 5 }, (_, i) => watch(scene.client.publish(`t/${i}`, "x", { qos: 1 })));
  await settle();
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "fulfilled", "pending", "pending"]);
  await scene.client.disconnect();
  for (let packetId = 1; packetId <= 5; packetId++) {
    assertEquals(server.takeWords(), [`publish ${packetId}`]);
    await server.send({ type: "puback", packetId });
  }
  assertEquals(server.takeWords(), ["disconnect"]);
  assertEquals(calls.map(({ state }) => state), Array(5).fill("fulfilled"));
  assertDone(scene, run);
});

test("messages that come during a drain are delivered and acknowledged", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  await server.send(message("b", 2, 9));
  assertEquals(server.takeWords(), ["publish 1", "pubrec 9"]);
  await server.send({ type: "pubrel", packetId: 9 }, { type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["pubcomp 9", "disconnect"]);
  assertEquals(words(run.events).filter((word) => word === "incoming publish").length, 1);
  assertDone(scene, run);
});

test("asking twice is asking once", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  await scene.client.disconnect();
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
  await scene.client.disconnect();
  assertDone(scene, run);
});

test("the keep alive is served during a long drain", async () => {
  const { scene, run, server } = await connectedScene({ keepAlive: 10 });
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  for (let i = 0; i < 5; i++) {
    await scene.clock.advance(10_000);
    assertEquals(server.takeWords(), ["pingreq"]);
    await server.send({ type: "pingresp" });
  }
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["disconnect"]);
  assertDone(scene, run);
});

test("a server that does not close after DISCONNECT is left after a moment", async () => {
  const scene = new Scene();
  const run = scene.run();
  const peer = await scene.network.accept();
  await peer.read();
  await peer.write(Uint8Array.of(0x20, 2, 0, 0));
  await settle();
  await scene.client.disconnect();
  await settle();
  // It reads DISCONNECT and the end, and keeps its own side open.
  assertEquals(await peer.read(), Uint8Array.of(0xe0, 0));
  assertEquals(await peer.read(), undefined);
  await scene.clock.advance(999);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  assertDone(scene, run);
});

test("what a server still sends after DISCONNECT is let by", async () => {
  const scene = new Scene();
  const run = scene.run();
  const peer = await scene.network.accept();
  await peer.read();
  await peer.write(Uint8Array.of(0x20, 2, 0, 0));
  await settle();
  await scene.client.disconnect();
  await settle();
  await peer.write(Uint8Array.of(0xff, 0xff, 0xff));
  peer.end();
  await settle();
  assertDone(scene, run);
});

test("a transport that takes nothing more does not keep the loop for ever", async () => {
  const { scene, run, server } = await connectedScene({ connectTimeoutMillis: 3000 }, { bufferBytes: 10 });
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(30));
  await scene.client.disconnect();
  await settle();
  assertEquals(words(run.events).slice(-2), ["outgoing publish", "outgoing disconnect"]);
  await scene.clock.advance(2999);
  assertEquals(run.end.state, "pending");
  await scene.clock.advance(1);
  assertDone(scene, run);
});

test("leaving the block that owns a client disconnects in order", async () => {
  const { scene, run, server } = await connectedScene();
  {
    await using client = scene.client;
    await client.publish("a", "x", { qos: 1 });
  }
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
  assertDone(scene, run);
});

test("nothing happens while nobody polls", async () => {
  const scene = new Scene();
  const polling = watch(scene.eventLoop.poll());
  const server = await scene.accept();
  await settle();
  assertEquals(polling.value?.type, "outgoing");
  await scene.client.disconnect();
  await settle();
  assertEquals(server.takeWords(), ["connect"]);
  assertFalse(scene.eventLoop.diagnostics().isDone);
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(server.takeWords(), ["disconnect"]);
});
