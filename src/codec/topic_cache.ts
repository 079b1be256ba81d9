// Topic Names that are published to again and again, prepared: a lookup takes less time than checking and encoding the text anew.

import { LookupBudget } from "./lookup_budget.ts";
import { PreparedTopic } from "./prepared_topic.ts";
import { describeTopicNameFault } from "./topic.ts";

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
 * Finds the prepared form of a Topic Name that is published to again and again. It never has to be asked for: it spares whoever asks
 * the check of the name, and the encoder the encoding.
 *
 * @param topicName The Topic Name.
 * @returns The prepared topic; `undefined` if the name is not worth remembering now, or should not be sent.
 */
export function findPreparedTopic(topicName: string): PreparedTopic | undefined {
  return sharedTopicCache().find(topicName);
}

/**
 * Prepared Topic Names. There are two generations: names that are used move to the younger one, and
 * when that is full the older one is dropped with all that were not used.
 */
export class TopicCache {
  #young = new Map<string, PreparedTopic>();
  #old = new Map<string, PreparedTopic>();
  readonly #budget = new LookupBudget(MISS_COST);

  /**
   * Finds the prepared form of a Topic Name; a new name may be taken in.
   *
   * @returns The prepared topic; `undefined` if the name is not worth a place now, or should not be sent.
   */
  find(topicName: string): PreparedTopic | undefined {
    if (topicName.length > MAX_LENGTH || !this.#budget.admits()) return undefined;
    const topic = this.#young.get(topicName);
    if (topic === undefined) return this.#findOlder(topicName);
    this.#budget.recordHit();
    return topic;
  }

  #findOlder(topicName: string): PreparedTopic | undefined {
    const known = this.#old.get(topicName);
    if (known === undefined) {
      this.#budget.recordMiss();
      if (describeTopicNameFault(topicName) !== undefined) return undefined;
    } else {
      this.#budget.recordHit();
    }
    const topic = known ?? new PreparedTopic(topicName);
    if (this.#young.size === GENERATION_SIZE) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(topicName, topic);
    return topic;
  }
}
