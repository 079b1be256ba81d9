// The encoded form of Topic Names that are published to again and again: copying it takes less time than encoding the text anew.

import { LookupBudget } from "./lookup_budget.ts";
import { encodeTopicName } from "./prepared_topic.ts";
import { isTopicName } from "./topic.ts";

/** How many Topic Names a generation holds before the next one begins. */
const GENERATION_SIZE = 1024;
/** Longer Topic Names are encoded each time; this bounds the cache. */
const MAX_LENGTH = 128;
/** Storing a name costs as much as so many hits save. */
const MISS_COST = 16;

let shared: TopicCache | undefined;

/** The cache of this process. It is made when it is first asked for. */
export function sharedTopicCache(): TopicCache {
  return shared ??= new TopicCache();
}

/**
 * Encoded Topic Names, with their two bytes of length. There are two generations: names that are used move to the younger one, and
 * when that is full the older one is dropped with all that were not used.
 */
export class TopicCache {
  #young = new Map<string, Uint8Array>();
  #old = new Map<string, Uint8Array>();
  readonly #budget = new LookupBudget(MISS_COST);

  /**
   * Finds the encoded form of a Topic Name; a new name may be taken in.
   *
   * @returns The bytes, not to be written; `undefined` if the name is not worth a place now, or not valid.
   */
  find(topicName: string): Uint8Array | undefined {
    if (topicName.length > MAX_LENGTH || !this.#budget.admits()) return undefined;
    const bytes = this.#young.get(topicName);
    if (bytes === undefined) return this.#findOlder(topicName);
    this.#budget.recordHit();
    return bytes;
  }

  #findOlder(topicName: string): Uint8Array | undefined {
    const known = this.#old.get(topicName);
    if (known === undefined) {
      this.#budget.recordMiss();
      if (!isTopicName(topicName)) return undefined;
    } else {
      this.#budget.recordHit();
    }
    const bytes = known ?? encodeTopicName(topicName);
    if (this.#young.size === GENERATION_SIZE) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(topicName, bytes);
    return bytes;
  }
}
