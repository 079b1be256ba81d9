// What Deno's sockets may do by their contract, and on a loopback interface hardly ever do.

import { assert, assertEquals, assertNotStrictEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { dialDenoTcp } from "../../src/transport/tcp_deno.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { withConnect } from "./runtime_stub.ts";

const { signal } = new AbortController();
const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;

/** A connection that gives the reads it was told to, then waits; and takes so many bytes per write. */
class StubConn {
  readonly calls: string[] = [];
  readonly written: number[] = [];
  closed = 0;
  bytesPerWrite = Infinity;
  readonly #reads: (number | null | Error)[];
  #fill = 1;
  #interrupt = Promise.withResolvers<never>();

  constructor(...reads: (number | null | Error)[]) {
    this.#reads = reads;
    this.#interrupt.promise.catch(() => {});
  }

  setNoDelay(noDelay: boolean): void {
    this.calls.push(`setNoDelay ${noDelay}`);
  }

  read(into: Uint8Array): Promise<number | null> {
    const read = this.#reads.shift();
    if (read === undefined) return this.#interrupt.promise;
    if (read instanceof Error) return Promise.reject(read);
    if (read !== null) into.fill(this.#fill++, 0, read);
    return Promise.resolve(read);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed > 0) return Promise.reject(new Error("BadResource"));
    const taken = Math.min(bytes.length, this.bytesPerWrite);
    this.written.push(...bytes.subarray(0, taken));
    return Promise.resolve(taken);
  }

  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    return Promise.reject(new Error("NotConnected"));
  }

  close(): void {
    if (this.closed++ > 0) throw new Error("BadResource");
    this.#interrupt.reject(new Error("Interrupted"));
  }
}

class Owner {
  readonly chunks: Uint8Array[] = [];
  readonly closed: Promise<Error | undefined>;
  close!: (error?: Error) => void;
  constructor() {
    this.closed = new Promise((resolve) => this.close = resolve);
  }
  data(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }
}

function dial(conn: StubConn, owner: Owner): Promise<Transport> {
  return withConnect("Deno", () => Promise.resolve(conn), () => dialDenoTcp(target, owner, { signal }));
}

test("Deno TCP: bytes that are there at once come after the dial, and after what awaits it", async () => {
  const owner = new Owner();
  const transport = await (async () => await dial(new StubConn(3, 4), owner))();
  for (let i = 0; i < 20; i++) await undefined;
  assertEquals(owner.chunks, []);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(owner.chunks.map(({ length }) => length), [3, 4]);
  transport.destroy();
  assertStrictEquals(await owner.closed, undefined);
});

test("Deno TCP: chunks share one buffer, side by side, until little of it is left", async () => {
  const owner = new Owner();
  await dial(new StubConn(100, 130, 15, 10, 20, null), owner);
  assertStrictEquals(await owner.closed, undefined);
  const offsets = owner.chunks.map(({ byteOffset }) => byteOffset);
  assertEquals(offsets, [0, 100, 230, 0, 10]);
  assertStrictEquals(owner.chunks[2]!.buffer, owner.chunks[0]!.buffer);
  assertNotStrictEquals(owner.chunks[3]!.buffer, owner.chunks[0]!.buffer);
  for (const [i, chunk] of owner.chunks.entries()) assert(chunk.every((byte) => byte === i + 1));
});

test("Deno TCP: a write goes on until every byte is taken", async () => {
  const conn = new StubConn();
  conn.bytesPerWrite = 3;
  const owner = new Owner();
  const transport = await dial(conn, owner);
  await transport.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), 8);
  assertEquals(conn.written, [1, 2, 3, 4, 5, 6, 7, 8]);
  transport.destroy();
  await owner.closed;
  assertEquals(conn.closed, 1);
});

test("Deno TCP: an UnexpectedEof is an end, any other failure of a read is the error of close", async () => {
  const eof = Object.assign(new Error("peer closed connection"), { name: "UnexpectedEof" });
  const ended = new Owner();
  await dial(new StubConn(1, eof), ended);
  assertStrictEquals(await ended.closed, undefined);

  const reset = Object.assign(new Error("Connection reset by peer"), { name: "ConnectionReset" });
  const broken = new Owner();
  await dial(new StubConn(1, reset), broken);
  assertStrictEquals(await broken.closed, reset);
  assertEquals(broken.chunks.length, 1);
});

test("Deno TCP: a shutdown that fails leaves the end to the reading side", async () => {
  const conn = new StubConn();
  const owner = new Owner();
  const transport = await dial(conn, owner);
  transport.shutdown();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([conn.calls, conn.closed], [["setNoDelay true", "closeWrite"], 0]);
  transport.destroy();
  assertStrictEquals(await owner.closed, undefined);
});

test("Deno TCP: an abort in the very moment of the connection closes it", async () => {
  const conn = new StubConn();
  const controller = new AbortController();
  const reason = new Error("too slow");
  const connect = (): Promise<StubConn> => {
    controller.abort(reason);
    return Promise.resolve(conn);
  };
  const dialing = withConnect(
    "Deno",
    connect,
    () => dialDenoTcp(target, new Owner(), { signal: controller.signal }),
  );
  assertStrictEquals(await assertRejects(() => dialing), reason);
  assertEquals(conn.closed, 1);
});
