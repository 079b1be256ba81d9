// A transport over a pair of web streams, which is what many things can be made to look like: a WebTransport stream, a tunnel, a port of
// another thread, a compressed link. The event loop asks a transport for what is written here and no more.
import type { Transport, TransportHandlers } from "@petrel/mqtt";

/** A connection as streams. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Makes the transport of a connection that is open. */
export function makeStreamTransport(streams: StreamPair, handlers: TransportHandlers): Transport {
  const transport = new StreamTransport(streams, handlers);
  // Nothing may be told before the dial has resolved and its owner has gone on.
  setTimeout(() => void transport.run(), 0);
  return transport;
}

class StreamTransport implements Transport {
  /** What is not read holds the peer back, if the streams do their part. */
  readonly canPause = true;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #handlers: TransportHandlers;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** Settles at `destroy`, for a write that would never end. */
  readonly #destroyed = Promise.withResolvers<void>();
  /** Present while paused. */
  #gate: PromiseWithResolvers<void> | undefined;
  #isWriting = false;
  #sendingOver = false;
  #closed = false;
  #cause: Error | undefined;

  constructor({ readable, writable }: StreamPair, handlers: TransportHandlers) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#handlers = handlers;
  }

  /** The one loop that reads, and the only place from which the end is told: so it is told once, and never inside a call. */
  async run(): Promise<void> {
    try {
      while (!this.#closed) {
        const { value } = await this.#reader.read();
        while (this.#gate !== undefined) await this.#gate.promise;
        if (value === undefined || this.#closed) break;
        // The receiver may keep it: a stream that uses its buffers again must copy here.
        if (value.length > 0) this.#handlers.data(value);
      }
    } catch (error) {
      while (this.#gate !== undefined) await this.#gate.promise;
      this.#fail(error);
    }
    this.destroy();
    this.#handlers.close(this.#cause);
    this.#ended.resolve();
  }

  write(chunk: Uint8Array, length: number): Promise<void> {
    if (this.#sendingOver) return this.#ended.promise;
    if (this.#isWriting) throw new Error("Cannot write: the write before this one is not done");
    this.#isWriting = true;
    // A stream may hold what it is given, and the chunk is written again as soon as the promise resolves: hence the copy.
    return this.#send(chunk.slice(0, length));
  }

  pause(): void {
    if (!this.#closed) this.#gate ??= Promise.withResolvers();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    this.#writer.close().catch(() => {});
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sendingOver = true;
    this.#reader.cancel().catch(() => {});
    this.#writer.abort().catch(() => {});
    this.#destroyed.resolve();
    this.resume();
  }

  /** Never rejects: a write that fails ends the connection, and resolves behind `close`. */
  async #send(bytes: Uint8Array): Promise<void> {
    try {
      await Promise.race([this.#writer.write(bytes), this.#destroyed.promise]);
      this.#isWriting = false;
      if (this.#closed) await this.#ended.promise;
    } catch (error) {
      this.#sendingOver = true;
      this.#fail(error);
      await this.#ended.promise;
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#cause ??= error as Error;
  }
}
