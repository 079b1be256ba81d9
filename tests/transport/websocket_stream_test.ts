// Pings, and frames of every size, over a WebSocket that is open.

import { assertEquals, assertGreater, assertLess, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import { test } from "../support/test.ts";
import { firstDifference, MEBIBYTE, stream } from "./contract_connection.ts";
import { encodeServerFrame } from "./websocket_codec.ts";
import { closeFrame, withConnection } from "./websocket_connection.ts";

test("WebSocket: pings are answered in order, between the writes", () =>
  withConnection(async ({ owner, peer, write }) => {
    const pings = [new Uint8Array(0), Uint8Array.of(1), stream(0, 125)];
    for (const payload of pings) {
      await peer.send({ opcode: 9, payload });
      await peer.write(Uint8Array.of(1));
      // One at a time: an answer to the newest of several would do.
      await owner.received(owner.byteCount + 1);
      await write(stream(0, 10));
      await peer.read();
    }
    assertEquals(peer.pongs, pings);
  }));

test("WebSocket: a ping during a long write is answered behind its frame, and the owner hears on", () =>
  withConnection(async ({ owner, peer, write }) => {
    const total = 24 * MEBIBYTE;
    const writing = write(stream(0, total));
    await peer.send({ opcode: 9, payload: Uint8Array.of(42) });
    await peer.write(Uint8Array.of(1));
    await owner.received(1);
    // The peer's `read` throws if anything cuts the frame.
    const payload = await peer.read();
    assertEquals([payload?.length, firstDifference(payload!, 0)], [total, -1]);
    await writing;
    const next = write(Uint8Array.of(7));
    assertEquals(await peer.read(), Uint8Array.of(7));
    await next;
    assertEquals(peer.pongs, [Uint8Array.of(42)]);
  }));

test("WebSocket: a flood of pings whose answers nobody reads is answered as far as they fit, and the last of them", () =>
  withConnection(async ({ owner, peer, write }) => {
    const count = 200_000;
    const ping = (index: number): Uint8Array => {
      const payload = new Uint8Array(125);
      new DataView(payload.buffer).setUint32(0, index);
      return encodeServerFrame({ opcode: 9, payload });
    };
    const batch = new Uint8Array(127 * 1000);
    for (let index = 0; index < count; index += 1000) {
      for (let offset = 0; offset < 1000; offset++) batch.set(ping(index + offset), offset * 127);
      await peer.stream.write(batch.slice());
    }
    // All of them have been read: what follows them comes through.
    await peer.write(Uint8Array.of(1));
    await owner.received(1);
    const writing = write(Uint8Array.of(2));
    assertEquals(await peer.read(), Uint8Array.of(2));
    await writing;
    const indices = peer.pongs.map((payload) => new DataView(payload.buffer, payload.byteOffset).getUint32(0));
    assertEquals(indices.at(-1), count - 1);
    assertEquals(indices, indices.toSorted((a, b) => a - b));
    assertLess(indices.length, count);
    assertGreater(indices.length, 0);
  }));

test("WebSocket: pings wait while the owner holds the server back", () =>
  withConnection(async ({ owner, peer, call, write }) => {
    call((transport) => transport.pause());
    await peer.send({ opcode: 9, payload: Uint8Array.of(1) });
    await peer.write(Uint8Array.of(1));
    await delay(20);
    await write(Uint8Array.of(2));
    await peer.read();
    assertEquals([peer.pongs.length, owner.byteCount], [0, 0]);
    call((transport) => transport.resume());
    await owner.received(1);
    await write(Uint8Array.of(3));
    await peer.read();
    assertEquals(peer.pongs, [Uint8Array.of(1)]);
  }));

test("WebSocket: frames of one byte, frames of no bytes and frames of many bytes are one stream", () =>
  withConnection(async ({ owner, peer }) => {
    const bytes = stream(0, 20_000);
    const frames = Array.from(bytes, (_, at) => encodeServerFrame({ opcode: 2, payload: bytes.subarray(at, at + 1) }));
    const empty = encodeServerFrame({ opcode: 2 });
    await peer.stream.write(Uint8Array.from(frames.flatMap((frame) => [...frame, ...empty])));
    for (let at = 20_000; at < 70_000; at += 10_000) await peer.write(stream(at, 10_000));
    await owner.received(70_000);
    let offset = 0;
    for (const chunk of owner.chunks) {
      assertEquals(firstDifference(chunk, offset), -1);
      offset += chunk.length;
    }
    // Each of them its own chunk would cost more than the frames.
    assertLess(owner.chunks.length, 5000);
  }));

test("WebSocket: a frame is told as it arrives, not when it is whole", () =>
  withConnection(async ({ owner, peer }) => {
    const frame = encodeServerFrame({ opcode: 2, payload: stream(0, 16 * MEBIBYTE) });
    await peer.stream.write(frame.subarray(0, 1000));
    await owner.received(1000 - 10);
    await peer.stream.write(frame.subarray(1000));
    await owner.received(16 * MEBIBYTE);
    assertLess(Math.max(...owner.chunks.map((chunk) => chunk.length)), 2 * MEBIBYTE);
  }));

test("WebSocket: a pause holds back the other frames of a chunk", () =>
  withConnection(async ({ owner, peer, call }) => {
    // Pings between them, so that they are told one by one.
    const frame = encodeServerFrame({ opcode: 2, payload: stream(0, 10) });
    const ping = encodeServerFrame({ opcode: 9 });
    const told: number[] = [];
    owner.onData = (chunk) => {
      told.push(chunk.length);
      call((transport) => transport.pause());
    };
    await peer.stream.write(Uint8Array.of(...frame, ...ping, ...frame, ...ping, ...frame, ...closeFrame(1000)));
    for (const count of [1, 2, 3]) {
      await owner.received(10 * count);
      await delay(10);
      assertEquals([told.length, owner.closeCount], [count, 0]);
      call((transport) => transport.resume());
    }
    assertStrictEquals(await owner.closed, undefined);
  }));

test("WebSocket: destroy from inside data holds back the other frames of a chunk", () =>
  withConnection(async ({ owner, peer, call }) => {
    const frame = encodeServerFrame({ opcode: 2, payload: stream(0, 10) });
    owner.onData = () => call((transport) => transport.destroy());
    await peer.stream.write(
      Uint8Array.of(...frame, ...encodeServerFrame({ opcode: 9 }), ...frame, ...closeFrame(4000)),
    );
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.byteCount, 10);
  }));

test("WebSocket: each write is one frame, whatever its length", () =>
  withConnection(async ({ peer, write }) => {
    for (const length of [1, 125, 126, 65_535, 65_536, 200_000, 16 * MEBIBYTE]) {
      const chunk = stream(0, length);
      const writing = write(chunk);
      const payload = await peer.read();
      await writing;
      assertEquals([payload?.length, firstDifference(payload!, 0), firstDifference(chunk, 0)], [length, -1, -1]);
    }
  }));
