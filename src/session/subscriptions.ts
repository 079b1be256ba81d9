// The Topic Filters that are live on the server, so that a lost session can be given them again.
import {
  MAX_PACKET_SIZE,
  packetSize,
  type Suback,
  type Subscribe,
  type Subscription,
  type Unsubscribe,
} from "../codec/mod.ts";
import { ChangeLog } from "./changes.ts";

/**
 * Most filters in one SUBSCRIBE that restores a lost session. MQTT 3.1.1 has no limit, but hosted servers do: AWS IoT Core refuses
 * more than eight.
 */
const FILTERS_PER_SUBSCRIBE = 8;

/** The live subscriptions of one session. */
export class LiveSubscriptions {
  readonly #changes: ChangeLog;
  readonly #live: Map<string, Subscription> = new Map();

  /**
   * @param changes Where changes are told.
   */
  constructor(changes: ChangeLog = new ChangeLog()) {
    this.#changes = changes;
  }

  /** Takes up what was live in an earlier process. */
  restore(subscriptions: Iterable<Subscription>): void {
    for (const subscription of subscriptions) this.#live.set(subscription.topicFilter, subscription);
  }

  /** How many filters are live. */
  get size(): number {
    return this.#live.size;
  }

  /** Whether a filter is live. */
  isLive(topicFilter: string): boolean {
    return this.#live.has(topicFilter);
  }

  /** Whether this very subscription is live: neither ended nor replaced by another to the same filter. */
  has(subscription: Subscription): boolean {
    return this.#live.get(subscription.topicFilter) === subscription;
  }

  /** The server answered a SUBSCRIBE: what it granted is live, what it refused is not. */
  handleSuback(request: Subscribe, answer: Suback): void {
    for (let i = 0; i < request.subscriptions.length; i++) {
      const subscription = request.subscriptions[i]!;
      if (answer.returnCodes[i] === 0x80) this.#delete(subscription.topicFilter);
      else this.#add(subscription);
    }
  }

  /** The server answered an UNSUBSCRIBE. */
  handleUnsuback(request: Unsubscribe): void {
    for (const topicFilter of request.topicFilters) this.#delete(topicFilter);
  }

  /**
   * All live subscriptions, in the portions in which they are sent again.
   *
   * @param maxPacketSize Most bytes of a packet. One subscription always fits: it was sent before.
   */
  portions(maxPacketSize: number = MAX_PACKET_SIZE): Subscription[][] {
    const portions: Subscription[][] = [];
    let portion: Subscription[] = [];
    for (const subscription of this.#live.values()) {
      const longer = [...portion, subscription];
      const size = packetSize({ type: "subscribe", packetId: 1, subscriptions: longer });
      if (portion.length > 0 && (longer.length > FILTERS_PER_SUBSCRIBE || size > maxPacketSize)) {
        portions.push(portion);
        portion = [subscription];
      } else {
        portion = longer;
      }
    }
    if (portion.length > 0) portions.push(portion);
    return portions;
  }

  /** Forgets all of them. */
  clear(): void {
    for (const topicFilter of this.#live.keys()) this.#delete(topicFilter);
  }

  #add(subscription: Subscription): void {
    const { topicFilter, qos } = subscription;
    this.#live.set(topicFilter, subscription);
    if (this.#changes.isRecorded) this.#changes.push({ type: "subscribed", topicFilter, qos });
  }

  #delete(topicFilter: string): void {
    const wasLive = this.#live.delete(topicFilter);
    if (wasLive && this.#changes.isRecorded) this.#changes.push({ type: "unsubscribed", topicFilter });
  }
}
