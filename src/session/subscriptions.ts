// The Topic Filters that are live on the server, so that a lost session can be given them again.
import type { Suback, Subscribe, Subscription, Unsubscribe } from "../codec/mod.ts";

/**
 * Most filters in one SUBSCRIBE that restores a lost session. MQTT 3.1.1 has no limit, but hosted servers do: AWS IoT Core refuses
 * more than eight.
 */
const FILTERS_PER_SUBSCRIBE = 8;

/** The live subscriptions of one session. */
export class LiveSubscriptions {
  readonly #live: Map<string, Subscription> = new Map();

  /** How many filters are live. */
  get size(): number {
    return this.#live.size;
  }

  /** The server answered a SUBSCRIBE: what it granted is live, what it refused is not. */
  handleSuback(request: Subscribe, answer: Suback): void {
    for (let i = 0; i < request.subscriptions.length; i++) {
      const subscription = request.subscriptions[i]!;
      if (answer.returnCodes[i] === 0x80) this.#live.delete(subscription.topicFilter);
      else this.#live.set(subscription.topicFilter, subscription);
    }
  }

  /** The server answered an UNSUBSCRIBE. */
  handleUnsuback(request: Unsubscribe): void {
    for (const topicFilter of request.topicFilters) this.#live.delete(topicFilter);
  }

  /** All live subscriptions, in the portions in which they are sent again. */
  portions(): Subscription[][] {
    const all = [...this.#live.values()];
    const portions: Subscription[][] = [];
    for (let i = 0; i < all.length; i += FILTERS_PER_SUBSCRIBE) portions.push(all.slice(i, i + FILTERS_PER_SUBSCRIBE));
    return portions;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#live.clear();
  }
}
