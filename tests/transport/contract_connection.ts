// The two ends that the rules of the transport contract look at: an owner that records every call, and a peer read by hand.

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { DialOptions, DialTarget, Transport, TransportHandlers } from "../../src/transport/transport.ts";

/** The server's end of a connection, read by hand. */
export interface ContractPeer {
  /** The next bytes, or `undefined` once the connection is over. Between two calls nothing is read for long. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes were taken, or the connection is over. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the sending side. */
  end(): void;
  /** Ends the connection as a fault would. */
  reset(): void;
}

/** A server, and the dial that reaches it. */
export interface ContractServer extends AsyncDisposable {
  /** Dials `target`; an adapter knows no other kind. */
  dial(target: DialTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport>;
  readonly target: DialTarget;
  accept(): Promise<ContractPeer>;
  /** Refuses every dial from now on. */
  refuse(): Promise<void>;
}

/** A number of bytes. */
export const MEBIBYTE = 1 << 20;
/** The signal of a dial that may take as long as it likes. */
export const neverAborted: AbortSignal = new AbortController().signal;

/** The byte at an offset of the test stream: no period that a buffer size could hide. */
function byteAt(offset: number): number {
  return (offset ^ (offset >>> 8) * 7 ^ (offset >>> 16) * 31) & 0xff;
}

/** Fills a chunk with the test stream from an offset on. */
export function fill(chunk: Uint8Array, offset: number): Uint8Array {
  for (let i = 0; i < chunk.length; i++) chunk[i] = byteAt(offset + i);
  return chunk;
}

/** A new chunk of the test stream. */
export function stream(offset: number, length: number): Uint8Array {
  return fill(new Uint8Array(length), offset);
}

/** The offset of the first byte that is not the test stream's, or -1. */
export function firstDifference(chunk: Uint8Array, offset: number): number {
  for (let i = 0; i < chunk.length; i++) if (chunk[i] !== byteAt(offset + i)) return offset + i;
  return -1;
}

/** A small generator of repeatable sizes. */
export function sizes(seed: number, max: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 1 + state % max;
  };
}

/** The handlers of one transport: records everything, and notes each breach of the order of calls. */
export class Owner implements TransportHandlers {
  readonly chunks: Uint8Array[] = [];
  readonly breaches: string[] = [];
  readonly closed: Promise<Error | undefined>;
  byteCount = 0;
  closeCount = 0;
  /** Whether a call to the transport is on the stack. */
  inCall = false;
  onData: (chunk: Uint8Array) => void = () => {};
  #tellClosed: (error: Error | undefined) => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => this.#tellClosed = resolve);
  }

  data(chunk: Uint8Array): void {
    if (this.inCall) this.breaches.push("data inside a call");
    if (this.closeCount > 0) this.breaches.push("data after close");
    if (chunk.length === 0) this.breaches.push("an empty chunk");
    this.chunks.push(chunk);
    this.byteCount += chunk.length;
    this.onData(chunk);
  }

  close(error?: Error): void {
    if (this.inCall) this.breaches.push("close inside a call");
    this.closeCount++;
    this.#tellClosed(error);
  }

  /** Waits until this many bytes have come, in all. */
  async received(byteCount: number): Promise<void> {
    while (this.byteCount < byteCount && this.closeCount === 0) await delay(1);
    assertEquals(this.byteCount, byteCount);
  }
}

/** An open connection as a test sees it. Every call goes through `call`, which finds handlers called from inside. */
export interface Connection {
  readonly owner: Owner;
  readonly peer: ContractPeer;
  readonly transport: Transport;
  call<T>(act: (transport: Transport) => T): T;
  write(chunk: Uint8Array): Promise<void> | undefined;
}

/** Opens a connection and accepts it. */
export async function connect(server: ContractServer): Promise<Connection> {
  const owner = new Owner();
  const accepting = server.accept();
  const transport = await server.dial(server.target, owner, { signal: neverAborted });
  const call = <T>(act: (transport: Transport) => T): T => {
    owner.inCall = true;
    try {
      return act(transport);
    } finally {
      owner.inCall = false;
    }
  };
  return { owner, transport, peer: await accepting, call, write: (chunk) => call((t) => t.write(chunk, chunk.length)) };
}

/** Reads to the end. */
export async function readAll(peer: ContractPeer, check: (chunk: Uint8Array) => unknown): Promise<void> {
  for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) await check(chunk);
}

/** Writes until the transport takes no more; gives the write that waits. */
export async function writeUntilBlocked({ write }: Connection): Promise<{ readonly blocked: Promise<void> }> {
  for (let i = 0; i < 64; i++) {
    const writing = write(new Uint8Array(MEBIBYTE));
    if (writing === undefined) continue;
    let isDone = false;
    void writing.then(() => isDone = true);
    // Many turns rather than much time: on a busy machine little happens in a while.
    for (let turn = 0; turn < 50 && !isDone; turn++) await delay(4);
    if (!isDone) return { blocked: writing };
  }
  throw new Error("64 MiB were taken with nobody reading");
}

/**
 * What the network must have for a rule: a reset that the peer learns of although every byte was read, or at least if some were not, a pause that holds the peer back,
 * an end of one side that leaves the other one open, an end that is heard while a write is blocked, or a count of what has left that a
 * reset does not change.
 */
export type ContractNeed = "reset" | "unread-reset" | "pause" | "half-close" | "end-in-write" | "exact-outflow";

/** One rule over an open connection; the suite ends the connection and checks the order of calls. */
export type ConnectionCase = readonly [
  rule: string,
  body: (connection: Connection) => Promise<void>,
  needs?: ContractNeed,
];

/** One rule of the dial itself. */
export type DialCase = readonly [rule: string, body: (server: ContractServer) => Promise<void>];

/** Waits until a count stands still. */
export async function standstill(count: () => number): Promise<number> {
  let before = -1;
  while (before !== count()) {
    before = count();
    await delay(100);
  }
  return before;
}
