// What a session does about unfinished work when a connection is lost: the replay, whether the server kept the session or lost it.

import { assertEquals } from "@std/assert";
import type { SessionLostPolicy } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { connected, Dialogue, filtersOf } from "./support.ts";

/** Three QoS 1 and QoS 2 publishes, two releases, a SUBSCRIBE and an UNSUBSCRIBE are unfinished; PUBREC came for 4, then for 2. */
function unfinished(options: Parameters<typeof connected>[0] = {}): Dialogue {
  const s = connected(options);
  for (const qos of [1, 2, 1, 2, 2] as const) s.publishes(qos, { token: 1 });
  s.subscribes(["a"], 1);
  s.session.unsubscribe(["b"], 1);
  s.sent();
  s.receives({ type: "pubrec", packetId: 4 });
  s.receives({ type: "pubrec", packetId: 2 });
  s.sent();
  s.events();
  return s;
}

const REPLAY = [
  "publish 1 dup",
  "publish 3 dup",
  "publish 5 dup",
  "pubrel 4",
  "pubrel 2",
  "subscribe 6",
  "unsubscribe 7",
];

test("a replay has PUBLISH as first sent, with DUP and its identifier; PUBREL as PUBREC came; then the rest [MQTT-4.4.0-1]", () => {
  const s = unfinished();
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), REPLAY);
});

test("the replay is the same through any number of losses at any place in it [MQTT-4.6.0-1]", () => {
  const s = unfinished();
  for (let taken = 0; taken <= REPLAY.length; taken++) {
    for (let losses = 0; losses < 2; losses++) {
      s.reconnects({ sessionPresent: true });
      for (let i = 0; i < taken; i++) s.sends(REPLAY[i]!.split(" ")[0] as "publish");
    }
  }
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), REPLAY);
});

test("what is answered between losses drops out, and the rest keeps its order", () => {
  const s = unfinished();
  s.reconnects({ sessionPresent: true });
  s.sent();
  s.receives({ type: "puback", packetId: 3 });
  s.receives({ type: "pubcomp", packetId: 4 });
  s.receives({ type: "suback", packetId: 6, returnCodes: [1] });
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup", "publish 5 dup", "pubrel 2", "unsubscribe 7"]);
});

test("out-of-order PUBACK leave the oldest unacknowledged publish first", () => {
  const s = connected();
  for (let i = 0; i < 5; i++) s.publishes(1);
  s.sent();
  for (const packetId of [2, 5, 3]) s.receives({ type: "puback", packetId });
  s.publishes(1);
  s.sent();
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup", "publish 4 dup", "publish 6 dup"]);
});

test("replay comes before new work, and until it is handed out no new work is admitted", () => {
  const s = connected();
  s.publishes(1);
  s.publishes(1);
  s.sent();
  s.reconnects({ sessionPresent: true });
  assertEquals([s.session.canPublish(0), s.session.canPublish(1), s.session.canControl()], [false, false, false]);
  s.sends("publish");
  assertEquals(s.session.canPublish(0), false);
  s.sends("publish");
  assertEquals([s.session.canPublish(0), s.session.canControl()], [true, true]);
  s.publishes(1);
  assertEquals(s.sent(), ["publish 3"]);
});

test("a request that was admitted and never handed out is no replay: it follows, with DUP 0", () => {
  const s = connected();
  s.publishes(1);
  s.sends("publish");
  s.publishes(2);
  s.publishes(0);
  s.subscribes(["a"]);
  s.session.unsubscribe(["b"]);
  s.publishes(1);
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup", "publish 2", "publish", "subscribe 3", "unsubscribe 4", "publish 5"]);
});

for (const cleanSession of [false, true]) {
  test(`requests that were never handed out survive a lost session, Clean Session ${cleanSession ? 1 : 0}`, () => {
    const s = connected({ onSessionLost: { qos1: "fail", qos2: "fail" } }, { cleanSession });
    s.publishes(1, { token: 1 });
    s.publishes(2, { token: 2 });
    s.publishes(0);
    s.subscribes(["a"], 3);
    for (let losses = 0; losses < 3; losses++) s.reconnects({ sessionPresent: false });
    assertEquals(s.ends(), []);
    assertEquals(s.sent(), ["publish 1", "publish 2", "publish", "subscribe 3"]);
    assertEquals(s.session.diagnostics().sessionLostFailures, 0);
  });
}

test("DUP is set on what was handed out, whether or not it reached the wire [MQTT-3.3.1-1]", () => {
  const s = connected();
  s.publishes(1);
  s.sends({ type: "publish", dup: false });
  s.reconnects({ sessionPresent: true });
  s.sends({ type: "publish", dup: true });
  s.reconnects({ sessionPresent: true });
  s.sends({ type: "publish", dup: true });
});

test("a connection lost before CONNACK changes nothing", () => {
  const s = unfinished();
  s.loses();
  for (let attempts = 0; attempts < 3; attempts++) {
    s.opens();
    s.sendsNothing();
    s.loses();
  }
  s.opens();
  s.accepted({ sessionPresent: true });
  assertEquals(s.sent(), REPLAY);
});

test("an answer during the replay ends the exchange, and its repetition is left out", () => {
  const s = unfinished({ pendingThrottleMillis: 100 });
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: "publish", packetId: 1 });
  s.receives({ type: "puback", packetId: 3 });
  s.receives({ type: "pubcomp", packetId: 4 });
  assertEquals(s.ends(), ["1 puback", "1 pubcomp"]);
  assertEquals(s.passes(1_000), [
    "publish 5 dup @100",
    "pubrel 2 @200",
    "subscribe 6 @300",
    "unsubscribe 7 @400",
  ]);
});

test("a PUBREC during the replay does not let its PUBREL overtake those of earlier PUBREC [MQTT-4.6.0-4]", () => {
  const s = unfinished({ pendingThrottleMillis: 100 });
  s.reconnects({ sessionPresent: true });
  assertEquals(s.passes(200), ["publish 1 dup @0", "publish 3 dup @100", "publish 5 dup @200"]);
  s.receives({ type: "pubrec", packetId: 5 });
  assertEquals(s.passes(1_000).filter((packet) => packet.startsWith("pubrel")), [
    "pubrel 4 @300",
    "pubrel 2 @400",
    "pubrel 5 @700",
  ]);
  s.reconnects({ sessionPresent: true });
  assertEquals(s.passes(1_000).filter((packet) => packet.startsWith("pubrel")).map((packet) => packet.split(" @")[0]), [
    "pubrel 4",
    "pubrel 2",
    "pubrel 5",
  ]);
});

test("a PUBREC after the replay is answered at once", () => {
  const s = unfinished();
  s.reconnects({ sessionPresent: true });
  s.sent();
  s.receives({ type: "pubrec", packetId: 5 });
  s.sendsOnly({ type: "pubrel", packetId: 5 });
});

test("pendingThrottleMillis parts replayed packets, and nothing else", () => {
  const s = unfinished({ pendingThrottleMillis: 250 });
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: "publish", packetId: 1 });
  assertEquals(s.session.pollTimeout(), 250);
  s.receivesPublish(1, 9);
  s.sendsOnly({ type: "puback", packetId: 9 });
  assertEquals(s.passes(10_000), [
    "publish 3 dup @250",
    "publish 5 dup @500",
    "pubrel 4 @750",
    "pubrel 2 @1000",
    "subscribe 6 @1250",
    "unsubscribe 7 @1500",
  ]);
  assertEquals(s.session.pollTimeout(), undefined);
  for (let i = 0; i < 3; i++) s.publishes(1);
  assertEquals(s.sent(), ["publish 8", "publish 9", "publish 10"]);
});

test("a throttled replay can be taken late, and by pollTransmit() alone", () => {
  const s = unfinished({ pendingThrottleMillis: 250 });
  s.reconnects({ sessionPresent: true });
  s.sendsOnly("publish");
  s.sleeps(249);
  s.sendsNothing();
  s.sleeps(2_000);
  s.sendsOnly({ type: "publish", packetId: 3 });
  assertEquals(s.session.pollTimeout(), 2_499);
});

test("a throttled replay behind a blocked transport wakes its owner once", () => {
  const s = unfinished({ pendingThrottleMillis: 250 });
  s.reconnects({ sessionPresent: true });
  s.sends("publish");
  s.passesBlocked(5_000);
  assertEquals(s.session.pollTimeout(), undefined);
  s.sendsOnly({ type: "publish", packetId: 3 });
  assertEquals(s.session.pollTimeout(), 5_250);
});

test("of the deadlines of a throttled replay and of Keep Alive, the earlier is told", () => {
  const s = unfinished({ pendingThrottleMillis: 1_500 });
  s.reconnects({ sessionPresent: true, keepAlive: 1 });
  s.sendsOnly("publish");
  assertEquals(s.session.pollTimeout(), 1_000);
  s.configures({ pendingThrottleMillis: 250 });
  assertEquals(s.passes(1_000), ["pingreq @1000"]);
  s.receives({ type: "pingresp" });
  assertEquals(s.passes(500), ["publish 3 dup @1500"]);
  assertEquals(s.session.pollTimeout(), 1_750);
});

test("a throttle that is lifted takes effect with the next replayed packet", () => {
  const s = unfinished({ pendingThrottleMillis: 250 });
  s.reconnects({ sessionPresent: true });
  s.sendsOnly("publish");
  s.configures({ pendingThrottleMillis: 0 });
  assertEquals(s.passes(250).map((packet) => packet.split(" @")[1]), Array(6).fill("250"));
});

test("what remains of a replay can be seen", () => {
  const s = unfinished({ pendingThrottleMillis: 100 });
  s.reconnects({ sessionPresent: true });
  assertEquals(s.session.diagnostics().replayPending, 7);
  s.sent();
  assertEquals(s.session.diagnostics().replayPending, 6);
  s.loses();
  assertEquals(s.session.diagnostics().replayPending, 0);
});

test("Packet Identifiers go on counting over a reconnect", () => {
  const s = connected();
  for (let i = 0; i < 3; i++) s.publishes(1);
  s.sent();
  for (const packetId of [1, 2, 3]) s.receives({ type: "puback", packetId });
  s.reconnects({ sessionPresent: true });
  assertEquals(s.publishes(1), 4);
});

const policies: readonly (readonly [SessionLostPolicy, failed: string[], resent: string[]])[] = [
  [{ qos1: "resend", qos2: "resend" }, ["4 failed"], ["publish 1", "publish 2", "publish 3"]],
  [{ qos1: "resend", qos2: "fail" }, ["2 failed", "4 failed"], ["publish 1", "publish 3"]],
  [{ qos1: "fail", qos2: "resend" }, ["1 failed", "3 failed", "4 failed"], ["publish 2"]],
  [{ qos1: "fail", qos2: "fail" }, ["1 failed", "2 failed", "3 failed", "4 failed"], []],
];

for (const [onSessionLost, failed, resent] of policies) {
  const { qos1, qos2 } = onSessionLost;
  test(`the server lost the session, QoS 1 ${qos1}, QoS 2 ${qos2}: resent as new with DUP 0, or failed and told`, () => {
    const s = connected({ onSessionLost });
    for (const [token, qos] of [[1, 1], [2, 2], [3, 1], [4, 2]] as const) s.publishes(qos, { token });
    s.subscribes(["a"], 5);
    s.session.unsubscribe(["b"], 6);
    s.sent();
    s.receives({ type: "pubrec", packetId: 4 });
    s.sent();
    s.reconnects({ sessionPresent: false });
    assertEquals(s.ends(), failed);
    assertEquals(s.sent(), [...resent, "subscribe 5", "unsubscribe 6"]);
    assertEquals(s.session.diagnostics().sessionLostFailures, failed.length);
    assertEquals(s.session.diagnostics().inflight, resent.length);
    assertEquals(s.session.diagnostics().inflightQos2, resent.includes("publish 2") ? 1 : 0);
    s.reconnects({ sessionPresent: true });
    assertEquals(s.sent(), [...resent.map((packet) => `${packet} dup`), "subscribe 5", "unsubscribe 6"]);
  });
}

test("a failure says that the message may have been delivered, after the connection is told", () => {
  const s = connected();
  s.publishes(2, { token: 7 });
  s.sent();
  s.reconnects({ sessionPresent: false });
  assertEquals(s.events(), [
    { type: "connected", sessionPresent: false },
    { type: "request-failed", token: 7, mayHaveBeenDelivered: true },
  ]);
  assertEquals(s.session.isIdle, true);
});

test("a failure nobody waits for is counted", () => {
  const s = connected();
  s.publishes(2);
  s.sent();
  s.reconnects({ sessionPresent: false });
  assertEquals([s.ends(), s.session.diagnostics().sessionLostFailures], [[], 1]);
});

test("what is to be resent after a lost session survives further losses before it left, still as new", () => {
  const s = connected({ pendingThrottleMillis: 100 });
  s.publishes(1, { token: 1 });
  s.publishes(1, { token: 2 });
  s.sent();
  s.reconnects({ sessionPresent: false });
  s.sendsOnly({ type: "publish", packetId: 1, dup: false });
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: "publish", packetId: 1, dup: true });
  assertEquals(s.passes(100), ["publish 2 @100"]);
  s.configures({ onSessionLost: { qos1: "fail", qos2: "fail" } });
  s.reconnects({ sessionPresent: false });
  assertEquals(s.ends(), ["1 failed", "2 failed"]);
});

test("another Client Identifier is another session: the old one counts as lost, whatever the server says", () => {
  const s = connected();
  s.hasSubscribed(["live"]);
  s.publishes(1, { token: 1 });
  s.publishes(2, { token: 2 });
  s.sent();
  s.reconnects({ sessionPresent: true, clientId: "another" });
  assertEquals(s.ends(), ["2 failed"]);
  assertEquals(filtersOf(s.sends("subscribe")), ["live"]);
  s.sendsOnly({ type: "publish", packetId: 2, dup: false });
});

test("another Client Identifier that has no session fails nothing twice", () => {
  const s = connected();
  s.publishes(2, { token: 2 });
  s.sent();
  s.reconnects({ sessionPresent: false, clientId: "another" });
  assertEquals([s.ends(), s.session.diagnostics().sessionLostFailures], [["2 failed"], 1]);
});

test("the same Client Identifier keeps the session, also if the rest of CONNECT changes", () => {
  const s = connected();
  s.publishes(2, { token: 2 });
  s.sent();
  s.reconnects({ sessionPresent: true, username: "someone", keepAlive: 30 });
  s.sendsOnly({ type: "publish", packetId: 1, dup: true });
  assertEquals(s.ends(), []);
});

test("the first connection has nothing to replay and nothing to lose", () => {
  for (const sessionPresent of [false, true]) {
    const s = new Dialogue();
    s.opens();
    s.accepted({ sessionPresent });
    s.sendsNothing();
    assertEquals(s.events(), [{ type: "connected", sessionPresent }]);
  }
});
