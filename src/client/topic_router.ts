// Finds what a message is for. The same topics come again and again, so the answer for each is remembered.
import { describeTopicFilterFault } from "../codec/mod.ts";
import { TopicTrie } from "./topic_trie.ts";

/** How many Topic Names a generation of the memory holds before the next one begins. */
const GENERATION_SIZE = 8192;
/** Longer Topic Names are looked up each time; this bounds the memory at a few megabytes. */
const MAX_LENGTH = 256;

/**
 * Maps Topic Filters to values, and Topic Names to the values of all filters that match. A driven client routes its messages by one;
 * whoever polls can do the same.
 *
 * Its time for a name does not grow with the number of filters, and a name that comes again costs one look-up, whatever the filters.
 *
 * @typeParam Value What a filter stands for: a handler, a queue.
 *
 * @example
 * ```ts
 * import { TopicRouter } from "@petrel/mqtt";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new TopicRouter<string>();
 * router.add("sensors/+/temperature", "thermometers");
 * router.add("sensors/#", "log");
 *
 * assertEquals([...router.match("sensors/7/temperature")].sort(), ["log", "thermometers"]);
 * assertEquals(router.match("sensors"), ["log"]);
 * router.remove("sensors/#", "log");
 * assertEquals(router.match("sensors"), []);
 * ```
 */
export class TopicRouter<Value> {
  readonly #trie: TopicTrie<Value> = new TopicTrie();
  /** Names that are used move to the younger generation; when that is full, the older one is dropped with all that were not used. */
  #young: Map<string, readonly Value[]> = new Map();
  #old: Map<string, readonly Value[]> = new Map();

  /** How many Topic Names are remembered at the moment. */
  get remembered(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Adds a value under a filter. A filter may have several values, also the same one several times.
   *
   * @param topicFilter The Topic Filter.
   * @param value The value.
   * @throws {TypeError} If the Topic Filter is not valid.
   */
  add(topicFilter: string, value: Value): void {
    const fault = describeTopicFilterFault(topicFilter);
    if (fault !== undefined) throw new TypeError(`Cannot route: topicFilter ${fault}`);
    this.#trie.add(topicFilter, value);
    this.#forget(topicFilter);
  }

  /**
   * Removes a value from a filter, once.
   *
   * @param topicFilter The Topic Filter it was added under.
   * @param value The value.
   * @returns Whether it was there.
   */
  remove(topicFilter: string, value: Value): boolean {
    const wasThere = this.#trie.remove(topicFilter, value);
    if (wasThere) this.#forget(topicFilter);
    return wasThere;
  }

  /**
   * Finds the values of all filters that match a name [MQTT-4.7.2-1].
   *
   * @param topicName The Topic Name of a message; it has to be valid.
   * @returns The values, in no particular order; one that was added several times comes as often. Not to be changed.
   */
  match(topicName: string): readonly Value[] {
    return this.#young.get(topicName) ?? this.#matchOlder(topicName);
  }

  #matchOlder(topicName: string): readonly Value[] {
    const values = this.#old.get(topicName) ?? this.#trie.match(topicName);
    if (topicName.length > MAX_LENGTH) return values;
    if (this.#young.size === GENERATION_SIZE) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(topicName, values);
    return values;
  }

  /** A filter has changed: what is remembered of the names it matches is out of date. */
  #forget(topicFilter: string): void {
    const isExact = !topicFilter.includes("+") && !topicFilter.endsWith("#");
    if (isExact) {
      this.#young.delete(topicFilter);
      this.#old.delete(topicFilter);
    } else {
      this.#young.clear();
      this.#old.clear();
    }
  }
}
