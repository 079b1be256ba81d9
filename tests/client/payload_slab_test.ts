// Whoever publishes may use its buffer again at once, unless the payload is so large that it is sent from where it is.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { PayloadSlab, REFERENCE_BYTES } from "../../src/client/payload_slab.ts";
import { PAYLOAD_REFERENCE_THRESHOLD } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";

const KIB = 1024;

function pattern(length: number, from = 0): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i + from) % 251);
}

const COPIED = [0, 1, 31, 32, 33, 2048, 2049, REFERENCE_BYTES - 1];

for (const length of COPIED) {
  test(`a payload of ${length} bytes may be changed as soon as it is copied`, () => {
    const payload = pattern(length);
    const copy = new PayloadSlab().copy(payload);
    payload.fill(0xff);
    assertEquals(copy, pattern(length));
  });

  test(`a Node Buffer of ${length} bytes may be changed as soon as it is copied`, () => {
    const payload = Buffer.from(pattern(length));
    const copy = new PayloadSlab().copy(payload);
    payload.fill(0xff);
    assertEquals(new Uint8Array(copy), pattern(length));
    // What goes on is no Buffer, whose `slice` copies nothing.
    assertEquals(Object.getPrototypeOf(copy), Uint8Array.prototype);
  });
}

test("a payload of 16 KiB is not copied, and neither does the codec", () => {
  assertEquals([REFERENCE_BYTES, PAYLOAD_REFERENCE_THRESHOLD], [16 * KIB, 16 * KIB]);
  const payload = pattern(16 * KIB);
  assertStrictEquals(new PayloadSlab().copy(payload), payload);
});

test("a view of a larger buffer is copied as far as it goes", () => {
  const buffer = pattern(100);
  const copy = new PayloadSlab().copy(buffer.subarray(40, 50));
  assertEquals(copy, pattern(10, 40));
});

const TEXTS = ["", "a", "é", "日本", "😀", "x".repeat(682), "x".repeat(683), "日".repeat(700), "x".repeat(20 * KIB)];
for (const text of TEXTS) {
  test(`text of ${text.length} units becomes UTF-8: ${text.slice(0, 4)}`, () => {
    assertEquals(new PayloadSlab().copy(text), new TextEncoder().encode(text));
  });
}

test("copies side by side do not touch each other, over many slabs", () => {
  const slab = new PayloadSlab();
  const copies: Uint8Array[] = [];
  for (let i = 0; i < 500; i++) copies.push(i % 3 === 0 ? slab.copy(`text ${i}`) : slab.copy(pattern(i, i)));
  for (let i = 0; i < 500; i++) {
    assertEquals(copies[i], i % 3 === 0 ? new TextEncoder().encode(`text ${i}`) : pattern(i, i));
  }
});

test("small payloads share a buffer, which is given up when it is full", () => {
  const slab = new PayloadSlab();
  const first = slab.copy(pattern(1000));
  const second = slab.copy(pattern(1000));
  assertStrictEquals(first.buffer, second.buffer);
  const buffers = new Set(Array.from({ length: 64 }, () => slab.copy(pattern(1000)).buffer));
  assert(buffers.size >= 2 && buffers.size <= 3, `${buffers.size}`);
});
