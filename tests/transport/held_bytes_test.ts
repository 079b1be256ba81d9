import { assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { HeldBytes } from "../../src/transport/held_bytes.ts";
import { liveHeapBytes } from "../support/live_heap.ts";
import { test } from "../support/test.ts";
import { firstDifference, sizes, stream } from "./contract_connection.ts";

test("held bytes leave in order, whatever their sizes", () => {
  const held = new HeldBytes();
  const size = sizes(7, 9_000);
  const small = sizes(8, 60);
  let [pushed, shifted] = [0, 0];
  for (let round = 0; round < 2_000; round++) {
    const length = round % 3 === 0 ? size() : small();
    held.push(stream(pushed, length));
    pushed += length;
    assertEquals(held.length, pushed - shifted);
    if (round % 7 > 1) continue;
    const chunk = held.shift()!;
    assertEquals(firstDifference(chunk, shifted), -1);
    shifted += chunk.length;
  }
  for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) {
    assertEquals(firstDifference(chunk, shifted), -1);
    shifted += chunk.length;
  }
  assertEquals([shifted, held.length], [pushed, 0]);
});

test("held bytes that have left are not written again", () => {
  const held = new HeldBytes();
  held.push(Uint8Array.of(1, 2));
  const first = held.shift()!;
  held.push(Uint8Array.of(3, 4));
  assertEquals([[...first], [...held.shift()!], held.shift()], [[1, 2], [3, 4], undefined]);
});

test("held bytes are forgotten at once", () => {
  const held = new HeldBytes();
  held.push(new Uint8Array(10_000));
  held.push(new Uint8Array(10));
  held.clear();
  assertEquals(held.length, 0);
  assertStrictEquals(held.shift(), undefined);
});

test("a million small chunks cost little more than their bytes", () => {
  const before = liveHeapBytes();
  const held = new HeldBytes();
  for (let i = 0; i < 1_000_000; i++) held.push(new Uint8Array(16));
  // As buffers of their own they would cost more than a hundred bytes each.
  assertLess(liveHeapBytes() - before, 3 * held.length);
  assertEquals(held.length, 16_000_000);
});
