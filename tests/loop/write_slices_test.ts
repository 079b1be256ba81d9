// How parts become writes: every byte once and in order, few writes, no copy of what is long, and memory that nobody else gets while a
// write of it may be under way.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import type { EncodedPart } from "../../src/codec/mod.ts";
import { WriteSlices } from "../../src/loop/write_slices.ts";
import { test } from "../support/test.ts";

const KIB = 1024;
const SLICE = 256 * KIB;

function part(length: number, fill: number, slack = 0): EncodedPart {
  return { bytes: new Uint8Array(length + slack).fill(fill), length };
}

function writeAll(slices: WriteSlices): Uint8Array[] {
  const writes: Uint8Array[] = [];
  for (let slice = slices.next(); slice !== undefined; slice = slices.next()) {
    writes.push(slice.bytes.slice(0, slice.length));
  }
  return writes;
}

function lengthsOf(...parts: readonly EncodedPart[]): number[] {
  const slices = new WriteSlices();
  slices.begin(parts);
  return writeAll(slices).map(({ length }) => length);
}

const cases: readonly (readonly [name: string, parts: readonly number[], writes: readonly number[]])[] = [
  ["nothing makes no write", [], []],
  ["one short part is one write", [10], [10]],
  ["a header and its payload are one write", [25, 64 * KIB], [64 * KIB + 25]],
  ["short messages share writes up to 256 KiB", [25, 64 * KIB, 25, 64 * KIB, 25, 64 * KIB, 25, 64 * KIB], [
    3 * (64 * KIB + 25) + 25,
    64 * KIB,
  ]],
  ["a long payload leaves alone", [25, 128 * KIB], [25, 128 * KIB]],
  ["what comes behind a long payload is put together", [128 * KIB, 25, 16 * KIB], [128 * KIB, 16 * KIB + 25]],
  ["a payload beyond 256 KiB leaves in slices", [25, 600 * KIB, 2], [25, SLICE, SLICE, 88 * KIB, 2]],
];

for (const [name, parts, writes] of cases) {
  test(`write slices: ${name}`, () => {
    assertEquals(lengthsOf(...parts.map((length, index) => part(length, index))), writes);
  });
}

test("write slices: every byte leaves once and in order, in writes of up to 256 KiB", () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 400 * KIB })), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(lengths, fc.nat(9)), { minLength: 1, maxLength: 3 }), (rounds) => {
      const slices = new WriteSlices();
      for (const [round, slack] of rounds) {
        const parts = round.map((length, index) => part(length, index + 1, slack));
        slices.begin(parts);
        const writes = writeAll(slices);
        assert(writes.every(({ length }) => length > 0 && length <= SLICE));
        const sent = new Uint8Array(writes.reduce((sum, { length }) => sum + length, 0));
        writes.reduce((at, bytes) => (sent.set(bytes, at), at + bytes.length), 0);
        let at = 0;
        for (const { bytes, length } of parts) {
          assertEquals(sent.subarray(at, at + length), bytes.subarray(0, length));
          at += length;
        }
        assertEquals(at, sent.length);
      }
    }),
    { numRuns: 60 },
  );
});

test("write slices: a long payload is not copied, and neither is a part without a neighbour", () => {
  for (const length of [64 * KIB, 200 * KIB]) {
    const slices = new WriteSlices();
    const only = part(length, 1);
    slices.begin([only]);
    assertStrictEquals(slices.next()!.bytes, only.bytes);
  }
});

test("write slices: memory goes to the next connection when all writes are done, and never when they were given up", () => {
  const [first, second, third] = [new WriteSlices(), new WriteSlices(), new WriteSlices()];
  const parts = [part(1, 1), part(2, 2)];
  first.begin(parts);
  const used = first.next()!.bytes;
  second.begin(parts);
  assertNotStrictEquals(second.next()!.bytes, used);

  assertEquals(first.next(), undefined);
  third.begin(parts);
  assertStrictEquals(third.next()!.bytes, used);

  // The connection of the third breaks here: its write may be under way for a while yet.
  const fourth = new WriteSlices();
  fourth.begin(parts);
  assertNotStrictEquals(fourth.next()!.bytes, used);
});
