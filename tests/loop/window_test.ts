// A full window: publishes wait, the channel fills behind them, callers wait behind that, and control requests pass.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type MqttOptions, RequestChannelFullError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, Scene, type ServerSide, watch } from "./scene.ts";

/** A connected scene with `count` QoS 1 publishes asked for. */
async function withPublishes(count: number, options: MqttOptions): Promise<{ scene: Scene; server: ServerSide }> {
  const { scene, server } = await connectedScene(options);
  for (let i = 0; i < count; i++) watch(scene.client.publish(`t/${i}`, "x", { qos: 1 }));
  await settle();
  return { scene, server };
}

test("a full window holds publishes back until acknowledgements come", async () => {
  const { scene, server } = await withPublishes(5, { inflight: 2 });
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.send({ type: "puback", packetId: 2 });
  assertEquals(server.takeWords(), ["publish 3"]);
  await server.send({ type: "puback", packetId: 1 }, { type: "puback", packetId: 3 });
  assertEquals(server.takeWords(), ["publish 4", "publish 5"]);
  scene.eventLoop.close();
});

test("QoS 2 has a window of its own within the window", async () => {
  const { scene, server } = await connectedScene({ inflight: 3, inflightQos2: 1 });
  scene.client.tryPublish("a", "x", { qos: 2 });
  scene.client.tryPublish("b", "x", { qos: 1 });
  scene.client.tryPublish("c", "x", { qos: 2 });
  scene.client.tryPublish("d", "x", { qos: 1 });
  await settle();
  // "c" waits for QoS 2, and "d" behind it: publishes keep their order.
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.send({ type: "pubrec", packetId: 1 });
  assertEquals(server.takeWords(), ["pubrel 1"]);
  await server.send({ type: "pubcomp", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 3", "publish 4"]);
  scene.eventLoop.close();
});

test("QoS 0 does not pass a publish that the window holds back", async () => {
  const { scene, server } = await withPublishes(2, { inflight: 1 });
  scene.client.tryPublish("zero", "x");
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 2", "publish"]);
  scene.eventLoop.close();
});

test("window full, then channel full: publish() waits, tryPublish() throws", async () => {
  const { scene, server } = await connectedScene({ inflight: 1, capacity: 2 });
  const calls = Array.from({ length: 5 }, (_, i) => watch(scene.client.publish(`t/${i}`, "x", { qos: 1 })));
  await settle();
  // One is in the window, two are in the channel, two callers wait.
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "fulfilled", "pending", "pending"]);
  assertEquals(scene.eventLoop.diagnostics().requests, { publishes: 4, controls: 0 });
  assertThrows(() => scene.client.tryPublish("t", "x"), RequestChannelFullError, "full at capacity 2");
  assertThrows(() => scene.client.tryPublishTracked("t", "x"), RequestChannelFullError);
  for (let packetId = 1; packetId <= 3; packetId++) await server.send({ type: "puback", packetId });
  assertEquals(server.takeWords(), ["publish 1", "publish 2", "publish 3", "publish 4"]);
  assertEquals(calls.map(({ state }) => state), Array(5).fill("fulfilled"));
  scene.client.tryPublish("t", "x");
  scene.eventLoop.close();
});

test("capacity 0: publish() resolves when the loop takes it", async () => {
  const { scene, server } = await connectedScene({ inflight: 1, capacity: 0 });
  const first = watch(scene.client.publish("a", "x", { qos: 1 }));
  const second = watch(scene.client.publish("b", "x", { qos: 1 }));
  await settle();
  assertEquals([first.state, second.state, server.takeWords()], ["fulfilled", "pending", ["publish 1"]]);
  assertThrows(() => scene.client.tryPublish("c", "x"), RequestChannelFullError, "full at capacity 0");
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([second.state, server.takeWords()], ["fulfilled", ["publish 2"]]);
  scene.eventLoop.close();
});

test("capacity 0: tryPublish() goes through while the loop waits for work", async () => {
  const { scene, server } = await connectedScene({ capacity: 0 });
  scene.client.tryPublish("a", "x");
  assertThrows(() => scene.client.tryPublish("b", "x"), RequestChannelFullError);
  await settle();
  scene.client.tryPublish("c", "x");
  await settle();
  assertEquals(server.take().map((packet) => packet.type === "publish" && packet.topicName), ["a", "c"]);
  scene.eventLoop.close();
});

test("capacity 0: tryPublish() does not go through while nobody polls, or while the transport is busy", async () => {
  const scene = new Scene({ capacity: 0, outgoingEvents: false }, { bufferBytes: 1000 });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  assertThrows(() => scene.client.tryPublish("a", "x"), RequestChannelFullError);
  scene.run();
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(5000));
  await settle();
  assertThrows(() => scene.client.tryPublish("b", "x"), RequestChannelFullError);
  server.connection.resume();
  await settle();
  scene.client.tryPublish("c", "x");
  scene.eventLoop.close();
});

test("capacity Infinity takes everything", async () => {
  const { scene } = await connectedScene({ inflight: 1, capacity: Infinity });
  for (let i = 0; i < 5000; i++) scene.client.tryPublish("a", "x", { qos: 1 });
  await settle();
  assertEquals(scene.eventLoop.diagnostics().requests.publishes, 4999);
  scene.eventLoop.close();
});

test("control requests pass publishes that the window holds back, without any acknowledgement", async () => {
  const { scene, server } = await withPublishes(3, { inflight: 1 });
  assertEquals(server.takeWords(), ["publish 1"]);
  const subscribing = await scene.client.subscribeTracked("a");
  const unsubscribing = scene.client.tryUnsubscribeTracked("b");
  await settle();
  assertEquals(server.takeWords(), ["subscribe 2", "unsubscribe 3"]);
  await server.send({ type: "suback", packetId: 2, returnCodes: [0] }, { type: "unsuback", packetId: 3 });
  await Promise.all([subscribing.waitCompletion(), unsubscribing.waitCompletion()]);
  assertEquals(server.takeWords(), []);
  scene.eventLoop.close();
});

test("a full publish lane leaves room for control requests", async () => {
  const { scene, server } = await connectedScene({ inflight: 1, capacity: 1 });
  for (let i = 0; i < 4; i++) watch(scene.client.publish(`t/${i}`, "x", { qos: 1 }));
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  scene.client.trySubscribe("a");
  await settle();
  assertEquals(server.takeWords(), ["subscribe 2"]);
  scene.eventLoop.close();
});

test("identifiers are not used again while their exchange is open", async () => {
  const { scene, server } = await withPublishes(3, { inflight: 3 });
  assertEquals(server.takeWords(), ["publish 1", "publish 2", "publish 3"]);
  await server.send({ type: "puback", packetId: 2 });
  scene.client.tryPublish("t", "x", { qos: 1 });
  await settle();
  assertEquals(server.takeWords(), ["publish 4"]);
  scene.eventLoop.close();
});

test("a window of one keeps its pace through many messages", async () => {
  const { scene, server } = await withPublishes(100, { inflight: 1 });
  for (let packetId = 1; packetId <= 100; packetId++) {
    assertEquals(server.takeWords(), [`publish ${packetId}`]);
    await server.send({ type: "puback", packetId });
  }
  assertEquals([server.takeWords(), scene.eventLoop.diagnostics().session.inflight], [[], 0]);
  assert(scene.eventLoop.diagnostics().requests.publishes === 0);
  scene.eventLoop.close();
});
