// A network of one server: a `Dial` for the client under test, and the server's ends of its connections for the test itself.

import type { Dial, DialOptions, DialTarget, Transport, TransportHandlers } from "../transport/transport.ts";
import { type HalfOpenHandlers, MemoryEnd, type MemoryOptions } from "./memory_transport.ts";

/**
 * How many microtasks a connection is ahead of its server: an `await` or an async wrapper around the dial costs one to three, and the
 * client should hold its transport before the server can have said anything.
 */
const HEAD_START = 16;

/** The server's end of an in-memory connection. It is read by hand: what is not read holds the client back. */
export interface MemoryPeer {
  /**
   * Reads the next chunk.
   *
   * @returns The chunk, or `undefined` once no more will come, however that came about. After the client has ended its side, this one
   * may still write, until `end`.
   * @throws {Error} If a read is already waiting.
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Sends bytes, behind those of earlier calls.
   *
   * @param bytes What to send; not to be changed until the promise resolves.
   * @returns A promise that resolves once the connection has taken all bytes, or is over: a client that does not read makes it wait.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Waits until the client was handed all bytes that were written, or never will be.
   *
   * @returns A promise that resolves then.
   */
  delivered(): Promise<void>;
  /** Ends the sending side, behind the bytes that were written: the client is told the end, and closes. */
  end(): void;
  /**
   * Ends the connection as a fault would: bytes on their way are lost.
   *
   * @param error What the client's `close` is told; an error that says so by default.
   */
  reset(error?: Error): void;
  /** Makes reads wait, and with them what reads in a loop, until `resume`. */
  pause(): void;
  /** Lets reads go on. */
  resume(): void;
}

/** What becomes of dials to come. */
interface Outcome {
  /** With what they are refused; `undefined` leaves them unanswered. */
  readonly error: Error | undefined;
  times: number;
}

/**
 * An in-memory network. Everything happens in microtasks, in an order that is the same in every run.
 *
 * @example
 * ```ts
 * import { MemoryNetwork } from "@petrel/mqtt/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const network = new MemoryNetwork();
 * const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;
 * const closed = Promise.withResolvers<Error | undefined>();
 * const handlers = { data: () => {}, close: closed.resolve };
 * const { signal } = new AbortController();
 *
 * network.refuse(new Error("nobody listens"));
 * await assertRejects(() => network.dial(target, handlers, { signal }), Error, "nobody listens");
 *
 * const transport = await network.dial(target, handlers, { signal });
 * const peer = await network.accept();
 * transport.write(Uint8Array.of(1, 2, 3), 3);
 * assertEquals(await peer.read(), Uint8Array.of(1, 2, 3));
 *
 * const fault = new Error("the cable was pulled");
 * peer.reset(fault);
 * assertEquals(await closed.promise, fault);
 * assertEquals(network.dialCount, 2);
 * ```
 */
export class MemoryNetwork {
  readonly #options: MemoryOptions;
  readonly #targets: DialTarget[] = [];
  readonly #outcomes: Outcome[] = [];
  readonly #arrived: MemoryPeer[] = [];
  readonly #accepting: ((peer: MemoryPeer) => void)[] = [];
  readonly #open = new Set<MemoryPeer>();

  /**
   * Makes a network on which every dial succeeds.
   *
   * @param options How connections carry bytes.
   */
  constructor(options: MemoryOptions = {}) {
    this.#options = options;
  }

  /** Opens a connection of this network, whatever the target: to be given to a client as its transport. */
  readonly dial: Dial = (target: DialTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> =>
    this.#dial(target, handlers, options);

  /** How many times `dial` was called. */
  get dialCount(): number {
    return this.#targets.length;
  }

  /** What was dialled, in order. */
  get targets(): readonly DialTarget[] {
    return this.#targets;
  }

  /**
   * Takes the server's end of the next connection. Connections wait for it in the order they were dialled.
   *
   * @returns The server's end.
   */
  accept(): Promise<MemoryPeer> {
    const peer = this.#arrived.shift();
    return peer === undefined ? new Promise((resolve) => this.#accepting.push(resolve)) : Promise.resolve(peer);
  }

  /**
   * Refuses dials to come, after those that earlier calls of `refuse` and `stall` have decided.
   *
   * @param error What they reject with.
   * @param times How many; 1 by default, `Infinity` for all until `allow`.
   */
  refuse(error: Error, times: number = 1): void {
    this.#outcomes.push({ error, times });
  }

  /**
   * Leaves dials to come unanswered: they end only by their signal. Follows the calls before it, as `refuse` does.
   *
   * @param times How many; 1 by default, `Infinity` for all until `allow`.
   */
  stall(times: number = 1): void {
    this.#outcomes.push({ error: undefined, times });
  }

  /** Lets all dials to come succeed again. */
  allow(): void {
    this.#outcomes.length = 0;
  }

  /**
   * Ends all open connections as a fault would; bytes on their way are lost.
   *
   * @param error What each client's `close` is told.
   */
  cut(error?: Error): void {
    for (const peer of this.#open) peer.reset(error);
  }

  async #dial(target: DialTarget, handlers: TransportHandlers, { signal }: DialOptions): Promise<Transport> {
    this.#targets.push(target);
    const outcome = this.#nextOutcome();
    await undefined;
    signal.throwIfAborted();
    if (outcome !== undefined) return await refusal(outcome, signal);
    const far = new PulledEnd(() => this.#open.delete(far));
    const [near, end] = MemoryEnd.pair(handlers, far.handlers, this.#options);
    far.attach(end);
    this.#open.add(far);
    void this.#announce(far);
    return near;
  }

  #nextOutcome(): Outcome | undefined {
    const outcome = this.#outcomes[0];
    if (outcome !== undefined && --outcome.times <= 0) this.#outcomes.shift();
    return outcome;
  }

  async #announce(peer: MemoryPeer): Promise<void> {
    for (let i = 0; i < HEAD_START; i++) await undefined;
    const accept = this.#accepting.shift();
    if (accept === undefined) this.#arrived.push(peer);
    else accept(peer);
  }
}

/** Rejects with the error of an outcome, or with the signal's reason. */
function refusal({ error }: Outcome, signal: AbortSignal): Promise<never> {
  if (error !== undefined) return Promise.reject(error);
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

/** Turns an end that pushes into one that is read: it is paused but while a read waits. */
class PulledEnd implements MemoryPeer {
  readonly #onClose: () => void;
  #end!: MemoryEnd;
  #reader: ((chunk: Uint8Array | undefined) => void) | undefined;
  #paused = false;
  #isOver = false;
  /** The last of the writes that wait, and how many do. */
  #lastWrite: Promise<void> = Promise.resolve();
  #waitingWrites = 0;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  /** The handlers of the end this one is going to read. */
  get handlers(): HalfOpenHandlers {
    return {
      data: (chunk: Uint8Array): void => {
        this.#end.pause();
        this.#settle(chunk);
      },
      end: (): void => this.#handleOver(),
      close: (): void => {
        this.#onClose();
        this.#handleOver();
      },
    };
  }

  attach(end: MemoryEnd): void {
    this.#end = end;
    end.pause();
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) return Promise.reject(new Error("Cannot read: a read is already waiting"));
    if (this.#isOver) return Promise.resolve(undefined);
    if (!this.#paused) this.#end.resume();
    return new Promise((resolve) => this.#reader = resolve);
  }

  write(bytes: Uint8Array): Promise<void> {
    const send = (): Promise<void> | undefined => this.#end.write(bytes, bytes.length);
    const writing = this.#waitingWrites === 0 ? send() : this.#lastWrite.then(send);
    if (writing === undefined) return Promise.resolve();
    this.#waitingWrites++;
    // The end itself learns of a client that has gone only when it is read.
    this.#lastWrite = Promise.race([writing, this.#end.peerGone]).then(() => {
      this.#waitingWrites--;
    });
    return this.#lastWrite;
  }

  async delivered(): Promise<void> {
    while (this.#waitingWrites > 0) await this.#lastWrite;
    await this.#end.delivered();
  }

  end(): void {
    if (this.#waitingWrites === 0) this.#end.shutdown();
    else void this.#lastWrite.then(() => this.#end.shutdown());
  }

  reset(error?: Error): void {
    this.#end.reset(error);
  }

  pause(): void {
    this.#paused = true;
    if (!this.#isOver) this.#end.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#reader !== undefined) this.#end.resume();
  }

  #handleOver(): void {
    this.#isOver = true;
    this.#end.resume();
    this.#settle(undefined);
  }

  #settle(chunk: Uint8Array | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(chunk);
  }
}
