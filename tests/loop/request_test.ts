// Publish, subscribe and unsubscribe, in each of their forms: what goes out, and what comes back.

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import type { PublishOptions } from "../../src/client/mod.ts";
import { type Packet, PreparedTopic } from "../../src/codec/mod.ts";
import { RequestFailedError, SubscribeRefusedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, Scene, watch, words } from "./scene.ts";

function publishPacket(fields: Partial<Extract<Packet, { type: "publish" }>>): Packet {
  return {
    type: "publish",
    topicName: "a/b",
    payload: new TextEncoder().encode("fair winds"),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    ...fields,
  };
}

const FORMS: [string, (scene: Scene, options?: PublishOptions) => unknown][] = [
  ["publish", ({ client }, options) => client.publish("a/b", "fair winds", options)],
  ["tryPublish", ({ client }, options) => client.tryPublish("a/b", "fair winds", options)],
  ["publishTracked", ({ client }, options) => client.publishTracked("a/b", "fair winds", options)],
  ["tryPublishTracked", ({ client }, options) => client.tryPublishTracked("a/b", "fair winds", options)],
];

for (const [name, publish] of FORMS) {
  test(`${name} sends a message at each QoS`, async () => {
    const { scene, server } = await connectedScene();
    await publish(scene);
    await publish(scene, { qos: 1, retain: true });
    await publish(scene, { qos: 2 });
    await settle();
    assertEquals(server.take(), [
      publishPacket({}),
      publishPacket({ qos: 1, retain: true, packetId: 1 }),
      publishPacket({ qos: 2, packetId: 2 }),
    ]);
    scene.eventLoop.close();
  });
}

test("a message may have any bytes and a prepared topic", async () => {
  const { scene, server } = await connectedScene();
  await scene.client.publish(new PreparedTopic("a/b"), Uint8Array.of(0, 255, 0));
  await scene.client.publish("a/b", "");
  await settle();
  assertEquals(server.take(), [
    publishPacket({ payload: Uint8Array.of(0, 255, 0) }),
    publishPacket({ payload: new Uint8Array(0) }),
  ]);
  scene.eventLoop.close();
});

test("the buffer of a message may be used again at once", async () => {
  const { scene, server } = await connectedScene();
  const payload = Uint8Array.of(1, 2, 3);
  await scene.client.publish("a/b", payload);
  payload.fill(9);
  await scene.client.publish("a/b", payload);
  payload.fill(0);
  await settle();
  assertEquals(server.take(), [
    publishPacket({ payload: Uint8Array.of(1, 2, 3) }),
    publishPacket({ payload: Uint8Array.of(9, 9, 9) }),
  ]);
  scene.eventLoop.close();
});

test("QoS 0 completes when the transport has it", async () => {
  const { scene } = await connectedScene({}, { bufferBytes: 1000 });
  const small = await scene.client.publishTracked("a/b", "x");
  assertEquals(await small.wait(), { type: "qos0-flushed" });
  assertEquals(small.packetId, undefined);
  scene.eventLoop.close();
});

test("QoS 0 does not complete while the transport is busy with it", async () => {
  const scene = new Scene({}, { bufferBytes: 1000 });
  scene.run();
  const connection = await scene.server.accept();
  await connection.acceptConnect();
  const notice = scene.client.tryPublishTracked("a/b", new Uint8Array(5000));
  const end = watch(notice.wait());
  await settle();
  assertEquals(end.state, "pending");
  assertEquals((await connection.receive())?.type, "publish");
  await settle();
  assertEquals(end.value, { type: "qos0-flushed" });
  scene.eventLoop.close();
});

test("QoS 1 completes with PUBACK", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = await scene.client.publishTracked("a/b", "x", { qos: 1 });
  assertEquals(notice.packetId, undefined);
  const end = watch(notice.wait());
  await settle();
  assertEquals([notice.packetId, end.state], [1, "pending"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(end.value, { type: "qos1-acknowledged", packet: { type: "puback", packetId: 1 } });
  assertEquals(words(run.events).slice(-2), ["outgoing publish", "incoming puback"]);
  scene.eventLoop.close();
});

test("QoS 2 completes with PUBCOMP [MQTT-4.3.3-1]", async () => {
  const { scene, run, server } = await connectedScene();
  const notice = await scene.client.publishTracked("a/b", "x", { qos: 2 });
  const end = watch(notice.wait());
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  await server.send({ type: "pubrec", packetId: 1 });
  assertEquals([server.takeWords(), end.state], [["pubrel 1"], "pending"]);
  await server.send({ type: "pubcomp", packetId: 1 });
  assertEquals(end.value, { type: "qos2-completed", packet: { type: "pubcomp", packetId: 1 } });
  assertEquals(words(run.events).slice(-4), [
    "outgoing publish",
    "incoming pubrec",
    "outgoing pubrel",
    "incoming pubcomp",
  ]);
  scene.eventLoop.close();
});

test("QoS 2 that a server without QoS 2 answers with PUBACK is reported as acknowledged at QoS 1", async () => {
  const { scene, server } = await connectedScene();
  const notice = await scene.client.publishTracked("a/b", "x", { qos: 2 });
  await settle();
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(await notice.wait(), { type: "qos1-acknowledged", packet: { type: "puback", packetId: 1 } });
  scene.eventLoop.close();
});

test("a notice is told before the event of the packet that told it", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const order: string[] = [];
  const iteration = (async () => {
    for await (const event of scene.eventLoop) {
      await undefined;
      order.push(...words([event]));
    }
  })();
  const server = await scene.acceptConnect();
  const notice = await scene.client.publishTracked("a/b", "x", { qos: 1 });
  void notice.wait().then(() => order.push("notice"));
  await settle();
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(order, ["connected", "notice", "incoming puback"]);
  scene.eventLoop.close();
  await iteration;
});

test("subscribe and unsubscribe go out in each of their forms", async () => {
  const { scene, server } = await connectedScene();
  const { client } = scene;
  await client.subscribe("a");
  await client.subscribe("b", 1);
  client.trySubscribe("c", 2);
  await client.subscribeTracked("d");
  client.trySubscribeTracked("e");
  const many = [{ topicFilter: "f", qos: 1 as const }, { topicFilter: "g/#", qos: 0 as const }];
  await client.subscribeMany(many);
  client.trySubscribeMany(many);
  await client.subscribeManyTracked(many);
  client.trySubscribeManyTracked(many);
  await settle();
  const single = (packetId: number, topicFilter: string, qos: 0 | 1 | 2): Packet => ({
    type: "subscribe",
    packetId,
    subscriptions: [{ topicFilter, qos }],
  });
  assertEquals(server.take(), [
    single(1, "a", 0),
    single(2, "b", 1),
    single(3, "c", 2),
    single(4, "d", 0),
    single(5, "e", 0),
    ...[6, 7, 8, 9].map((packetId): Packet => ({ type: "subscribe", packetId, subscriptions: many })),
  ]);
  await client.unsubscribe("a");
  client.tryUnsubscribe("b");
  await client.unsubscribeTracked("c");
  client.tryUnsubscribeTracked("d");
  await client.unsubscribeMany(["f", "g/#"]);
  client.tryUnsubscribeMany(["f", "g/#"]);
  await client.unsubscribeManyTracked(["f", "g/#"]);
  client.tryUnsubscribeManyTracked(["f", "g/#"]);
  await settle();
  const filters = [["a"], ["b"], ["c"], ["d"], ...Array.from({ length: 4 }, () => ["f", "g/#"])];
  assertEquals(
    server.take(),
    filters.map((topicFilters, i): Packet => ({ type: "unsubscribe", packetId: 10 + i, topicFilters })),
  );
  scene.eventLoop.close();
});

test("a tracked subscribe completes with SUBACK, a tracked unsubscribe with UNSUBACK", async () => {
  const { scene, server } = await connectedScene();
  const subscribing = await scene.client.subscribeTracked("a", 2);
  const unsubscribing = await scene.client.unsubscribeTracked("b");
  const completion = watch(subscribing.waitCompletion());
  await settle();
  assertEquals([subscribing.packetId, unsubscribing.packetId, completion.state], [1, 2, "pending"]);
  // A lower QoS than was asked for is no failure.
  await server.send({ type: "suback", packetId: 1, returnCodes: [0] }, { type: "unsuback", packetId: 2 });
  assertEquals(await subscribing.wait(), { type: "suback", packetId: 1, returnCodes: [0] });
  assertEquals(completion.state, "fulfilled");
  assertEquals(await unsubscribing.wait(), { type: "unsuback", packetId: 2 });
  await unsubscribing.waitCompletion();
  scene.eventLoop.close();
});

test("a refused Topic Filter is an error of waitCompletion, not of wait [MQTT-3.8.4-5]", async () => {
  const { scene, server } = await connectedScene();
  const notice = await scene.client.subscribeManyTracked([
    { topicFilter: "a", qos: 0 },
    { topicFilter: "secret/#", qos: 1 },
  ]);
  await settle();
  await server.send({ type: "suback", packetId: 1, returnCodes: [0, 0x80] });
  assertEquals((await notice.wait()).returnCodes, [0, 0x80]);
  const error = await assertRejects(() => notice.waitCompletion(), SubscribeRefusedError);
  assertEquals(error.returnCodes, [0, 0x80]);
  scene.eventLoop.close();
});

test("publishes keep their order across QoS levels, with control requests in between", async () => {
  const { scene, server } = await connectedScene();
  const { client } = scene;
  const expected: string[] = [];
  for (let i = 0; i < 30; i++) {
    client.tryPublish(`t/${i}`, "x", { qos: (i % 3) as 0 | 1 | 2 });
    expected.push(`t/${i}`);
    if (i % 10 === 9) {
      client.trySubscribe(`s/${i}`);
      expected.push(`s/${i}`);
    }
  }
  await settle();
  assertEquals(
    server.take().map((packet) => {
      if (packet.type === "publish") return packet.topicName;
      return packet.type === "subscribe" ? packet.subscriptions[0]?.topicFilter : packet.type;
    }),
    expected,
  );
  scene.eventLoop.close();
});

test("a call that is not valid rejects, a try throws, and nothing is enqueued", async () => {
  const { scene, server } = await connectedScene({ maxOutgoingPacketSize: 100 });
  const { client } = scene;
  await assertRejects(() => client.publish("a/#", "x"), TypeError, "[MQTT-4.7.1-1]");
  await assertRejects(() => client.publishTracked("a", "x", { qos: 3 as 2 }), TypeError, "[MQTT-3.3.1-4]");
  await assertRejects(() => client.publish("a", new Uint8Array(100)), RangeError, "more than the 100 allowed");
  await assertRejects(() => client.subscribe("a#"), TypeError, "[MQTT-4.7.1-2]");
  await assertRejects(() => client.subscribeTracked("a#"), TypeError, "[MQTT-4.7.1-2]");
  await assertRejects(() => client.subscribeMany([]), TypeError, "[MQTT-3.8.3-3]");
  await assertRejects(() => client.unsubscribe(""), TypeError, "[MQTT-4.7.3-1]");
  await assertRejects(() => client.unsubscribeTracked(""), TypeError, "[MQTT-4.7.3-1]");
  assertThrows(() => client.tryPublish("a/#", "x"), TypeError);
  assertThrows(() => client.tryPublishTracked("a/#", "x"), TypeError);
  assertThrows(() => client.trySubscribe("a#"), TypeError);
  assertThrows(() => client.tryUnsubscribe(""), TypeError);
  await settle();
  assertEquals([server.takeWords(), scene.eventLoop.diagnostics().requests], [[], { publishes: 0, controls: 0 }]);
  scene.eventLoop.close();
});

test("an abort before admission keeps a request out, whatever its kind", async () => {
  const { scene, server } = await connectedScene();
  const { client } = scene;
  const reason = new Error("no longer wanted");
  const signal = AbortSignal.abort(reason);
  const calls = [
    client.publish("a", "x", { signal }),
    client.publishTracked("a", "x", { signal }),
    client.subscribe("a", 0, { signal }),
    client.subscribeTracked("a", 0, { signal }),
    client.unsubscribe("a", { signal }),
    client.unsubscribeTracked("a", { signal }),
  ];
  for (const call of calls) assertEquals(await assertRejects(() => call), reason);
  await settle();
  assertEquals(server.takeWords(), []);
  scene.eventLoop.close();
});

test("an abort after admission takes a tracked request back that was not written", async () => {
  const scene = new Scene();
  const controller = new AbortController();
  const { signal } = controller;
  const notices = [
    await scene.client.publishTracked("a", "x", { qos: 1, signal }),
    await scene.client.subscribeTracked("a", 0, { signal }),
    await scene.client.unsubscribeTracked("a", { signal }),
  ];
  await scene.client.publish("kept", "x", { signal });
  controller.abort(new Error("no longer wanted"));
  for (const notice of notices) {
    const error = await assertRejects(() => notice.wait(), RequestFailedError);
    assertEquals([error.reason, error.mayHaveBeenDelivered], ["cancelled", false]);
    assertEquals(error.cause, signal.reason);
  }
  scene.run();
  const server = await scene.acceptConnect();
  // A plain request has nobody left whose interest could end.
  assertEquals(server.takeWords(), ["publish"]);
  scene.eventLoop.close();
});

test("an abort after writing ends the interest, not the exchange", async () => {
  const { scene, server } = await connectedScene();
  const controller = new AbortController();
  const notice = await scene.client.publishTracked("a", "x", { qos: 2, signal: controller.signal });
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  controller.abort();
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertInstanceOf(error.cause, DOMException);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["cancelled", true]);
  assertEquals(error.message, "Cannot complete publish: cancelled, it may have been delivered");
  await server.send({ type: "pubrec", packetId: 1 });
  assertEquals(server.takeWords(), ["pubrel 1"]);
  await server.send({ type: "pubcomp", packetId: 1 });
  const { session, trackedRequests } = scene.eventLoop.diagnostics();
  assertEquals([session.inflight, session.ignoredAcks, trackedRequests], [0, 0, 0]);
  scene.eventLoop.close();
});

test("an abort while QoS 0 is on its way ends the interest", async () => {
  const { scene, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  const controller = new AbortController();
  const notice = await scene.client.publishTracked("a", new Uint8Array(5000), { signal: controller.signal });
  await settle();
  controller.abort();
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["cancelled", true]);
  server.connection.resume();
  await settle();
  assertEquals(server.takeWords(), ["publish"]);
  scene.eventLoop.close();
});

test("a signal given to wait ends the wait alone", async () => {
  const { scene, server } = await connectedScene();
  const notice = await scene.client.publishTracked("a", "x", { qos: 1 });
  const controller = new AbortController();
  const wait = watch(notice.wait({ signal: controller.signal }));
  controller.abort("enough");
  await settle();
  assertEquals([wait.state, wait.error], ["rejected", "enough"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals((await notice.wait()).type, "qos1-acknowledged");
  scene.eventLoop.close();
});
