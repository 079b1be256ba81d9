// How many exchanges are open at once, and which Packet Identifiers they have.

import { assert, assertEquals } from "@std/assert";
import { MAX_PACKET_ID } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connected, type Dialogue } from "./support.ts";

/** Publishes and completes QoS 1 messages until the next identifier is `packetId`. */
function countsUpTo(s: Dialogue, packetId: number): void {
  for (let used = 0; used !== packetId - 1;) {
    used = s.publishes(1);
    s.sends("publish");
    s.receives({ type: "puback", packetId: used });
    s.session.pollEvent();
  }
}

test("the window stops publishes at QoS 1 and 2, and PUBACK opens it", () => {
  const s = connected({ inflight: 3 });
  for (let i = 0; i < 3; i++) s.publishes(1);
  assertEquals([s.session.canPublish(1), s.session.canPublish(2), s.session.canPublish(0)], [false, false, true]);
  s.sent();
  s.receives({ type: "puback", packetId: 2 });
  assertEquals([s.session.canPublish(1), s.session.canPublish(2)], [true, true]);
  s.publishes(1);
  assertEquals(s.session.canPublish(1), false);
});

test("a QoS 2 publish keeps its place until PUBCOMP", () => {
  const s = connected({ inflight: 1 });
  s.publishes(2);
  s.sent();
  s.receives({ type: "pubrec", packetId: 1 });
  s.sent();
  assertEquals([s.session.canPublish(1), s.session.canPublish(2)], [false, false]);
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals([s.session.canPublish(1), s.session.canPublish(2)], [true, true]);
});

test("whether a publish is unacknowledged can be seen", () => {
  const s = connected();
  s.subscribes(["a"]);
  assertEquals(s.session.hasUnacknowledgedPublish, false);
  s.publishes(1);
  assertEquals(s.session.hasUnacknowledgedPublish, true);
  s.sent();
  s.receives({ type: "puback", packetId: 2 });
  assertEquals(s.session.hasUnacknowledgedPublish, false);
});

test("PUBREL leaves while the window is full", () => {
  const s = connected({ inflight: 1 });
  s.publishes(2);
  s.sent();
  s.receives({ type: "pubrec", packetId: 1 });
  s.sendsOnly({ type: "pubrel", packetId: 1 });
});

test("inflightQos2 is a window within the window", () => {
  const s = connected({ inflight: 5, inflightQos2: 2 });
  s.publishes(2);
  s.publishes(2);
  assertEquals([s.session.canPublish(2), s.session.canPublish(1)], [false, true]);
  for (let i = 0; i < 3; i++) s.publishes(1);
  assertEquals(s.session.canPublish(1), false);
  s.sent();
  s.receives({ type: "puback", packetId: 3 });
  assertEquals([s.session.canPublish(2), s.session.canPublish(1)], [false, true]);
  s.receives({ type: "pubrec", packetId: 1 });
  assertEquals(s.session.canPublish(2), false, "unfinished until PUBCOMP");
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.session.canPublish(2), true);
});

test("subscribing and unsubscribing pass a full window", () => {
  const s = connected({ inflight: 1 });
  s.publishes(1);
  s.sent();
  assertEquals([s.session.canPublish(1), s.session.canControl()], [false, true]);
  s.subscribes(["a"], 7);
  s.session.unsubscribe(["b"], 8);
  assertEquals(s.sent(), ["subscribe 2", "unsubscribe 3"]);
  s.receives({ type: "suback", packetId: 2, returnCodes: [0] });
  s.receives({ type: "unsuback", packetId: 3 });
  assertEquals(s.ends(), ["7 suback", "8 unsuback"]);
});

test("subscriptions do not count for the window", () => {
  const s = connected({ inflight: 1 });
  for (let i = 0; i < 10; i++) s.subscribes(["a"]);
  s.sent();
  assertEquals([s.session.canPublish(1), s.session.diagnostics().inflight], [true, 0]);
});

test("a window that is made smaller closes nothing that is open", () => {
  const s = connected({ inflight: 4 });
  for (let i = 0; i < 4; i++) s.publishes(1);
  s.sent();
  s.configures({ inflight: 2 });
  for (const packetId of [1, 2]) {
    s.receives({ type: "puback", packetId });
    assertEquals(s.session.canPublish(1), false);
  }
  s.receives({ type: "puback", packetId: 3 });
  assertEquals(s.session.canPublish(1), true);
});

test("the window is full through a replay, and a failed exchange leaves it", () => {
  const s = connected({ inflight: 2 });
  s.publishes(1);
  s.publishes(2);
  s.sent();
  s.reconnects({ sessionPresent: true });
  s.sent();
  assertEquals(s.session.canPublish(1), false);
  s.reconnects({ sessionPresent: false });
  assertEquals(s.sent(), ["publish 1"]);
  assertEquals([s.session.canPublish(1), s.session.diagnostics().inflight], [true, 1]);
});

test("acknowledgements out of order free no identifier that is in use [MQTT-2.3.1-2] [MQTT-2.3.1-3]", () => {
  const s = connected({ inflight: 3 });
  for (let i = 0; i < 3; i++) s.publishes(1);
  s.sent();
  s.receives({ type: "puback", packetId: 2 });
  assertEquals(s.publishes(1), 4);
  s.sent();
  s.receives({ type: "puback", packetId: 3 });
  assertEquals(s.publishes(1), 5);
  assertEquals(s.session.canPublish(1), false, "PUBLISH 1 is still open");
});

test("one space of identifiers serves PUBLISH, SUBSCRIBE and UNSUBSCRIBE, from 1 on [MQTT-2.3.1-1]", () => {
  const s = connected();
  assertEquals([s.publishes(1), s.subscribes(["a"]), s.publishes(2), s.session.unsubscribe(["a"])], [1, 2, 3, 4]);
});

test("an identifier rests as long as possible before it is used again [MQTT-2.3.1-3]", () => {
  const s = connected();
  for (let expected = 1; expected <= 300; expected++) {
    assertEquals(s.publishes(1), expected);
    s.sends("publish");
    s.receives({ type: "puback", packetId: expected });
  }
});

test("after 65535 comes 1, or the next that is free [MQTT-2.3.1-1]", () => {
  const s = connected();
  s.publishes(2, { token: 1 });
  s.subscribes(["a"], 2);
  s.sent();
  s.receives({ type: "pubrec", packetId: 1 });
  s.sent();
  countsUpTo(s, MAX_PACKET_ID);
  assertEquals([s.publishes(1), s.publishes(1)], [MAX_PACKET_ID, 3], "1 and 2 are in use");
  s.sent();
  s.receives({ type: "pubcomp", packetId: 1 });
  s.receives({ type: "suback", packetId: 2, returnCodes: [1] });
  assertEquals(s.publishes(1), 4);
  s.sends("publish");
  countsUpTo(s, MAX_PACKET_ID);
  s.receives({ type: "puback", packetId: MAX_PACKET_ID });
  assertEquals([s.publishes(1), s.publishes(1)], [MAX_PACKET_ID, 1]);
});

test("all 65535 identifiers can be in use at once, each once [MQTT-2.3.1-2]", () => {
  const s = connected({ inflight: MAX_PACKET_ID });
  const seen = new Set<number>();
  while (s.session.canPublish(1)) {
    seen.add(s.publishes(1));
    s.sends("publish");
  }
  assertEquals([seen.size, Math.min(...seen), Math.max(...seen)], [MAX_PACKET_ID, 1, MAX_PACKET_ID]);
  assertEquals([s.session.canPublish(0), s.session.canPublish(2), s.session.canControl()], [true, false, false]);
  s.receives({ type: "puback", packetId: 40_000 });
  assertEquals(s.session.canControl(), true);
  assertEquals(s.subscribes(["a"]), 40_000);
  assertEquals([s.session.canPublish(1), s.session.canControl()], [false, false]);
});

test("a subscription in use takes an identifier from the publishes", () => {
  const s = connected({ inflight: MAX_PACKET_ID });
  s.subscribes(["a"]);
  while (s.session.canPublish(1)) s.publishes(1);
  assertEquals(
    s.session.diagnostics().inflight,
    MAX_PACKET_ID - 1,
    "no identifier is free, though the window has room",
  );
});

test("with every identifier in use by requests that never left, restored subscriptions wait for the first that ends", () => {
  const s = connected({ inflight: MAX_PACKET_ID });
  s.hasSubscribed(["live"]);
  while (s.session.canPublish(1)) s.publishes(1);
  s.reconnects({ sessionPresent: false });
  const first = s.sends({ type: "publish", dup: false });
  assert(first.type === "publish");
  assertEquals(s.session.canPublish(0), false, "the session is not whole yet");
  s.receives({ type: "puback", packetId: first.packetId });
  s.sends({ type: "subscribe", packetId: first.packetId });
  s.sends("publish");
});

test("with every identifier in use, requests that never left still wait for the replay", () => {
  const s = connected({ inflight: MAX_PACKET_ID, pendingThrottleMillis: 100 });
  s.publishes(1);
  s.publishes(1);
  s.sent();
  while (s.session.canPublish(1)) s.publishes(1);
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: "publish", packetId: 1, dup: true });
  s.now = 100;
  s.sends({ type: "publish", packetId: 2, dup: true });
  s.sends({ type: "publish", packetId: 3, dup: false });
});

test("a subscription that waits for an identifier is not restored once it has been ended or replaced", () => {
  const s = connected({ inflight: MAX_PACKET_ID });
  s.hasSubscribed(["ended", "replaced"]);
  const unsubscribe = s.session.unsubscribe(["ended"]);
  const subscribe = s.session.subscribe([{ topicFilter: "replaced", qos: 2 }]);
  s.sent();
  while (s.session.canPublish(1)) s.publishes(1);
  s.reconnects({ sessionPresent: false });
  s.sends({ type: "unsubscribe", packetId: unsubscribe });
  s.sends({ type: "subscribe", packetId: subscribe });
  s.sends({ type: "publish", packetId: 4 });
  s.receives({ type: "unsuback", packetId: unsubscribe });
  s.receives({ type: "suback", packetId: subscribe, returnCodes: [2] });
  s.sends({ type: "publish", packetId: 5 });
  assertEquals(s.session.diagnostics().subscriptions, 1);
});
