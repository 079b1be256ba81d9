// Outgoing messages at each QoS: the exchanges of section 4.3 of MQTT 3.1.1, from the sender's side.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Packet, PreparedTopic } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

test("QoS 0 leaves once, without identifier and DUP, and nothing is told [MQTT-4.3.1-1] [MQTT-2.3.1-5]", () => {
  const s = connected();
  assertEquals(s.publishes(0, { token: 1 }), 0);
  s.sendsOnly({ type: "publish", qos: 0, dup: false, packetId: 0 });
  assertEquals(s.events(), []);
  assertEquals(s.session.isIdle, true);
});

test("QoS 0 that was handed out is not repeated [MQTT-3.3.1-2]", () => {
  const s = connected();
  s.publishes(0);
  s.sends("publish");
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("QoS 1 is open until its PUBACK [MQTT-4.3.2-1]", () => {
  const s = connected();
  assertEquals(s.publishes(1, { token: 7 }), 1);
  s.sendsOnly({ type: "publish", qos: 1, dup: false, packetId: 1 });
  assertEquals([s.session.isIdle, s.session.diagnostics().inflight], [false, 1]);
  s.receives({ type: "puback", packetId: 1 });
  assertEquals([s.session.isIdle, s.session.diagnostics().inflight], [true, 0]);
  s.sendsNothing();
});

test("QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP under one identifier [MQTT-4.3.3-1] [MQTT-2.3.1-6]", () => {
  const s = connected();
  assertEquals(s.publishes(2, { token: 7 }), 1);
  s.sendsOnly({ type: "publish", qos: 2, dup: false, packetId: 1 });
  s.receives({ type: "pubrec", packetId: 1 });
  assertEquals(s.ends(), []);
  s.sendsOnly({ type: "pubrel", packetId: 1 });
  assertEquals(s.session.isIdle, false);
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.ends(), ["7 pubcomp"]);
  assertEquals(s.session.isIdle, true);
  s.sendsNothing();
});

test("the end of a request is told with the packet that ended it, and before that packet", () => {
  const s = connected();
  s.publishes(1, { token: 7 });
  s.sends("publish");
  const puback: Packet = { type: "puback", packetId: 1 };
  s.receives(puback);
  assertEquals(s.events(), [
    { type: "request-completed", token: 7, packet: puback },
    { type: "incoming", packet: puback },
  ]);
});

test("a packet carries topic, payload and RETAIN as they were given, on each delivery", () => {
  const s = connected();
  const preparedTopic = new PreparedTopic("a/b");
  const payload = new Uint8Array([1, 2, 3]);
  s.session.publish({ topicName: "a/b", preparedTopic, payload, qos: 1, retain: true });
  for (const dup of [false, true]) {
    const packet = s.sends({ type: "publish", topicName: "a/b", retain: true, qos: 1, packetId: 1, dup });
    assertStrictEquals(Reflect.get(packet, "payload"), payload);
    assertStrictEquals(Reflect.get(packet, "preparedTopic"), preparedTopic);
    s.reconnects({ sessionPresent: true });
  }
});

test("a publish without a prepared topic leaves without one", () => {
  const s = connected();
  s.publishes(1);
  assertEquals("preparedTopic" in s.sends("publish"), false);
});

test("publishes leave in the order in which they were admitted, whatever their QoS", () => {
  const s = connected();
  for (const qos of [2, 0, 1, 0, 2] as const) s.publishes(qos);
  assertEquals(s.sent(), ["publish 1", "publish", "publish 2", "publish", "publish 3"]);
});

test("acknowledgements in any order end the right requests", () => {
  const s = connected();
  for (const token of [1, 2, 3, 4]) s.publishes(token % 2 === 0 ? 2 : 1, { token });
  s.sent();
  s.receives({ type: "pubrec", packetId: 4 });
  s.receives({ type: "puback", packetId: 3 });
  s.receives({ type: "pubrec", packetId: 2 });
  s.receives({ type: "pubcomp", packetId: 4 });
  s.receives({ type: "puback", packetId: 1 });
  s.receives({ type: "pubcomp", packetId: 2 });
  assertEquals(s.ends(), ["3 puback", "4 pubcomp", "1 puback", "2 pubcomp"]);
});

test("PUBREL leave in the order of their PUBREC [MQTT-4.6.0-4]", () => {
  const s = connected();
  for (let i = 0; i < 4; i++) s.publishes(2);
  s.sent();
  for (const packetId of [3, 1, 4, 2]) s.receives({ type: "pubrec", packetId });
  assertEquals(s.sent(), ["pubrel 3", "pubrel 1", "pubrel 4", "pubrel 2"]);
});

test("after PUBREC the message is released and never sent again [MQTT-4.3.3-1]", () => {
  const s = connected();
  s.publishes(2);
  s.sends("publish");
  s.receives({ type: "pubrec", packetId: 1 });
  for (let losses = 0; losses < 3; losses++) {
    s.reconnects({ sessionPresent: true });
    s.sendsOnly({ type: "pubrel", packetId: 1 });
  }
});

test("PUBACK completes a QoS 2 publish: servers without QoS 2 answer so", () => {
  const s = connected({ inflightQos2: 1 });
  s.publishes(2, { token: 7 });
  s.sends("publish");
  assertEquals(s.session.canPublish(2), false);
  s.receives({ type: "puback", packetId: 1 });
  assertEquals(s.ends(), ["7 puback"]);
  assertEquals([s.session.canPublish(2), s.session.isIdle], [true, true]);
});

test("a request nobody waits for ends without a report", () => {
  const s = connected();
  s.publishes(1);
  s.sends("publish");
  s.receives({ type: "puback", packetId: 1 });
  assertEquals(s.ends(), []);
});

test("forget() ends the interest, not the exchange", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sends("publish");
  s.session.forget(1, 7);
  s.receives({ type: "pubrec", packetId: 1 });
  s.sends("pubrel");
  assertEquals(s.session.isIdle, false);
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals([s.ends(), s.session.isIdle], [[], true]);
});

test("forget() after PUBREC finds the exchange too", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sends("publish");
  s.receives({ type: "pubrec", packetId: 1 });
  s.session.forget(1, 7);
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.ends(), []);
});

test("forget() with another token leaves the one who waits alone", () => {
  const s = connected();
  s.publishes(1, { token: 7 });
  s.sends("publish");
  s.session.forget(1, 6);
  s.session.forget(2, 7);
  s.receives({ type: "puback", packetId: 1 });
  assertEquals(s.ends(), ["7 puback"]);
});

test("what the session does not admit is refused at the call", () => {
  const s = connected({ inflight: 1 });
  s.publishes(1);
  const publish = assertThrows(() => s.publishes(1), RangeError);
  assertEquals(publish.message, "Cannot publish: the session does not admit QoS 1 now");
  s.loses();
  const subscribe = assertThrows(() => s.subscribes(["a"]), RangeError);
  assertEquals(subscribe.message, "Cannot subscribe: the session does not admit requests now");
  const unsubscribe = assertThrows(() => s.session.unsubscribe(["a"]), RangeError);
  assertEquals(unsubscribe.message, "Cannot unsubscribe: the session does not admit requests now");
  assertEquals(s.session.diagnostics().outgoingExchanges, 1);
});

test("requests are admitted while connected, and at no other time", () => {
  const s = connected();
  const admits = (): boolean[] => [s.session.canPublish(0), s.session.canPublish(2), s.session.canControl()];
  assertEquals(admits(), [true, true, true]);
  s.loses();
  assertEquals(admits(), [false, false, false]);
  s.opens();
  assertEquals(admits(), [false, false, false]);
  s.accepted({ sessionPresent: true });
  assertEquals(admits(), [true, true, true]);
  s.session.disconnect();
  assertEquals(admits(), [false, false, false]);
  s.sends("disconnect");
  assertEquals(admits(), [false, false, false]);
});
