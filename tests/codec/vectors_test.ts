// Every vector, encoded and decoded in every way it can arrive.

import { assert, assertEquals } from "@std/assert";
import { encodePacket, Encoder, packetSize } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { collect, cutAt, cutEvery, inOneBuffer } from "./collect.ts";
import { concat, hex } from "./hex.ts";
import { decodeNaive, encodeNaive } from "./naive.ts";
import { vectors } from "./vectors.ts";

/** Up to this size a vector is cut at every boundary; larger ones near both ends. */
const MAX_CUT_EVERYWHERE = 2048;

for (const { name, rule, packet, bytes } of vectors) {
  const tail = hex("d0 00 62 02 12 34");
  const tailPackets = [{ type: "pingresp" as const }, { type: "pubrel" as const, packetId: 0x1234 }];

  test(`${name}: encodes ${rule}`, () => {
    assertEquals(encodePacket(packet), bytes);
    assertEquals(encodeNaive(packet), bytes);
    assertEquals(packetSize(packet), bytes.length);
    const encoder = new Encoder();
    encoder.encode({ type: "pingreq" });
    encoder.encode(packet);
    assertEquals(encoder.length, 2 + bytes.length);
    assertEquals(
      concat(...encoder.take().map((part) => part.bytes.subarray(0, part.length))),
      concat(hex("c0 00"), bytes),
    );
  });

  test(`${name}: decodes whole ${rule}`, () => {
    assertEquals(collect([bytes]), { packets: [packet], error: undefined });
    assertEquals(decodeNaive(bytes), { packets: [packet], ending: "clean" });
  });

  test(`${name}: decodes in small pieces ${rule}`, () => {
    for (const size of [1, 2, 3, 7]) {
      const chunks = cutEvery(concat(bytes, tail), size);
      for (const pieces of [chunks, inOneBuffer(chunks)]) {
        assertEquals(collect(pieces), { packets: [packet, ...tailPackets], error: undefined });
      }
    }
  });

  test(`${name}: decodes cut at every boundary, with a tail ${rule}`, () => {
    const stream = concat(bytes, tail);
    const everywhere = bytes.length <= MAX_CUT_EVERYWHERE;
    for (let at = 0; at <= stream.length; at++) {
      if (!everywhere && at > 40 && at < bytes.length - 40) continue;
      assertEquals(collect(cutAt(stream, at)), { packets: [packet, ...tailPackets], error: undefined }, `cut at ${at}`);
    }
  });

  test(`${name}: every beginning of it is only incomplete ${rule}`, () => {
    for (let length = 0; length < Math.min(bytes.length, 300); length++) {
      assertEquals(collect([bytes.slice(0, length)]), { packets: [], error: undefined }, `${length} bytes`);
    }
  });
}

test("the vectors cover all fourteen packet types", () => {
  assertEquals(new Set(vectors.map(({ packet }) => packet.type)).size, 14);
  assert(vectors.length >= 40);
});

test("all vectors in one stream decode whatever the chunks are", () => {
  const stream = concat(...vectors.map(({ bytes }) => bytes));
  const packets = vectors.map(({ packet }) => packet);
  for (const size of [5, 64, 1499, 8192, 65_536, stream.length]) {
    assertEquals(collect(cutEvery(stream, size)), { packets, error: undefined }, `chunks of ${size}`);
  }
});
