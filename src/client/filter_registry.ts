// All Topic Filters of a driven client, by their text and by the topics they match.
import { describeTopicFilterFault } from "../codec/mod.ts";
import { SharedFilter, type Subscriber } from "./shared_filter.ts";
import { TopicRouter } from "./topic_router.ts";

/** A shared subscription, as servers offer it beside MQTT 3.1.1: `$share/<group>/<filter>`. Messages come by the filter alone. */
const SHARED_SUBSCRIPTION = /^\$share\/[^/]+\//;

/** The Topic Filters of one client. */
export class FilterRegistry {
  readonly #subscriber: Subscriber;
  readonly #filters: Map<string, SharedFilter> = new Map();
  readonly #router: TopicRouter<SharedFilter> = new TopicRouter();

  /**
   * @param subscriber What asks the server.
   */
  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  /** All of them. */
  get all(): Iterable<SharedFilter> {
    return this.#filters.values();
  }

  /** How many there are. */
  get size(): number {
    return this.#filters.size;
  }

  /** The filter of this text; a sink must join it at once. @throws {TypeError} If it is not valid. */
  open(topicFilter: string): SharedFilter {
    const known = this.#filters.get(topicFilter);
    if (known !== undefined) return known;
    const routed = routedFilter(topicFilter);
    const fault = describeTopicFilterFault(topicFilter) ?? describeTopicFilterFault(routed);
    if (fault !== undefined) throw new TypeError(`Cannot subscribe: topicFilter ${fault}`);
    const filter = new SharedFilter(topicFilter, this.#subscriber, () => {
      this.#filters.delete(topicFilter);
      this.#router.remove(routed, filter);
    });
    this.#filters.set(topicFilter, filter);
    this.#router.add(routed, filter);
    return filter;
  }

  /** The filters that match a Topic Name, those included that nobody takes messages of any more. */
  match(topicName: string): readonly SharedFilter[] {
    return this.#router.match(topicName);
  }
}

/** The filter by which messages of a subscription are known. */
export function routedFilter(topicFilter: string): string {
  return typeof topicFilter === "string" ? topicFilter.replace(SHARED_SUBSCRIPTION, "") : topicFilter;
}
