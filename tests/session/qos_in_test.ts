// Incoming messages at each QoS: the exchanges of section 4.3 of MQTT 3.1.1, from the receiver's side.

import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

test("QoS 0 is delivered and not answered", () => {
  const s = connected();
  const publish = s.receivesPublish(0, 0, { text: "hello" });
  s.sendsNothing();
  assertEquals(s.events(), [{ type: "incoming", packet: publish }]);
});

test("QoS 1 is delivered and answered with PUBACK [MQTT-4.3.2-2] [MQTT-3.3.4-1]", () => {
  const s = connected();
  const publish = s.receivesPublish(1, 5);
  s.sendsOnly({ type: "puback", packetId: 5 });
  assertEquals(s.events(), [{ type: "incoming", packet: publish }]);
});

test("QoS 1 is a new message each time, whatever DUP says [MQTT-4.3.2-2]", () => {
  const s = connected();
  s.receivesPublish(1, 5, { text: "a" });
  s.receivesPublish(1, 5, { text: "b", dup: true });
  assertEquals(s.sent(), ["puback 5", "puback 5"]);
  assertEquals(s.deliveries(), ["a", "b"]);
});

test("QoS 2 goes PUBLISH, PUBREC, PUBREL, PUBCOMP and is delivered at PUBLISH [MQTT-4.3.3-2]", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals([s.deliveries(), s.session.diagnostics().incomingQos2], [["a"], 1]);
  s.receives({ type: "pubrel", packetId: 5 });
  s.sendsOnly({ type: "pubcomp", packetId: 5 });
  assertEquals([s.deliveries(), s.session.diagnostics().incomingQos2], [[], 0]);
});

test("until PUBREL a repeated QoS 2 message is answered and not delivered, with DUP or without [MQTT-4.3.3-2]", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.receivesPublish(2, 5, { text: "a" });
  assertEquals(s.sent(), ["pubrec 5", "pubrec 5", "pubrec 5"]);
  assertEquals(s.deliveries(), ["a"]);
});

test("after PUBCOMP the same identifier is a new message, also with DUP [MQTT-4.3.3-2]", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.receives({ type: "pubrel", packetId: 5 });
  s.receivesPublish(2, 5, { text: "b", dup: true });
  assertEquals(s.sent(), ["pubrec 5", "pubcomp 5", "pubrec 5"]);
  assertEquals(s.deliveries(), ["a", "b"]);
});

test("an unknown PUBREL is answered with PUBCOMP", () => {
  const s = connected();
  s.receives({ type: "pubrel", packetId: 9 });
  s.sendsOnly({ type: "pubcomp", packetId: 9 });
  assertEquals(s.session.diagnostics().ignoredAcks, 0);
});

test("a QoS 2 message is delivered once across reconnects with the session present [MQTT-4.1.0-1]", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.sends("pubrec");
  for (let losses = 0; losses < 3; losses++) {
    s.reconnects({ sessionPresent: true });
    s.receivesPublish(2, 5, { text: "a", dup: true });
    s.sendsOnly({ type: "pubrec", packetId: 5 });
  }
  s.receives({ type: "pubrel", packetId: 5 });
  s.sendsOnly({ type: "pubcomp", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});

test("a PUBREC that never left is not owed to the next connection, and the message is not delivered again", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});

test("a PUBREL repeated on the next connection is answered there", () => {
  const s = connected();
  s.receivesPublish(2, 5);
  s.receives({ type: "pubrel", packetId: 5 });
  s.sent();
  s.reconnects({ sessionPresent: true });
  s.receives({ type: "pubrel", packetId: 5 });
  s.sendsOnly({ type: "pubcomp", packetId: 5 });
});

test("when the server lost the session, its identifiers begin anew", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.reconnects({ sessionPresent: false });
  assertEquals(s.session.diagnostics().incomingQos2, 0);
  s.receivesPublish(2, 5, { text: "b" });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a", "b"]);
});

test("another Client Identifier is another session: its identifiers begin anew, also with the session present", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.reconnects({ sessionPresent: true, clientId: "another" });
  s.receivesPublish(2, 5, { text: "b" });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a", "b"]);
});

test("while the session is in doubt, DUP tells a repeated QoS 2 message from a new one [MQTT-3.3.1-1]", () => {
  const s = connected();
  for (const packetId of [4, 5, 6]) s.receivesPublish(2, packetId, { text: `old ${packetId}` });
  s.loses();
  s.opens();
  s.reconnects({ sessionPresent: true });
  s.receivesPublish(2, 4, { text: "old 4", dup: true });
  s.receivesPublish(2, 5, { text: "new 5" });
  s.receivesPublish(2, 5, { text: "new 5" });
  s.receives({ type: "pubrel", packetId: 6 });
  s.receivesPublish(2, 6, { text: "new 6", dup: true });
  assertEquals(s.sent(), ["pubrec 4", "pubrec 5", "pubrec 5", "pubcomp 6", "pubrec 6"]);
  assertEquals(s.deliveries(), ["old 4", "old 5", "old 6", "new 5", "new 6"]);
});

test("a session that is known to be lost is not in doubt: an identifier tells a repeated message by itself", () => {
  const s = connected();
  s.receivesPublish(2, 4, { text: "old" });
  s.loses();
  s.opens();
  s.reconnects({ sessionPresent: true });
  s.reconnects({ sessionPresent: false });
  s.receivesPublish(2, 4, { text: "new" });
  s.receivesPublish(2, 4, { text: "new" });
  assertEquals(s.sent(), ["pubrec 4", "pubrec 4"]);
  assertEquals(s.deliveries(), ["old", "new"]);
});

test("answers leave in the order of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3]", () => {
  const s = connected();
  for (const [qos, packetId] of [[1, 4], [2, 2], [1, 9], [2, 7], [1, 1]] as const) s.receivesPublish(qos, packetId);
  assertEquals(s.sent(), ["puback 4", "pubrec 2", "puback 9", "pubrec 7", "puback 1"]);
});

test("all answers of one read are at hand before the first of its events is taken", () => {
  const s = connected();
  for (let packetId = 1; packetId <= 50; packetId++) s.receivesPublish(1, packetId, { text: `${packetId}` });
  assertEquals(s.sent().length, 50);
  assertEquals(s.deliveries().length, 50);
});

test("answers leave before new requests", () => {
  const s = connected();
  s.publishes(1);
  s.receivesPublish(1, 5);
  assertEquals(s.sent(), ["puback 5", "publish 1"]);
});

test("answers belong to their connection", () => {
  const s = connected();
  s.receivesPublish(1, 5, { text: "a" });
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("a message that came before the loss is delivered after it", () => {
  const s = connected();
  s.receivesPublish(1, 5, { text: "a" });
  s.loses();
  assertEquals(s.deliveries(), ["a"]);
});

test("the two directions have identifiers of their own [MQTT-2.3.1-4]", () => {
  const s = connected();
  assertEquals(s.publishes(2, { token: 7 }), 1);
  s.sends("publish");
  s.receivesPublish(2, 1, { text: "a" });
  s.sendsOnly({ type: "pubrec", packetId: 1 });
  s.receives({ type: "pubrel", packetId: 1 });
  s.sendsOnly({ type: "pubcomp", packetId: 1 });
  assertEquals([s.session.diagnostics().inflightQos2, s.deliveries()], [1, ["a"]]);
  s.receivesPublish(2, 1, { text: "b" });
  s.receives({ type: "pubrec", packetId: 1 });
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals([s.session.diagnostics().inflightQos2, s.session.diagnostics().incomingQos2], [0, 1]);
  s.receivesPublish(2, 1, { text: "b", dup: true });
  assertEquals(s.deliveries(), ["b"]);
});

test("what arrives while a disconnect drains is delivered and answered", () => {
  const s = connected();
  s.publishes(1);
  s.session.disconnect();
  s.sends("publish");
  s.receivesPublish(1, 5, { text: "a" });
  s.sendsOnly({ type: "puback", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});
