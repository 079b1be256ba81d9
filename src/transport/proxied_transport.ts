// A transport that leads to a proxy first and to the server behind it later.

import { ProxyError, TlsError } from "./error.ts";
import type { HandshakeStep, ProxyHandshake } from "./proxy_handshake.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

/**
 * The transport of a connection through a proxy, and what the connection with the proxy tells its bytes and its end. Until the proxy has
 * opened the connection they belong to the handshake, then to the owner; in between the proxy is held back.
 */
export class ProxiedTransport implements Transport, TransportHandlers {
  readonly #handshake: ProxyHandshake;
  readonly #owner: TransportHandlers;
  readonly #action: string;
  readonly #opened = Promise.withResolvers<void>();
  #proxy!: Transport;
  #phase: "handshake" | "held" | "open" | "failed" = "handshake";
  /** The last message of the handshake; the next one waits for it. */
  #sending: Promise<void> = Promise.resolve();
  /** What came behind the answer of the proxy and was not handed out yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #isPaused = false;
  #isOver = false;
  #cause: Error | undefined;

  /**
   * Makes the two ends.
   *
   * @param handshake What is spoken with the proxy.
   * @param owner Who is told of the bytes and the end of the connection.
   * @param action What messages begin with.
   */
  constructor(handshake: ProxyHandshake, owner: TransportHandlers, action: string) {
    this.#handshake = handshake;
    this.#owner = owner;
    this.#action = action;
  }

  get canPause(): boolean {
    return this.#proxy.canPause;
  }

  /**
   * Speaks with the proxy.
   *
   * @param proxy The connection with it, which tells this object of its bytes and its end.
   * @param signal Ends the handshake.
   * @throws {ProxyError} If the proxy does not open the connection.
   * @throws The signal's reason.
   */
  async open(proxy: Transport, signal: AbortSignal): Promise<void> {
    this.#proxy = proxy;
    const abort = (): void => this.#fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      else this.#send(this.#handshake.greeting);
      await this.#opened.promise;
      // The abort may have come in the moment of the answer.
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Lets the owner have what comes. */
  start(): void {
    this.#phase = "open";
    this.#handOut();
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    return this.#proxy.write(chunk, length);
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#isFlowing()) this.#proxy.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isFlowing()) this.#proxy.resume();
    else if (this.#phase === "open") queueMicrotask(() => this.#handOut());
  }

  shutdown(): void {
    this.#proxy.shutdown();
  }

  destroy(): void {
    this.#isOver = true;
    this.#proxy.destroy();
  }

  data(chunk: Uint8Array): void {
    if (this.#phase === "open") this.#owner.data(chunk);
    else if (this.#phase === "handshake") this.#advance(chunk);
  }

  close(error?: Error): void {
    this.#isOver = true;
    if (this.#phase === "failed") return;
    if (this.#phase !== "handshake") this.#owner.close(this.#cause ?? error);
    // A server that speaks TLS 1.3 refuses a client behind the handshake.
    else if (error instanceof TlsError) {
      this.#fail(new ProxyError("unreachable", `${this.#action}: ${error.message}`, error));
    } else this.#fail(new ProxyError("protocol", `${this.#action}: it ended the connection before it answered`, error));
  }

  #advance(chunk: Uint8Array): void {
    let step: HandshakeStep;
    try {
      step = this.#handshake.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (step.type === "send") this.#send(step.bytes);
    if (step.type !== "open") return;
    this.#phase = "held";
    this.#rest = step.rest;
    this.#proxy.pause();
    // The owner's first write must not meet a write of ours.
    void this.#sending.then(this.#opened.resolve);
  }

  #send(bytes: Uint8Array): void {
    this.#sending = this.#sending.then(() =>
      this.#phase === "failed" ? undefined : this.#proxy.write(bytes, bytes.length)
    );
  }

  #fail(reason: unknown): void {
    this.#phase = "failed";
    this.#opened.reject(reason);
    this.#proxy.destroy();
  }

  /** Whether bytes go straight to the owner. */
  #isFlowing(): boolean {
    return this.#phase === "open" && this.#rest.length === 0;
  }

  #handOut(): void {
    if (this.#isPaused || this.#isOver) return;
    const rest = this.#rest;
    this.#rest = new Uint8Array(0);
    try {
      if (rest.length > 0) this.#owner.data(rest);
    } catch (error) {
      this.#cause = error as Error;
      this.destroy();
    }
    if (!this.#isPaused) this.#proxy.resume();
  }
}
