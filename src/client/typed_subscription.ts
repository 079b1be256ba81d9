// A stream of values: a subscription whose messages are read by the payload codec of its family of topics.
import type { QoS } from "../codec/mod.ts";
import type { Message } from "./message.ts";
import { describePayloadFault, type PayloadCodec, type PayloadError } from "./payload_codec.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicParams } from "./topic_params.ts";

/** A message of a family of topics, read. */
export interface TypedMessage<Pattern extends string, Value> {
  /** The parameters in its Topic Name. */
  readonly params: TopicParams<Pattern>;
  /** What its payload stands for. */
  readonly value: Value;
  /** The message itself, to acknowledge it or to look at the rest of it. */
  readonly message: Message;
}

/** Called for each message whose payload its codec does not accept. What it throws is thrown where the stream is read. */
export type PayloadErrorHandler = (error: PayloadError, message: Message) => void;

/**
 * The messages of a family of topics, read. A payload that does not fit is counted and passed to `onPayloadError`, and the stream goes
 * on with the next message. Everything else is as in {@linkcode Subscription}; in manual mode a message that does not fit is
 * acknowledged like any other, unless the handler throws.
 *
 * @typeParam Pattern The pattern of the topics.
 * @typeParam Value What their payloads stand for.
 */
export class TypedSubscription<Pattern extends string, Value>
  implements AsyncIterableIterator<TypedMessage<Pattern, Value>, undefined>, AsyncDisposable {
  readonly #pattern: {
    readonly payload: PayloadCodec<Value>;
    match(topicName: string): TopicParams<Pattern> | undefined;
  };
  readonly #messages: Subscription;
  readonly #handlePayloadError: PayloadErrorHandler | undefined;
  #payloadErrors = 0;

  /**
   * A connection makes them.
   *
   * @param pattern The family of topics.
   * @param messages The subscription to its filter.
   * @param handlePayloadError Called for what cannot be read.
   * @internal
   */
  constructor(
    pattern: {
      readonly payload: PayloadCodec<Value>;
      match(topicName: string): TopicParams<Pattern> | undefined;
    },
    messages: Subscription,
    handlePayloadError: PayloadErrorHandler | undefined,
  ) {
    this.#pattern = pattern;
    this.#messages = messages;
    this.#handlePayloadError = handlePayloadError;
  }

  /** The Topic Filter. */
  get topicFilter(): string {
    return this.#messages.topicFilter;
  }

  /** The QoS that the server granted. */
  get grantedQos(): QoS {
    return this.#messages.grantedQos;
  }

  /** How many messages wait to be taken. */
  get queued(): number {
    return this.#messages.queued;
  }

  /** How many messages were dropped because they found the stream full. */
  get dropped(): number {
    return this.#messages.dropped;
  }

  /** How many messages had a payload that its codec did not accept. */
  get payloadErrors(): number {
    return this.#payloadErrors;
  }

  /**
   * Takes the next message that can be read, as soon as there is one.
   *
   * @returns The message, or `done` at the end.
   * @throws {Error} As {@linkcode Subscription.next}, or what `onPayloadError` throws.
   */
  async next(): Promise<IteratorResult<TypedMessage<Pattern, Value>, undefined>> {
    for (;;) {
      const { done, value: message } = await this.#messages.next();
      if (done) return { done: true, value: undefined };
      try {
        // A codec that needs no time costs no turn.
        const decoded = this.#pattern.payload.decode(message.payload);
        const value = decoded instanceof Promise ? await decoded : decoded;
        return { done: false, value: { params: this.#pattern.match(message.topicName)!, value, message } };
      } catch (error) {
        this.#payloadErrors++;
        this.#handlePayloadError?.(describePayloadFault(message.topicName, error), message);
      }
    }
  }

  /** Leaves the stream. */
  async return(): Promise<IteratorResult<TypedMessage<Pattern, Value>, undefined>> {
    await this.#messages.return();
    return { done: true, value: undefined };
  }

  /** Leaves the stream. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#messages[Symbol.asyncDispose]();
  }

  /** Iterates over the messages. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
