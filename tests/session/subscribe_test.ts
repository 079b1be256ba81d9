// SUBSCRIBE and UNSUBSCRIBE from the request to the answer.

import { assertEquals } from "@std/assert";
import type { Suback } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

test("SUBACK ends its SUBSCRIBE and is told with its return codes [MQTT-3.8.4-2]", () => {
  const s = connected();
  const subscriptions = [{ topicFilter: "a/+", qos: 2 }, { topicFilter: "b/#", qos: 0 }] as const;
  assertEquals(s.session.subscribe(subscriptions, 7), 1);
  s.sendsOnly({ type: "subscribe", packetId: 1, subscriptions });
  assertEquals(s.session.isIdle, false);
  const suback: Suback = { type: "suback", packetId: 1, returnCodes: [1, 0] };
  s.receives(suback);
  assertEquals(s.events(), [
    { type: "request-completed", token: 7, packet: suback },
    { type: "incoming", packet: suback },
  ]);
  assertEquals([s.session.isIdle, s.session.diagnostics().subscriptions], [true, 2]);
  assertEquals([s.session.diagnostics().inflight, s.session.diagnostics().inflightQos2], [0, 0]);
});

test("UNSUBACK ends its UNSUBSCRIBE", () => {
  const s = connected();
  s.hasSubscribed(["a", "b"]);
  assertEquals(s.session.unsubscribe(["a", "unknown"], 7), 2);
  s.sendsOnly({ type: "unsubscribe", packetId: 2, topicFilters: ["a", "unknown"] });
  assertEquals(s.session.diagnostics().subscriptions, 2, "the server has not said so yet");
  s.receives({ type: "unsuback", packetId: 2 });
  assertEquals([s.ends(), s.session.diagnostics().subscriptions], [["7 unsuback"], 1]);
});

for (const returnCodes of [[1], [1, 1, 1]] as const) {
  test(`a SUBACK with ${returnCodes.length} return codes for 2 subscriptions breaks the protocol [MQTT-3.8.4-5]`, () => {
    const s = connected();
    s.subscribes(["a", "b"], 7);
    s.sends("subscribe");
    const error = s.rejects({ type: "suback", packetId: 1, returnCodes }, "MQTT-3.8.4-5");
    assertEquals(
      error.message,
      `Cannot handle SUBACK: it has ${returnCodes.length} return codes for 2 subscriptions [MQTT-3.8.4-5]`,
    );
    assertEquals([s.ends(), s.session.diagnostics().subscriptions], [[], 0]);
    s.reconnects({ sessionPresent: true });
    s.sendsOnly({ type: "subscribe", packetId: 1 });
  });
}

test("what is refused is not live, what is granted beside it is", () => {
  const s = connected();
  s.subscribes(["a", "b", "c"], 7);
  s.sends("subscribe");
  s.receives({ type: "suback", packetId: 1, returnCodes: [1, 0x80, 0] });
  assertEquals([s.ends(), s.session.diagnostics().subscriptions], [["7 suback"], 2]);
});

test("a filter that is subscribed again is one subscription [MQTT-3.8.4-3]", () => {
  const s = connected();
  s.hasSubscribed(["a", "b"]);
  s.hasSubscribed(["a"]);
  assertEquals(s.session.diagnostics().subscriptions, 2);
});

test("answers to several requests in any order end the right ones", () => {
  const s = connected();
  s.subscribes(["a"], 1);
  s.subscribes(["b", "c"], 2);
  s.session.unsubscribe(["d"], 3);
  s.sent();
  s.receives({ type: "unsuback", packetId: 3 });
  s.receives({ type: "suback", packetId: 2, returnCodes: [0, 0] });
  s.receives({ type: "suback", packetId: 1, returnCodes: [0] });
  assertEquals(s.ends(), ["3 unsuback", "2 suback", "1 suback"]);
});

test("an identifier can be used again after its SUBACK or UNSUBACK [MQTT-2.3.1-3]", () => {
  const s = connected();
  s.subscribes(["a"]);
  s.sends("subscribe");
  assertEquals(s.session.diagnostics().outgoingExchanges, 1);
  s.receives({ type: "suback", packetId: 1, returnCodes: [0] });
  assertEquals(s.session.diagnostics().outgoingExchanges, 0);
});

test("SUBSCRIBE and UNSUBSCRIBE without answer are repeated after a reconnect, under their identifiers", () => {
  const s = connected();
  s.subscribes(["a"], 1);
  s.session.unsubscribe(["b"], 2);
  s.sent();
  for (const sessionPresent of [true, false, true]) {
    s.reconnects({ sessionPresent });
    assertEquals(s.sent(), ["subscribe 1", "unsubscribe 2"]);
  }
  s.receives({ type: "suback", packetId: 1, returnCodes: [0] });
  s.receives({ type: "unsuback", packetId: 2 });
  assertEquals(s.ends(), ["1 suback", "2 unsuback"]);
});
