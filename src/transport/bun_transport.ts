// An open connection of Bun, of whichever kind. Its sockets push, hand out a fresh buffer for every chunk and set TCP_NODELAY by
// themselves; what is left to do is the rest of a short write, a true pause, and one `close`, outside of any call.

import type { PeerCertificate } from "./tls_identity.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

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

/** What is used of a `Bun.Socket` with TLS. */
export interface BunTlsSocket extends BunSocket {
  /** Whether the server's certificate was verified. */
  readonly authorized: boolean;
  /** The server's certificate. */
  getPeerCertificate(): PeerCertificate;
}

/** What is used of `Bun.connect`'s handlers. */
interface BunHandlers {
  readonly binaryType: "uint8array";
  open(socket: BunSocket): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  close(socket: BunSocket, error?: Error): void;
  /** Called for an alert that comes after the handshake; `close` follows. */
  error?(socket: BunSocket, error: Error): void;
  /** The TLS handshake is over, for good or bad. */
  handshake?(socket: BunTlsSocket, isSecure: boolean, error: Error | null): void;
}

/** What is used of Bun's global scope. */
interface BunScope {
  readonly Bun: { connect(options: BunAddress & { socket: BunHandlers; tls?: object }): Promise<BunSocket> };
  setImmediate(callback: () => void): unknown;
}

/** Where `Bun.connect` connects to. */
type BunAddress = { readonly hostname: string; readonly port: number } | { readonly unix: string };

/** What a connection with TLS needs besides. */
export interface BunSecurity {
  /** The `tls` of `Bun.connect`. Without any field Bun would connect in the clear. */
  readonly tls: { readonly rejectUnauthorized: boolean };
  /** Judges a handshake that is over: an error if the connection must not be used. */
  judge(socket: BunTlsSocket, isSecure: boolean, error: Error | null): Error | undefined;
  /** Says what ended the connection before the handshake was over. */
  explainHandshake(error: Error | undefined): Error;
  /** Says what ended the connection later. */
  explainEnd(error: Error): Error;
}

/**
 * Opens a connection with `Bun.connect`.
 *
 * Bun cannot cancel an attempt. Aborting rejects at once, and a connection that opens later is closed in that moment; but
 * while the server does not answer at all, the attempt lives on, and keeps the process alive, until the kernel gives it up.
 *
 * @param address Where to.
 * @param noDelay Whether TCP_NODELAY stays as Bun sets it; `true` where there is none.
 * @param handlers Who is told of bytes and of the end.
 * @param signal Ends the attempt.
 * @param security How TLS is spoken, if it is.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Bun's own error, or the signal's reason.
 */
export async function openBunTransport(
  address: BunAddress,
  noDelay: boolean,
  handlers: TransportHandlers,
  signal: AbortSignal,
  security?: BunSecurity,
): Promise<Transport> {
  signal.throwIfAborted();
  const attempt = new BunAttempt(noDelay, handlers, signal, security);
  const abort = (): void => attempt.abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const { Bun } = globalThis as unknown as BunScope;
    const tls = security === undefined ? {} : { tls: security.tls };
    Bun.connect({ ...address, ...tls, socket: attempt.socketHandlers() }).catch(attempt.opened.reject);
    return await attempt.opened.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** One connection from the dial on: what Bun tells of it goes to the dial first, and to the transport once there is one. */
class BunAttempt {
  readonly opened: PromiseWithResolvers<Transport> = Promise.withResolvers();
  readonly #noDelay: boolean;
  readonly #handlers: TransportHandlers;
  readonly #signal: AbortSignal;
  readonly #security: BunSecurity | undefined;
  /** Present during the handshake. */
  #unsecured: BunSocket | undefined;
  #transport: BunTransport | undefined;

  constructor(
    noDelay: boolean,
    handlers: TransportHandlers,
    signal: AbortSignal,
    security: BunSecurity | undefined,
  ) {
    this.#noDelay = noDelay;
    this.#handlers = handlers;
    this.#signal = signal;
    this.#security = security;
  }

  abort(): void {
    this.opened.reject(this.#signal.reason);
    this.#unsecured?.terminate();
  }

  socketHandlers(): BunHandlers {
    const security = this.#security;
    const handlers: BunHandlers = {
      binaryType: "uint8array",
      open: (socket) => this.#handleOpen(socket),
      data: (_socket, chunk) => this.#transport?.handleData(chunk),
      drain: () => this.#transport?.handleDrain(),
      close: (_socket, error) => this.#handleClose(error),
    };
    if (security === undefined) return handlers;
    return {
      ...handlers,
      error: (_socket, error) => this.#transport?.handleError(security.explainEnd(error)),
      handshake: (socket, isSecure, error) => this.#handleHandshake(socket, security.judge(socket, isSecure, error)),
    };
  }

  #handleOpen(socket: BunSocket): void {
    if (this.#signal.aborted) {
      socket.terminate();
      return;
    }
    if (!this.#noDelay) socket.setNoDelay(false);
    if (this.#security === undefined) this.#handOver(new BunTransport(socket, this.#handlers));
    else this.#unsecured = socket;
  }

  #handleHandshake(socket: BunSocket, fault: Error | undefined): void {
    this.#unsecured = undefined;
    if (this.#signal.aborted) return;
    if (fault !== undefined) {
      this.opened.reject(fault);
      socket.terminate();
      return;
    }
    const transport = new BunTransport(socket, this.#handlers);
    // What came in one flight with the end of the handshake is told at once, before the dial has reached its owner.
    transport.hold();
    this.#handOver(transport);
  }

  #handOver(transport: BunTransport): void {
    this.#transport = transport;
    this.opened.resolve(transport);
  }

  #handleClose(error: Error | undefined): void {
    this.#unsecured = undefined;
    if (this.#security !== undefined) this.opened.reject(this.#security.explainHandshake(error));
    this.#transport?.handleClose(error);
  }
}

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
  /** Whether this is still the turn of the handshake. */
  #holding = false;
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

  /** Hands nothing out for the rest of this turn. */
  hold(): void {
    this.#holding = true;
    (globalThis as unknown as BunScope).setImmediate(() => {
      this.#holding = false;
      this.#handOut();
    });
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

  /** Bun calls `close` next, without the error. */
  handleError(error: Error): void {
    this.#cause ??= error;
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
    if (this.#holding) return;
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
