// Keep Alive: a ping when either direction has been silent for a period, and a peer that is given up in time, but never in error.

import { assert, assertEquals, assertGreater, assertLess, assertMatch, assertThrows } from "@std/assert";
import { KeepAliveTimeoutError } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { connected, type Dialogue } from "./support.ts";

const PERIOD = 10_000;
const TEN_SECONDS = { keepAlive: PERIOD / 1000 };

/** The peer is given up within these milliseconds; at which time exactly. */
function givesUp(s: Dialogue, wait: () => void): number {
  assertThrows(wait, KeepAliveTimeoutError);
  return s.now;
}

/** A packet leaves each second; the answers of the server, if it lives, come 20 ms later. */
function writesEachSecond(s: Dialogue, seconds: number, peer: "alive" | "dead" = "dead"): string[] {
  const sent: string[] = [];
  for (let second = 0; second < seconds; second++) {
    s.publishes(0);
    sent.push(...s.sent().map((packet) => `${packet} @${s.now}`));
    sent.push(...s.passes(20));
    if (peer === "alive") s.session.handleActivity(s.now);
    sent.push(...s.passes(980));
  }
  return sent.filter((packet) => !packet.startsWith("publish"));
}

test("an idle connection is pinged once a period [MQTT-3.1.2-23]", () => {
  const s = connected({}, TEN_SECONDS);
  for (let round = 1; round <= 5; round++) {
    assertEquals(s.session.pollTimeout(), round * PERIOD);
    assertEquals(s.passes(PERIOD), [`pingreq @${round * PERIOD}`]);
    s.receives({ type: "pingresp" });
  }
});

test("the gap between two packets never exceeds the period [MQTT-3.1.2-23]", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(9_999);
  s.receives({ type: "pingresp" });
  assertEquals(s.passes(1), ["pingreq @10000"], "what is received does not stand in for what is sent");
});

test("packets that are sent put the ping off, as long as something is received", () => {
  const s = connected({}, TEN_SECONDS);
  assertEquals(writesEachSecond(s, 60, "alive"), []);
  assertEquals(s.passes(PERIOD), [`pingreq @${59_000 + PERIOD}`]);
});

test("publishes that were encoded beforehand put the ping off, and pass only where a publish may go", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(4_000);
  s.session.passPublishes(s.now);
  s.session.handleActivity(s.now);
  assertEquals(s.session.pollTimeout(), 4_000 + PERIOD);
  s.session.disconnect();
  assertThrows(() => s.session.passPublishes(s.now), RangeError, "Cannot pass publishes: the session admits none now");
});

test("answers to the server put the ping off", () => {
  const s = connected({}, TEN_SECONDS);
  for (let i = 1; i <= 5; i++) {
    assertEquals(s.passes(9_000), []);
    s.receivesPublish(1, i);
    s.sendsOnly("puback");
  }
});

test("what is received alone does not put the ping off", () => {
  const s = connected({}, TEN_SECONDS);
  const pings: string[] = [];
  for (let second = 0; second < 30; second++) {
    pings.push(...s.passes(1_000));
    s.receivesPublish(0, 0);
  }
  assertEquals(pings, ["pingreq @10000", "pingreq @20000", "pingreq @30000"]);
});

test("when nothing is received for a period the peer is pinged, however much is sent", () => {
  const s = connected({}, TEN_SECONDS);
  assertEquals(writesEachSecond(s, 12), ["pingreq @10000"]);
});

test("any byte proves life", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(14_999);
  s.session.handleActivity(s.now);
  assertEquals(s.passes(PERIOD - 1), ["pingreq @20000"]);
});

test("PINGRESP proves life by itself", () => {
  const s = connected({}, TEN_SECONDS);
  for (let round = 0; round < 5; round++) {
    assertEquals(s.passes(PERIOD).length, 1);
    s.session.handlePacket({ type: "pingresp" }, s.now);
  }
});

test("a PINGRESP nobody asked for is harmless", () => {
  const s = connected({}, TEN_SECONDS);
  s.receives({ type: "pingresp" });
  s.receives({ type: "pingresp" });
  assertEquals(s.session.diagnostics().roundTripMillis, undefined);
  assertEquals(s.passes(PERIOD), ["pingreq @10000"]);
});

test("a dead peer is given up one and a half periods after its last byte, in silence", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(4_000);
  s.session.handleActivity(s.now);
  assertEquals(
    givesUp(s, () => s.passes(60_000)),
    15_000,
    "half a period after the ping that silence on this side made due",
  );
});

test("a dead peer is given up one and a half periods after its last byte, with steady writes", () => {
  const s = connected({}, TEN_SECONDS);
  writesEachSecond(s, 30, "alive");
  const lastByte = s.now - 980;
  assertEquals(givesUp(s, () => writesEachSecond(s, 60)), lastByte + 1.5 * PERIOD);
});

test("a peer that is given up is reported with the time of its silence", () => {
  const s = connected({}, TEN_SECONDS);
  const error = assertThrows(() => s.passes(60_000), KeepAliveTimeoutError);
  assertEquals(error.message, "Cannot keep the connection alive: nothing was received for 15000 ms [MQTT-3.1.2-24]");
  assertEquals(error.name, "KeepAliveTimeoutError");
});

test("a process that slept for minutes reads before it judges", () => {
  const s = connected({}, TEN_SECONDS);
  s.sleeps(600_000);
  s.session.handleTimeout(s.now);
  s.sendsOnly("pingreq");
  assertEquals(s.passes(100), []);
  s.receives({ type: "pingresp" });
  assertEquals(s.passes(PERIOD), [`pingreq @${600_000 + PERIOD}`]);
});

test("a process that slept while an answer was due reads before it judges", () => {
  for (const awake of [0, 1, 3_999, 4_000, 4_001, 4_999]) {
    const s = connected({}, TEN_SECONDS);
    s.passes(PERIOD + awake);
    s.sleeps(600_000);
    s.session.handleTimeout(s.now);
    s.passes(100);
    s.receives({ type: "pingresp" });
    assertEquals(s.passes(0).length, 1, "nothing was sent for minutes");
    s.receives({ type: "pingresp" });
    assertEquals(s.passes(PERIOD - 1), []);
  }
});

test("a process that slept again and again gives no healthy peer up", () => {
  const s = connected({}, TEN_SECONDS);
  for (let nap = 0; nap < 20; nap++) {
    s.sleeps(30_000);
    s.session.handleTimeout(s.now);
    s.sent();
    s.passes(50);
    s.session.handleActivity(s.now);
  }
});

test("a peer that died while the process slept is given up half a period after it woke", () => {
  const s = connected({}, TEN_SECONDS);
  s.sleeps(600_000);
  assertEquals(givesUp(s, () => s.passes(60_000)), 600_000 + PERIOD / 2);
});

test("a peer that died is given up soon after a sleep in the middle of the wait", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(PERIOD + 3_000);
  s.sleeps(600_000);
  assertEquals(givesUp(s, () => s.passes(60_000)), 613_000 + PERIOD / 10);
});

test("a process that is late every time gives a dead peer up all the same", () => {
  const s = connected({}, TEN_SECONDS);
  const late = (): void => {
    const deadline = s.session.pollTimeout();
    assert(deadline !== undefined);
    s.sleeps(deadline + PERIOD / 5 - s.now);
    s.session.handleTimeout(s.now);
    s.sent();
  };
  late();
  assertLess(
    givesUp(s, () => {
      for (let round = 0; round < 10; round++) late();
    }),
    3 * PERIOD,
  );
});

test("a transport that is blocked and makes progress is alive", () => {
  const s = connected({}, TEN_SECONDS);
  for (let second = 0; second < 120; second++) {
    s.passesBlocked(1_000);
    s.session.handleProgress(s.now);
  }
  assertEquals(s.sent(), ["pingreq"]);
});

test("a transport that is blocked and makes no progress is given up in time", () => {
  const s = connected({}, TEN_SECONDS);
  assertEquals(givesUp(s, () => s.passesBlocked(60_000)), 1.5 * PERIOD);
});

test("a transport whose progress ends is given up half a period later", () => {
  const s = connected({}, TEN_SECONDS);
  s.passesBlocked(13_000);
  s.session.handleProgress(s.now);
  assertEquals(givesUp(s, () => s.passesBlocked(60_000)), 13_000 + PERIOD / 2);
});

test("once the ping has left, progress proves nothing: the bytes may lie in a buffer of this machine", () => {
  const s = connected({}, TEN_SECONDS);
  const wait = (): void => {
    for (let second = 0; second < 60; second++) {
      s.passes(1_000);
      s.session.handleProgress(s.now);
    }
  };
  assertEquals(givesUp(s, wait), 1.5 * PERIOD);
});

test("pings do not pile up behind a blocked transport", () => {
  const s = connected({}, TEN_SECONDS);
  for (let second = 0; second < 120; second++) {
    s.passesBlocked(1_000);
    s.session.handleActivity(s.now);
    assertGreater(s.session.pollTimeout()!, s.now);
  }
  assertEquals(s.sent(), ["pingreq"]);
  s.session.handleActivity(s.now);
  assertEquals(s.passes(PERIOD), [`pingreq @${120_000 + PERIOD}`]);
});

test("a flood of incoming messages does not delay a ping", () => {
  const s = connected({}, TEN_SECONDS);
  const pings: string[] = [];
  for (let i = 0; i < 1_000; i++) {
    pings.push(...s.passes(10));
    for (let burst = 0; burst < 20; burst++) s.receivesPublish(0, 0);
  }
  assertEquals(pings, ["pingreq @10000"]);
});

test("a full window and a drain are kept alive", () => {
  const s = connected({ inflight: 1 }, TEN_SECONDS);
  s.publishes(1);
  s.session.disconnect();
  s.sendsOnly("publish");
  assertEquals(s.passes(PERIOD), ["pingreq @10000"]);
  s.receives({ type: "pingresp" });
  s.receives({ type: "puback", packetId: 1 });
  s.sendsOnly("disconnect");
});

test("Keep Alive 0 turns all of it off", () => {
  const s = connected({}, { keepAlive: 0 });
  assertEquals(s.session.pollTimeout(), undefined);
  s.sleeps(1_000_000_000);
  s.session.handleTimeout(s.now);
  s.sendsNothing();
  assertEquals(s.session.pollTimeout(), undefined);
});

test("the shortest and the longest Keep Alive are kept", () => {
  for (const keepAlive of [1, 65_535]) {
    const s = connected({}, { keepAlive });
    assertEquals(s.passes(keepAlive * 1000), [`pingreq @${keepAlive * 1000}`]);
    const end = givesUp(s, () => s.passes(keepAlive * 1000));
    assert(end <= keepAlive * 1500 + 1 && end >= keepAlive * 1500 - 1, `${end}`);
  }
});

test("before its deadline a timeout is harmless", () => {
  const s = connected({}, TEN_SECONDS);
  for (let now = 0; now < PERIOD; now += 500) s.session.handleTimeout(now);
  s.sendsNothing();
  assertEquals(s.session.pollTimeout(), PERIOD);
});

test("a CONNACK that took longer than a period makes a ping due at once", () => {
  const s = connected({}, TEN_SECONDS);
  s.loses();
  s.opens();
  assertEquals(s.session.pollTimeout(), undefined, "how long to wait for CONNACK is the owner's to say");
  s.sleeps(25_000);
  s.accepted({ sessionPresent: true });
  assertEquals(s.passes(0), ["pingreq @25000"]);
});

test("each connection is timed anew, by its own Keep Alive", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(12_000);
  s.loses();
  assertEquals(s.session.pollTimeout(), undefined);
  s.sleeps(5_000);
  s.opens({ keepAlive: 3 });
  s.accepted({ sessionPresent: true });
  assertEquals(s.passes(3_000), ["pingreq @20000"]);
});

test("a ping that did not leave is not owed to the next connection", () => {
  const s = connected({}, TEN_SECONDS);
  s.passesBlocked(PERIOD);
  s.reconnects({ sessionPresent: true });
  assertEquals(s.passes(PERIOD), ["pingreq @20000"]);
});

test("the round trip of the last answered ping can be seen", () => {
  const s = connected({}, TEN_SECONDS);
  assertEquals(s.session.diagnostics().roundTripMillis, undefined);
  s.passes(PERIOD);
  s.passes(35);
  s.receives({ type: "pingresp" });
  assertEquals(s.session.diagnostics().roundTripMillis, 35);
  s.passes(PERIOD + 12);
  assertEquals(s.session.diagnostics().roundTripMillis, 35);
});

test("a round trip is timed from a ping of this connection to the first answer", () => {
  const s = connected({}, TEN_SECONDS);
  s.passes(PERIOD);
  s.reconnects({ sessionPresent: true });
  s.receives({ type: "pingresp" });
  assertEquals(s.session.diagnostics().roundTripMillis, undefined);
  s.passes(PERIOD + 35);
  s.receives({ type: "pingresp" });
  s.passes(100);
  s.receives({ type: "pingresp" });
  assertEquals(s.session.diagnostics().roundTripMillis, 35);
});

test("the silence is rounded for people", () => {
  assertMatch(new KeepAliveTimeoutError(1499.6).message, / 1500 ms /);
});
