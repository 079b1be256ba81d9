// The handle by which an application asks for things. It checks what it is given and enqueues it; the event loop does the rest.
import type { PreparedTopic, Publish, QoS, Suback, Subscription, Unsuback } from "../codec/mod.ts";
import {
  ADMITTED,
  Completion,
  EventLoop,
  type MqttOptions,
  PublishNotice,
  type PublishResult,
  RequestChannel,
  SubscribeNotice,
  UnsubscribeNotice,
} from "../loop/mod.ts";
import { resolveOptions } from "./options.ts";
import { type PublishOptions, RequestBuilder } from "./request_builder.ts";

/** Limits of a wait for room in the request channel. */
export interface RequestOptions {
  /**
   * Ends the wait with the signal's reason; nothing is enqueued then. Of a tracked request it also ends the interest in it after
   * admission: the notice fails with `cancelled`, and what was not written yet is taken back. A publish that a session store is to
   * keep, and that the session has already, cannot be taken back any more: the wait for the store ends in a
   * {@linkcode RequestFailedError} `cancelled` that says so by `mayHaveBeenDelivered`.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How the pair of client and event loop is made. */
export interface CreateOptions {
  /** The capacity of the request channel, in place of the one in the options. */
  readonly capacity?: number | undefined;
}

/** What cannot change while a client lives. */
const FIXED_OPTIONS = ["capacity", "clock", "random", "sessionStore"] as const;

/** A client, and the event loop that must be polled for it. */
export interface ClientPair {
  /** The handle. */
  readonly client: AsyncClient;
  /** What does the work when it is polled. */
  readonly eventLoop: EventLoop;
}

/**
 * A handle by which to publish, subscribe and disconnect. Its calls only enqueue: nothing moves unless the event loop is polled.
 *
 * Each operation waits for room in a bounded channel, or, as `try…`, happens now or not at all. Awaiting one in the very loop that
 * polls can block itself when the channel is full: there `try…` is the way. A call that is not valid rejects, or throws if it is a
 * `try…`, and enqueues nothing.
 *
 * @example Publish at QoS 1 and wait for the acknowledgement
 * ```ts
 * import { AsyncClient } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const network = new MemoryNetwork();
 * const server = new ScriptedServer(network);
 * const serving = server.accept().then((connection) => connection.autoRespond());
 * const { client, eventLoop } = AsyncClient.create({
 *   clientId: "example", broker: "mqtt://example.net", transport: network.dial,
 * });
 * const polling = (async () => {
 *   for await (const _event of eventLoop);
 * })();
 * const notice = await client.publishTracked("hello/petrel", "fair winds", { qos: 1 });
 * assertEquals((await notice.wait()).type, "qos1-acknowledged");
 * await client.disconnect();
 * await Promise.all([polling, serving]);
 * ```
 */
export class AsyncClient implements AsyncDisposable {
  readonly #channel: RequestChannel;
  readonly #build: RequestBuilder;

  /**
   * `AsyncClient.create` makes a client together with its event loop.
   *
   * @param channel Where requests go.
   * @param maxOutgoingPacketSize Most bytes of an outgoing packet.
   */
  constructor(channel: RequestChannel, maxOutgoingPacketSize: number) {
    this.#channel = channel;
    this.#build = new RequestBuilder(maxOutgoingPacketSize);
  }

  /**
   * Makes a client and its event loop. No connection is made until the event loop is polled.
   *
   * @param options The options.
   * @param create The capacity of the request channel.
   * @returns The pair.
   * @throws {TypeError | RangeError} If an option is unknown, missing or not valid.
   * @throws {UnsupportedOptionError} If this runtime cannot honour one.
   */
  static create(options: MqttOptions, create: CreateOptions = {}): ClientPair {
    let given = create.capacity === undefined ? options : { ...options, capacity: create.capacity };
    const resolved = resolveOptions(given);
    const fixed = { capacity: resolved.capacity, clock: resolved.clock, random: resolved.random };
    const channel = new RequestChannel(resolved.capacity);
    const client = new AsyncClient(channel, resolved.maxOutgoingPacketSize);
    const eventLoop = new EventLoop(resolved, channel, (changes) => {
      for (const name of FIXED_OPTIONS) {
        const change = changes[name];
        if (change === undefined || change === resolved[name]) continue;
        throw new TypeError(`Cannot change option "${name}": it is fixed when the client is made`);
      }
      const next = { ...given, ...changes, ...fixed };
      const nextResolved = resolveOptions(next);
      if (resolved.sessionStore !== undefined && nextResolved.clientId !== resolved.clientId) {
        throw new TypeError('Cannot change option "clientId": it is fixed while a session store keeps the session');
      }
      given = next;
      client.#build.maxPacketSize = nextResolved.maxOutgoingPacketSize;
      return nextResolved;
    });
    return { client, eventLoop };
  }

  /**
   * Publishes a message.
   *
   * @param topicName The Topic Name: no wildcards.
   * @param payload The message, text as UTF-8. Under 16 KiB it is copied at once; from 16 KiB on it is sent from where it is, and
   * must not change until the publish has completed.
   * @param options QoS, retain, and a signal.
   * @returns A promise that resolves on admission to the channel, not on delivery; with a session store, at QoS 1 and 2, once the
   * message is kept.
   * @throws {TypeError} If the Topic Name, the payload or an option is not valid.
   * @throws {RangeError} If the packet would be larger than `maxOutgoingPacketSize`.
   * @throws {LoopClosedError} If the client was disconnected, or the loop has ended.
   * @throws {RequestFailedError} With reason `persistence`, if the session store fails; see `signal` for `cancelled`.
   */
  publish(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions & RequestOptions,
  ): Promise<void> {
    try {
      if (options?.signal === undefined && this.#encodeNow(topicName, payload, options)) return ADMITTED;
      return this.#channel.send(this.#build.publish(topicName, payload, options, undefined), options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Publishes a message now or not at all. With a session store, a message at QoS 1 or 2 is kept before it is sent, but it cannot be
   * waited for here: a process that is killed at once may not have kept it.
   *
   * @param topicName The Topic Name.
   * @param payload The message; see `publish`.
   * @param options QoS and retain.
   * @throws {RequestChannelFullError} If the channel is full.
   * @throws {TypeError | RangeError | LoopClosedError} As `publish`.
   */
  tryPublish(topicName: string | PreparedTopic, payload: Uint8Array | string, options?: PublishOptions): void {
    if (this.#encodeNow(topicName, payload, options)) return;
    this.#channel.trySend(this.#build.publish(topicName, payload, options, undefined));
  }

  /**
   * Publishes a message and gives a notice of its fate.
   *
   * @param topicName The Topic Name.
   * @param payload The message; see `publish`.
   * @param options QoS, retain, and a signal.
   * @returns The notice, on admission to the channel.
   * @throws {TypeError | RangeError | LoopClosedError} As `publish`.
   */
  async publishTracked(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions & RequestOptions,
  ): Promise<PublishNotice> {
    const completion = new Completion<PublishResult>();
    await this.#channel.send(this.#build.publish(topicName, payload, options, completion), options?.signal);
    return new PublishNotice(completion);
  }

  /**
   * Publishes a message now or not at all, and gives a notice of its fate.
   *
   * @param topicName The Topic Name.
   * @param payload The message; see `publish`.
   * @param options QoS and retain.
   * @returns The notice.
   * @throws {RequestChannelFullError} If the channel is full.
   * @throws {TypeError | RangeError | LoopClosedError} As `publish`.
   */
  tryPublishTracked(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions,
  ): PublishNotice {
    const completion = new Completion<PublishResult>();
    this.#channel.trySend(this.#build.publish(topicName, payload, options, completion));
    return new PublishNotice(completion);
  }

  /**
   * Subscribes to a Topic Filter.
   *
   * @param topicFilter The Topic Filter.
   * @param qos The highest QoS its messages should come at.
   * @param options A signal.
   * @returns A promise that resolves on admission to the channel; the answer of the server is an event.
   * @throws {TypeError} If the Topic Filter or the QoS is not valid.
   * @throws {LoopClosedError} If the client was disconnected, or the loop has ended.
   */
  subscribe(topicFilter: string, qos: QoS = 0, options?: RequestOptions): Promise<void> {
    return this.subscribeMany([{ topicFilter, qos }], options);
  }

  /** Subscribes now or not at all. @throws {RequestChannelFullError} If the channel is full; the rest as `subscribe`. */
  trySubscribe(topicFilter: string, qos: QoS = 0): void {
    this.trySubscribeMany([{ topicFilter, qos }]);
  }

  /** Subscribes, and gives a notice of the answer. @throws As `subscribe`. */
  subscribeTracked(topicFilter: string, qos: QoS = 0, options?: RequestOptions): Promise<SubscribeNotice> {
    return this.subscribeManyTracked([{ topicFilter, qos }], options);
  }

  /** Subscribes now or not at all, and gives a notice of the answer. @throws As `trySubscribe`. */
  trySubscribeTracked(topicFilter: string, qos: QoS = 0): SubscribeNotice {
    return this.trySubscribeManyTracked([{ topicFilter, qos }]);
  }

  /** Subscribes to several Topic Filters with one packet. @throws As `subscribe`; {TypeError} also if the list is empty. */
  async subscribeMany(subscriptions: readonly Subscription[], options?: RequestOptions): Promise<void> {
    await this.#channel.send(this.#build.subscribe(subscriptions, undefined), options?.signal);
  }

  /** Subscribes to several Topic Filters now or not at all. @throws As `trySubscribe`. */
  trySubscribeMany(subscriptions: readonly Subscription[]): void {
    this.#channel.trySend(this.#build.subscribe(subscriptions, undefined));
  }

  /** Subscribes to several Topic Filters, and gives a notice of the answer. @throws As `subscribeMany`. */
  async subscribeManyTracked(
    subscriptions: readonly Subscription[],
    options?: RequestOptions,
  ): Promise<SubscribeNotice> {
    const completion = new Completion<Suback>();
    await this.#channel.send(this.#build.subscribe(subscriptions, completion), options?.signal);
    return new SubscribeNotice(completion);
  }

  /** Subscribes to several Topic Filters now or not at all, and gives a notice. @throws As `trySubscribe`. */
  trySubscribeManyTracked(subscriptions: readonly Subscription[]): SubscribeNotice {
    const completion = new Completion<Suback>();
    this.#channel.trySend(this.#build.subscribe(subscriptions, completion));
    return new SubscribeNotice(completion);
  }

  /**
   * Ends a subscription.
   *
   * @param topicFilter The Topic Filter, as it was subscribed to.
   * @param options A signal.
   * @returns A promise that resolves on admission to the channel; the answer of the server is an event.
   * @throws {TypeError} If the Topic Filter is not valid.
   * @throws {LoopClosedError} If the client was disconnected, or the loop has ended.
   */
  unsubscribe(topicFilter: string, options?: RequestOptions): Promise<void> {
    return this.unsubscribeMany([topicFilter], options);
  }

  /** Ends a subscription now or not at all. @throws {RequestChannelFullError} If the channel is full; the rest as `unsubscribe`. */
  tryUnsubscribe(topicFilter: string): void {
    this.tryUnsubscribeMany([topicFilter]);
  }

  /** Ends a subscription, and gives a notice of the answer. @throws As `unsubscribe`. */
  unsubscribeTracked(topicFilter: string, options?: RequestOptions): Promise<UnsubscribeNotice> {
    return this.unsubscribeManyTracked([topicFilter], options);
  }

  /** Ends a subscription now or not at all, and gives a notice of the answer. @throws As `tryUnsubscribe`. */
  tryUnsubscribeTracked(topicFilter: string): UnsubscribeNotice {
    return this.tryUnsubscribeManyTracked([topicFilter]);
  }

  /** Ends several subscriptions with one packet. @throws As `unsubscribe`; {TypeError} also if the list is empty. */
  async unsubscribeMany(topicFilters: readonly string[], options?: RequestOptions): Promise<void> {
    await this.#channel.send(this.#build.unsubscribe(topicFilters, undefined), options?.signal);
  }

  /** Ends several subscriptions now or not at all. @throws As `tryUnsubscribe`. */
  tryUnsubscribeMany(topicFilters: readonly string[]): void {
    this.#channel.trySend(this.#build.unsubscribe(topicFilters, undefined));
  }

  /** Ends several subscriptions, and gives a notice of the answer. @throws As `unsubscribeMany`. */
  async unsubscribeManyTracked(topicFilters: readonly string[], options?: RequestOptions): Promise<UnsubscribeNotice> {
    const completion = new Completion<Unsuback>();
    await this.#channel.send(this.#build.unsubscribe(topicFilters, completion), options?.signal);
    return new UnsubscribeNotice(completion);
  }

  /** Ends several subscriptions now or not at all, and gives a notice of the answer. @throws As `tryUnsubscribe`. */
  tryUnsubscribeManyTracked(topicFilters: readonly string[]): UnsubscribeNotice {
    const completion = new Completion<Unsuback>();
    this.#channel.trySend(this.#build.unsubscribe(topicFilters, completion));
    return new UnsubscribeNotice(completion);
  }

  /**
   * Acknowledges a delivery in manual mode: PUBACK at QoS 1, PUBREC at QoS 2; it leaves with the next turn of the event loop. In any
   * order, and harmless when repeated; a client that is to conform acknowledges in the order of arrival, among QoS 1 as among QoS 2
   * [MQTT-4.6.0-2] [MQTT-4.6.0-3]. It needs no room in the channel. In automatic mode, and at QoS 0, nothing is left to be done, and
   * nothing is sent.
   *
   * @param publish The very packet of the `incoming` event.
   * @returns Whether it is acknowledged; `false` if the connection it came on is gone: the server delivers it again. `true` where
   * nothing is left to be done. With a session store it resolves once a message at QoS 2 is known not to come again, whatever happens to
   * this process.
   * @throws {RequestFailedError} With reason `persistence`, if the session store fails.
   */
  ack(publish: Publish): Promise<boolean> {
    const isAcknowledged = this.tryAck(publish);
    if (!isAcknowledged || this.#channel.journal === undefined) return Promise.resolve(isAcknowledged);
    return this.#channel.whenDurable("acknowledge").then(() => true);
  }

  /** Acknowledges a delivery in manual mode, as `ack`, and tells at once whether it is acknowledged. */
  tryAck(publish: Publish): boolean {
    return this.#channel.acknowledge(publish);
  }

  /**
   * Disconnects in order: everything asked for before is finished (QoS 0 flushed, QoS 1 and 2 completed, subscriptions answered),
   * then DISCONNECT is sent, and the event loop is done. It survives lost connections. From now on the client refuses work.
   *
   * @returns A promise that resolves at once: what follows happens while the event loop is polled, and ends the polling.
   */
  disconnect(): Promise<void> {
    this.#channel.disconnect({ mode: "drained", timeoutMillis: undefined });
    return Promise.resolve();
  }

  /**
   * Disconnects in order, in limited time. If it runs out, the connection is closed without DISCONNECT, so the server publishes the
   * Will Message; polling throws {@linkcode DisconnectTimeoutError}, and unfinished requests fail.
   *
   * @param timeoutMillis The limit from now on, in milliseconds.
   * @returns A promise that resolves at once, as `disconnect`.
   * @throws {RangeError} If the limit is not 0 or more.
   */
  disconnectWithTimeout(timeoutMillis: number): Promise<void> {
    if (typeof timeoutMillis !== "number" || !(timeoutMillis >= 0)) {
      return Promise.reject(new RangeError(`Cannot disconnect: timeoutMillis is ${timeoutMillis}, not 0 or more`));
    }
    this.#channel.disconnect({ mode: "drained", timeoutMillis });
    return Promise.resolve();
  }

  /**
   * Disconnects without finishing anything: DISCONNECT is the next packet. It ends a back-off, a dial and a full window too.
   * Unfinished requests fail.
   *
   * @returns A promise that resolves at once, as `disconnect`.
   */
  disconnectNow(): Promise<void> {
    this.#channel.disconnect({ mode: "now" });
    return Promise.resolve();
  }

  /** Enqueues a publish at QoS 0 as bytes, if it is one and can be admitted so. @throws {TypeError | RangeError} If it is not valid. */
  #encodeNow(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions | undefined,
  ): boolean {
    if (options?.qos !== undefined && options.qos !== 0) return false;
    const run = this.#channel.findRun();
    if (run === undefined) return false;
    this.#channel.addToRun(run, this.#build.packet(topicName, payload, options));
    this.#build.forget();
    return true;
  }

  /** Disconnects in order. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }
}
