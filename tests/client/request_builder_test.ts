// From the arguments of a call to a valid request, or an error that names what is wrong; nothing in between.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type PublishOptions, RequestBuilder } from "../../src/client/request_builder.ts";
import { PreparedTopic, type QoS, type Suback, type Unsuback } from "../../src/codec/mod.ts";
import { Completion, type PublishResult } from "../../src/loop/mod.ts";
import { test } from "../support/test.ts";

function build(topic: unknown, payload: unknown = "x", options?: unknown, maxPacketSize?: number) {
  return new RequestBuilder(maxPacketSize).publish(
    topic as string,
    payload as string,
    options as PublishOptions | undefined,
    undefined,
  );
}

test("a publish has its defaults", () => {
  // Whether a name is prepared on the way is for the process-wide cache to say.
  assertEquals({ ...build("a/b", "hé"), preparedTopic: undefined }, {
    kind: "publish",
    order: 0,
    caller: undefined,
    topicName: "a/b",
    preparedTopic: undefined,
    payload: new TextEncoder().encode("hé"),
    qos: 0,
    retain: false,
    completion: undefined,
  });
});

test("a publish has what it is given", () => {
  const completion = new Completion<PublishResult>();
  const request = new RequestBuilder().publish("a", Uint8Array.of(1), { qos: 2, retain: true }, completion);
  assertEquals([request.qos, request.retain, request.payload], [2, true, Uint8Array.of(1)]);
  assertStrictEquals(request.completion, completion);
});

test("a prepared topic is used as it is", () => {
  const topic = new PreparedTopic("a/b");
  const request = build(topic);
  assertEquals(request.topicName, "a/b");
  assertStrictEquals(request.preparedTopic, topic);
});

test("undefined options are the defaults", () => {
  const { qos, retain } = build("a", "x", { qos: undefined, retain: undefined });
  assertEquals([qos, retain], [0, false]);
});

/** Arguments of a publish, message. */
const BAD_PUBLISHES: [unknown[], string][] = [
  [[""], "Cannot publish: topicName is empty [MQTT-4.7.3-1]"],
  [["a/#"], 'Cannot publish: topicName contains "#" [MQTT-4.7.1-1]'],
  [["a/+"], 'Cannot publish: topicName contains "+" [MQTT-4.7.1-1]'],
  [["a\0"], "Cannot publish: topicName contains U+0000"],
  [["a\u0001"], "Cannot publish: topicName contains the control character U+0001"],
  [["\ud800"], "Cannot publish: topicName"],
  [["x".repeat(65_536)], "Cannot publish: topicName"],
  [[undefined], "Cannot publish: topicName is not a string"],
  [[5], "Cannot publish: topicName is not a string"],
  [["a", "x", { qos: 3 }], "Cannot publish: qos is 3, none of 0, 1, 2 [MQTT-3.3.1-4]"],
  [["a", "x", { qos: "1" }], "Cannot publish: qos is 1, none of 0, 1, 2"],
  [["a", "x", { retain: 1 }], "Cannot publish: retain is 1, neither true nor false"],
  [["a", 5], "Cannot publish: payload is neither text nor bytes"],
  [["a", [1, 2]], "Cannot publish: payload is neither text nor bytes"],
  [["a", new ArrayBuffer(2)], "Cannot publish: payload is neither text nor bytes"],
  [["a", null], "Cannot publish: payload is neither text nor bytes"],
];

for (const [args, message] of BAD_PUBLISHES) {
  test(`a publish is refused: ${message}`, () => {
    const [topic, payload, options] = args;
    const error = assertThrows(() => build(topic, payload ?? (args.length > 1 ? payload : "x"), options), TypeError);
    assertStringIncludes(error.message, message);
  });
}

test("a publish may be as large as the limit, to the byte, at each QoS and for any topic", () => {
  for (const topic of ["t", "é", "日本", "x".repeat(200)]) {
    const topicBytes = new TextEncoder().encode(topic).length;
    for (const qos of [0, 1, 2] as QoS[]) {
      const limit = 1000;
      // Fixed header of 3 bytes, length of the topic, topic, Packet Identifier.
      const room = limit - 3 - 2 - topicBytes - (qos === 0 ? 0 : 2);
      assertEquals(build(topic, new Uint8Array(room), { qos }, limit).payload.length, room);
      const error = assertThrows(() => build(topic, new Uint8Array(room + 1), { qos }, limit), RangeError);
      assertEquals(error.message, "Cannot publish: the packet has 1001 bytes, more than the 1000 allowed");
    }
  }
});

test("a prepared topic counts for the limit too", () => {
  assertThrows(() => build(new PreparedTopic("x".repeat(50)), "", {}, 40), RangeError, "more than the 40 allowed");
});

test("the limit may be changed", () => {
  const builder = new RequestBuilder(10);
  assertThrows(() => builder.publish("topic", "payload", undefined, undefined), RangeError);
  builder.maxPacketSize = 20;
  assert(builder.publish("topic", "payload", undefined, undefined));
});

test("a subscribe is copied", () => {
  const completion = new Completion<Suback>();
  const subscriptions = [{ topicFilter: "a/#", qos: 1 as QoS }, { topicFilter: "+/b", qos: 0 as QoS }];
  const request = new RequestBuilder().subscribe(subscriptions, completion);
  subscriptions[0]!.topicFilter = "changed";
  subscriptions.pop();
  assertEquals(request.subscriptions, [{ topicFilter: "a/#", qos: 1 }, { topicFilter: "+/b", qos: 0 }]);
  assertStrictEquals(request.completion, completion);
});

test("an unsubscribe is copied", () => {
  const completion = new Completion<Unsuback>();
  const topicFilters = ["a/#", "+/b"];
  const request = new RequestBuilder().unsubscribe(topicFilters, completion);
  topicFilters.pop();
  assertEquals(request.topicFilters, ["a/#", "+/b"]);
  assertStrictEquals(request.completion, completion);
});

/** Topic Filter, message. */
const BAD_FILTERS: [unknown, string][] = [
  ["", "topicFilter is empty [MQTT-4.7.3-1]"],
  ["a#", 'topicFilter has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["a/#/b", 'topicFilter has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["a+", 'topicFilter has a "+" that is not a whole level [MQTT-4.7.1-3]'],
  ["a\0", "topicFilter contains U+0000"],
  [undefined, "topicFilter is not a string"],
];

for (const [topicFilter, message] of BAD_FILTERS) {
  test(`a subscribe and an unsubscribe are refused: ${message}`, () => {
    const builder = new RequestBuilder();
    const filter = topicFilter as string;
    assertThrows(
      () => builder.subscribe([{ topicFilter: "good", qos: 0 }, { topicFilter: filter, qos: 0 }], undefined),
      TypeError,
      `Cannot subscribe: ${message}`,
    );
    assertThrows(() => builder.unsubscribe(["good", filter], undefined), TypeError, `Cannot unsubscribe: ${message}`);
  });
}

test("a subscribe needs a QoS of 0, 1 or 2", () => {
  const subscriptions = [{ topicFilter: "a", qos: 3 as QoS }];
  assertThrows(() => new RequestBuilder().subscribe(subscriptions, undefined), TypeError, "Cannot subscribe: qos is 3");
});

test("an empty list is refused [MQTT-3.8.3-3] [MQTT-3.10.3-2]", () => {
  const builder = new RequestBuilder();
  assertThrows(() => builder.subscribe([], undefined), TypeError, "no topic filter is given [MQTT-3.8.3-3]");
  assertThrows(() => builder.unsubscribe([], undefined), TypeError, "no topic filter is given [MQTT-3.10.3-2]");
});

test("a subscribe or unsubscribe larger than the limit is refused", () => {
  const builder = new RequestBuilder(20);
  const topicFilter = "x".repeat(20);
  assertThrows(
    () => builder.subscribe([{ topicFilter, qos: 0 }], undefined),
    RangeError,
    "Cannot subscribe: the packet has 27 bytes, more than the 20 allowed",
  );
  assertThrows(
    () => builder.unsubscribe([topicFilter], undefined),
    RangeError,
    "Cannot unsubscribe: the packet has 26 bytes, more than the 20 allowed",
  );
});
