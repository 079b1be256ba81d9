// What a resumed session delivers before the program has subscribed. The server kept messages for filters that an earlier process
// subscribed to, and sends them right behind CONNACK; without a place to wait they would be lost, one line before `subscribe`.
import { type Publish, topicMatches } from "../codec/mod.ts";
import type { Clock } from "../loop/mod.ts";
import type { Acknowledger } from "./delivery.ts";

/** How long a program has to subscribe. */
const CLAIM_MILLIS = 10_000;
/** Most messages that wait for it. */
const MAX_MESSAGES = 1024;

/** Messages that no filter of this process matches yet. */
export class Unclaimed {
  readonly #clock: Clock;
  readonly #acknowledger: Acknowledger;
  readonly #maxBytes: number;
  #messages: Publish[] = [];
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;
  #isOpen = false;
  #dropped = 0;

  /**
   * @param clock What measures the time to subscribe.
   * @param acknowledger Who is told of messages that nobody wants.
   * @param maxBytes Most bytes of payload that wait.
   */
  constructor(clock: Clock, acknowledger: Acknowledger, maxBytes: number) {
    this.#clock = clock;
    this.#acknowledger = acknowledger;
    this.#maxBytes = maxBytes;
  }

  /** How many messages nobody wanted. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The server has resumed a session that this process did not begin. */
  open(): void {
    this.#isOpen = true;
    this.#cancelTimer = this.#clock.schedule(() => this.close(), CLAIM_MILLIS);
  }

  /** From now on nothing waits, and what does is dropped. */
  close(): void {
    this.#cancelTimer?.();
    this.#isOpen = false;
    for (const publish of this.#messages) this.#drop(publish);
    this.#messages = [];
    this.#bytes = 0;
  }

  /** The server repeats what was not acknowledged. */
  handleRepetition(): void {
    if (!this.#acknowledger.isManual) return;
    this.#messages = this.#messages.filter(({ qos }) => qos === 0);
    this.#bytes = this.#messages.reduce((bytes, { payload }) => bytes + payload.length, 0);
  }

  /** A message came that no filter matches. */
  add(publish: Publish): void {
    if (!this.#isOpen) return this.#drop(publish);
    this.#messages.push(publish);
    this.#bytes += publish.payload.length;
    while (this.#messages.length > MAX_MESSAGES || this.#bytes > this.#maxBytes) {
      const oldest = this.#messages.shift()!;
      this.#bytes -= oldest.payload.length;
      this.#drop(oldest);
    }
  }

  /** Nobody takes a message, although a filter matches it: its streams have been left. */
  drop(publish: Publish): void {
    this.#drop(publish);
  }

  /** Takes the messages that a filter matches, in their order. */
  claim(topicFilter: string): Publish[] {
    const claimed = this.#messages.filter(({ topicName }) => topicMatches(topicName, topicFilter));
    if (claimed.length === 0) return claimed;
    this.#messages = this.#messages.filter((publish) => !claimed.includes(publish));
    for (const { payload } of claimed) this.#bytes -= payload.length;
    return claimed;
  }

  #drop(publish: Publish): void {
    this.#dropped++;
    this.#acknowledger.acknowledge(publish);
  }
}
