// What Petrel takes from the answers of a server that keeps the statements which bind it.

import { assertEquals } from "@std/assert";
import { connected, filtersOf } from "../session/support.ts";
import { test } from "../support/test.ts";

test("an answer belongs to the request whose Packet Identifier it has [MQTT-2.3.1-7]", () => {
  const s = connected();
  assertEquals([s.subscribes(["a"], 7), s.subscribes(["b"], 8)], [1, 2]);
  assertEquals(s.session.unsubscribe(["c"], 9), 3);
  s.sent();
  s.receives({ type: "unsuback", packetId: 2 });
  s.receives({ type: "suback", packetId: 3, returnCodes: [1] });
  s.receives({ type: "suback", packetId: 4, returnCodes: [1] });
  assertEquals(s.ends(), []);
  s.receives({ type: "suback", packetId: 2, returnCodes: [1] });
  s.receives({ type: "unsuback", packetId: 3 });
  s.receives({ type: "suback", packetId: 1, returnCodes: [1] });
  assertEquals(s.ends(), ["8 suback", "9 unsuback", "7 suback"]);
});

test("return codes are taken in the order of the Topic Filters [MQTT-3.9.3-1]", () => {
  const s = connected();
  s.subscribes(["refused/1", "granted/1", "refused/2", "granted/2"]);
  s.sends("subscribe");
  s.receives({ type: "suback", packetId: 1, returnCodes: [0x80, 0, 0x80, 1] });
  s.reconnects({ sessionPresent: false });
  assertEquals(filtersOf(s.sends("subscribe")), ["granted/1", "granted/2"]);
});
