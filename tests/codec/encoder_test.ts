// The life of the encoder's buffer: growth, parts, reuse.

import { assert, assertEquals, assertLessOrEqual, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type EncodedPart,
  encodePacket,
  Encoder,
  MAX_PACKET_SIZE,
  packetSize,
  PAYLOAD_REFERENCE_THRESHOLD,
  PreparedTopic,
  publishSize,
  type QoS,
} from "../../src/codec/mod.ts";
import { encodePublish } from "../../src/codec/encode_publish.ts";
import { TopicCache } from "../../src/codec/topic_cache.ts";
import { WriteBuffer } from "../../src/codec/write_buffer.ts";
import { test } from "../support/test.ts";
import { collect } from "./collect.ts";
import { concat, hex } from "./hex.ts";
import { encodeNaive } from "./naive.ts";
import { filled, publish } from "./vector.ts";

test("nothing encoded is no part", () => {
  const encoder = new Encoder();
  assertEquals(encoder.length, 0);
  assertEquals(encoder.take(), []);
  encoder.reset();
  assertEquals(encoder.take(), []);
});

test("packets up to the reference threshold are one part", () => {
  const encoder = new Encoder();
  const packets = Array.from({ length: 40 }, (_, i) => publish({ topicName: `t/${i}`, payload: filled(i * 400) }));
  for (const packet of packets) encoder.encode(packet);
  const parts = encoder.take();
  assertEquals(parts.length, 1);
  assertEquals(parts[0]!.length, encoder.length);
  assertEquals(collect(copies(parts)), { packets, error: undefined });
});

test("a payload at the reference threshold is a part of its own, not a copy", () => {
  const encoder = new Encoder();
  const small = filled(PAYLOAD_REFERENCE_THRESHOLD - 1);
  const large = filled(PAYLOAD_REFERENCE_THRESHOLD);
  const larger = filled(PAYLOAD_REFERENCE_THRESHOLD * 5);
  const packets = [
    publish({ payload: small }),
    publish({ payload: large, qos: 1, packetId: 1 }),
    publish({ payload: larger }),
    publish({ payload: small }),
  ];
  for (const packet of packets) encoder.encode(packet);
  const parts = encoder.take();
  assertEquals(parts.length, 5);
  assertStrictEquals(parts[1]!.bytes, large);
  assertStrictEquals(parts[3]!.bytes, larger);
  assertEquals(encoder.length, parts.reduce((sum, { length }) => sum + length, 0));
  assertEquals(encoder.length, packets.reduce((sum, packet) => sum + packetSize(packet), 0));
  assertEquals(collect(copies(parts)), { packets, error: undefined });
});

test("a large payload at the end leaves no empty part behind it", () => {
  const encoder = new Encoder();
  encoder.encode(publish({ payload: filled(20_000) }));
  assertEquals(encoder.take().map(({ length }) => length), [7, 20_000]);
});

test("the buffer may grow between references", () => {
  const encoder = new Encoder();
  const packets = Array.from({ length: 60 }, (_, i) => publish({ topicName: `t/${i}`, payload: filled(i % 3 * 9000) }));
  for (const packet of packets) encoder.encode(packet);
  assertEquals(encoder.take().length, 40);
  assertEquals(collect(copies(encoder.take())), { packets, error: undefined });
});

test("the buffer is used again after reset, and the parts are the same objects", () => {
  const encoder = new Encoder();
  encoder.encode(publish({ payload: filled(100) }));
  const first = encoder.take();
  const { bytes } = first[0]!;
  for (let i = 1; i <= 100; i++) {
    encoder.reset();
    assertEquals(encoder.length, 0);
    encoder.encode({ type: "puback", packetId: i });
    const parts = encoder.take();
    assertStrictEquals(parts, first);
    assertStrictEquals(parts[0]!.bytes, bytes);
    assertEquals(parts[0]!.bytes.slice(0, parts[0]!.length), encodePacket({ type: "puback", packetId: i }));
  }
});

test("nothing can be encoded between take and reset", () => {
  const encoder = new Encoder();
  encoder.encode({ type: "pingreq" });
  encoder.take();
  assertThrows(() => encoder.encode({ type: "pingreq" }), Error, "the parts were taken");
  assertThrows(() => encoder.encode(publish({})), Error, "the parts were taken");
  assertEquals(encoder.take().map(({ length }) => length), [2]);
  encoder.reset();
  encoder.encode({ type: "pingreq" });
  assertEquals(encoder.length, 2);
});

test("a buffer that grew a lot shrinks on reset", () => {
  const encoder = new Encoder();
  for (let i = 0; i < 100; i++) encoder.encode(publish({ payload: filled(10_000) }));
  assert(encoder.take()[0]!.bytes.length >= 1_000_000);
  encoder.reset();
  encoder.encode({ type: "pingreq" });
  assertLessOrEqual(encoder.take()[0]!.bytes.length, 65_536);
});

test("an encoder takes over what another holds, which then begins anew", () => {
  const large = filled(PAYLOAD_REFERENCE_THRESHOLD);
  const packets = [
    publish({ topicName: "a", payload: filled(10) }),
    publish({ topicName: "b", payload: large }),
    publish({ topicName: "c", payload: filled(3000) }),
  ];
  // Into an empty one, behind some bytes, and behind a large payload alone.
  for (const before of [[], [publish({ topicName: "first" })], [publish({ topicName: "first", payload: large })]]) {
    const [encoder, other] = [new Encoder(), new Encoder()];
    for (let round = 0; round < 2; round++) {
      for (const packet of before) encoder.encode(packet);
      for (const packet of packets) other.encode(packet);
      const length = encoder.length + other.length;
      encoder.append(other);
      assertEquals([encoder.length, other.length, other.take()], [length, 0, []]);
      other.reset();
      other.encode({ type: "pingreq" });
      encoder.encode({ type: "pingresp" });
      const expected = [...before, ...packets, { type: "pingresp" } as const];
      assertEquals(collect(copies(encoder.take())), { packets: expected, error: undefined });
      assertEquals(collect(copies(other.take())), { packets: [{ type: "pingreq" }], error: undefined });
      encoder.reset();
      other.reset();
    }
  }
});

test("what is taken over into an empty encoder is not copied", () => {
  const [encoder, other] = [new Encoder(), new Encoder()];
  other.encode(publish({ payload: filled(100) }));
  const { bytes } = other.take()[0]!;
  other.reset();
  other.encode(publish({ payload: filled(100) }));
  encoder.append(other);
  assertStrictEquals(encoder.take()[0]!.bytes, bytes);
});

test("nothing can be taken over between take and reset", () => {
  const [encoder, other] = [new Encoder(), new Encoder()];
  other.encode({ type: "pingreq" });
  encoder.take();
  assertThrows(() => encoder.append(other), Error, "the parts were taken");
  assertEquals(other.length, 2);
});

test("encodePacket gives memory of its own, exactly as large as the packet", () => {
  const payload = filled(40_000);
  for (const packet of [publish({ payload }), publish({ payload: filled(3) })]) {
    const bytes = encodePacket(packet);
    assertEquals([bytes.byteOffset, bytes.buffer.byteLength], [0, bytes.length]);
    const copy = bytes.slice();
    encodePacket(publish({ topicName: "another", payload: filled(50) }));
    assertEquals(bytes, copy);
  }
});

test("payloads may be views of larger memory, and any subclass of Uint8Array", () => {
  class Bytes extends Uint8Array {}
  const memory = filled(100_000);
  for (const [start, end] of [[0, 5], [7, 16], [7, 24], [100, 1000], [1, 40_000]] as const) {
    const expected = publish({ payload: memory.slice(start, end) });
    assertEquals(encodePacket(publish({ payload: memory.subarray(start, end) })), encodePacket(expected));
    assertEquals(encodePacket(publish({ payload: Bytes.from(memory.subarray(start, end)) })), encodePacket(expected));
  }
});

test("every length of Remaining Length is written minimal [MQTT-2.2.3]", () => {
  const cases = [
    [0, "30 03 00 01 61"],
    [127 - 3, "30 7f 00 01 61"],
    [128 - 3, "30 80 01 00 01 61"],
    [16_383 - 3, "30 ff 7f 00 01 61"],
    [16_384 - 3, "30 80 80 01 00 01 61"],
    [2_097_151 - 3, "30 ff ff 7f 00 01 61"],
    [2_097_152 - 3, "30 80 80 80 01 00 01 61"],
  ] as const;
  for (const [length, header] of cases) {
    const packet = publish({ topicName: "a", payload: new Uint8Array(length) });
    const bytes = encodePacket(packet);
    assertEquals(bytes.subarray(0, bytes.length - length), hex(header));
    assertEquals(packetSize(packet), bytes.length);
    assertEquals(collect([bytes]), { packets: [packet], error: undefined });
  }
  assertEquals(publishSize("a", 268_435_452, 0), MAX_PACKET_SIZE);
});

test("Topic Names of any length and script are encoded alike, known or not", () => {
  const encoder = new Encoder();
  const scripts = ["a", "é", "€", "\u{1f600}", "a€"];
  for (const script of scripts) {
    for (const count of [1, 20, 40, 41, 42, 43, 55, 56, 57, 62, 63, 64, 65, 126, 127, 128, 129, 130, 5461]) {
      const topicName = script.repeat(count);
      const text = new TextEncoder().encode(topicName);
      for (const payloadLength of [0, 1, 60, 16_200]) {
        const packet = publish({ topicName, payload: filled(payloadLength), qos: 1, packetId: 513 });
        const body = concat(Uint8Array.of(text.length >> 8, text.length & 0xff), text, hex("02 01"), packet.payload);
        for (let pass = 0; pass < 3; pass++) {
          encoder.reset();
          encoder.encode(packet);
          const { bytes, length } = encoder.take()[0]!;
          const headerSize = length - body.length;
          assertEquals(bytes.slice(headerSize, length), body, `${script} x ${count}`);
          assertEquals(packetSize(packet), length);
          assertEquals(collect([bytes.slice(0, length)]), { packets: [packet], error: undefined });
        }
      }
    }
  }
});

test("Topic Names that the cache does not take are encoded alike", () => {
  const spent = new TopicCache();
  for (let i = 0; i < 2048; i++) spent.find(`${i}`);
  const buffer = new WriteBuffer();
  for (const topicName of ["a", "é", "ÿ", "aé", "a".repeat(56), "a".repeat(57), "é".repeat(60), "€", "a\u{1f600}b"]) {
    for (const payloadLength of [0, 66, 67, 68, 120, 121, 122, 123, 124]) {
      const packet = publish({ topicName, payload: filled(payloadLength) });
      assertEquals(spent.find(topicName), undefined);
      encodePublish(buffer, packet, spent);
      assertEquals(buffer.bytes.slice(0, buffer.length), encodeNaive(packet), `${topicName} ${payloadLength}`);
      buffer.reset();
    }
  }
  for (const topicName of ["+", "a#", "\0", "é+", "\ud800", "", "a".repeat(70) + "#"]) {
    assertThrows(() => encodePublish(buffer, publish({ topicName }), spent), TypeError, "topicName");
    assertEquals(buffer.length, 0);
  }
});

test("far more Topic Names than are cached are encoded right, in any order", () => {
  const encoder = new Encoder();
  for (let i = 0; i < 30_000; i++) {
    // Runs of new names, of few names, and of many names that repeat, so that the cache is warm, spent and tried anew.
    const name = i % 10_000 < 4000 ? `new/${i}` : `old/${Math.imul(i, 7919) % (i % 2 === 0 ? 5 : 3000)}`;
    encoder.encode(publish({ topicName: name }));
    const { bytes, length } = encoder.take()[0]!;
    assertEquals(new TextDecoder().decode(bytes.subarray(4, length)), name);
    encoder.reset();
  }
});

test("a prepared topic is encoded as its name is", () => {
  for (const topicName of ["a", "sensors/7/temperature", "é/€/\u{1f600}", "x".repeat(65_535)]) {
    const preparedTopic = new PreparedTopic(topicName);
    assertStrictEquals(preparedTopic.topicName, topicName);
    assertStrictEquals(PreparedTopic.from(preparedTopic), preparedTopic);
    assertEquals(PreparedTopic.from(topicName).topicName, topicName);
    for (const qos of [0, 1, 2] as QoS[]) {
      const packet = publish({ topicName, payload: filled(30), qos, packetId: qos === 0 ? 0 : 9 });
      assertEquals(encodePacket({ ...packet, preparedTopic }), encodePacket(packet));
      assertEquals(encodePacket({ ...packet, preparedTopic: undefined }), encodePacket(packet));
      assertEquals(publishSize(preparedTopic, 30, qos), packetSize(packet));
      assertEquals(publishSize(topicName, 30, qos), packetSize(packet));
    }
  }
});

test("a topic that should not be sent cannot be prepared", () => {
  const faults = { "": "[MQTT-4.7.3-1]", "a/#": "[MQTT-4.7.1-1]", "\0": "[MQTT-1.5.3-2]", "a\u0007": "[MQTT-1.5.3]" };
  for (const [topicName, rule] of Object.entries(faults)) {
    assertThrows(() => new PreparedTopic(topicName), TypeError, `Cannot prepare topic: topicName`);
    assertThrows(() => PreparedTopic.from(topicName), TypeError, rule);
  }
});

/** What a transport would put on the wire. */
function copies(parts: readonly EncodedPart[]): Uint8Array[] {
  return parts.map(({ bytes, length }) => bytes.slice(0, length));
}
