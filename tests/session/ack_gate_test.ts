// Automatic acknowledgements that are made to wait: the server's window stops it, and nothing else is held up.

import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

test("held: messages are delivered, and their acknowledgements wait", () => {
  const s = connected();
  s.session.ackGate.isHeld = true;
  s.receivesPublish(1, 5, { text: "a" });
  s.receivesPublish(2, 6, { text: "b" });
  s.sendsNothing();
  assertEquals(s.deliveries(), ["a", "b"]);
});

test("released: they leave in the order of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3]", () => {
  const s = connected();
  s.receivesPublish(1, 4);
  s.session.ackGate.isHeld = true;
  s.receivesPublish(1, 5);
  s.receivesPublish(2, 6);
  s.receivesPublish(1, 7);
  assertEquals(s.sent(), ["puback 4"]);
  s.session.ackGate.isHeld = false;
  s.receivesPublish(1, 8);
  assertEquals(s.sent(), ["puback 5", "pubrec 6", "puback 7", "puback 8"]);
  s.receivesPublish(1, 9);
  assertEquals(s.sent(), ["puback 9"]);
});

test("held: PUBREL is answered, PUBREC too, and PINGREQ leaves", () => {
  const s = connected({}, { keepAlive: 10 });
  s.receivesPublish(2, 5);
  assertEquals(s.sent(), ["pubrec 5"]);
  s.session.ackGate.isHeld = true;
  s.receivesPublish(1, 6);
  s.receives({ type: "pubrel", packetId: 5 });
  s.publishes(2);
  assertEquals(s.sent(), ["pubcomp 5", "publish 1"]);
  s.receives({ type: "pubrec", packetId: 1 });
  assertEquals(s.sent(), ["pubrel 1"]);
  assertEquals(s.passes(10_000), ["pingreq @10000"]);
});

test("held: a repeated QoS 2 message is not delivered again, on this connection or the next [MQTT-4.3.3-2]", () => {
  const s = connected();
  s.session.ackGate.isHeld = true;
  s.receivesPublish(2, 5, { text: "a" });
  s.receivesPublish(2, 5, { text: "a", dup: true });
  s.sendsNothing();
  s.reconnects({ sessionPresent: true });
  s.session.ackGate.isHeld = false;
  s.receivesPublish(2, 5, { text: "a", dup: true });
  assertEquals(s.sent(), ["pubrec 5"]);
  assertEquals(s.deliveries(), ["a"]);
});

test("what is held goes with the connection: the server repeats its messages", () => {
  const s = connected();
  s.session.ackGate.isHeld = true;
  s.receivesPublish(1, 5, { text: "a" });
  s.reconnects({ sessionPresent: true });
  s.session.ackGate.isHeld = false;
  s.sendsNothing();
  s.receivesPublish(1, 5, { text: "a", dup: true });
  assertEquals(s.sent(), ["puback 5"]);
});

test("a filter is subscribed to from its SUBACK to its UNSUBACK", () => {
  const s = connected();
  const packetId = s.subscribes(["a", "b"]);
  s.sends("subscribe");
  assertEquals(s.session.isSubscribed("a"), false);
  s.receives({ type: "suback", packetId, returnCodes: [1, 0x80] });
  assertEquals(["a", "b", "c"].map((filter) => s.session.isSubscribed(filter)), [true, false, false]);
  const ending = s.session.unsubscribe(["a"]);
  s.sends("unsubscribe");
  assertEquals(s.session.isSubscribed("a"), true);
  s.receives({ type: "unsuback", packetId: ending });
  assertEquals(s.session.isSubscribed("a"), false);
});
