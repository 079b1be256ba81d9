// Manual acknowledgement: the application says when a message is taken, in any order, and cannot do harm by saying it.

import { assertEquals, assertNotStrictEquals } from "@std/assert";
import type { Publish } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

const MANUAL = { ackMode: "manual" } as const;

test("nothing is answered until the application acknowledges: PUBACK at QoS 1, PUBREC at QoS 2", () => {
  const s = connected(MANUAL);
  const one = s.receivesPublish(1, 5);
  const two = s.receivesPublish(2, 6);
  s.sendsNothing();
  assertEquals(s.session.diagnostics().unacknowledged, 2);
  assertEquals(s.session.acknowledge(one), true);
  s.sendsOnly({ type: "puback", packetId: 5 });
  assertEquals(s.session.acknowledge(two), true);
  s.sendsOnly({ type: "pubrec", packetId: 6 });
  assertEquals(s.session.diagnostics().unacknowledged, 0);
});

test("acknowledgements leave in the order in which the application gives them", () => {
  const s = connected(MANUAL);
  const publishes = [1, 2, 3, 4].map((packetId) => s.receivesPublish(packetId % 2 === 0 ? 2 : 1, packetId));
  for (const index of [2, 0, 3, 1]) s.session.acknowledge(publishes[index]!);
  assertEquals(s.sent(), ["puback 3", "puback 1", "pubrec 4", "pubrec 2"]);
});

test("a second acknowledgement is harmless and still true", () => {
  const s = connected(MANUAL);
  for (const publish of [s.receivesPublish(1, 5), s.receivesPublish(2, 6)]) {
    assertEquals(s.session.acknowledge(publish), true);
    assertEquals(s.session.acknowledge(publish), true);
    assertEquals(s.sent().length, 1);
    assertEquals(s.session.acknowledge(publish), true);
    s.sendsNothing();
  }
});

test("QoS 0 needs no acknowledgement, and is acknowledged", () => {
  const s = connected(MANUAL);
  assertEquals(s.session.acknowledge(s.receivesPublish(0, 0)), true);
  s.sendsNothing();
});

test("a message that was never delivered cannot be acknowledged", () => {
  const s = connected(MANUAL);
  const delivered = s.receivesPublish(1, 5);
  assertEquals(s.session.acknowledge({ ...delivered }), false);
  assertEquals(s.session.acknowledge({ ...delivered, packetId: 6 }), false);
  assertEquals(s.session.acknowledge({ ...delivered, qos: 2 }), false);
  s.sendsNothing();
  assertEquals(s.session.acknowledge(delivered), true);
});

test("in automatic mode nothing is left to be acknowledged: it is true, whatever becomes of the connection", () => {
  const s = connected();
  const publishes = ([0, 1, 2] as const).map((qos) => s.receivesPublish(qos, qos === 0 ? 0 : 4 + qos));
  assertEquals(s.sent(), ["puback 5", "pubrec 6"]);
  const acknowledged = () => publishes.map((publish) => s.session.acknowledge(publish));
  assertEquals([acknowledged(), acknowledged()], [[true, true, true], [true, true, true]]);
  s.loses();
  assertEquals(acknowledged(), [true, true, true]);
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("when its connection is gone, an acknowledgement is false and nothing is sent", () => {
  const s = connected(MANUAL);
  const publishes = [s.receivesPublish(1, 5), s.receivesPublish(2, 6)];
  s.loses();
  assertEquals(publishes.map((publish) => s.session.acknowledge(publish)), [false, false]);
  s.opens();
  s.accepted({ sessionPresent: true });
  assertEquals(publishes.map((publish) => s.session.acknowledge(publish)), [false, false]);
  s.sendsNothing();
});

test("the server repeats what was not acknowledged: a delivery of its own, with an acknowledgement of its own", () => {
  const s = connected(MANUAL);
  const first = s.receivesPublish(2, 5, { text: "a" });
  s.reconnects({ sessionPresent: true });
  const second = s.receivesPublish(2, 5, { text: "a", dup: true });
  assertNotStrictEquals(first, second);
  assertEquals(s.deliveries(), ["a", "a"]);
  assertEquals(s.session.acknowledge(first), false, "the application has not taken the second copy yet");
  s.sendsNothing();
  assertEquals(s.session.acknowledge(second), true);
  s.sendsOnly({ type: "pubrec", packetId: 5 });
});

test("an acknowledgement that did not leave goes with its connection", () => {
  const s = connected(MANUAL);
  const publish = s.receivesPublish(1, 5);
  assertEquals(s.session.acknowledge(publish), true);
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
  assertEquals(s.session.acknowledge(publish), false);
});

test("a QoS 2 message that was acknowledged is not delivered again, also if its PUBREC was lost [MQTT-4.3.3-2]", () => {
  const s = connected(MANUAL);
  s.session.acknowledge(s.receivesPublish(2, 5, { text: "a" }));
  s.reconnects({ sessionPresent: true });
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});

test("a QoS 2 message that waits for the application is not delivered twice on one connection", () => {
  const s = connected(MANUAL);
  const publish = s.receivesPublish(2, 5, { text: "a" });
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsNothing();
  assertEquals([s.deliveries(), s.session.diagnostics().unacknowledged], [["a"], 1]);
  s.session.acknowledge(publish);
  s.sendsOnly({ type: "pubrec", packetId: 5 });
});

test("a repetition after the acknowledgement is answered with PUBREC again", () => {
  const s = connected(MANUAL);
  s.session.acknowledge(s.receivesPublish(2, 5, { text: "a" }));
  s.sendsOnly("pubrec");
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});

test("PUBREL is answered at once", () => {
  const s = connected(MANUAL);
  s.session.acknowledge(s.receivesPublish(2, 5));
  s.receives({ type: "pubrel", packetId: 5 });
  assertEquals(s.sent(), ["pubrec 5", "pubcomp 5"]);
});

test("a server that releases a message early takes the acknowledgement away with it", () => {
  const s = connected(MANUAL);
  const publish = s.receivesPublish(2, 5);
  s.receives({ type: "pubrel", packetId: 5 });
  s.sendsOnly({ type: "pubcomp", packetId: 5 });
  assertEquals([s.session.acknowledge(publish), s.session.diagnostics().unacknowledged], [false, 0]);
  s.sendsNothing();
});

test("a QoS 1 identifier the server uses again belongs to the newer message", () => {
  const s = connected(MANUAL);
  const older = s.receivesPublish(1, 5);
  const newer = s.receivesPublish(1, 5);
  assertEquals(s.session.acknowledge(older), false);
  assertEquals(s.session.acknowledge(newer), true);
  s.sendsOnly({ type: "puback", packetId: 5 });
});

test("a message that waits holds nothing else back", () => {
  const s = connected(MANUAL);
  s.receivesPublish(1, 5);
  s.publishes(2);
  s.sendsOnly("publish");
  s.receives({ type: "pubrec", packetId: 1 });
  s.sendsOnly("pubrel");
});

test("after DISCONNECT an acknowledgement would never leave, so it is false", () => {
  const s = connected(MANUAL);
  const publish: Publish = s.receivesPublish(1, 5);
  s.session.disconnect();
  s.sendsOnly("disconnect");
  assertEquals(s.session.acknowledge(publish), false);
  assertEquals(s.session.diagnostics().unacknowledged, 0);
});

test("an acknowledgement given before the DISCONNECT of a drain leaves before it", () => {
  const s = connected(MANUAL);
  const publish = s.receivesPublish(1, 5);
  s.session.disconnect();
  s.session.acknowledge(publish);
  assertEquals(s.sent(), ["puback 5", "disconnect"]);
});

test("a switch to automatic mode leaves the open ones to the application", () => {
  const s = connected(MANUAL);
  const publish = s.receivesPublish(1, 5);
  s.configures({ ackMode: "automatic" });
  s.receivesPublish(1, 6);
  s.sendsOnly({ type: "puback", packetId: 6 });
  assertEquals(s.session.acknowledge(publish), true);
  s.sendsOnly({ type: "puback", packetId: 5 });
});

test("a switch to manual mode leaves what was answered answered", () => {
  const s = connected();
  s.receivesPublish(2, 5, { text: "a" });
  s.sendsOnly("pubrec");
  s.configures(MANUAL);
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsOnly({ type: "pubrec", packetId: 5 });
  assertEquals(s.deliveries(), ["a"]);
});
