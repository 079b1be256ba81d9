// TCP on Deno. Raw `read` and `write` on one connection cost less than half of its web streams, and leave the choice of
// buffer to us: one that is never rewritten, so that the receiver may keep views.

import type { Dial, DialOptions, DialTarget, Transport, TransportHandlers } from "./transport.ts";

/** Where the cost of a read is lowest; a larger buffer gains nothing. */
const READ_BUFFER_BYTES = 65_536;

/** With less room than this behind the last chunk, a fresh buffer is cheaper than a short read. */
const LEAST_READ_BYTES = 4_096;

/** What is used of a `Deno.TcpConn`. */
interface DenoConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(noDelay: boolean): void;
}

/** What is used of Deno's global scope. */
interface DenoScope {
  readonly Deno: {
    connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<DenoConn>;
  };
  setImmediate(callback: () => void): unknown;
}

/**
 * Opens a TCP connection with `Deno.connect`, which needs `--allow-net` for the host as it is written in the target.
 * No handler is called before the promise has resolved and its owner has gone on.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Deno's own error, or the signal's reason.
 */
export const dialDenoTcp: Dial = async (
  target: DialTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { signal } = options;
  signal.throwIfAborted();
  const scope = globalThis as unknown as DenoScope;
  const conn = await scope.Deno.connect({ hostname: target.hostname, port: target.port, signal });
  try {
    signal.throwIfAborted();
    // Deno leaves Nagle's algorithm on: two small writes in a row would wait 40 ms for a delayed ACK.
    conn.setNoDelay(target.noDelay);
  } catch (error) {
    conn.close();
    throw error;
  }
  const transport = new DenoTransport(conn, handlers);
  // A read can settle within the turn it was called in, before the promise of this dial has reached its owner.
  scope.setImmediate(() => void transport.run());
  return transport;
};

/** A connection whose one read loop owns its end: whatever happens, the loop ends, and it alone tells `close`. */
class DenoTransport implements Transport {
  readonly canPause = true;
  readonly #conn: DenoConn;
  readonly #handlers: TransportHandlers;
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

  constructor(conn: DenoConn, handlers: TransportHandlers) {
    this.#conn = conn;
    this.#handlers = handlers;
  }

  /** Reads until the connection ends. While paused it holds one chunk, or the end, and goes no further. */
  async run(): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER_BYTES);
    let filled = 0;
    while (!this.#closed) {
      if (buffer.length - filled < LEAST_READ_BYTES) {
        buffer = new Uint8Array(READ_BUFFER_BYTES);
        filled = 0;
      }
      const count = await this.#read(buffer.subarray(filled));
      while (this.#gate !== undefined) await this.#gate.promise;
      if (count === 0 || this.#closed) break;
      const chunk = buffer.subarray(filled, filled + count);
      filled += count;
      try {
        this.#handlers.data(chunk);
      } catch (error) {
        this.#fail(error);
        break;
      }
    }
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

  /** Reads once; resolves with 0 at the end, whichever way it came. */
  async #read(into: Uint8Array): Promise<number> {
    try {
      return await this.#conn.read(into) ?? 0;
    } catch (error) {
      // A stream that ends without the farewell of its protocol has still ended.
      if (!(error instanceof Error && error.name === "UnexpectedEof")) this.#fail(error);
      return 0;
    }
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
    if (!this.#closed) this.#cause ??= error as Error;
  }
}
