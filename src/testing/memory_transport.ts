// A connection made of memory. It keeps the contract of a real transport, back-pressure and half-close included, and adds what a
// test needs: chunks of chosen sizes, and faults on demand.
//
// Each end owns the bytes on their way to it. It hands them out one chunk per microtask, so nothing is ever called from inside a
// call and the same test always runs in the same order. Once both ends are over, nothing is left.

import type { Transport, TransportHandlers } from "../transport/transport.ts";

const DEFAULT_BUFFER_BYTES = 65_536;

/** How an in-memory connection carries bytes. */
export interface MemoryOptions {
  /** How many bytes each direction holds before a write has to wait; 64 KiB by default. */
  readonly bufferBytes?: number;
  /**
   * The sizes of the chunks that are handed out, used in turn and over again, whatever the sizes of the writes were: `[1]` brings every
   * byte alone, `[3, 1000]` cuts and joins packets. A chunk is shorter when no more bytes are there. By default each write arrives as
   * one chunk.
   */
  readonly chunkSizes?: readonly number[];
}

/** One end of an in-memory connection. */
export interface MemoryTransport extends Transport {
  /**
   * Ends the connection as a fault would: bytes on their way in either direction are lost, and the other end is told the error. This end
   * closes without one, as after `destroy`.
   *
   * @param error What the other end is told; an error that says so by default.
   */
  reset(error?: Error): void;
}

/**
 * Connects two transports through memory.
 *
 * @param first Who is told of bytes and of the end at the first transport.
 * @param second The same for the second.
 * @param options How bytes are carried, in both directions.
 * @returns The two ends, open.
 * @throws {RangeError} If a size is not a positive integer.
 *
 * @example
 * ```ts
 * import { memoryPair } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const chunks: Uint8Array[] = [];
 * const closed = Promise.withResolvers<void>();
 * const [near, far] = memoryPair(
 *   { data: () => {}, close: () => {} },
 *   { data: (chunk) => chunks.push(chunk), close: () => closed.resolve() },
 *   { chunkSizes: [2, 3] },
 * );
 * near.write(Uint8Array.of(1, 2, 3, 4, 5, 6), 6);
 * near.shutdown();
 * await closed.promise;
 *
 * assertEquals(chunks.map((chunk) => [...chunk]), [[1, 2], [3, 4, 5], [6]]);
 * assertEquals(far.canPause, true);
 * ```
 */
export function memoryPair(
  first: TransportHandlers,
  second: TransportHandlers,
  options: MemoryOptions = {},
): [MemoryTransport, MemoryTransport] {
  return MemoryEnd.pair(first, second, options);
}

/** A write that waits for room at the other end. */
interface WaitingWrite {
  readonly chunk: Uint8Array;
  readonly end: number;
  readonly done: PromiseWithResolvers<void>;
  start: number;
}

/** The handlers of a server's end, which may go on sending after the client has ended its side. */
export interface HalfOpenHandlers extends TransportHandlers {
  /** The other end sends no more; from now on this one is closed only from either side. */
  end?(): void;
}

/** The implementation, with what only a server's end uses. */
export class MemoryEnd implements MemoryTransport {
  readonly canPause = true;
  readonly #handlers: HalfOpenHandlers;
  readonly #bufferBytes: number;
  readonly #chunkSizes: readonly number[];
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** Settles once this end takes no more bytes. */
  readonly #gone = Promise.withResolvers<void>();
  #peer!: MemoryEnd;

  /** Bytes on their way to this end, and how many. */
  readonly #arriving: Uint8Array[] = [];
  #arrivingBytes = 0;
  #nextSize = 0;
  /** Whether the other end sends no more: what is arriving is the rest. */
  #peerIsDone = false;
  #endTold = false;
  #paused = false;
  #isScheduled = false;
  /** Those who wait until nothing is on its way to this end. */
  #onEmpty: (() => void)[] = [];

  #waiting: WaitingWrite | undefined;
  #sendingOver = false;
  /** Whether this end takes no more bytes; `close` is told in a microtask to come. */
  #closed = false;
  #told = false;
  #cause: Error | undefined;

  constructor(handlers: HalfOpenHandlers, options: MemoryOptions) {
    this.#handlers = handlers;
    this.#bufferBytes = options.bufferBytes ?? DEFAULT_BUFFER_BYTES;
    this.#chunkSizes = options.chunkSizes ?? [];
  }

  /** Makes both ends. */
  static pair(first: HalfOpenHandlers, second: HalfOpenHandlers, options: MemoryOptions): [MemoryEnd, MemoryEnd] {
    checkOptions(options);
    const ends: [MemoryEnd, MemoryEnd] = [new MemoryEnd(first, options), new MemoryEnd(second, options)];
    ends[0].#peer = ends[1];
    ends[1].#peer = ends[0];
    return ends;
  }

  /** Settles once the other end takes no more bytes. */
  get peerGone(): Promise<void> {
    return this.#peer.#gone.promise;
  }

  /** Resolves once the other end was handed everything that was sent, or never will be. */
  delivered(): Promise<void> {
    const peer = this.#peer;
    if (peer.#arrivingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => peer.#onEmpty.push(resolve));
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#sendingOver || this.#peer.#closed) return this.#ended.promise;
    if (this.#waiting !== undefined) throw new Error("Cannot write: the write before this one is not done");
    const taken = this.#peer.#take(chunk, 0, length);
    if (taken === length) return undefined;
    this.#waiting = { chunk, start: taken, end: length, done: Promise.withResolvers<void>() };
    return this.#waiting.done.promise;
  }

  pause(): void {
    if (!this.#closed) this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    if (this.#waiting === undefined) this.#peer.#handlePeerDone();
  }

  destroy(): void {
    this.#close(undefined);
  }

  reset(error: Error = new Error("Connection reset: the other end has cut it")): void {
    if (this.#closed) return;
    const peer = this.#peer;
    peer.#dropArriving();
    if (!peer.#closed) peer.#cause ??= error;
    this.#close(undefined);
  }

  /** Copies what there is room for, and says how much that was. */
  #take(chunk: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.#bufferBytes - this.#arrivingBytes);
    if (count > 0) {
      this.#arriving.push(chunk.slice(start, start + count));
      this.#arrivingBytes += count;
      this.#wake();
    }
    return count;
  }

  #wake(): void {
    if (this.#isScheduled || this.#told) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#step();
    });
  }

  /** One turn of this end: hands out one chunk, or the end. */
  #step(): void {
    if (this.#paused || this.#told) return;
    if (this.#arrivingBytes > 0) {
      const chunk = this.#cut();
      this.#peer.#sendWaiting();
      try {
        this.#handlers.data(chunk);
      } catch (error) {
        this.#close(error as Error);
      }
      this.#wake();
      this.#tellIfEmpty();
    } else if (this.#closed) {
      this.#tellClose();
    } else if (this.#peerIsDone) {
      this.#handleEnd();
    }
  }

  /** Nothing more will arrive. */
  #handleEnd(): void {
    const mayGoOn = this.#handlers.end !== undefined && !this.#sendingOver && !this.#peer.#closed;
    if (!mayGoOn) {
      this.#close(this.#cause);
    } else if (!this.#endTold) {
      this.#endTold = true;
      this.#handlers.end?.();
    }
  }

  /** Takes the next chunk from what is arriving. */
  #cut(): Uint8Array {
    const wanted = this.#chunkSizes.length === 0
      ? this.#arriving[0]!.length
      : this.#chunkSizes[this.#nextSize++ % this.#chunkSizes.length]!;
    const chunk = new Uint8Array(Math.min(wanted, this.#arrivingBytes));
    for (let filled = 0; filled < chunk.length;) {
      const head = this.#arriving[0]!;
      const part = head.subarray(0, chunk.length - filled);
      chunk.set(part, filled);
      filled += part.length;
      if (part.length === head.length) this.#arriving.shift();
      else this.#arriving[0] = head.subarray(part.length);
    }
    this.#arrivingBytes -= chunk.length;
    return chunk;
  }

  /** The other end has made room. */
  #sendWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#closed) return;
    waiting.start += this.#peer.#take(waiting.chunk, waiting.start, waiting.end);
    if (waiting.start < waiting.end) return;
    this.#waiting = undefined;
    waiting.done.resolve();
    if (this.#sendingOver) this.#peer.#handlePeerDone();
  }

  #handlePeerDone(): void {
    this.#peerIsDone = true;
    this.#wake();
  }

  #close(cause: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sendingOver = true;
    this.#paused = false;
    this.#cause ??= cause;
    this.#dropArriving();
    this.#gone.resolve();
    this.#peer.#handlePeerDone();
    this.#wake();
  }

  #dropArriving(): void {
    this.#arriving.length = 0;
    this.#arrivingBytes = 0;
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#arrivingBytes > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #tellClose(): void {
    this.#told = true;
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#waiting?.done.resolve();
      this.#waiting = undefined;
      this.#ended.resolve();
    }
  }
}

function checkOptions({ bufferBytes = 1, chunkSizes = [1] }: MemoryOptions): void {
  if (!Number.isInteger(bufferBytes) || bufferBytes < 1) {
    throw new RangeError(`Cannot connect through memory: bufferBytes is ${bufferBytes}, it must be a positive integer`);
  }
  if (chunkSizes.length === 0 || !chunkSizes.every((size) => Number.isInteger(size) && size > 0)) {
    throw new RangeError(
      `Cannot connect through memory: chunkSizes is [${chunkSizes}], it must hold positive integers`,
    );
  }
}
