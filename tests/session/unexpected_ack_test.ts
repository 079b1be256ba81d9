// Acknowledgements that fit nothing: counted and ignored where a server may have lost track, refused where it breaks the protocol.

import { assertEquals } from "@std/assert";
import type { Packet } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connected, type Dialogue } from "./support.ts";

const unknown: readonly Packet[] = [
  { type: "puback", packetId: 9 },
  { type: "pubcomp", packetId: 9 },
  { type: "suback", packetId: 9, returnCodes: [0, 1] },
  { type: "unsuback", packetId: 9 },
];

for (const packet of unknown) {
  test(`an unknown ${packet.type.toUpperCase()} is told, counted and otherwise ignored`, () => {
    const s = connected();
    s.publishes(1, { token: 7 });
    s.sends("publish");
    s.receives(packet);
    s.receives(packet);
    s.sendsNothing();
    assertEquals(s.events(), [{ type: "incoming", packet }, { type: "incoming", packet }]);
    assertEquals([s.session.diagnostics().ignoredAcks, s.session.diagnostics().inflight], [2, 1]);
    s.receives({ type: "puback", packetId: 1 });
    assertEquals(s.ends(), ["7 puback"]);
  });
}

test("an unknown PUBREC is counted and answered with PUBREL, so that the server can finish", () => {
  const s = connected();
  s.receives({ type: "pubrec", packetId: 9 });
  s.sendsOnly({ type: "pubrel", packetId: 9 });
  assertEquals(s.session.diagnostics().ignoredAcks, 1);
  s.receives({ type: "pubcomp", packetId: 9 });
  s.sendsNothing();
  assertEquals([s.session.diagnostics().ignoredAcks, s.session.diagnostics().inflight], [2, 0]);
});

test("a repeated PUBREC is counted and answered with PUBREL again; the exchange stays as it is", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sends("publish");
  s.receives({ type: "pubrec", packetId: 1 });
  s.receives({ type: "pubrec", packetId: 1 });
  s.sendsOnly({ type: "pubrel", packetId: 1 }, { type: "pubrel", packetId: 1 });
  assertEquals([s.session.diagnostics().ignoredAcks, s.session.diagnostics().inflightQos2], [1, 1]);
  s.receives({ type: "pubcomp", packetId: 1 });
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.ends(), ["7 pubcomp"]);
  assertEquals(s.session.diagnostics().ignoredAcks, 2);
});

test("a repeated PUBACK does not end the next request under that identifier", () => {
  const s = connected();
  s.publishes(1, { token: 7 });
  s.sends("publish");
  s.receives({ type: "puback", packetId: 1 });
  s.receives({ type: "puback", packetId: 1 });
  assertEquals(s.ends(), ["7 puback"]);
  assertEquals(s.publishes(1, { token: 8 }), 2, "identifiers rest as long as possible");
});

test("PUBACK after PUBREC ends nothing", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sends("publish");
  s.receives({ type: "pubrec", packetId: 1 });
  s.receives({ type: "puback", packetId: 1 });
  assertEquals(s.ends(), []);
  s.sendsOnly("pubrel");
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.ends(), ["7 pubcomp"]);
});

/** An acknowledgement of the wrong kind settles nothing: the exchange is repeated on the next connection, as if it had not come. */
function settlesNothing(s: Dialogue, repeated: Packet["type"]): void {
  assertEquals(s.ends(), []);
  s.sendsNothing();
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: repeated, packetId: 1 });
  assertEquals(s.session.diagnostics().ignoredAcks, 0);
}

test("PUBREC for a QoS 1 publish breaks the protocol and settles nothing [MQTT-4.3.2-1]", () => {
  const s = connected();
  s.publishes(1, { token: 7 });
  s.sends("publish");
  const error = s.rejects({ type: "pubrec", packetId: 1 }, "MQTT-4.3.2-1");
  assertEquals(error.message, "Cannot handle PUBREC: PUBLISH 1 was sent at QoS 1 [MQTT-4.3.2-1]");
  settlesNothing(s, "publish");
});

test("PUBCOMP for a QoS 1 publish breaks the protocol and settles nothing [MQTT-4.3.3-1]", () => {
  const s = connected();
  s.publishes(1, { token: 7 });
  s.sends("publish");
  s.rejects({ type: "pubcomp", packetId: 1 }, "MQTT-4.3.3-1");
  settlesNothing(s, "publish");
});

test("PUBCOMP before PUBREC breaks the protocol and settles nothing [MQTT-4.3.3-1]", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sends("publish");
  const error = s.rejects({ type: "pubcomp", packetId: 1 }, "MQTT-4.3.3-1");
  assertEquals(error.message, "Cannot handle PUBCOMP: no PUBREL was sent for PUBLISH 1 [MQTT-4.3.3-1]");
  settlesNothing(s, "publish");
});

const otherKinds: readonly (readonly [request: "publish" | "subscribe" | "unsubscribe", answer: Packet])[] = [
  ["publish", { type: "suback", packetId: 1, returnCodes: [0] }],
  ["publish", { type: "unsuback", packetId: 1 }],
  ["subscribe", { type: "puback", packetId: 1 }],
  ["subscribe", { type: "pubcomp", packetId: 1 }],
  ["subscribe", { type: "unsuback", packetId: 1 }],
  ["unsubscribe", { type: "puback", packetId: 1 }],
  ["unsubscribe", { type: "pubcomp", packetId: 1 }],
  ["unsubscribe", { type: "suback", packetId: 1, returnCodes: [0] }],
];

for (const [request, answer] of otherKinds) {
  test(`${answer.type.toUpperCase()} does not end ${request.toUpperCase()}, whatever its identifier`, () => {
    const s = connected();
    if (request === "publish") s.publishes(1, { token: 7 });
    else if (request === "subscribe") s.subscribes(["a"], 7);
    else s.session.unsubscribe(["a"], 7);
    s.sends(request);
    s.receives(answer);
    assertEquals([s.ends(), s.session.diagnostics().ignoredAcks], [[], 1]);
    s.reconnects({ sessionPresent: true });
    s.sendsOnly({ type: request, packetId: 1 });
  });
}

test("an answer to a request that never left is unknown", () => {
  const s = connected();
  s.publishes(1, { token: 1 });
  s.publishes(2, { token: 2 });
  s.subscribes(["a"], 3);
  s.session.unsubscribe(["a"], 4);
  s.receives({ type: "puback", packetId: 1 });
  s.receives({ type: "puback", packetId: 2 });
  s.receives({ type: "pubcomp", packetId: 2 });
  s.receives({ type: "suback", packetId: 3, returnCodes: [0] });
  s.receives({ type: "unsuback", packetId: 4 });
  assertEquals([s.ends(), s.session.diagnostics().ignoredAcks], [[], 5]);
  assertEquals(s.sent(), ["publish 1", "publish 2", "subscribe 3", "unsubscribe 4"]);
});

test("an answer out of the lost session does not end what is sent again", () => {
  const s = connected({ pendingThrottleMillis: 1000 });
  s.publishes(1, { token: 1 });
  s.publishes(1, { token: 2 });
  s.sent();
  s.reconnects({ sessionPresent: false });
  s.sendsOnly({ type: "publish", packetId: 1, dup: false });
  s.receives({ type: "puback", packetId: 2 });
  assertEquals([s.ends(), s.session.diagnostics().ignoredAcks], [[], 1]);
  assertEquals(s.passes(1000), ["publish 2 @1000"]);
});
