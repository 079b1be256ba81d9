// TCP on Bun. Its sockets push, hand out a fresh buffer for every chunk and set TCP_NODELAY by themselves; what is left to
// do is the rest of a short write, a true pause, and one `close`, outside of any call.

import type { Dial, DialOptions, DialTarget, Transport, TransportHandlers } from "./transport.ts";

/** What is used of a `Bun.Socket`. */
interface BunSocket {
  /** Returns how many bytes were taken, fewer if the kernel is full; -1 if the connection is gone. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  close(): void;
  terminate(): void;
  setNoDelay(noDelay: boolean): boolean;
}

/** What is used of `Bun.connect`'s handlers. */
interface BunHandlers {
  readonly binaryType: "uint8array";
  open(socket: BunSocket): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  close(socket: BunSocket, error?: Error): void;
}

/** What is used of Bun's global scope. */
interface BunScope {
  readonly Bun: {
    connect(options: { hostname: string; port: number; socket: BunHandlers }): Promise<BunSocket>;
  };
}

/**
 * Opens a TCP connection with `Bun.connect`.
 *
 * Bun cannot cancel an attempt. Aborting rejects at once, and a connection that opens later is closed in that moment; but
 * while the server does not answer at all, the attempt lives on, and keeps the process alive, until the kernel gives it up.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Bun's own error, or the signal's reason.
 */
export const dialBunTcp: Dial = async (
  target: DialTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { signal } = options;
  signal.throwIfAborted();
  const opened = Promise.withResolvers<Transport>();
  const abort = (): void => opened.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let transport: BunTransport | undefined;
  const socket: BunHandlers = {
    binaryType: "uint8array",
    open(socket: BunSocket): void {
      if (signal.aborted) {
        socket.terminate();
        return;
      }
      if (!target.noDelay) socket.setNoDelay(false);
      transport = new BunTransport(socket, handlers);
      opened.resolve(transport);
    },
    data: (_socket: BunSocket, chunk: Uint8Array): void => transport?.handleData(chunk),
    drain: (): void => transport?.handleDrain(),
    close: (_socket: BunSocket, error?: Error): void => transport?.handleClose(error),
  };
  try {
    const { Bun } = globalThis as unknown as BunScope;
    Bun.connect({ hostname: target.hostname, port: target.port, socket }).catch(opened.reject);
    return await opened.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/** The part of a write that the kernel has not taken yet. */
interface Rest {
  readonly chunk: Uint8Array;
  readonly end: number;
  readonly done: PromiseWithResolvers<void>;
  start: number;
}

class BunTransport implements Transport {
  readonly canPause = true;
  readonly #socket: BunSocket;
  readonly #handlers: TransportHandlers;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** What came while paused: after a reset Bun hands out what is left, pause or not. */
  readonly #held: Uint8Array[] = [];
  /** Present while a write is in flight. */
  #rest: Rest | undefined;
  #paused = false;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether the socket is closed, by either side; `close` is told once nothing is held before it. */
  #closed = false;
  #told = false;
  #cause: Error | undefined;

  constructor(socket: BunSocket, handlers: TransportHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#sendingOver) return this.#ended.promise;
    if (this.#rest !== undefined) throw new Error("Cannot write: the write before this one is not done");
    const taken = this.#socket.write(chunk, 0, length);
    if (taken === length) return undefined;
    if (taken < 0) {
      this.#failWrite();
      return this.#ended.promise;
    }
    this.#rest = { chunk, start: taken, end: length, done: Promise.withResolvers<void>() };
    return this.#rest.done.promise;
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
    queueMicrotask(() => this.#handOut());
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    if (this.#rest === undefined) this.#socket.shutdown();
  }

  destroy(): void {
    this.#held.length = 0;
    this.#paused = false;
    this.#sendingOver = true;
    if (!this.#closed) {
      this.#closed = true;
      // Not `terminate`: its reset may overtake bytes that are on their way.
      this.#socket.close();
    }
    queueMicrotask(() => this.#handOut());
  }

  handleData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#held.push(chunk);
    this.#handOut();
  }

  /** Bun calls this also when nothing was waiting. */
  handleDrain(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#closed) return;
    const taken = this.#socket.write(rest.chunk, rest.start, rest.end - rest.start);
    if (taken < 0) {
      this.#failWrite();
      return;
    }
    rest.start += taken;
    if (rest.start < rest.end) return;
    this.#rest = undefined;
    rest.done.resolve();
    if (this.#sendingOver) this.#socket.shutdown();
  }

  /** Bun calls this also from inside `close`. */
  handleClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sendingOver = true;
    this.#cause ??= error;
    queueMicrotask(() => this.#handOut());
  }

  #handOut(): void {
    while (this.#held.length > 0 && !this.#paused) {
      try {
        this.#handlers.data(this.#held.shift()!);
      } catch (error) {
        this.#cause ??= error as Error;
        this.destroy();
      }
    }
    if (!this.#closed || this.#paused || this.#told) return;
    this.#told = true;
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#rest?.done.resolve();
      this.#ended.resolve();
    }
  }

  /** Only notes the failure: what the peer sent before it went may still be unread, and Bun closes after it. */
  #failWrite(): void {
    this.#sendingOver = true;
    this.#cause ??= new Error("Cannot write: the peer has closed the connection");
  }
}
