// What crosses an open connection, and what holds it back.

import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import {
  type ConnectionCase,
  fill,
  firstDifference,
  MEBIBYTE,
  readAll,
  sizes,
  standstill,
  stream,
  writeUntilBlocked,
} from "./contract_connection.ts";

/** Rules of writing and reading. */
export const exchangeCases: readonly ConnectionCase[] = [
  ["bytes arrive in both directions", async ({ owner, peer, write }) => {
    await write(stream(0, 100));
    let offset = 0;
    while (offset < 100) {
      const chunk = await peer.read();
      assert(chunk !== undefined);
      assertEquals(firstDifference(chunk, offset), -1);
      offset += chunk.length;
    }
    await peer.write(stream(0, 50));
    await owner.received(50);
    assertEquals(firstDifference(owner.chunks[0]!, 0), -1);
  }],

  ["only the first bytes of a chunk are sent", async ({ peer, call }) => {
    await call((transport) => transport.write(stream(0, 100), 3));
    await call((transport) => transport.write(stream(3, 100), 0));
    await call((transport) => transport.write(stream(3, 2), 2));
    call((transport) => transport.shutdown());
    const bytes: number[] = [];
    await readAll(peer, (chunk) => bytes.push(...chunk));
    assertEquals(bytes, [...stream(0, 5)]);
  }],

  ["writes of any size reach a slow reader whole, from one chunk used again", async ({ peer, call }) => {
    const total = 24 * MEBIBYTE;
    const size = sizes(1, 3 * MEBIBYTE);
    const chunk = new Uint8Array(3 * MEBIBYTE);
    let waits = 0;
    const sending = (async () => {
      for (let offset = 0; offset < total;) {
        const length = Math.min(size(), total - offset);
        fill(chunk.subarray(0, length), offset);
        const writing = call((transport) => transport.write(chunk, length));
        if (writing !== undefined) waits++;
        await writing;
        offset += length;
      }
      call((transport) => transport.shutdown());
    })();
    let arrived = 0;
    let reads = 0;
    await readAll(peer, async (bytes) => {
      if (firstDifference(bytes, arrived) !== -1) throw new Error(`A wrong byte after ${arrived}`);
      arrived += bytes.length;
      if (reads++ % 32 === 0) await delay(1);
    });
    await sending;
    assertEquals(arrived, total);
    assert(waits > 0, "no write had to wait");
    assert(reads > 1);
  }],

  ["a second write in flight is refused, the first goes on", async (connection) => {
    const { peer, write } = connection;
    const { blocked } = await writeUntilBlocked(connection);
    assertThrows(() => write(new Uint8Array(1)), Error, "the write before this one is not done");
    const sent = { bytes: 0 };
    void readAll(peer, (chunk) => sent.bytes += chunk.length);
    await blocked;
    assertStrictEquals(await write(new Uint8Array(1)), undefined);
  }],

  ["a chunk that was handed out is never written again", async ({ owner, peer }) => {
    const total = 8 * MEBIBYTE;
    const size = sizes(2, 40_000);
    for (let offset = 0; offset < total;) {
      const length = Math.min(size(), total - offset);
      await peer.write(stream(offset, length));
      offset += length;
    }
    await owner.received(total);
    let offset = 0;
    for (const chunk of owner.chunks) {
      assertEquals(firstDifference(chunk, offset), -1);
      offset += chunk.length;
    }
  }],
];

/** Rules of pause and resume. */
export const pauseCases: readonly ConnectionCase[] = [
  ["pause stops data and holds the peer back, resume loses nothing", async ({ owner, peer, call }) => {
    const total = 48 * MEBIBYTE;
    await peer.write(stream(0, 1000));
    await owner.received(1000);
    owner.chunks.length = 0;
    call((transport) => transport.pause());
    let taken = 1000;
    const sending = (async () => {
      while (taken < total) {
        const length = Math.min(65_536, total - taken);
        await peer.write(stream(taken, length));
        taken += length;
      }
    })();
    const stalledAt = await standstill(() => taken);
    assertEquals(owner.byteCount, 1000, "data while paused");
    assertLess(stalledAt, total, "the peer was not held back");
    call((transport) => transport.resume());
    await Promise.all([sending, owner.received(total)]);
    let offset = 1000;
    for (const chunk of owner.chunks) {
      if (firstDifference(chunk, offset) !== -1) throw new Error(`A wrong byte after ${offset}`);
      offset += chunk.length;
    }
  }, "pause"],

  ["pause may come from inside data, any number of times", async ({ owner, peer, call }) => {
    const total = MEBIBYTE;
    let paused = false;
    let pauses = 0;
    let breaches = 0;
    owner.onData = () => {
      if (paused) breaches++;
      if (pauses++ % 2 === 1) return;
      paused = true;
      call((transport) => transport.pause());
      call((transport) => transport.pause());
      setTimeout(() => {
        paused = false;
        call((transport) => transport.resume());
        call((transport) => transport.resume());
      }, 1);
    };
    await Promise.all([peer.write(stream(0, total)), owner.received(total)]);
    while (paused) await delay(1);
    assertEquals(breaches, 0);
    let offset = 0;
    for (const chunk of owner.chunks) {
      assertEquals(firstDifference(chunk, offset), -1);
      offset += chunk.length;
    }
  }],

  ["the peer's end waits for the resume, behind its bytes", async ({ owner, peer, call }) => {
    call((transport) => transport.pause());
    await peer.write(stream(0, 1000));
    peer.end();
    await delay(30);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
    call((transport) => transport.resume());
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.byteCount, 1000);
  }],

  ["a reset while paused hands out nothing before the resume", async ({ owner, peer, call }) => {
    call((transport) => transport.pause());
    await peer.write(stream(0, 1000));
    await delay(10);
    peer.reset();
    await delay(30);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
    call((transport) => transport.resume());
    assert(await owner.closed instanceof Error);
  }, "reset"],

  ["destroy ends a paused transport too", async ({ owner, peer, call }) => {
    call((transport) => transport.pause());
    await peer.write(stream(0, 1000));
    await delay(10);
    call((transport) => transport.destroy());
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.byteCount, 0);
  }],
];
