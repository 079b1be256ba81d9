// WebSocket by what the runtime itself has: browsers have no other way to a server. It cannot be held back, so what comes while paused
// is kept here, up to a bound; and nothing is told when bytes have left, so that is looked up while a write waits.

import { HeldBytes } from "./held_bytes.ts";
import {
  type Dial,
  type DialOptions,
  ReceiveOverflowError,
  type Transport,
  type TransportHandlers,
  type WebSocketError,
  type WebSocketTarget,
} from "./transport.ts";
import {
  describeClose,
  describeSubprotocol,
  describeTextFrame,
  nameOf,
  openFailure,
  SUBPROTOCOL,
} from "./websocket_failure.ts";

/** Bytes that may wait in the WebSocket before a write has to: enough that a quick network never waits for the next look. */
const HIGH_WATER_BYTES = 1 << 20;
/** How often is looked whether they have left; browsers make it no oftener. */
const LOOK_MILLIS = 4;
/** Where the WebSocket does not say what has left: as many bytes in this time, or between two messages of the server. */
const BLIND_MILLIS = 1_000;

const CLOSED_IN_ORDER = 1000;
const CLOSED_WITHOUT_CODE = 1006;

/** What is used of a `WebSocket`. */
export interface NativeWebSocket {
  binaryType: string;
  /** The subprotocol of the server's choice. */
  readonly protocol: string;
  /** Bytes that were taken and have not left; some edge workers do not have it. */
  readonly bufferedAmount?: number;
  /** Copies the bytes. */
  send(bytes: Uint8Array): void;
  /** Ends the sending side behind what was sent. */
  close(code?: number): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "error" | "close", listener: (event: EndEvent) => void): void;
}

/** What the events of an end tell, each of them only a part of it, and in browsers hardly any. */
interface EndEvent {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly error?: unknown;
}

/** What is used of the global scope. */
interface NativeScope {
  readonly WebSocket: new (url: string, protocols: string[]) => NativeWebSocket;
}

/**
 * Opens a connection with the runtime's `WebSocket`.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {WebSocketError | Error} If the attempt fails; or the signal's reason. A browser does not say why.
 */
export const dialNativeWebSocket: Dial<WebSocketTarget> = async (
  target: WebSocketTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { signal } = options;
  signal.throwIfAborted();
  const { WebSocket } = globalThis as unknown as NativeScope;
  const socket = new WebSocket(target.url, [SUBPROTOCOL]);
  const opened = Promise.withResolvers<Transport>();
  const abort = (): void => {
    opened.reject(signal.reason);
    socket.close();
  };
  const fail = (event: EndEvent): void => opened.reject(describeOpenFailure(target, event));
  signal.addEventListener("abort", abort, { once: true });
  socket.addEventListener("error", fail);
  socket.addEventListener("close", fail);
  socket.addEventListener("open", () => {
    signal.removeEventListener("abort", abort);
    if (signal.aborted) return;
    if (socket.protocol === SUBPROTOCOL) {
      opened.resolve(startNativeTransport(socket, handlers, target));
    } else {
      opened.reject(describeSubprotocol(target, socket.protocol));
      socket.close();
    }
  });
  try {
    return await opened.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/**
 * Makes the transport of an open WebSocket. No handler is called before the dial that hands it out has resolved and its owner has gone
 * on.
 *
 * @param socket The WebSocket; it belongs to the transport from now on.
 * @param handlers Who is told of bytes and of the end.
 * @param target The server.
 * @returns The transport.
 */
export function startNativeTransport(
  socket: NativeWebSocket,
  handlers: TransportHandlers,
  target: WebSocketTarget,
): Transport {
  const transport = new NativeTransport(socket, handlers, target);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => transport.handleMessage(data));
  socket.addEventListener("error", (event) => transport.handleError(event));
  socket.addEventListener("close", (event) => transport.handleClose(event));
  setTimeout(() => transport.start(), 0);
  return transport;
}

class NativeTransport implements Transport {
  readonly canPause = false;
  readonly #socket: NativeWebSocket;
  readonly #handlers: TransportHandlers;
  readonly #target: WebSocketTarget;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  /** What came while nothing may be handed out. */
  readonly #held: HeldBytes = new HeldBytes();
  #started = false;
  #paused = false;
  /** Present while a write is in flight. */
  #writing: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Bytes sent since the server sent something, or `BLIND_MILLIS` have passed; of use where there is no `bufferedAmount`. */
  #blindBytes = 0;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether nothing more is let in, since either side has ended the connection; `close` is told once nothing is held before it. */
  #closed = false;
  #destroyed = false;
  #told = false;
  #cause: Error | undefined;
  /** Whether there was an `error` event, and what it told; `close` follows it. */
  #failed = false;
  #failure: unknown;

  constructor(socket: NativeWebSocket, handlers: TransportHandlers, target: WebSocketTarget) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#target = target;
  }

  start(): void {
    this.#started = true;
    this.#handOut();
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#sendingOver) return this.#ended.promise;
    if (this.#writing !== undefined) throw new Error("Cannot write: the write before this one is not done");
    if (length === 0) return undefined;
    try {
      this.#socket.send(length === chunk.length ? chunk : chunk.subarray(0, length));
    } catch (error) {
      // It is closed, and has not said so yet.
      this.#sendingOver = true;
      this.#failure ??= error;
      return this.#ended.promise;
    }
    this.#blindBytes += length;
    if (this.#canTakeMore) return undefined;
    this.#writing = Promise.withResolvers<void>();
    this.#watchOutflow();
    return this.#writing.promise;
  }

  pause(): void {
    if (!this.#destroyed) this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    queueMicrotask(() => this.#handOut());
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    this.#socket.close(CLOSED_IN_ORDER);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#paused = false;
    this.#held.clear();
    this.#end(undefined);
  }

  handleMessage(data: unknown): void {
    if (this.#closed) return;
    this.#blindBytes = 0;
    this.#settleWrite();
    if (typeof data === "string") {
      this.#end(describeTextFrame(this.#target));
      return;
    }
    const chunk = new Uint8Array(data as ArrayBuffer);
    if (chunk.length === 0) return;
    if (this.#started && !this.#paused && this.#held.length === 0) this.#tellData(chunk);
    else this.#hold(chunk);
  }

  handleError(event: EndEvent): void {
    this.#failed = true;
    this.#failure ??= event.error ?? event.message;
  }

  handleClose({ code, reason }: EndEvent): void {
    // An edge worker has to answer the server's close.
    this.#socket.close();
    if (this.#closed) return;
    if (code !== CLOSED_IN_ORDER) this.#cause = this.#describeEnd(code || CLOSED_WITHOUT_CODE, reason);
    this.#closed = true;
    this.#sendingOver = true;
    queueMicrotask(() => this.#handOut());
  }

  #hold(chunk: Uint8Array): void {
    const { maxBufferedBytes } = this.#target;
    if (this.#held.length + chunk.length > maxBufferedBytes) this.#end(new ReceiveOverflowError(maxBufferedBytes));
    else this.#held.push(chunk);
  }

  /** Ends the connection from this side. What came before is still handed out. */
  #end(cause: Error | undefined): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#sendingOver = true;
      this.#cause = cause;
      this.#socket.close(CLOSED_IN_ORDER);
    }
    queueMicrotask(() => this.#handOut());
  }

  #handOut(): void {
    if (!this.#started) return;
    while (!this.#paused) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#tellData(chunk);
    }
    if (!this.#closed || this.#paused || this.#told) return;
    this.#told = true;
    clearInterval(this.#timer);
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#writing?.resolve();
      this.#ended.resolve();
    }
  }

  #tellData(chunk: Uint8Array): void {
    try {
      this.#handlers.data(chunk);
    } catch (error) {
      this.destroy();
      this.#cause = error as Error;
    }
  }

  get #canTakeMore(): boolean {
    return (this.#socket.bufferedAmount ?? this.#blindBytes) <= HIGH_WATER_BYTES;
  }

  #watchOutflow(): void {
    const isBlind = this.#socket.bufferedAmount === undefined;
    this.#timer = setInterval(() => {
      if (isBlind) this.#blindBytes = 0;
      this.#settleWrite();
    }, isBlind ? BLIND_MILLIS : LOOK_MILLIS);
  }

  /** Ends the write in flight, if its bytes have left. */
  #settleWrite(): void {
    // What a broken connection no longer holds has not left: `close` settles the write.
    if (this.#writing === undefined || this.#closed || this.#failed || !this.#canTakeMore) return;
    clearInterval(this.#timer);
    this.#writing.resolve();
    this.#writing = undefined;
  }

  #describeEnd(closeCode: number, reason: string | undefined): WebSocketError {
    return describeClose(this.#target, closeCode, reason || wordsOf(this.#failure), this.#failure);
  }
}

function describeOpenFailure(target: WebSocketTarget, { error, message }: EndEvent): WebSocketError {
  const cause = error ?? undefined;
  // A runtime may name the URL, whose query may hold a secret.
  const state = wordsOf(cause ?? message).replaceAll(target.url, nameOf(target)) ||
    `the server is out of reach, refuses the upgrade, or does not know "${SUBPROTOCOL}" [MQTT-6.0.0-4]; ` +
      "the runtime does not say which";
  return openFailure(target, "not-opened", state, { cause });
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause ?? "");
}
