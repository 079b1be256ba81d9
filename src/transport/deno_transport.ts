// An open connection of Deno, of whichever kind. Raw `read` and `write` cost less than half of its web streams, and leave the
// choice of buffer to us: one that is never rewritten, so that the receiver may keep views.

import { ReadBuffer } from "./read_buffer.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

/** What is used of a `Deno.Conn`. */
export interface DenoConn {
  /** Resolves with the number of bytes, or `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves with the number of bytes taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending side. */
  closeWrite(): Promise<void>;
  /** Ends both sides; what is pending rejects. */
  close(): void;
}

/** What is used of Deno's global scope. */
interface DenoScope {
  setImmediate(callback: () => void): unknown;
}

/**
 * Makes the transport of an open connection. No handler is called before the dial that hands it out has resolved and its owner has
 * gone on.
 *
 * @param conn The connection; it belongs to the transport from now on.
 * @param handlers Who is told of bytes and of the end.
 * @param explain Says what a failure means; by default a failure is told as it is.
 * @returns The transport.
 */
export function startDenoTransport(
  conn: DenoConn,
  handlers: TransportHandlers,
  explain: (error: Error) => Error = (error) => error,
): Transport {
  const transport = new DenoTransport(conn, handlers, explain);
  // A read can settle within the turn it was called in, before the promise of the dial has reached its owner.
  (globalThis as unknown as DenoScope).setImmediate(() => void transport.run());
  return transport;
}

/** A connection whose one read loop owns its end: whatever happens, the loop ends, and it alone tells `close`. */
class DenoTransport implements Transport {
  readonly canPause = true;
  readonly #conn: DenoConn;
  readonly #handlers: TransportHandlers;
  readonly #explain: (error: Error) => Error;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** Present while paused; settles at the resume. */
  #gate: PromiseWithResolvers<void> | undefined;
  /** Present while a write is in flight. */
  #writing: Promise<void> | undefined;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether the connection is closed on this side; what fails from then on fails because of that. */
  #closed = false;
  #cause: Error | undefined;

  constructor(conn: DenoConn, handlers: TransportHandlers, explain: (error: Error) => Error) {
    this.#conn = conn;
    this.#handlers = handlers;
    this.#explain = explain;
  }

  /** Reads until the connection ends. While paused it holds one chunk, or the end, and goes no further. */
  async run(): Promise<void> {
    const buffer = new ReadBuffer();
    try {
      while (!this.#closed) {
        const count = await this.#conn.read(buffer.room());
        if (this.#gate !== undefined) await this.#resumed();
        if (count === null || this.#closed) break;
        this.#handlers.data(buffer.take(count));
      }
    } catch (error) {
      // A stream that ends without the farewell of its protocol has still ended.
      if (!(error instanceof Error && error.name === "UnexpectedEof")) this.#fail(error);
    }
    // Also when nothing is paused: a write that ends for the same reason may say more of it, a microtask later.
    await this.#resumed();
    this.destroy();
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#ended.resolve();
    }
  }

  write(chunk: Uint8Array, length: number): Promise<void> {
    if (this.#sendingOver) return this.#ended.promise;
    if (this.#writing !== undefined) throw new Error("Cannot write: the write before this one is not done");
    this.#writing = this.#writeAll(length === chunk.length ? chunk : chunk.subarray(0, length));
    return this.#writing;
  }

  pause(): void {
    if (!this.#closed) this.#gate ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    void this.#closeWrite();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sendingOver = true;
    this.#conn.close();
    this.resume();
  }

  async #resumed(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate.promise;
  }

  /** Writes every byte: one call may take only some of them. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      let written = await this.#conn.write(bytes);
      while (written < bytes.length) written += await this.#conn.write(bytes.subarray(written));
      this.#writing = undefined;
    } catch (error) {
      // What the peer sent before it went may still be unread: the read loop takes it, meets the end, and tells it.
      this.#sendingOver = true;
      this.#fail(error);
      this.#writing = undefined;
      await this.#ended.promise;
    }
  }

  async #closeWrite(): Promise<void> {
    await this.#writing;
    try {
      await this.#conn.closeWrite();
    } catch {
      // Already closed, or gone: the read loop learns of it.
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#cause ??= this.#explain(error as Error);
  }
}
