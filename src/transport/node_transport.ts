// An open socket of `node:net` or `node:tls`, on whichever runtime.

import type { Transport, TransportHandlers } from "./transport.ts";

/** What is used of a `net.Socket`. */
export interface NodeSocket {
  /** Calls back once all bytes were taken, or with an error. Returns whether they fit into the socket's own buffer. */
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): boolean;
  /** Stops `data`. */
  pause(): void;
  /** Starts `data`, or goes on with it. */
  resume(): void;
  /** Ends the sending side behind what was written. */
  end(): void;
  /** Ends both sides. */
  destroy(): void;
  /** Bytes arrived; never a chunk that is written again. A socket that was made with `onread` has no such event. */
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  /** The peer has ended its side; or both are closed. */
  on(event: "end" | "close", listener: () => void): unknown;
  /** What broke the connection; `close` follows. */
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** A stream that carries a socket with TLS, where the runtime's own cannot be held back. */
export interface NodeCarrier {
  /** A `stream.Duplex`. */
  readonly stream: object;
  /** What broke it, if anything has: the socket upon it may close without a word. */
  failure(): Error | undefined;
  /** Whether it has ended, for good or bad: what it had not handed on is lost. */
  isOver(): boolean;
  /** Resolves when it has handed on every byte, or is over; `undefined` if that is so now. */
  flushed(): Promise<void> | undefined;
  /** Stops reading. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
  /** Ends it, if it has not ended. */
  destroy(): void;
}

/** Where the bytes of a socket come from, if not from its event `data`. */
export interface NodeInflow {
  /** Receives every chunk from the start of the transport on. */
  sink: (chunk: Uint8Array) => void;
}

/** What a transport may have besides a socket. */
export interface NodeTransportParts {
  /** Says what a failure means; by default a failure is told as it is. */
  readonly explain?: (error: Error) => Error;
  /** What is below the socket, if it is not the runtime's own. */
  readonly carrier?: NodeCarrier | undefined;
  /** Where its bytes come from; the socket is paused until the transport starts. */
  readonly inflow?: NodeInflow;
}

/** What is used of the global scope. */
interface NodeScope {
  setImmediate(callback: () => void): unknown;
}

/**
 * Makes the transport of an open socket. No handler is called before the dial that hands it out has resolved and its owner has gone
 * on.
 *
 * @param socket The socket; it belongs to the transport from now on. It must allow a half-open connection.
 * @param handlers Who is told of bytes and of the end.
 * @param parts What it has besides.
 * @returns The transport.
 */
export function startNodeTransport(
  socket: NodeSocket,
  handlers: TransportHandlers,
  parts: NodeTransportParts,
): Transport {
  const transport = new NodeTransport(socket, handlers, parts);
  (globalThis as unknown as NodeScope).setImmediate(() => transport.start());
  return transport;
}

class NodeTransport implements Transport {
  readonly canPause = true;
  readonly #socket: NodeSocket;
  readonly #handlers: TransportHandlers;
  readonly #explain: (error: Error) => Error;
  readonly #carrier: NodeCarrier | undefined;
  readonly #inflow: NodeInflow | undefined;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** Present while a write is in flight. */
  #writing: Promise<void> | undefined;
  #paused = false;
  #started = false;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether the socket was closed on this side; what fails from then on fails because of that. */
  #destroyed = false;
  /** Whether it was the owner who closed it. */
  #isUnwanted = false;
  /** Whether the socket is closed; `close` is told once nothing holds it back. */
  #closed = false;
  #told = false;
  #cause: Error | undefined;

  constructor(socket: NodeSocket, handlers: TransportHandlers, parts: NodeTransportParts) {
    const { explain = (error) => error, carrier, inflow } = parts;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#explain = explain;
    this.#carrier = carrier;
    this.#inflow = inflow;
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => {
      // What broke the carrier has broken it before the end of the peer was read.
      const failure = this.#carrier?.failure();
      if (failure !== undefined && !this.#isUnwanted) this.#cause ??= this.#explain(failure);
      this.#closed = true;
      this.#sendingOver = true;
      this.#tellClose();
    });
  }

  /** Lets the bytes in. */
  start(): void {
    this.#started = true;
    const sink = (chunk: Uint8Array): void => this.#handleData(chunk);
    // The other side may still wait for bytes; MQTT has no use for half a connection.
    this.#socket.on("end", () => this.#end());
    if (this.#inflow === undefined) this.#socket.on("data", sink);
    else this.#inflow.sink = sink;
    if (this.#paused) this.#socket.pause();
    else if (this.#inflow !== undefined) this.#socket.resume();
    this.#tellClose();
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#sendingOver) return this.#ended.promise;
    if (this.#writing !== undefined) throw new Error("Cannot write: the write before this one is not done");
    // Deno's socket with TLS never calls back for no bytes.
    if (length === 0) return undefined;
    const written = Promise.withResolvers<void>();
    this.#writing = written.promise;
    this.#socket.write(length === chunk.length ? chunk : chunk.subarray(0, length), (error) => {
      // What has only been put upon the carrier is not taken yet.
      const flushing = this.#carrier?.flushed();
      if (flushing === undefined) this.#settleWrite(written, error);
      else void flushing.then(() => this.#settleWrite(written, error));
    });
    return this.#writing;
  }

  #settleWrite(written: PromiseWithResolvers<void>, error: Error | null | undefined): void {
    const failure = error ?? this.#carrier?.failure();
    if (failure === undefined && !this.#destroyed && this.#carrier?.isOver() !== true) {
      this.#writing = undefined;
      written.resolve();
      return;
    }
    this.#sendingOver = true;
    if (failure !== undefined) this.#fail(failure);
    this.#ended.promise.then(written.resolve);
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#carrier?.pause();
    if (this.#started) this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#carrier?.resume();
    if (this.#started) this.#socket.resume();
    queueMicrotask(() => this.#tellClose());
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    this.#socket.end();
  }

  destroy(): void {
    this.#isUnwanted = true;
    this.#end();
  }

  #end(): void {
    this.#paused = false;
    this.#sendingOver = true;
    if (!this.#destroyed) {
      this.#destroyed = true;
      this.#socket.destroy();
    }
    queueMicrotask(() => this.#tellClose());
  }

  #handleData(chunk: Uint8Array): void {
    if (this.#destroyed) return;
    try {
      // A `Buffer` would give views that are Buffers, whose `slice` does not copy.
      this.#handlers.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } catch (error) {
      this.#cause ??= error as Error;
      this.#end();
    }
  }

  #tellClose(): void {
    if (!this.#closed || !this.#started || this.#paused || this.#told) return;
    this.#told = true;
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#ended.resolve();
    }
  }

  #fail(error: Error): void {
    if (!this.#destroyed) this.#cause ??= this.#explain(error);
  }
}
