// WebSocket over the streams of Deno, Bun and Node, by a client of our own in place of the runtime's. The runtimes' differ in what they
// can do (headers, authorities, client certificates, proxies: each another subset), and none can be held back while it receives. Over
// TCP and TLS of the other adapters all of it works, everywhere in the same way.

import {
  type Dial,
  type DialOptions,
  type TcpTarget,
  type TlsTarget,
  type Transport,
  type TransportHandlers,
  WebSocketError,
  type WebSocketTarget,
} from "./transport.ts";
import { describeClose, endFailure, openFailure } from "./websocket_failure.ts";
import { FrameDecoder, type FramePart } from "./websocket_frame.ts";
import { FrameSender } from "./websocket_sender.ts";
import { makeUpgrade, UpgradeAnswer } from "./websocket_upgrade.ts";

/** Turns of the event loop that a last Close frame is given: a peer that has ended and reads nothing must not keep the stream. */
const FAREWELL_TURNS = 16;

/** Close codes we send (RFC 6455, 7.4.1). */
const NORMAL_CLOSURE = 1000;
const PROTOCOL_VIOLATION = 1002;
const UNSUPPORTED_DATA = 1003;

/** In place of the code that a Close frame leaves out, and of the one of a Close frame that is missing. */
const NO_CODE = 1005;
const NO_CLOSE_FRAME = 1006;

/** What is used of the global scope. */
interface StreamScope {
  setImmediate(callback: () => void): unknown;
}

/**
 * Makes a dial for WebSocket out of those for TCP and TLS.
 *
 * @param dialTcp Opens what carries `ws:`.
 * @param dialTls Opens what carries `wss:`.
 * @returns The dial. It rejects with a `WebSocketError` if the server does not upgrade, and with the error of the stream otherwise.
 */
export function dialWebSocketOver(dialTcp: Dial<TcpTarget>, dialTls: Dial<TlsTarget>): Dial<WebSocketTarget> {
  return async (target: WebSocketTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> => {
    const { signal } = options;
    signal.throwIfAborted();
    const headers = await raceAbort(signal, async () => await target.headers?.({ url: target.url, signal }) ?? {});
    const upgrade = await makeUpgrade(target.url, headers);
    const opening = new Opening(upgrade.accept, target);
    const { hostname, port, noDelay, tls, proxy } = target;
    const route = { hostname, port, noDelay, proxy };
    const lower = tls === undefined
      ? await dialTcp({ kind: "tcp", ...route }, opening, options)
      : await dialTls({ kind: "tls", ...route, tls }, opening, options);
    try {
      const writing = lower.write(upgrade.request, upgrade.request.length);
      const rest = await raceAbort(signal, () => opening.upgraded(lower));
      const transport = new WebSocketTransport(lower, new FrameSender(lower, writing), handlers, target);
      opening.handOver(transport, rest);
      return transport;
    } catch (error) {
      lower.destroy();
      throw error;
    }
  };
}

/** Waits for `act`, but no longer than until the abort. */
async function raceAbort<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const value = await Promise.race([act(), aborted.promise]);
    // Both may have happened before this goes on.
    signal.throwIfAborted();
    return value;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What the stream is told before there is a transport, and whom it tells afterwards. */
class Opening implements TransportHandlers {
  readonly #answer: UpgradeAnswer;
  readonly #target: WebSocketTarget;
  readonly #answered = Promise.withResolvers<Uint8Array>();
  #lower: Transport | undefined;
  #transport: WebSocketTransport | undefined;

  constructor(accept: string, target: WebSocketTarget) {
    this.#answer = new UpgradeAnswer(accept, target);
    this.#target = target;
    // An abort may come before anybody waits.
    this.#answered.promise.catch(() => {});
  }

  /** Waits for the answer. @returns What came behind it; the stream is paused. */
  upgraded(lower: Transport): Promise<Uint8Array> {
    this.#lower = lower;
    return this.#answered.promise;
  }

  /** Tells the transport from now on. */
  handOver(transport: WebSocketTransport, rest: Uint8Array): void {
    this.#transport = transport;
    transport.start(rest);
  }

  data(chunk: Uint8Array): void {
    if (this.#transport !== undefined) {
      this.#transport.handleData(chunk);
      return;
    }
    try {
      const rest = this.#answer.push(chunk);
      if (rest === undefined) return;
      // Nothing more until the transport is there, and its owner knows it.
      this.#lower!.pause();
      this.#answered.resolve(rest);
    } catch (error) {
      this.#answered.reject(error);
    }
  }

  close(error?: Error): void {
    if (this.#transport !== undefined) {
      this.#transport.handleClose(error);
      return;
    }
    const state = "the server ended the connection without an answer";
    this.#answered.reject(error ?? openFailure(this.#target, "upgrade-refused", state));
  }
}

class WebSocketTransport implements Transport {
  readonly canPause: boolean;
  readonly #lower: Transport;
  readonly #sender: FrameSender;
  readonly #handlers: TransportHandlers;
  readonly #target: WebSocketTarget;
  readonly #decoder: FrameDecoder;
  /** Settles once `close` was told. */
  readonly #ended = Promise.withResolvers<void>();
  #paused = false;
  /** Whether writing is over: shut down, failed, or closed. */
  #sendingOver = false;
  /** Whether reading is over, whoever ended it; `#cause` has been decided. */
  #readingOver = false;
  /** Whether the stream is over; `close` is told once nothing holds it back. */
  #lowerClosed = false;
  #told = false;
  #cause: Error | undefined;

  constructor(lower: Transport, sender: FrameSender, handlers: TransportHandlers, target: WebSocketTarget) {
    this.canPause = lower.canPause;
    this.#lower = lower;
    this.#sender = sender;
    this.#handlers = handlers;
    this.#target = target;
    this.#decoder = new FrameDecoder(target);
  }

  /** Lets the bytes in once the dial has reached its owner, first those that came behind the answer. */
  start(rest: Uint8Array): void {
    this.#decoder.push(rest);
    nextTurn().then(() => this.#proceed());
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#sendingOver) return this.#ended.promise;
    return this.#sender.write(chunk, length);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#lower.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    queueMicrotask(() => this.#proceed());
  }

  shutdown(): void {
    if (this.#sendingOver) return;
    this.#sendingOver = true;
    void this.#sender.close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.#paused = false;
    this.#sendingOver = true;
    this.#readingOver = true;
    this.#lower.destroy();
    queueMicrotask(() => this.#tellClose());
  }

  /** The stream has bytes. */
  handleData(chunk: Uint8Array): void {
    if (this.#readingOver) return;
    this.#decoder.push(chunk);
    this.#handOut();
  }

  /** The stream is over. */
  handleClose(error: Error | undefined): void {
    this.#lowerClosed = true;
    this.#sendingOver = true;
    if (!this.#readingOver) this.#cause = error ?? describeNoClose(this.#target);
    this.#readingOver = true;
    this.#tellClose();
  }

  /** Goes on where a pause has stopped it: in the middle of a chunk, perhaps. */
  #proceed(): void {
    if (this.#paused) return;
    this.#handOut();
    if (!this.#paused) this.#lower.resume();
    this.#tellClose();
  }

  #handOut(): void {
    while (!this.#paused && !this.#readingOver) {
      const part = this.#nextPart();
      if (part === undefined) return;
      if (part.type === "payload") this.#handOutPayload(part.bytes);
      else if (part.type === "ping") this.#sender.pong(part.payload);
      else this.#handleCloseFrame(part.code, part.reason);
    }
  }

  #nextPart(): FramePart | undefined {
    try {
      return this.#decoder.next();
    } catch (error) {
      const isText = error instanceof WebSocketError && error.reason === "text-frame";
      this.#end(error as Error, isText ? UNSUPPORTED_DATA : PROTOCOL_VIOLATION);
      return undefined;
    }
  }

  #handOutPayload(bytes: Uint8Array): void {
    try {
      this.#handlers.data(bytes);
    } catch (error) {
      if (!this.#readingOver) this.#cause = error as Error;
      this.destroy();
    }
  }

  #handleCloseFrame(code: number | undefined, reason: string): void {
    // Any code will do for an answer to our own.
    const isClean = code === NORMAL_CLOSURE || this.#sender.isCloseSent;
    this.#end(isClean ? undefined : describeClose(this.#target, code ?? NO_CODE, reason), code);
  }

  /** Says farewell, and ends the stream. The peer has had its last word, so it may end without having read ours. */
  #end(cause: Error | undefined, code: number | undefined): void {
    this.#cause = cause;
    this.#readingOver = true;
    this.#sendingOver = true;
    Promise.race([this.#sender.close(code), turns(FAREWELL_TURNS)]).then(() => this.#lower.destroy());
  }

  #tellClose(): void {
    if (!this.#lowerClosed || this.#paused || this.#told) return;
    this.#told = true;
    try {
      this.#handlers.close(this.#cause);
    } finally {
      this.#sender.stop();
      this.#ended.resolve();
    }
  }
}

function describeNoClose(target: WebSocketTarget): WebSocketError {
  const state = "the server ended the connection without a Close frame";
  return endFailure(target, "closed", state, { closeCode: NO_CLOSE_FRAME });
}

/** Resolves when the event loop has come round. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => (globalThis as unknown as StreamScope).setImmediate(resolve));
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}
