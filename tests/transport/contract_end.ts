// The ways a connection ends, by either side.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import {
  type ConnectionCase,
  firstDifference,
  MEBIBYTE,
  readAll,
  stream,
  writeUntilBlocked,
} from "./contract_connection.ts";

/** Rules of an end by the peer, and of shutdown. */
export const endCases: readonly ConnectionCase[] = [
  ["the peer's end is told once, without error, after its bytes", async ({ owner, peer, write }) => {
    await peer.write(stream(0, 1000));
    peer.end();
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.byteCount, 1000);
    await write(stream(0, 10));
    assertStrictEquals(await peer.read(), undefined);
  }],

  ["the peer's end cuts a write that is still blocked", async (connection) => {
    const { blocked } = await writeUntilBlocked(connection);
    connection.peer.end();
    await connection.owner.closed;
    await blocked;
  }, "end-in-write"],

  ["a reset by the peer is told once, with an error", async ({ owner, peer, write }) => {
    await write(stream(0, 10));
    await peer.read();
    peer.reset();
    assert(await owner.closed instanceof Error);
    await write(stream(0, 10));
  }, "reset"],

  ["a reset during a blocked write is told, then the write resolves", async (connection) => {
    const { owner, peer } = connection;
    const { blocked } = await writeUntilBlocked(connection);
    const resolved = blocked.then(() => owner.closeCount);
    peer.reset();
    await owner.closed;
    assertEquals(await resolved, 1);
  }, "exact-outflow"],

  ["a reset during a blocked write is told as an error", async (connection) => {
    const { blocked } = await writeUntilBlocked(connection);
    connection.peer.reset();
    assert(await connection.owner.closed instanceof Error);
    await blocked;
  }, "unread-reset"],

  ["a write that a reset ends while paused resolves after close too", async (connection) => {
    const { owner, peer, call } = connection;
    call((transport) => transport.pause());
    const { blocked } = await writeUntilBlocked(connection);
    let closesBefore = -1;
    const resolved = blocked.then(() => closesBefore = owner.closeCount);
    peer.reset();
    await delay(30);
    call((transport) => transport.resume());
    await resolved;
    assertEquals(closesBefore, 1);
  }, "exact-outflow"],

  ["writing to a peer that has gone ends in one close", async ({ owner, peer, write }) => {
    peer.reset();
    for (let i = 0; i < 5; i++) await write(stream(0, 1000));
    assert(await owner.closed instanceof Error);
  }, "reset"],

  ["shutdown lets the peer read to the end and answer", async ({ owner, peer, call, write }) => {
    const total = 6 * MEBIBYTE;
    const writing = write(stream(0, total));
    call((transport) => transport.shutdown());
    call((transport) => transport.shutdown());
    let offset = 0;
    await readAll(peer, (chunk) => {
      assertEquals(firstDifference(chunk, offset), -1);
      offset += chunk.length;
    });
    await writing;
    assertEquals(offset, total);
    assertEquals(owner.closeCount, 0);
    await peer.write(stream(0, 3000));
    await owner.received(3000);
    peer.end();
    assertStrictEquals(await owner.closed, undefined);
  }, "half-close"],

  ["what is written after shutdown is not sent", async ({ owner, peer, call, write }) => {
    call((transport) => transport.shutdown());
    const late = write(stream(0, 10));
    assertStrictEquals(await peer.read(), undefined);
    peer.end();
    assertStrictEquals(await owner.closed, undefined);
    await late;
  }],

  ["an exception in data ends the connection with it", async ({ owner, peer }) => {
    const thrown = new Error("the owner's fault");
    owner.onData = () => {
      throw thrown;
    };
    await peer.write(stream(0, 10));
    assertStrictEquals(await owner.closed, thrown);
    assertStrictEquals(await peer.read(), undefined);
  }],
];

/** Rules of destroy. */
export const destroyCases: readonly ConnectionCase[] = [
  [
    "destroy during a read closes without error, the peer sees the end",
    async ({ owner, peer, call, write }) => {
      await write(stream(0, 1000));
      call((transport) => transport.destroy());
      call((transport) => transport.destroy());
      call((transport) => transport.shutdown());
      call((transport) => transport.pause());
      call((transport) => transport.resume());
      assertStrictEquals(await owner.closed, undefined);
      let offset = 0;
      await readAll(peer, (chunk) => offset += chunk.length);
      assertEquals(offset, 1000, "bytes that were taken before destroy are still sent");
      await write(stream(0, 10));
    },
  ],

  ["destroy resolves a write that is blocked", async (connection) => {
    const { owner, call } = connection;
    const { blocked } = await writeUntilBlocked(connection);
    call((transport) => transport.destroy());
    assertStrictEquals(await owner.closed, undefined);
    await blocked;
  }],

  ["destroy after shutdown does not wait for the peer", async ({ owner, call }) => {
    call((transport) => transport.shutdown());
    await delay(5);
    assertEquals(owner.closeCount, 0);
    call((transport) => transport.destroy());
    assertStrictEquals(await owner.closed, undefined);
  }],

  ["destroy from inside data is the last of it", async ({ owner, peer, call }) => {
    owner.onData = () => call((transport) => transport.destroy());
    await peer.write(stream(0, 4 * MEBIBYTE));
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.chunks.length, 1);
  }],
];
