// What the decoder calls malformed, the encoder refuses to make.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { encodePacket, Encoder, type Packet, PreparedTopic } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { hex } from "./hex.ts";
import { publish } from "./vector.ts";

interface Refusal {
  readonly name: string;
  readonly packet: unknown;
  readonly error: typeof TypeError | typeof RangeError;
  readonly rule: string;
}

const will = { topicName: "w", payload: new Uint8Array(0), qos: 0, retain: false };
const connect = {
  type: "connect",
  clientId: "c",
  cleanSession: true,
  keepAlive: 60,
  will: undefined,
  username: undefined,
  password: undefined,
};

const publishes: readonly Refusal[] = [
  refusal("an empty Topic Name", { ...publish({ topicName: "" }) }, TypeError, "[MQTT-4.7.3-1]"),
  refusal('the Topic Name "a/#"', publish({ topicName: "a/#" }), TypeError, "[MQTT-3.3.2-2]"),
  refusal('the Topic Name "+"', publish({ topicName: "+" }), TypeError, "[MQTT-3.3.2-2]"),
  refusal(
    "a long Topic Name with a wildcard",
    publish({ topicName: "a".repeat(90) + "+" }),
    TypeError,
    "[MQTT-3.3.2-2]",
  ),
  refusal("U+0000 in the Topic Name", publish({ topicName: "a\0b" }), TypeError, "[MQTT-1.5.3-2]"),
  refusal("a lone lead surrogate", publish({ topicName: "a\ud800" }), TypeError, "[MQTT-1.5.3-1]"),
  refusal("a lone trail surrogate", publish({ topicName: "\udc00a" }), TypeError, "[MQTT-1.5.3-1]"),
  refusal("surrogates in the wrong order", publish({ topicName: "\udc00\ud800" }), TypeError, "[MQTT-1.5.3-1]"),
  refusal("a Topic Name of 65,536 bytes", publish({ topicName: "a".repeat(65_536) }), TypeError, "[MQTT-4.7.3-3]"),
  refusal(
    "a Topic Name of 65,537 bytes",
    publish({ topicName: "€".repeat(21_845) + "é" }),
    TypeError,
    "[MQTT-4.7.3-3]",
  ),
  refusal("a Topic Name that is no string", { ...publish({}), topicName: 7 }, TypeError, "[MQTT-1.5.3]"),
  refusal("a payload that is no Uint8Array", { ...publish({}), payload: "text" }, TypeError, "[MQTT-3.3.3]"),
  refusal("a payload of wider numbers", { ...publish({}), payload: new Uint16Array(2) }, TypeError, "[MQTT-3.3.3]"),
  refusal("no payload", { ...publish({}), payload: undefined }, TypeError, "[MQTT-3.3.3]"),
  refusal("QoS 3", { ...publish({ packetId: 1 }), qos: 3 }, RangeError, "[MQTT-3.3.1-4]"),
  refusal("QoS -1", { ...publish({ packetId: 1 }), qos: -1 }, RangeError, "[MQTT-3.3.1-4]"),
  refusal("a QoS that is no number", { ...publish({ packetId: 1 }), qos: "1" }, RangeError, "[MQTT-3.3.1-4]"),
  refusal("DUP at QoS 0", publish({ dup: true }), TypeError, "[MQTT-3.3.1-2]"),
  refusal("a DUP that is no boolean", { ...publish({ qos: 1, packetId: 1 }), dup: 1 }, TypeError, "[MQTT-3.3.1.1]"),
  refusal("a RETAIN that is no boolean", { ...publish({}), retain: undefined }, TypeError, "[MQTT-3.3.1.3]"),
  refusal("a Packet Identifier at QoS 0", publish({ packetId: 1 }), RangeError, "[MQTT-2.3.1-5]"),
  refusal("Packet Identifier 0 at QoS 1", publish({ qos: 1 }), RangeError, "[MQTT-2.3.1-1]"),
  refusal("Packet Identifier 65,536", publish({ qos: 2, packetId: 65_536 }), RangeError, "[MQTT-2.3.1-1]"),
  refusal("Packet Identifier -1", publish({ qos: 2, packetId: -1 }), RangeError, "[MQTT-2.3.1-1]"),
  refusal("Packet Identifier 1.5", publish({ qos: 1, packetId: 1.5 }), RangeError, "[MQTT-2.3.1-1]"),
  refusal("Packet Identifier NaN", publish({ qos: 1, packetId: NaN }), RangeError, "[MQTT-2.3.1-1]"),
  refusal(
    "a Packet Identifier that is no number",
    { ...publish({ qos: 1 }), packetId: "7" },
    RangeError,
    "[MQTT-2.3.1-1]",
  ),
  refusal(
    "a prepared topic of another name",
    { ...publish({ topicName: "a" }), preparedTopic: new PreparedTopic("b") },
    TypeError,
    "[MQTT-3.3.2-1]",
  ),
];

const connects: readonly Refusal[] = [
  refusal("the session of nobody", { ...connect, clientId: "", cleanSession: false }, TypeError, "[MQTT-3.1.3-7]"),
  refusal("a password without a username", { ...connect, password: hex("00") }, TypeError, "[MQTT-3.1.2-22]"),
  refusal("a password that is a string", { ...connect, username: "u", password: "p" }, TypeError, "[MQTT-3.1.3.5]"),
  refusal(
    "a password of 65,536 bytes",
    { ...connect, username: "u", password: new Uint8Array(65_536) },
    RangeError,
    "[MQTT-3.1.3.5]",
  ),
  refusal("Keep Alive 65,536", { ...connect, keepAlive: 65_536 }, RangeError, "[MQTT-3.1.2.10]"),
  refusal("Keep Alive -1", { ...connect, keepAlive: -1 }, RangeError, "[MQTT-3.1.2.10]"),
  refusal("Keep Alive 0.5", { ...connect, keepAlive: 0.5 }, RangeError, "[MQTT-3.1.2.10]"),
  refusal("a Clean Session that is no boolean", { ...connect, cleanSession: 1 }, TypeError, "[MQTT-3.1.2.4]"),
  refusal("a Client Identifier that is no string", { ...connect, clientId: undefined }, TypeError, "[MQTT-1.5.3]"),
  refusal("U+0000 in the Client Identifier", { ...connect, clientId: "\0" }, TypeError, "[MQTT-1.5.3-2]"),
  refusal("a surrogate in the Client Identifier", { ...connect, clientId: "\ud800" }, TypeError, "[MQTT-1.5.3-1]"),
  refusal(
    "a Client Identifier of 65,536 bytes",
    { ...connect, clientId: "é".repeat(32_768) },
    TypeError,
    "[MQTT-1.5.3]",
  ),
  refusal("U+0000 in the username", { ...connect, username: "a\0" }, TypeError, "[MQTT-1.5.3-2]"),
  refusal("an empty Will Topic", { ...connect, will: { ...will, topicName: "" } }, TypeError, "[MQTT-4.7.3-1]"),
  refusal('the Will Topic "#"', { ...connect, will: { ...will, topicName: "#" } }, TypeError, "[MQTT-4.7.1-1]"),
  refusal(
    "a Will Topic that is no string",
    { ...connect, will: { ...will, topicName: null } },
    TypeError,
    "[MQTT-1.5.3]",
  ),
  refusal("Will QoS 3", { ...connect, will: { ...will, qos: 3 } }, RangeError, "[MQTT-3.1.2-14]"),
  refusal(
    "a Will Retain that is no boolean",
    { ...connect, will: { ...will, retain: 0 } },
    TypeError,
    "[MQTT-3.1.2.7]",
  ),
  refusal(
    "a Will Message that is a string",
    { ...connect, will: { ...will, payload: "x" } },
    TypeError,
    "[MQTT-3.1.3.3]",
  ),
  refusal(
    "a Will Message of 65,536 bytes",
    { ...connect, will: { ...will, payload: new Uint8Array(65_536) } },
    RangeError,
    "[MQTT-3.1.3.3]",
  ),
];

const others: readonly Refusal[] = [
  refusal("PUBACK with Packet Identifier 0", { type: "puback", packetId: 0 }, RangeError, "[MQTT-2.3.1-1]"),
  refusal("PUBREC with Packet Identifier 65,536", { type: "pubrec", packetId: 65_536 }, RangeError, "[MQTT-2.3.1-1]"),
  refusal("PUBREL without a Packet Identifier", { type: "pubrel" }, RangeError, "[MQTT-2.3.1-1]"),
  refusal("PUBCOMP with Packet Identifier 0", { type: "pubcomp", packetId: 0 }, RangeError, "[MQTT-2.3.1-1]"),
  refusal("UNSUBACK with Packet Identifier 0", { type: "unsuback", packetId: 0 }, RangeError, "[MQTT-2.3.1-1]"),
  refusal("SUBSCRIBE with Packet Identifier 0", subscribe(0, ["a", 0]), RangeError, "[MQTT-2.3.1-1]"),
  refusal("SUBSCRIBE to nothing", subscribe(1), TypeError, "[MQTT-3.8.3-3]"),
  refusal("SUBSCRIBE to an empty filter", subscribe(1, ["", 0]), TypeError, "[MQTT-4.7.3-1]"),
  refusal('SUBSCRIBE to "a#"', subscribe(1, ["a", 0], ["a#", 0]), TypeError, "[MQTT-4.7.1-2]"),
  refusal('SUBSCRIBE to "a+/b"', subscribe(1, ["a+/b", 0]), TypeError, "[MQTT-4.7.1-3]"),
  refusal("SUBSCRIBE with U+0000", subscribe(1, ["\0", 0]), TypeError, "[MQTT-1.5.3-2]"),
  refusal("SUBSCRIBE to a filter that is no string", subscribe(1, [1, 0]), TypeError, "[MQTT-1.5.3]"),
  refusal("SUBSCRIBE to 65,536 bytes", subscribe(1, ["a".repeat(65_536), 0]), TypeError, "[MQTT-4.7.3-3]"),
  refusal("SUBSCRIBE at QoS 3", subscribe(1, ["a", 3]), RangeError, "[MQTT-3.8.3-4]"),
  refusal(
    "SUBACK with Packet Identifier 0",
    { type: "suback", packetId: 0, returnCodes: [0] },
    RangeError,
    "[MQTT-2.3.1-1]",
  ),
  refusal("SUBACK without a code", { type: "suback", packetId: 1, returnCodes: [] }, TypeError, "[MQTT-3.8.4-5]"),
  refusal("SUBACK with code 3", { type: "suback", packetId: 1, returnCodes: [0, 3] }, RangeError, "[MQTT-3.9.3-2]"),
  refusal(
    "UNSUBSCRIBE from nothing",
    { type: "unsubscribe", packetId: 1, topicFilters: [] },
    TypeError,
    "[MQTT-3.10.3-2]",
  ),
  refusal(
    "UNSUBSCRIBE with Packet Identifier 0",
    { type: "unsubscribe", packetId: 0, topicFilters: ["a"] },
    RangeError,
    "[MQTT-2.3.1-1]",
  ),
  refusal(
    'UNSUBSCRIBE from "#/a"',
    { type: "unsubscribe", packetId: 1, topicFilters: ["#/a"] },
    TypeError,
    "[MQTT-4.7.1-2]",
  ),
  refusal(
    "CONNACK with return code 6",
    { type: "connack", sessionPresent: false, returnCode: 6 },
    RangeError,
    "[MQTT-3.2.2.3]",
  ),
  refusal(
    "CONNACK with return code 0.5",
    { type: "connack", sessionPresent: false, returnCode: 0.5 },
    RangeError,
    "[MQTT-3.2.2.3]",
  ),
  refusal("CONNACK without sessionPresent", { type: "connack", returnCode: 0 }, TypeError, "[MQTT-3.2.2.2]"),
  refusal(
    "CONNACK that refuses with Session Present",
    { type: "connack", sessionPresent: true, returnCode: 5 },
    TypeError,
    "[MQTT-3.2.2-4]",
  ),
  refusal("a packet of no type", {}, TypeError, "[MQTT-2.2.1]"),
  refusal("a packet of another version", { type: "auth" }, TypeError, "[MQTT-2.2.1]"),
];

for (const { name, packet, error: ErrorClass, rule } of [...publishes, ...connects, ...others]) {
  test(`the encoder refuses ${name} ${rule}`, () => {
    const error = assertThrows(() => encodePacket(packet as Packet), ErrorClass);
    assert(error.message.startsWith("Cannot encode ") && error.message.endsWith(rule), error.message);

    const encoder = new Encoder();
    encoder.encode({ type: "puback", packetId: 7 });
    encoder.encode(publish({ topicName: "x", payload: new Uint8Array(16_384) }));
    assertThrows(() => encoder.encode(packet as Packet), ErrorClass);
    assertEquals(encoder.length, 4 + 7 + 16_384);
    encoder.encode({ type: "pingreq" });
    assertEquals(encoder.take().map(({ length }) => length), [11, 16_384, 2]);
    assertEquals(encoder.take()[2]!.bytes.slice(0, 2), hex("c0 00"));
    encoder.reset();
    encoder.encode({ type: "disconnect" });
    assertEquals(encoder.take()[0]!.bytes.slice(0, 2), hex("e0 00"));
  });
}

test("the encoder refuses a packet larger than the protocol allows [MQTT-2.2.3]", () => {
  // 3 bytes of topic and 268,435,453 of payload: one more than Remaining Length can say. The memory is never touched.
  const payload = new Uint8Array(268_435_453);
  const error = assertThrows(() => new Encoder().encode(publish({ topicName: "a", payload })), RangeError);
  assertEquals(error.message, "Cannot encode PUBLISH: it has 268435461 bytes, more than 268435460 [MQTT-2.2.3]");
  const long = publish({ topicName: "a".repeat(100), payload: payload.subarray(98) });
  assertInstanceOf(assertThrows(() => new Encoder().encode(long)), RangeError);

  const encoder = new Encoder();
  encoder.encode(publish({ topicName: "a", payload: payload.subarray(1) }));
  assertEquals(encoder.length, 268_435_460);
  assertEquals(encoder.take()[0]!.bytes.slice(0, 8), hex("30 ff ff ff 7f 00 01 61"));
});

test("control characters and non-characters are no fault of the encoding: what was received can be passed on", () => {
  const packet = publish({ topicName: "a\u0001\u007f\uffff" });
  assertEquals(encodePacket(packet), hex("30 08 00 06 61 01 7f ef bf bf"));
});

function subscribe(packetId: number, ...pairs: [unknown, number][]): unknown {
  return { type: "subscribe", packetId, subscriptions: pairs.map(([topicFilter, qos]) => ({ topicFilter, qos })) };
}

function refusal(
  name: string,
  packet: unknown,
  error: typeof TypeError | typeof RangeError,
  rule: string,
): Refusal {
  return { name, packet, error, rule };
}
