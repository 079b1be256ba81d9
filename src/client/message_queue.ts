// The bounded queue behind a stream, and what happens when it is full.
import type { QoS } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import type { Delivery } from "./delivery.ts";
import { StreamOverflowError } from "./driven_error.ts";
import type { Intake } from "./intake.ts";
import { RetainedTopics, type Sink } from "./sink.ts";

/**
 * What becomes of a message that finds its stream full: it waits, and in the end the server does; the oldest of the stream makes room
 * for it; it is dropped itself; or the stream ends with an error.
 */
export type Overflow = "wait" | "drop-oldest" | "drop-newest" | "error";

/** How a queue behaves. */
export interface QueueOptions {
  /** The Topic Filter, for messages. */
  readonly topicFilter: string;
  /** The highest QoS it asks for. */
  readonly qos: QoS;
  /** How many messages it holds. */
  readonly capacity: number;
  /** What happens when it is full. */
  readonly overflow: Overflow;
  /** Whether what it holds when it is left is the server's again; otherwise it is finished with. */
  readonly givesBack: boolean;
  /** Called when it ends by itself. */
  readonly handleFailed: () => void;
}

interface Taker {
  readonly resolve: (delivery: Delivery | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** The messages of one stream that its consumer has not taken yet. */
export class MessageQueue implements Sink {
  readonly #options: QueueOptions;
  readonly #intake: Intake;
  readonly #queued: Fifo<Delivery> = new Fifo();
  readonly #takers: Fifo<Taker> = new Fifo();
  readonly #retained: RetainedTopics = new RetainedTopics();
  #dropped = 0;
  #isLate = false;
  #end: { readonly error: Error | undefined } | undefined;

  /**
   * @param options How it behaves.
   * @param intake Who offers it messages.
   */
  constructor(options: QueueOptions, intake: Intake) {
    this.#options = options;
    this.#intake = intake;
  }

  get qos(): QoS {
    return this.#options.qos;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#queued.length;
  }

  /** How many messages were dropped because it was full. */
  get dropped(): number {
    return this.#dropped;
  }

  get isUndecided(): boolean {
    return this.#isFull && this.#options.overflow !== "wait" && !this.#isLate && this.#end === undefined;
  }

  offer(delivery: Delivery, readsAhead: boolean): boolean {
    if (this.#end !== undefined) {
      this.#leaveBehind(delivery);
      return true;
    }
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      this.#intake.handleFed();
      taker.resolve(delivery);
      return true;
    }
    if (!this.#isFull) {
      this.#queued.push(delivery);
      return true;
    }
    if (this.#options.overflow === "wait") return readsAhead && this.#takeAhead(delivery);
    if (!this.#isLate) return false;
    this.#handleOverflow(delivery);
    return true;
  }

  handleLate(): void {
    this.#isLate = true;
  }

  admitsRetained(topicName: string): boolean {
    if (this.#retained.has(topicName)) return false;
    this.#retained.add(topicName);
    return true;
  }

  handleSessionLost(): void {
    this.#retained.clear();
  }

  handleRepetition(connection: number): void {
    const queued = this.#takeAll();
    for (const delivery of queued) {
      if (!delivery.isOwed || delivery.connection === connection) this.#push(delivery);
    }
  }

  end(error: Error | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const taker of this.#takers.take()) {
      this.#intake.handleFed();
      if (error === undefined) taker.resolve(undefined);
      else taker.reject(error);
    }
  }

  /** Ends it, and forgets what it holds. */
  leave(): void {
    this.end(undefined);
    for (const delivery of this.#takeAll()) this.#leaveBehind(delivery);
    this.#intake.share();
  }

  /** Takes the next message if there is one. */
  tryTake(): Delivery | undefined {
    const delivery = this.#shift();
    if (delivery === undefined) return undefined;
    this.#isLate = false;
    this.#intake.handleTaken();
    return delivery;
  }

  /** Takes the next message, as soon as there is one; `undefined` at the end. Rejects if it has ended with an error. */
  take(): Promise<Delivery | undefined> {
    const delivery = this.tryTake();
    if (delivery !== undefined) return Promise.resolve(delivery);
    if (this.#end === undefined) {
      return new Promise((resolve, reject) => {
        this.#takers.push({ resolve, reject });
        this.#intake.handleHunger();
      });
    }
    return this.#end.error === undefined ? Promise.resolve(undefined) : Promise.reject(this.#end.error);
  }

  get #isFull(): boolean {
    return this.#queued.length >= this.#options.capacity;
  }

  /** Takes a message beyond the capacity; one at QoS 0 only while there is room for it. */
  #takeAhead(delivery: Delivery): boolean {
    if (delivery.publish.qos === 0 && this.#intake.isFull) this.#drop(delivery);
    else this.#push(delivery);
    return true;
  }

  #handleOverflow(delivery: Delivery): void {
    const { overflow, topicFilter, capacity, handleFailed } = this.#options;
    if (overflow === "drop-oldest") {
      this.#drop(this.#shift()!);
      this.#push(delivery);
    } else if (overflow === "drop-newest") {
      this.#drop(delivery);
    } else {
      this.end(new StreamOverflowError(topicFilter, capacity));
      this.#leaveBehind(delivery);
      handleFailed();
    }
  }

  #drop(delivery: Delivery): void {
    this.#dropped++;
    delivery.finish();
  }

  #leaveBehind(delivery: Delivery): void {
    if (!this.#options.givesBack) delivery.finish();
  }

  #push(delivery: Delivery): void {
    this.#queued.push(delivery);
    if (this.#queued.length > this.#options.capacity) this.#intake.handleAhead(delivery.size);
  }

  #shift(): Delivery | undefined {
    // The first one beyond the capacity moves up into it.
    const caughtUp = this.#queued.at(this.#options.capacity);
    if (caughtUp !== undefined) this.#intake.handleCaughtUp(caughtUp.size);
    return this.#queued.shift();
  }

  #takeAll(): Delivery[] {
    const queued = this.#queued.take();
    for (const delivery of queued.slice(this.#options.capacity)) this.#intake.handleCaughtUp(delivery.size);
    return queued;
  }
}
