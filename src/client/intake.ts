// Between the event loop and the streams of a driven client: it shares out what arrives, and decides how much may arrive.
//
// Theory of operation. A connection is one sequence of bytes, and the answer to a publish lies behind every message the server sent
// before it. So a stream that is full cannot simply stop the reading: if its consumer awaits a publish, the answer would never be
// read, and the consumer would never come back. Nor can reading simply go on: the server sends what it likes. The loop is polled all
// the time; two valves decide what that does:
//
//                 incoming   acknowledgements
//   flowing       open       open               every stream has room
//   held          closed     open               a stream with overflow "wait" is full, and nobody needs an answer
//   reading on    open       closed             it is full, and somebody does
//
// Held, what arrives stays in the socket and TCP stops the server, while requests, pings and reconnecting go on. Reading on, messages
// are taken beyond the capacity of their streams ("ahead"), and four bounds keep that small:
//
// - QoS 1 and 2: automatic acknowledgements wait, so the server's own window stops it; at the latest when it has used every Packet
//   Identifier. In manual mode they wait for the consumer anyway. Nothing is dropped, and they leave in order.
// - QoS 0 promises nothing: beyond MAX_AHEAD messages or `maxReadAheadBytes` it is dropped, and counted by its stream.
// - A server that minds no window: beyond `maxReadAheadBytes` whoever awaits an answer gets a `ReadAheadError`, and reading is held. The
//   consumer goes on and takes; nothing is lost.
// - A consumer that awaits a message of another stream needs no answer of the server, but may be the one that is to take. For its
//   sake reading goes on too, up to the same bounds, and is held there.
//
// A publish at QoS 0 needs no answer, and does not open the valve; unless it does not get out either, as from a server that stops
// reading when nobody reads from it.
//
// So no wait for the server depends on a consumer, and memory depends on the options: capacities, what one turn of the loop decodes
// (4096 messages, and no more than the bytes it holds undecoded), and the bounds above.
//
// Streams with another overflow policy never stop the reading. But messages come in batches that their consumer has no turn between:
// a full one is judged only when its consumer has had some microtasks and has not taken.
import { Fifo } from "../fifo.ts";
import type { Clock } from "../loop/mod.ts";
import type { Delivery } from "./delivery.ts";
import { ReadAheadError } from "./driven_error.ts";
import type { Sink } from "./sink.ts";

/** Messages beyond the capacities, from which on QoS 0 is dropped. */
const MAX_AHEAD = 4096;
/** How long a write may take while reading is held, in milliseconds, before reading goes on for its sake. */
const STUCK_MILLIS = 100;
/** Microtasks a consumer has to take before its stream is judged full: enough for a loop that awaits a little of its own. */
const PATIENCE = 32;

/** What lets bytes in and acknowledgements out: the event loop. */
export interface Valve {
  /** Lets what arrives wait undecoded. */
  holdIncoming(): void;
  /** Ends `holdIncoming`. */
  releaseIncoming(): void;
  /** Lets automatic acknowledgements wait. */
  holdAcks(): void;
  /** Ends `holdAcks`. */
  releaseAcks(): void;
}

/** A message and those who have not taken it yet. */
interface Placement {
  readonly delivery: Delivery;
  sinks: Sink[];
}

/** Shares out what arrives. */
export class Intake {
  readonly #valve: Valve;
  readonly #maxAheadBytes: number;
  readonly #clock: Clock;
  #cancelTimer: (() => void) | undefined;
  /** Decoded messages that found a stream full, and everything behind them. */
  readonly #waiting: Fifo<Placement> = new Fifo();
  /** How to refuse those who need an answer of the server. */
  readonly #needs: Set<(error: Error) => void> = new Set();
  /** The same for those who need no answer, but that something is written. */
  readonly #writes: Set<(error: Error) => void> = new Set();
  /** Consumers that wait for a message. */
  #hungry = 0;
  #ahead = 0;
  #aheadBytes = 0;
  #holdsIncoming = false;
  #holdsAcks = false;
  #wasHeld = false;
  #isSharing = false;
  #isPatient = false;
  #patience = 0;
  #patienceFor: Placement | undefined;

  /**
   * @param valve What lets bytes in and acknowledgements out.
   * @param maxAheadBytes Most bytes of messages beyond the capacities of their streams.
   * @param clock The time.
   */
  constructor(valve: Valve, maxAheadBytes: number, clock: Clock) {
    this.#valve = valve;
    this.#maxAheadBytes = maxAheadBytes;
    this.#clock = clock;
  }

  /** Messages that wait because a stream is full. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Messages that were taken beyond the capacities of their streams. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Whether QoS 0 messages beyond the capacities are dropped. */
  get isFull(): boolean {
    return this.#ahead >= MAX_AHEAD || this.#aheadBytes >= this.#maxAheadBytes;
  }

  /** Whether reading was held since this was last asked. */
  takeHeld(): boolean {
    const wasHeld = this.#wasHeld;
    this.#wasHeld = this.#holdsIncoming;
    return wasHeld;
  }

  /** Adds a message; `share` follows the last one of a batch. */
  add(delivery: Delivery, sinks: Iterable<Sink>): void {
    let left: Sink[] | undefined;
    for (const sink of sinks) {
      if (this.#waiting.length > 0 || !sink.offer(delivery, this.#readsOn)) (left ??= []).push(sink);
    }
    if (left !== undefined) this.#waiting.push({ delivery, sinks: left });
  }

  /** Shares out as much as can be, and sets the valves. */
  share(): void {
    if (this.#isSharing) return;
    this.#isSharing = true;
    for (let next = this.#waiting.peek(); next !== undefined && this.#place(next); next = this.#waiting.peek()) {
      this.#waiting.shift();
    }
    this.#isSharing = false;
    this.#setValves();
    this.#awaitConsumers();
  }

  /** The server repeats what was not acknowledged to it before this connection: it is not to come twice. */
  handleRepetition(connection: number): void {
    for (const placement of this.#waiting.take()) {
      const { delivery } = placement;
      if (!delivery.isOwed || delivery.connection === connection) this.#waiting.push(placement);
    }
  }

  /** A consumer has taken a message: there may be room for another. */
  handleTaken(): void {
    if (this.#waiting.length > 0 || this.#holdsAcks) this.share();
  }

  /** Shares out everything, whatever the capacities: nothing more comes. */
  flush(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for (const sink of next.sinks) {
        if (sink.offer(next.delivery, true)) continue;
        sink.handleLate();
        sink.offer(next.delivery, true);
      }
    }
  }

  /**
   * Waits for an answer of the server, and lets reading go on until it has come.
   *
   * @param answer What the server leads to.
   * @returns The same.
   * @throws {ReadAheadError} If it lies behind more messages than may be held.
   */
  awaitAnswer<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#needs.add(reject);
      if (this.#needs.size === 1) this.#handleNeed();
      const settled = (): void => this.#handleSettled(reject);
      answer.then((value) => (settled(), resolve(value)), (error) => (settled(), reject(error)));
    });
  }

  /** Waits until something is written; if reading is held and it takes long, as `awaitAnswer`. */
  awaitWrite<T>(written: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#writes.add(reject);
      this.#watchWrites();
      const settled = (): void => this.#handleSettled(reject);
      written.then((value) => (settled(), resolve(value)), (error) => (settled(), reject(error)));
    });
  }

  /** A consumer begins to wait for a message. */
  handleHunger(): void {
    if (++this.#hungry === 1) this.#handleNeed();
  }

  /** A consumer no longer waits for one. */
  handleFed(): void {
    if (--this.#hungry === 0) this.#handleNeed();
  }

  /** A stream has taken a message beyond its capacity. */
  handleAhead(size: number): void {
    this.#ahead++;
    this.#aheadBytes += size;
    if (this.#aheadBytes <= this.#maxAheadBytes) return;
    const needs = [...this.#needs];
    this.#needs.clear();
    for (const refuse of needs) refuse(new ReadAheadError(this.#maxAheadBytes));
  }

  /** A message that was beyond the capacity of its stream is within it, or gone. */
  handleCaughtUp(size: number): void {
    this.#ahead--;
    this.#aheadBytes -= size;
  }

  /** Whether streams must take messages beyond their capacity. */
  get #readsOn(): boolean {
    return this.#needs.size > 0 || (this.#hungry > 0 && !this.isFull);
  }

  #handleNeed(): void {
    if (this.#waiting.length > 0 || this.#ahead > 0) this.share();
  }

  #handleSettled(reject: (error: Error) => void): void {
    this.#writes.delete(reject);
    if (this.#needs.delete(reject) && this.#needs.size === 0) this.#handleNeed();
    this.#watchWrites();
  }

  /** Sees to it that time is kept while somebody waits for a write and reading is held. */
  #watchWrites(): void {
    const isWatched = this.#holdsIncoming && this.#writes.size > 0;
    if (isWatched === (this.#cancelTimer !== undefined)) return;
    this.#cancelTimer?.();
    this.#cancelTimer = isWatched ? this.#clock.schedule(this.#handleStuck, STUCK_MILLIS) : undefined;
  }

  readonly #handleStuck = (): void => {
    this.#cancelTimer = undefined;
    for (const reject of this.#writes) this.#needs.add(reject);
    this.#writes.clear();
    this.#handleNeed();
  };

  /** Offers a message to those who have not taken it. @returns Whether all have now. */
  #place(placement: Placement): boolean {
    const { delivery, sinks } = placement;
    // Nearly always there is one.
    if (sinks.length === 1) return sinks[0]!.offer(delivery, this.#readsOn);
    placement.sinks = sinks.filter((sink) => !sink.offer(delivery, this.#readsOn));
    return placement.sinks.length === 0;
  }

  #setValves(): void {
    const isAhead = this.#ahead > 0;
    if (isAhead !== this.#holdsAcks) {
      this.#holdsAcks = isAhead;
      if (isAhead) this.#valve.holdAcks();
      else this.#valve.releaseAcks();
    }
    const holdsIncoming = this.#waiting.length > 0 || (isAhead && !this.#readsOn);
    if (holdsIncoming === this.#holdsIncoming) return;
    this.#holdsIncoming = holdsIncoming;
    this.#wasHeld = true;
    if (holdsIncoming) this.#valve.holdIncoming();
    else this.#valve.releaseIncoming();
    this.#watchWrites();
  }

  #awaitConsumers(): void {
    const next = this.#waiting.peek();
    if (next === undefined || this.#isPatient || !next.sinks.some(isUndecided)) return;
    this.#isPatient = true;
    queueMicrotask(this.#handleMicrotask);
  }

  readonly #handleMicrotask = (): void => {
    const next = this.#waiting.peek();
    const undecided = next?.sinks.filter(isUndecided) ?? [];
    if (next !== this.#patienceFor) this.#patience = PATIENCE;
    this.#patienceFor = next;
    if (undecided.length > 0 && --this.#patience > 0) return queueMicrotask(this.#handleMicrotask);
    this.#isPatient = false;
    this.#patienceFor = undefined;
    for (const sink of undecided) sink.handleLate();
    if (undecided.length > 0) this.share();
  };
}

function isUndecided(sink: Sink): boolean {
  return sink.isUndecided;
}
