// What a loss does to work: never written is never dropped; written is repeated, or decided by the policy and told.

import { assertEquals, assertRejects } from "@std/assert";
import { RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, type ServerSide, watch, words } from "./scene.ts";

/** What a server has got: `a`, `b dup`, `pubrel 1`. */
function topics(server: ServerSide): string[] {
  return server.take().map((packet) => {
    if (packet.type === "publish") return packet.dup ? `${packet.topicName} dup` : packet.topicName;
    return packet.type === "pubrel" ? `pubrel ${packet.packetId}` : packet.type;
  });
}

for (const cleanSession of [true, false]) {
  test(`work never written is kept over any reconnect, clean session ${cleanSession}`, async () => {
    const scene = new Scene({ cleanSession });
    scene.network.refuse(new Error("nobody listens"), 3);
    await scene.client.publish("zero", "x");
    await scene.client.publish("one", "x", { qos: 1 });
    await scene.client.subscribe("sub");
    await scene.client.publish("two", "x", { qos: 2 });
    scene.run();
    await settle();
    for (let i = 0; i < 3; i++) await scene.passDelay();
    const first = await scene.accept();
    assertEquals(first.takeWords(), ["connect"]);
    // It ends before it was accepted: nothing was written.
    await first.close();
    await scene.passDelay();
    assertEquals(topics(await scene.acceptConnect()), ["zero", "one", "subscribe", "two"]);
    scene.eventLoop.close();
  });

  test(`publishes the window holds back are kept over a loss, clean session ${cleanSession}`, async () => {
    const { scene, server } = await connectedScene({ cleanSession, inflight: 1 });
    const notices = ["a", "b", "c"].map((topic) => scene.client.tryPublishTracked(topic, "x", { qos: 1 }));
    const zero = scene.client.tryPublishTracked("zero", "x");
    await settle();
    assertEquals(topics(server), ["a"]);
    await server.cut();
    await scene.clock.advance(100);
    const next = await scene.acceptConnect({ sessionPresent: !cleanSession });
    assertEquals(topics(next), [cleanSession ? "a" : "a dup"]);
    await next.send({ type: "puback", packetId: 1 });
    await next.send({ type: "puback", packetId: 2 });
    await next.send({ type: "puback", packetId: 3 });
    assertEquals(topics(next), ["b", "c", "zero"]);
    for (const notice of notices) assertEquals((await notice.wait()).type, "qos1-acknowledged");
    assertEquals((await zero.wait()).type, "qos0-flushed");
    scene.eventLoop.close();
  });
}

test("callers that wait for room wait on over a loss", async () => {
  const { scene, server } = await connectedScene({ inflight: 1, capacity: 1 });
  const calls = ["a", "b", "c"].map((topic) => watch(scene.client.publish(topic, "x", { qos: 1 })));
  await settle();
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "pending"]);
  await server.cut();
  await scene.clock.advance(100);
  const next = await scene.acceptConnect();
  assertEquals(calls[2]?.state, "pending");
  for (let packetId = 1; packetId <= 3; packetId++) await next.send({ type: "puback", packetId });
  assertEquals([topics(next), calls[2]?.state], [["a", "b", "c"], "fulfilled"]);
  scene.eventLoop.close();
});

test("a session that is present is resumed: PUBLISH in order with DUP, then PUBREL, then new work", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  for (const [topic, qos] of [["a", 1], ["b", 2], ["c", 1], ["d", 2]] as const) {
    scene.client.tryPublish(topic, "x", { qos });
  }
  await settle();
  await server.send({ type: "pubrec", packetId: 2 });
  assertEquals(topics(server), ["a", "b", "c", "d", "pubrel 2"]);
  await server.cut();
  scene.client.tryPublish("new", "x", { qos: 1 });
  await scene.clock.advance(100);
  const next = await scene.acceptConnect({ sessionPresent: true });
  assertEquals(topics(next), ["a dup", "c dup", "d dup", "pubrel 2", "new"]);
  scene.eventLoop.close();
});

test("the order of a replay holds through losses in the middle of it [MQTT-4.6.0-1]", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false, pendingThrottleMillis: 1000, keepAlive: 0 });
  for (const topic of ["a", "b", "c"]) scene.client.tryPublish(topic, "x", { qos: 1 });
  await settle();
  assertEquals(topics(server), ["a", "b", "c"]);
  await server.cut();
  for (let i = 0; i < 3; i++) {
    await scene.clock.advance(500);
    const next = await scene.acceptConnect({ sessionPresent: true });
    await scene.clock.advance(1500);
    assertEquals(topics(next), ["a dup", "b dup"]);
    await next.cut();
  }
  await scene.clock.advance(500);
  const last = await scene.acceptConnect({ sessionPresent: true });
  await scene.clock.advance(2000);
  assertEquals(topics(last), ["a dup", "b dup", "c dup"]);
  scene.eventLoop.close();
});

test("replayed packets pause for pendingThrottleMillis, new work waits behind them", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false, pendingThrottleMillis: 100 });
  for (const topic of ["a", "b"]) scene.client.tryPublish(topic, "x", { qos: 1 });
  await settle();
  await server.cut();
  scene.client.tryPublish("new", "x");
  await scene.clock.advance(50);
  const next = await scene.acceptConnect({ sessionPresent: true });
  assertEquals(topics(next), ["a dup"]);
  await scene.clock.advance(99);
  assertEquals(topics(next), []);
  await scene.clock.advance(1);
  assertEquals(topics(next), ["b dup", "new"]);
  scene.eventLoop.close();
});

test("a lost session: QoS 1 is sent again as new, QoS 2 fails and says so, SUBSCRIBE is sent again", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  const one = scene.client.tryPublishTracked("one", "x", { qos: 1 });
  const two = scene.client.tryPublishTracked("two", "x", { qos: 2 });
  const released = scene.client.tryPublishTracked("released", "x", { qos: 2 });
  const subscribing = scene.client.trySubscribeTracked("sub");
  await settle();
  await server.send({ type: "pubrec", packetId: 3 });
  await server.cut();
  await scene.clock.advance(100);
  const next = await scene.acceptConnect();
  assertEquals(topics(next), ["one", "subscribe"]);
  for (const notice of [two, released]) {
    const error = await assertRejects(() => notice.wait(), RequestFailedError);
    assertEquals([error.reason, error.mayHaveBeenDelivered], ["session-lost", true]);
  }
  assertEquals(scene.eventLoop.diagnostics().session.sessionLostFailures, 2);
  await next.send({ type: "puback", packetId: 1 }, { type: "suback", packetId: 4, returnCodes: [0] });
  assertEquals((await one.wait()).type, "qos1-acknowledged");
  await subscribing.waitCompletion();
  scene.eventLoop.close();
});

test("onSessionLost decides otherwise if it is told to", async () => {
  const { scene, server } = await connectedScene({ onSessionLost: { qos1: "fail", qos2: "resend" } });
  const one = scene.client.tryPublishTracked("one", "x", { qos: 1 });
  const two = scene.client.tryPublishTracked("two", "x", { qos: 2 });
  await settle();
  await server.cut();
  await scene.clock.advance(100);
  const next = await scene.acceptConnect();
  assertEquals(topics(next), ["two"]);
  await assertRejects(() => one.wait(), RequestFailedError, "session-lost");
  await next.send({ type: "pubrec", packetId: 2 }, { type: "pubcomp", packetId: 2 });
  assertEquals((await two.wait()).type, "qos2-completed");
  scene.eventLoop.close();
});

test("QoS 0 that was on its way is not repeated, and its notice says that it may have arrived", async () => {
  const { scene, server } = await connectedScene({}, { bufferBytes: 100 });
  server.connection.pause();
  const halfway = scene.client.tryPublishTracked("halfway", new Uint8Array(1000));
  await settle();
  const behind = scene.client.tryPublishTracked("behind", "x");
  await settle();
  await server.cut();
  const error = await assertRejects(() => halfway.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["disconnected", true]);
  await scene.clock.advance(100);
  assertEquals(topics(await scene.acceptConnect()), ["behind"]);
  assertEquals((await behind.wait()).type, "qos0-flushed");
  scene.eventLoop.close();
});

test("live subscriptions are sent again to a server that lost them", async () => {
  const { scene, server } = await connectedScene();
  await scene.client.subscribe("a/#", 1);
  await settle();
  await server.send({ type: "suback", packetId: 1, returnCodes: [1] });
  await server.cut();
  await scene.clock.advance(100);
  const next = await scene.acceptConnect();
  assertEquals(next.take(), [{
    type: "subscribe",
    packetId: 2,
    subscriptions: [{ topicFilter: "a/#", qos: 1 }],
  }]);
  scene.eventLoop.close();
});

test("without resubscribe they are not", async () => {
  const { scene, server } = await connectedScene({ resubscribe: false });
  await scene.client.subscribe("a/#", 1);
  await settle();
  await server.send({ type: "suback", packetId: 1, returnCodes: [1] });
  await server.cut();
  await scene.clock.advance(100);
  assertEquals((await scene.acceptConnect()).take(), []);
  scene.eventLoop.close();
});

test("an incoming QoS 2 message is delivered once over a reconnect with the session present [MQTT-4.3.3-2]", async () => {
  const { scene, run, server } = await connectedScene({ cleanSession: false });
  await server.send(message("a", 2, 5));
  assertEquals(server.takeWords(), ["pubrec 5"]);
  await server.cut();
  await scene.clock.advance(100);
  const next = await scene.acceptConnect({ sessionPresent: true });
  await next.send({ ...message("a", 2, 5), dup: true });
  await next.send({ type: "pubrel", packetId: 5 });
  assertEquals(next.takeWords(), ["pubrec 5", "pubcomp 5"]);
  assertEquals(words(run.events).filter((word) => word === "incoming publish").length, 1);
  scene.eventLoop.close();
});

test("a request that comes in the turn in which the connection turns out to be closed is kept", async () => {
  const scene = new Scene();
  const polling = (async () => {
    for await (const event of scene.eventLoop) if (event.type === "connected") return;
  })();
  const server = await scene.acceptConnect();
  await polling;
  // Nobody polls while a message, the end, and a request come: the next turn finds all three.
  await server.send(message("a", 1, 9));
  await server.close();
  const zero = scene.client.tryPublishTracked("zero", "x");
  const run = scene.run();
  await settle();
  assertEquals(words(run.events), ["incoming publish", "disconnected"]);
  await scene.clock.advance(100);
  const next = await scene.acceptConnect();
  assertEquals(topics(next), ["zero"]);
  assertEquals((await zero.wait()).type, "qos0-flushed");
  scene.eventLoop.close();
});
