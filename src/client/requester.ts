// Requests over publish and subscribe: subscribe to where the response comes, publish, wait, clean up.
import { describeTopicFilterFault, describeTopicNameFault, type PreparedTopic, type QoS } from "../codec/mod.ts";
import { RequestFailedError } from "../loop/mod.ts";
import { RequestTimeoutError } from "./driven_error.ts";
import type { DrivenLoop } from "./driven_loop.ts";
import { checkLimit, Limit } from "./limit.ts";
import type { Message } from "./message.ts";
import { checkOneOf } from "./option_value.ts";
import { type Pending, Responses } from "./responses.ts";
import type { SharedFilter } from "./shared_filter.ts";

/** How long a request waits for its response by default. */
const DEFAULT_MILLIS = 30_000;

/** How a response is awaited. */
export interface ResponseOptions {
  /** Where the response comes: a Topic Filter of your own choice, which the responder has to know, as by the payload. */
  readonly responseTopic: string;
  /** The QoS of the request, and the highest its response should come at. Default 0. */
  readonly qos?: QoS | undefined;
  /**
   * Whether a message on the response topic answers this request. Without it the first message does that is not the response of an
   * older request; then one request at a time, or a response topic for each, is the safe way.
   */
  readonly correlate?: ((message: Message) => boolean) | undefined;
  /** Milliseconds until the response must have come, subscribing and publishing included; `Infinity` for any. Default 30,000. */
  readonly timeoutMillis?: number | undefined;
  /** Ends the wait; what is not written yet is taken back. */
  readonly signal?: AbortSignal | undefined;
}

/** The requests that share a response topic. */
interface ResponseTopic {
  readonly filter: SharedFilter;
  readonly responses: Responses;
  /** How many requests use it. */
  users: number;
}

/** Makes the requests of one client. */
export class Requester {
  readonly #loop: DrivenLoop;
  readonly #topics: Map<string, ResponseTopic> = new Map();

  /**
   * @param loop What publishes and subscribes.
   */
  constructor(loop: DrivenLoop) {
    this.#loop = loop;
  }

  /** Publishes a request, and waits for its response. */
  async request(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: ResponseOptions,
  ): Promise<Message> {
    const { responseTopic, qos = 0, signal, timeoutMillis = DEFAULT_MILLIS } = options;
    const nameFault = typeof topicName === "string" ? describeTopicNameFault(topicName) : undefined;
    if (nameFault !== undefined) throw new TypeError(`Cannot request: topicName ${nameFault}`);
    const fault = describeTopicFilterFault(responseTopic);
    if (fault !== undefined) throw new TypeError(`Cannot request: responseTopic ${fault}`);
    checkOneOf("qos", qos, [0, 1, 2]);
    const millis = checkLimit("request", timeoutMillis);
    const limit = new Limit(signal, millis, this.#loop.clock);
    const topic = this.#open(responseTopic, qos);
    try {
      return await this.#loop.intake.awaitAnswer(this.#exchange(topic, topicName, payload, options, limit.signal));
    } catch (error) {
      throw limit.explain("request", error, (mayHave) => new RequestTimeoutError(responseTopic, millis, mayHave));
    } finally {
      limit.end();
      this.#close(topic);
    }
  }

  async #exchange(
    { filter, responses }: ResponseTopic,
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    { correlate, qos }: ResponseOptions,
    signal: AbortSignal,
  ): Promise<Message> {
    await this.#loop.join(filter, responses, signal);
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const pending: Pending = { correlate, resolve, reject };
    responses.add(pending);
    // Until it is published, the publish itself tells what has become of it.
    this.#loop.publish(topicName, payload, { qos, signal }).then(() => {
      const abort = (): void => reject(new RequestFailedError("request", "cancelled", true, signal.reason));
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    }, reject);
    try {
      return await promise;
    } finally {
      responses.remove(pending);
    }
  }

  #open(responseTopic: string, qos: QoS): ResponseTopic {
    let topic = this.#topics.get(responseTopic);
    // A filter that was refused is given up before the last of its requests has noticed.
    if (topic === undefined || topic.filter.isIdle) {
      topic = { filter: this.#loop.filters.open(responseTopic), responses: new Responses(), users: 0 };
      this.#topics.set(responseTopic, topic);
    }
    topic.users++;
    topic.responses.qos = qos > topic.responses.qos ? qos : topic.responses.qos;
    return topic;
  }

  #close(topic: ResponseTopic): void {
    if (--topic.users > 0) return;
    const { filter, responses } = topic;
    if (this.#topics.get(filter.topicFilter) === topic) this.#topics.delete(filter.topicFilter);
    filter.leave(responses);
  }
}
