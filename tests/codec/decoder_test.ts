// The decoder's memory: chunks that queue, packets in pieces, views that stay as they are.

import { assert, assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { Decoder, encodePacket, type Packet, type Publish } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { collect, cutAt, cutEvery, drain, inOneBuffer } from "./collect.ts";
import { concat, hex } from "./hex.ts";
import { filled, publish } from "./vector.ts";

test("a new decoder has nothing, and no chunk is no change", () => {
  const decoder = new Decoder();
  assertEquals(decoder.next(), undefined);
  decoder.push(new Uint8Array(0));
  assertEquals(decoder.next(), undefined);
  decoder.push(hex("c0"));
  decoder.push(new Uint8Array(0));
  assertEquals(decoder.next(), undefined);
  decoder.push(hex("00"));
  assertEquals(decoder.next(), { type: "pingreq" });
});

test("any number of chunks may be pushed before next", () => {
  const packets = samplePackets(200);
  const stream = concat(...packets.map((packet) => encodePacket(packet)));
  for (const size of [1, 3, 100, 5000]) {
    const decoder = new Decoder();
    for (const chunk of cutEvery(stream, size)) decoder.push(chunk);
    assertEquals(drain(decoder), packets, `chunks of ${size}`);
    decoder.push(hex("d0 00"));
    assertEquals(drain(decoder), [{ type: "pingresp" }]);
  }
});

test("chunks may come while packets of earlier ones are still to be taken", () => {
  const packets = samplePackets(300);
  const chunks = cutEvery(concat(...packets.map((packet) => encodePacket(packet))), 97);
  const decoder = new Decoder();
  const taken: Packet[] = [];
  chunks.forEach((chunk, index) => {
    decoder.push(chunk);
    for (let i = 0; i < index % 4; i++) {
      const packet = decoder.next();
      if (packet !== undefined) taken.push(packet);
    }
  });
  assertEquals(drain(decoder, taken), packets);
});

test("the same chunk may be pushed twice", () => {
  const decoder = new Decoder();
  const chunk = hex("40 02 00 07");
  decoder.push(chunk);
  decoder.push(chunk);
  assertEquals(drain(decoder).length, 2);
  decoder.push(chunk);
  assertEquals(drain(decoder), [{ type: "puback", packetId: 7 }]);
});

test("offsets go on counting over chunks and packets", () => {
  const decoder = new Decoder();
  for (let i = 0; i < 1000; i++) {
    decoder.push(hex("c0"));
    decoder.push(hex("00 40 02 00"));
    decoder.push(hex("01"));
    drain(decoder);
  }
  assertEquals(collect(Array(1000).fill(hex("c0 00 00"))).error?.offset, 2);
  decoder.push(hex("c0 00 f0"));
  assertEquals(decoder.next(), { type: "pingreq" });
  let offset = -1;
  try {
    decoder.next();
  } catch (error) {
    offset = (error as { offset: number }).offset;
  }
  assertEquals(offset, 6002);
});

test("a chunk may be a view of larger memory, and its bytes around are no part of the stream", () => {
  const bytes = encodePacket(publish({ topicName: "a/b", payload: filled(100) }));
  const memory = new Uint8Array(bytes.length + 20).fill(0xff);
  memory.set(bytes, 10);
  const { packets } = collect([memory.subarray(10, 10 + bytes.length)]);
  assertEquals(packets, [publish({ topicName: "a/b", payload: filled(100) })]);

  // A Topic Name that would end in the bytes after the chunk: the packet is incomplete, not whole.
  const decoder = new Decoder();
  decoder.push(memory.subarray(10, 10 + bytes.length - 1));
  assertEquals(decoder.next(), undefined);
});

test("a payload is a view of the chunk", () => {
  const chunk = concat(hex("d0 00"), encodePacket(publish({ payload: filled(100) })));
  const decoder = new Decoder();
  decoder.push(chunk);
  const [, packet] = drain(decoder);
  const { payload } = packet as Publish;
  assertStrictEquals(payload.buffer, chunk.buffer);
  assertEquals([payload.byteOffset, payload.length], [chunk.length - 100, 100]);
});

test("payloads never change, however much is decoded after them", () => {
  for (const size of [1, 7, 100, 1500, 9000]) {
    const packets = samplePackets(400);
    const decoder = new Decoder();
    const taken: Packet[] = [];
    for (const chunk of cutEvery(concat(...packets.map((packet) => encodePacket(packet))), size)) {
      decoder.push(chunk);
      drain(decoder, taken);
    }
    assertEquals(taken, packets, `chunks of ${size}`);
  }
});

test("payloads never change while another decoder gathers packets too", () => {
  const decoders = Array.from({ length: 5 }, () => new Decoder());
  const streams = decoders.map((_, i) =>
    cutEvery(concat(...Array.from({ length: 60 }, (_, j) => encodePacket(numbered(i * 1000 + j)))), 37 + i)
  );
  const taken: Packet[][] = decoders.map(() => []);
  for (let i = 0; i < Math.max(...streams.map(({ length }) => length)); i++) {
    decoders.forEach((decoder, index) => {
      const chunk = streams[index]![i];
      if (chunk !== undefined) decoder.push(chunk);
      drain(decoder, taken[index]);
    });
  }
  taken.forEach((packets, i) => assertEquals(packets, Array.from({ length: 60 }, (_, j) => numbered(i * 1000 + j))));
});

test("a packet in pieces is whole at every size around those where its memory is made otherwise", () => {
  const sizes = [8191, 8192, 8193, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200_000, 262_144];
  for (const size of sizes) {
    const payload = filled(size - 7);
    const bytes = concat(encodePacket(publish({ payload })), hex("d0 00"));
    const packets = [publish({ payload }), { type: "pingresp" as const }];
    for (const chunkSize of [977, 4096, 65_536, 65_537, 100_000]) {
      assertEquals(collect(cutEvery(bytes, chunkSize)), { packets, error: undefined }, `${size} in ${chunkSize}`);
    }
    assertEquals(collect(cutAt(bytes, 3)), { packets, error: undefined });
  }
});

test("a packet that claims more than arrives reserves 64 KiB at most", () => {
  // PUBLISH of 268,435,460, 262,148, 131,076, 65,538, 65,537 and 8,193 bytes.
  for (const header of ["ff ff ff 7f", "80 80 10", "80 80 08", "fe ff 03", "fd ff 03", "fe 3f"]) {
    const decoder = new Decoder();
    const allocated = countAllocations(() => {
      decoder.push(hex(`30 ${header} 00 01 61`));
      decoder.push(hex("2a 2a"));
      assertEquals(decoder.next(), undefined);
    });
    assertLessOrEqual(allocated, 65_536 + 64, header);
  }
});

test("small packets in pieces are whole wherever in the shared memory they come to lie", () => {
  const decoder = new Decoder();
  let size = 1;
  for (let i = 0; i < 200_000; i++) {
    size = Math.imul(size, 75) % 65_537;
    const bytes = encodePacket(publish({ topicName: "a", payload: oneToForty.subarray(0, 1 + size % 40) }));
    decoder.push(bytes.subarray(0, 3));
    decoder.push(bytes.subarray(3));
    const { payload } = decoder.next() as Publish;
    if (payload.length !== 1 + size % 40 || payload.at(-1) !== payload.length) {
      assertEquals(payload, oneToForty, `${i}`);
    }
  }
});

test("what a long packet reserves follows what has arrived", () => {
  const decoder = new Decoder();
  const block = filled(10_000);
  let arrived = 8;
  let reserved = 0;
  reserved += countAllocations(() => decoder.push(hex("30 ff ff ff 7f 00 01 61")));
  for (let i = 0; i < 200; i++) {
    reserved += countAllocations(() => {
      decoder.push(block);
      assertEquals(decoder.next(), undefined);
    });
    arrived += block.length;
    assertLessOrEqual(reserved, arrived + 65_536 + 64);
  }
  assert(reserved >= arrived);
});

test("a packet in pieces that lie one behind the other in memory is not copied", () => {
  const packets = [8, 300, 70_000, 1].map((size) => publish({ payload: filled(size) }));
  const stream = concat(...packets.map((packet) => encodePacket(packet)));
  for (const size of [7, 1000, 65_536]) {
    const chunks = inOneBuffer(cutEvery(stream, size));
    const decoder = new Decoder();
    const seen: Packet[] = [];
    const allocated = countAllocations(() => {
      for (const chunk of chunks) {
        decoder.push(chunk);
        drain(decoder, seen);
      }
    });
    assertEquals([seen, allocated], [packets, 0]);
    for (const packet of seen) assertStrictEquals((packet as Publish).payload.buffer, chunks[0]!.buffer);
  }
});

test("pieces of one memory that do not lie one behind the other are put together", () => {
  const payload = filled(50);
  const memory = concat(new Uint8Array(20), encodePacket(publish({ payload })));
  const whole = memory.subarray(20);
  memory.set(whole.subarray(40), 0);
  // The end before the beginning, and a gap between them.
  const pieces = [[memory.subarray(20, 60), memory.subarray(0, whole.length - 40)]];
  const apart = concat(whole.subarray(0, 40), new Uint8Array(3), whole.subarray(40));
  pieces.push([apart.subarray(0, 40), apart.subarray(43)]);
  for (const chunks of pieces) assertEquals(collect(chunks), { packets: [publish({ payload })], error: undefined });
});

test("many decoders with a cut packet each share their memory", () => {
  const decoders = Array.from({ length: 64 }, () => new Decoder());
  const [beginning, middle] = [hex("30 64 00 01"), hex("61 01")];
  const allocated = countAllocations(() => {
    for (const decoder of decoders) {
      decoder.push(beginning);
      decoder.push(middle);
      assertEquals(decoder.next(), undefined);
    }
  });
  assertLessOrEqual(allocated, 65_536);
});

const oneToForty = Uint8Array.from({ length: 40 }, (_, i) => i + 1);

/** Runs `run`, and counts the bytes of all arrays that are made by length meanwhile. */
function countAllocations(run: () => void): number {
  let allocated = 0;
  const Original = globalThis.Uint8Array;
  const Counting = new Proxy(Original, {
    construct(target, args, newTarget): object {
      if (typeof args[0] === "number") allocated += args[0];
      return Reflect.construct(target, args, newTarget === Counting ? target : newTarget);
    },
  });
  globalThis.Uint8Array = Counting;
  try {
    run();
  } finally {
    globalThis.Uint8Array = Original;
  }
  return allocated;
}

/** A mixture of packets, payloads of many sizes among them. */
function samplePackets(count: number): Packet[] {
  return Array.from({ length: count }, (_, i): Packet => {
    if (i % 5 === 1) return { type: "puback", packetId: i };
    if (i % 7 === 2) return { type: "pingresp" };
    if (i % 11 === 3) return { type: "suback", packetId: i, returnCodes: [0, 1, 128] };
    return publish({ topicName: `t/${i % 13}`, payload: filled(i * 31 % 700), qos: 1, packetId: i + 1 });
  });
}

function numbered(i: number): Publish {
  return publish({ topicName: `t/${i}`, payload: new Uint8Array(50).fill(i) });
}
