// Records through a ring in shared memory: both ends in this thread, so that every way of filling and emptying it can be played.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bell } from "../../src/sync/ring/bell.ts";
import { RingReader } from "../../src/sync/ring/ring_reader.ts";
import { HEAD_BYTES, RingWriter } from "../../src/sync/ring/ring_writer.ts";
import { MAX_LINES, SharedMemory } from "../../src/sync/ring/shared_memory.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { test } from "../support/test.ts";

const RING_BYTES = 1024;

interface Rig {
  readonly memory: SharedMemory;
  readonly writer: RingWriter;
  readonly reader: RingReader;
}

function openRig(): Rig {
  const memory = SharedMemory.allocate(RING_BYTES);
  return {
    memory,
    writer: new RingWriter(memory.events),
    reader: new RingReader(memory.events, memory.workBell),
  };
}

/** Bytes that differ from record to record and from place to place. */
function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + seed);
}

function assertRead(reader: RingReader, tag: number, a: number, b: number, body: Uint8Array): void {
  assert(reader.next(), "no whole record");
  assertEquals([reader.tag, reader.a, reader.b], [tag, a, b]);
  assertEquals(reader.body, body);
}

test("a record comes out as it went in, with words of 32 bits", () => {
  const { writer, reader } = openRig();
  assertEquals(reader.next(), false);
  assert(writer.write(0x7fff_ffff, -1, -0x8000_0000, bytes(5, 1)));
  assertRead(reader, 0x7fff_ffff, -1, -0x8000_0000, bytes(5, 1));
  assertEquals(reader.next(), false);
});

test("bodies of every length from nothing to beyond the ring come out whole, in order, across every edge of the ring", () => {
  const { writer, reader } = openRig();
  for (let length = 0; length < 3 * RING_BYTES; length += 1 + length % 7) {
    let isWritten = writer.write(length, 0, 0, bytes(length, length));
    let isRead = false;
    for (let rounds = 0; !isWritten || !isRead; rounds++) {
      assert(rounds < 20, `record of ${length} bytes does not come through`);
      isRead ||= reader.next();
      isWritten ||= writer.advance();
    }
    assertEquals(reader.tag, length);
    assertEquals(reader.body, bytes(length, length));
  }
});

test("records of random sizes come out in order, whatever the two ends' pace", () => {
  const random = new SeededRandom(7);
  const { writer, reader } = openRig();
  let written = 0;
  let read = 0;
  const sizes: number[] = [];
  while (read < 5_000) {
    for (let i = random.integer(0, 8); i > 0; i--) {
      if (writer.isUnfinished && !writer.advance()) break;
      const size = random.integer(0, 12) === 0 ? random.integer(0, 4 * RING_BYTES) : random.integer(0, 60);
      sizes.push(size);
      writer.write(written, size, 0, bytes(size, written));
      written++;
    }
    for (let i = random.integer(0, 8); i > 0; i--) {
      if (!reader.next()) continue;
      assertEquals([reader.tag, reader.a], [read, sizes[read]]);
      assertEquals(reader.body, bytes(sizes[read]!, read));
      read++;
    }
  }
});

test("the counts of a ring may pass 2^32", () => {
  const { memory } = openRig();
  const { cells, head, tail } = memory.events;
  for (const word of [head, tail]) cells[word] = -64;
  const writer = new RingWriter(memory.events);
  const reader = new RingReader(memory.events, memory.workBell);
  for (let i = 0; i < 20; i++) {
    assert(writer.write(i, 0, 0, bytes(30, i)));
    assertRead(reader, i, 0, 0, bytes(30, i));
  }
});

test("a writer without room is rung once there is room for what it waits for, or for half the ring", () => {
  const { memory, writer, reader } = openRig();
  const size = 112;
  while (writer.write(1, 0, 0, bytes(size - HEAD_BYTES, 0))) {
    // Until the ring is full.
  }
  const armed = memory.workBell.arm();
  const hasRung = (): boolean => memory.workBell.wait(armed, 0);
  assertEquals(hasRung(), false);
  let freed = 0;
  while (!hasRung()) {
    assert(reader.next());
    freed += size;
  }
  assert(freed <= RING_BYTES / 2 + size, `it was rung after ${freed} bytes`);
  assert(writer.advance());
});

test("bodies are the reader's own: neither the ring nor another body shows through", () => {
  const { memory, writer, reader } = openRig();
  for (const length of [1, 40, 3000]) {
    const bodies: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      for (let isWritten = writer.write(1, 0, 0, bytes(length, i)); !isWritten || !reader.next();) {
        if (reader.next()) break;
        isWritten = writer.advance();
      }
      bodies.push(reader.body);
    }
    memory.events.bytes.fill(0);
    for (const [i, body] of bodies.entries()) {
      assert(body.buffer instanceof ArrayBuffer);
      assertEquals(body, bytes(length, i));
      body.fill(0xff);
    }
  }
});

test("a bell that rings between arm and wait is not slept through", () => {
  const bell = new Bell(new Int32Array(new SharedArrayBuffer(8)));
  const armed = bell.arm();
  assertEquals(bell.wait(armed, 0), false);
  bell.ring();
  assertEquals(bell.wait(armed, 10_000), true);
  assertEquals(bell.waitAsync(armed), undefined);
});

test("a bell wakes who waits without blocking", async () => {
  const bell = new Bell(new Int32Array(new SharedArrayBuffer(8)));
  const waiting = bell.waitAsync(bell.arm());
  assert(waiting !== undefined);
  bell.ring();
  await waiting;
});

test("a line that is held is not given to another thread until it is free", () => {
  const { memory } = openRig();
  const lines = Array.from({ length: MAX_LINES }, () => memory.takeLine());
  assertEquals(new Set(lines).size, MAX_LINES);
  assertEquals(memory.takeLine(), undefined);
  memory.freeLine(5);
  assertEquals(new SharedMemory(memory.buffer).takeLine(), 5);
});

test("only a buffer of this layout is taken for shared memory", () => {
  for (
    const buffer of [new SharedArrayBuffer(4), new SharedArrayBuffer(1 << 22), new ArrayBuffer(1 << 22), undefined]
  ) {
    assertThrows(() => new SharedMemory(buffer as SharedArrayBuffer), TypeError, "not what share() gave");
  }
});
