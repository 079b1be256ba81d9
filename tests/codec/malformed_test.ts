// Every malformed packet ends in the same error, whatever chunks it comes in.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { Decoder, MalformedPacketError, PacketTooLargeError } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { collect, cutAt, cutEvery, inOneBuffer } from "./collect.ts";
import { concat, hex } from "./hex.ts";
import { malformed } from "./malformed.ts";
import { decodeNaive } from "./naive.ts";

for (const { name, rule, offset, bytes } of malformed) {
  test(`${name} is malformed ${rule}`, () => {
    const whole = collect([concat(bytes, hex("d0 00"))]);
    assertEquals(whole.packets, []);
    assertInstanceOf(whole.error, MalformedPacketError);
    assertEquals([`[${whole.error.rule}]`, whole.error.offset], [rule, offset]);
    assert(whole.error.message.endsWith(` at offset ${offset} ${rule}`), whole.error.message);
    assertEquals(whole.error.name, "MalformedPacketError");
    assertEquals(decodeNaive(bytes).ending, "malformed");

    const before = hex("c0 00 40 02 00 01");
    const expected = { rule: whole.error.rule, offset: offset + before.length, message: shifted(whole.error, before) };
    const stream = concat(before, bytes);
    const cuts = [
      [stream],
      ...[1, 2, 3].map((size) => cutEvery(stream, size)),
      ...Array.from(stream, (_, at) => cutAt(stream, at)),
    ];
    for (const chunks of [...cuts, ...cuts.map(inOneBuffer)]) {
      const { packets, error } = collect(chunks);
      assertEquals(packets, [{ type: "pingreq" }, { type: "puback", packetId: 1 }]);
      assertInstanceOf(error, MalformedPacketError);
      assertEquals({ rule: error.rule, offset: error.offset, message: error.message }, expected);
    }
  });

  test(`${name} is refused as soon as it can be told ${rule}`, () => {
    const decoder = new Decoder();
    decoder.push(bytes.slice(0, -1));
    assertEquals(decoder.next(), undefined);
    decoder.push(bytes.slice(-1));
    assertThrows(() => decoder.next(), MalformedPacketError, rule);
  });
}

test("every malformed row is a case of its own", () => {
  assertEquals(new Set(malformed.map(({ name }) => name)).size, malformed.length);
  assert(malformed.length >= 120);
});

test("a packet larger than maxPacketSize is refused before its body arrives", () => {
  const decoder = new Decoder({ maxPacketSize: 1000 });
  decoder.push(hex("d0 00 30 e5 07")); // Remaining Length 997: 1000 bytes
  assertEquals(decoder.next(), { type: "pingresp" });
  assertEquals(decoder.next(), undefined);

  const refusing = new Decoder({ maxPacketSize: 1000 });
  refusing.push(hex("d0 00 30 e6"));
  assertEquals(refusing.next(), { type: "pingresp" });
  assertEquals(refusing.next(), undefined);
  refusing.push(hex("07")); // Remaining Length 998: 1001 bytes
  const error = assertThrows(() => refusing.next(), PacketTooLargeError);
  assertInstanceOf(error, MalformedPacketError);
  assertEquals([error.name, error.rule, error.offset], ["PacketTooLargeError", "maxPacketSize", 3]);
  assertEquals([error.size, error.maxPacketSize], [1001, 1000]);
  assertEquals(
    error.message,
    "Cannot decode packet: it has 1001 bytes, more than the limit of 1000 at offset 3 [maxPacketSize]",
  );
});

test("maxPacketSize counts the whole packet, also when all of it is there", () => {
  const bytes = hex("30 05 00 01 61 62 63");
  assertEquals(collect([bytes], { maxPacketSize: 7 }).packets.length, 1);
  assertInstanceOf(collect([bytes], { maxPacketSize: 6 }).error, PacketTooLargeError);
  assertEquals(collect([hex("40 02 00 01")], { maxPacketSize: 4 }).packets.length, 1);
  assertInstanceOf(collect([hex("40 02 00 01")], { maxPacketSize: 3 }).error, PacketTooLargeError);
});

test("maxPacketSize has to be an integer the protocol allows [MQTT-2.2.3]", () => {
  for (const maxPacketSize of [0, 1, -1, 2.5, NaN, Infinity, 268_435_461]) {
    assertThrows(() => new Decoder({ maxPacketSize }), RangeError, `maxPacketSize is ${maxPacketSize}`);
  }
  for (const maxPacketSize of [2, 268_435_460]) new Decoder({ maxPacketSize });
});

test("after an error the decoder is dead, and throws the same error again", () => {
  const decoder = new Decoder();
  decoder.push(hex("d0 00"));
  decoder.push(hex("00 d0"));
  decoder.push(hex("00"));
  assertEquals(decoder.next(), { type: "pingresp" });
  const error = assertThrows(() => decoder.next());
  decoder.push(hex("d0 00"));
  assertStrictEquals(assertThrows(() => decoder.next()), error);
  assertStrictEquals(assertThrows(() => decoder.next()), error);
});

test("an overlong Remaining Length is accepted, up to four bytes", () => {
  for (const bytes of [hex("d0 80 00"), hex("d0 80 80 00"), hex("d0 80 80 80 00")]) {
    for (const chunks of [[bytes], cutEvery(bytes, 1)]) {
      assertEquals(collect(chunks), { packets: [{ type: "pingresp" }], error: undefined });
    }
  }
  assertEquals(collect([hex("40 82 00 00 07")]).packets, [{ type: "puback", packetId: 7 }]);
  assertEquals(collect([hex("40 82 80 80 00 00 07")]).packets, [{ type: "puback", packetId: 7 }]);
});

/** The message of an error whose packet has others before it. */
function shifted(error: MalformedPacketError, before: Uint8Array): string {
  return error.message.replace(`at offset ${error.offset}`, `at offset ${error.offset + before.length}`);
}
