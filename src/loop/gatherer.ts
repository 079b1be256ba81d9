// Waits for as long as requests keep coming, so that one write takes them all. Whoever publishes in a loop has the next request ready a
// microtask later.
import type { RequestChannel } from "./request_channel.ts";

/** How many times in a row it waits for one more request. */
const PATIENCE = 3;
/** Requests that are enough for one write, however many keep coming. */
const LIMIT = 1024;

/** Gathers requests before a turn of the loop. */
export class Gatherer {
  readonly #channel: RequestChannel;
  readonly #handleGathered: () => void;
  #isGathering = false;
  #gathered = 0;
  #patience = 0;

  /**
   * @param channel Where requests come from.
   * @param handleGathered Called when no more of them are to be waited for.
   */
  constructor(channel: RequestChannel, handleGathered: () => void) {
    this.#channel = channel;
    this.#handleGathered = handleGathered;
  }

  /** Begins to wait, unless it does. */
  start(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#gathered = 0;
    this.#patience = PATIENCE;
    queueMicrotask(this.#gather);
  }

  readonly #gather = (): void => {
    const length = this.#channel.length;
    if (length > this.#gathered) this.#patience = PATIENCE;
    else this.#patience--;
    this.#gathered = length;
    if (this.#patience > 0 && !this.#channel.isBlocked && length < LIMIT) return queueMicrotask(this.#gather);
    this.#isGathering = false;
    this.#handleGathered();
  };
}
