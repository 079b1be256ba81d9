// A stream of messages: what a subscription is to the one who reads it.
import type { QoS } from "../codec/mod.ts";
import type { Delivery } from "./delivery.ts";
import { Message } from "./message.ts";
import type { MessageQueue } from "./message_queue.ts";

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The messages of one subscription, from the call of `subscribe` on, in the order in which the server sends them. Reconnecting does not
 * show in it.
 *
 * Leaving it (a `break` out of `for await`, `await using`, `return()`) unsubscribes, unless another stream of the same Topic Filter is
 * left; it does not wait for the server, so it is prompt without a connection too. When the connection ends for good, the stream hands
 * out what it holds and ends, or throws the error that ended the connection.
 *
 * Several loops over one subscription share its messages, each message for one of them. In manual mode a message is acknowledged when
 * the loop that has got it asks for the next one, or by `message.ack()`; not when the stream is left. What a left stream still holds
 * is the server's again if the session is persistent: it delivers that anew on the next connection, and until then it counts for the
 * server's window.
 */
export class Subscription implements AsyncIterableIterator<Message, undefined>, AsyncDisposable {
  /** The Topic Filter. */
  readonly topicFilter: string;
  readonly #queue: MessageQueue;
  readonly #isManual: boolean;
  readonly #leave: () => void;
  readonly #own: AsyncIterableIterator<Message, undefined>;
  #granted: QoS = 0;

  /**
   * A connection makes them.
   *
   * @param topicFilter The Topic Filter.
   * @param queue What its messages wait in.
   * @param isManual Whether the consumer acknowledges.
   * @param leave What ends it.
   * @internal
   */
  constructor(topicFilter: string, queue: MessageQueue, isManual: boolean, leave: () => void) {
    this.topicFilter = topicFilter;
    this.#queue = queue;
    this.#isManual = isManual;
    this.#leave = leave;
    this.#own = this[Symbol.asyncIterator]();
  }

  /** The QoS that the server granted: the highest its messages come at. Streams of one filter share it. */
  get grantedQos(): QoS {
    return this.#granted;
  }

  /** The server has granted it. @internal */
  set grantedQos(granted: QoS) {
    this.#granted = granted;
  }

  /** How many messages wait to be taken. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * How many messages were dropped because they found the stream full. With the overflow `"wait"` only QoS 0 can be: while somebody
   * awaits an answer of the server, and thousands of messages wait already.
   */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /**
   * Takes the next message, as soon as there is one. In manual mode this acknowledges the message that the last call gave.
   *
   * @returns The message, or `done` at the end.
   * @throws {StreamOverflowError} If the overflow is `"error"` and a message found the stream full; once what it held is taken.
   * @throws {SubscribeRefusedError} If the server refused to restore the subscription.
   * @throws {ConnectionLostError | ConnectionRefusedError} If the reconnect policy has given up.
   */
  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#own.next();
  }

  /** Leaves the stream. Messages that it holds are not handed out any more, and calls of `next` that wait are done. */
  return(): Promise<IteratorResult<Message, undefined>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  /** Leaves the stream. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  /** Iterates over the messages. A second iteration shares them with the first. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    const handed: Message[] = [];
    let isOver = false;
    const handOut = (delivery: Delivery | undefined): IteratorResult<Message, undefined> => {
      if (delivery === undefined) return DONE;
      const message = new Message(delivery.publish, this.#isManual ? () => delivery.finish() : undefined);
      if (this.#isManual) handed.push(message);
      return { done: false, value: message };
    };
    const iterator: AsyncIterableIterator<Message, undefined> = {
      next: () => {
        for (const message of handed.splice(0)) message.ack();
        if (isOver) return Promise.resolve(DONE);
        const delivery = this.#queue.tryTake();
        if (delivery !== undefined) return Promise.resolve(handOut(delivery));
        return this.#queue.take().then(handOut, (error) => {
          isOver = true;
          throw error;
        });
      },
      return: () => this.return(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
