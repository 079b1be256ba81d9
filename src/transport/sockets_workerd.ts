// TCP and TLS in Cloudflare Workers, by `cloudflare:sockets`. It sets TCP_NODELAY by itself, and what it reads is pulled, so that a pause
// holds the peer back.

import type { Dial, DialOptions, TcpTarget, TlsTarget, Transport, TransportHandlers } from "./transport.ts";

/** As for the other runtimes: a larger buffer gains nothing. */
const READ_BUFFER_BYTES = 65_536;
/** A shorter chunk is copied, and its buffer read into again: otherwise a small payload that is kept would keep all of it. */
const LEAST_CHUNK_BYTES = 4_096;

/** What is used of a socket. */
interface WorkerdSocket {
  readonly readable: { getReader(options: { mode: "byob" }): SocketReader };
  readonly writable: { getWriter(): SocketWriter };
  /** Settles once the connection is open, with TLS if it has any. */
  readonly opened: Promise<unknown>;
  /** Settles once it is over. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

interface SocketReader {
  /** Takes the buffer of the view away, and gives it back as that of the value. */
  read(view: Uint8Array): Promise<{ readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> }>;
}

interface SocketWriter {
  /** Resolves once the kernel has taken all bytes. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What is used of `cloudflare:sockets`. */
interface SocketsModule {
  connect(
    address: { hostname: string; port: number },
    options: { secureTransport: "on" | "off"; allowHalfOpen: true },
  ): WorkerdSocket;
}

/** The part of the global scope that leads to it without an import, which a bundler would have to resolve. */
interface WorkerdScope {
  readonly process: { getBuiltinModule(name: "cloudflare:sockets"): SocketsModule };
  setImmediate(callback: () => void): unknown;
}

/**
 * Opens a connection with `connect` of `cloudflare:sockets`. It belongs to the request, or to the Durable Object, in which it is dialled.
 *
 * @param target The server. A `tls` target must ask for nothing but verified TLS.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails; or the signal's reason. The runtime does not say why, not even whether it was TLS.
 */
export const dialWorkerdSocket: Dial<TcpTarget | TlsTarget> = async (
  target: TcpTarget | TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { hostname, port, kind } = target;
  const { signal } = options;
  signal.throwIfAborted();
  const { process } = globalThis as unknown as WorkerdScope;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const socket = process.getBuiltinModule("cloudflare:sockets").connect({ hostname: host, port }, {
    secureTransport: kind === "tls" ? "on" : "off",
    allowHalfOpen: true,
  });
  socket.closed.catch(() => {});
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([socket.opened, aborted.promise]);
    return startSocketTransport(socket, handlers);
  } catch (error) {
    socket.close().catch(() => {});
    signal.throwIfAborted();
    throw kind === "tls" ? describeTlsFailure(target, error as Error) : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/** Whether the server was reached at all is not told, so this is no `TlsError`. */
function describeTlsFailure({ hostname, port }: TcpTarget | TlsTarget, cause: Error): Error {
  const state = "the server is out of reach, or cannot prove its name; the runtime does not say which";
  return new Error(`Cannot open a secure connection to ${hostname}:${port}: ${state} (${cause.message})`, { cause });
}

function startSocketTransport(socket: WorkerdSocket, handlers: TransportHandlers): Transport {
  const transport = new SocketTransport(socket, handlers);
  (globalThis as unknown as WorkerdScope).setImmediate(() => void transport.run());
  return transport;
}

/** A connection whose one read loop owns its end: whatever happens, the loop ends, and it alone tells `close`. */
class SocketTransport implements Transport {
  readonly canPause = true;
  readonly #socket: WorkerdSocket;
  readonly #reader: SocketReader;
  readonly #writer: SocketWriter;
  readonly #handlers: TransportHandlers;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** Settles at `destroy`: a read that is pending need not end by itself. */
  readonly #destroyed = Promise.withResolvers<undefined>();
  /** Present while paused; settles at the resume. */
  #gate: PromiseWithResolvers<void> | undefined;
  /** Present while a write is in flight. */
  #writing: Promise<void> | undefined;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether the connection is closed on this side; what fails from then on fails because of that. */
  #closed = false;
  #cause: Error | undefined;

  constructor(socket: WorkerdSocket, handlers: TransportHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#reader = socket.readable.getReader({ mode: "byob" });
    this.#writer = socket.writable.getWriter();
  }

  /** Reads until the connection ends. While paused it holds one chunk, or the end, and goes no further. */
  async run(): Promise<void> {
    let buffer = new ArrayBuffer(READ_BUFFER_BYTES);
    while (!this.#closed) {
      const read = await this.#read(new Uint8Array(buffer));
      while (this.#gate !== undefined) await this.#gate.promise;
      if (read === undefined || this.#closed) break;
      const isShort = read.length < LEAST_CHUNK_BYTES;
      const chunk = isShort ? read.slice() : read;
      buffer = isShort ? read.buffer : new ArrayBuffer(READ_BUFFER_BYTES);
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
    // It ends behind the write in flight. If the connection is gone, the read loop learns of it.
    this.#writer.close().catch(() => {});
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sendingOver = true;
    this.#socket.close().catch(() => {});
    this.#destroyed.resolve(undefined);
    this.resume();
  }

  /** Reads once; resolves with `undefined` at the end, whichever way it came. */
  async #read(into: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const result = await Promise.race([this.#reader.read(into), this.#destroyed.promise]);
      return result === undefined || result.done ? undefined : result.value;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      await Promise.race([this.#writer.write(bytes), this.#destroyed.promise]);
      this.#writing = undefined;
      if (this.#closed) await this.#ended.promise;
    } catch (error) {
      // What the peer sent before it went may still be unread: the read loop takes it, meets the end, and tells it.
      this.#sendingOver = true;
      this.#fail(error);
      this.#writing = undefined;
      await this.#ended.promise;
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#cause ??= error as Error;
  }
}
