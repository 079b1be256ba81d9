// The memory that is read into: small where little comes, large where much does, and never written twice.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { ReadBuffer } from "../../src/transport/read_buffer.ts";
import { test } from "../support/test.ts";

const KIB = 1024;

/** Reads so many bytes, or as many as there is room for. @returns The room there was, and the chunk. */
function read(buffer: ReadBuffer, available: number): { room: number; chunk: Uint8Array } {
  const room = buffer.room();
  const count = Math.min(available, room.length);
  return { room: room.length, chunk: buffer.take(count) };
}

test("a connection begins with little, and little it needs while little comes", () => {
  const buffer = new ReadBuffer();
  assertEquals(buffer.room().length, 256);
  for (let i = 0; i < 10_000; i++) {
    const { room } = read(buffer, 20);
    assert(room <= 4 * KIB, `${room} at ${i}`);
  }
});

test("reads that fill their room make the next buffer larger, up to a limit", () => {
  const buffer = new ReadBuffer();
  const rooms = Array.from({ length: 7 }, () => read(buffer, Infinity).room / KIB);
  assertEquals(rooms, [0.25, 4, 16, 64, 256, 256, 256]);
});

test("TLS records of 16 KiB do not stop the growth at their size", () => {
  const buffer = new ReadBuffer();
  const rooms = Array.from({ length: 6 }, () => read(buffer, 16_380).room);
  assertEquals(rooms, [256, 4 * KIB, 16 * KIB, 64 * KIB, 64 * KIB - 16_380, 64 * KIB - 2 * 16_380]);
});

test("after a flood some small reads give its memory back", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 5; i++) read(buffer, Infinity);
  let reads = 0;
  for (; buffer.room().buffer.byteLength > 4 * KIB; reads++) read(buffer, 100);
  assertEquals(reads, 3 * 16);
});

test("small reads among others do not make the buffer smaller", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 4; i++) read(buffer, Infinity);
  for (let i = 0; i < 100; i++) assert(read(buffer, i % 10 === 0 ? 20 * KIB : 100).chunk.buffer.byteLength >= 64 * KIB);
});

test("reads go one behind the other in one buffer, and nothing is handed out twice", () => {
  const buffer = new ReadBuffer();
  const chunks: Uint8Array[] = [];
  let value = 0;
  for (let i = 0; i < 3000; i++) {
    const room = buffer.room();
    const count = Math.min(room.length, 1 + i * 37 % 5000);
    for (let at = 0; at < count; at++) room[at] = value++ % 251;
    chunks.push(buffer.take(count));
  }
  value = 0;
  for (const chunk of chunks) assert(chunk.every((byte) => byte === value++ % 251));
  const [first, second] = chunks;
  assertStrictEquals(first!.buffer, second!.buffer);
  assertEquals(second!.byteOffset, first!.byteOffset + first!.length);
  assertNotStrictEquals(first!.buffer, chunks.at(-1)!.buffer);
});
