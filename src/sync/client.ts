// The handle by which a thread that blocks asks for things. It checks what it is given and sends it to the worker.
import { type PublishOptions, RequestBuilder } from "../client/mod.ts";
import type { PreparedTopic, Publish, QoS, Subscription } from "../codec/mod.ts";
import { Caller } from "./caller.ts";
import { Connection } from "./connection.ts";
import { findDelivery, generationOf } from "./delivery.ts";
import { type LaneRequest, Line } from "./line.ts";
import { type BlockingOptions, Ending, PublishNotice, SubscribeNotice, UnsubscribeNotice } from "./notice.ts";
import { ACKNOWLEDGE, PUBLISH, RETAIN_FLAG, SUBSCRIBE, TRY_FLAG, UNSUBSCRIBE } from "./ring/request_record.ts";
import { CONTROL_LANE, MAX_LINES, MAX_PACKET_SIZE, PUBLISH_LANE, SharedMemory } from "./ring/shared_memory.ts";
import { closeWorker, type CreateOptions, startWorker, type SyncOptions } from "./start.ts";
import { requireBlocking, type WorkerThread } from "./threads.ts";
import { checkTimeout } from "./timeout.ts";

/** How long to wait for a handle that was given back, in milliseconds. */
const FREE_MILLIS = 500;

/** A client, and the connection whose events must be taken. */
export interface ClientPair extends Disposable {
  /** The handle. */
  readonly client: Client;
  /** The events. */
  readonly connection: Connection;
}

/** A client on its way to another thread: give it to a worker by `workerData` or `postMessage`, and there to `Client.from`. */
export interface SharedClient {
  /** The memory that all threads of the client share. */
  readonly memory: SharedArrayBuffer;
}

/**
 * A handle by which to publish, subscribe and disconnect, for a thread that blocks. The event loop runs in a worker.
 *
 * Each operation blocks until there is room in a bounded channel, or, as `try…`, happens now or not at all. A call that is not valid
 * throws, and nothing is sent. The events must be taken from the connection, by this thread or another: when they fill their ring,
 * nothing moves any more, and a call that only this thread's taking could end throws {@linkcode DeadlockError}.
 *
 * @example Publish, and see what becomes of it
 * ```ts
 * import { ConnectionLostError, RequestFailedError } from "@petrel/mqtt";
 * import { Client } from "@petrel/mqtt/sync";
 * import { assertThrows } from "@std/assert";
 *
 * // Nobody listens there, and one attempt is enough.
 * using pair = Client.create({ clientId: "example", broker: "mqtt://127.0.0.1:1", reconnect: false });
 * const { client, connection } = pair;
 * const notice = client.publishTracked("hello/petrel", "fair winds", { qos: 1 });
 * assertThrows(() => {
 *   for (const event of connection) console.log(event);
 * }, ConnectionLostError);
 * assertThrows(() => notice.wait({ timeoutMillis: 10_000 }), RequestFailedError);
 * ```
 */
export class Client implements Disposable {
  readonly #line: Line;
  readonly #build: RequestBuilder = new RequestBuilder();
  readonly #encoder: TextEncoder = new TextEncoder();
  /** The worker, in the thread that has started it. */
  readonly #thread: WorkerThread | undefined;

  /**
   * `Client.create` makes a client together with its connection; `Client.from` takes one that another thread shares.
   *
   * @param line This thread's way to the worker.
   * @param thread The worker, if this thread has started it.
   */
  constructor(line: Line, thread: WorkerThread | undefined) {
    this.#line = line;
    this.#thread = thread;
  }

  /**
   * Makes a client and its connection, and blocks until the worker serves them: some tens of milliseconds. Connecting begins at once.
   *
   * @param options The options.
   * @param create The capacity of the request channel, and the size of the rings.
   * @returns The pair; disposing of it closes it.
   * @throws {TypeError | RangeError} If an option is unknown, missing or not valid.
   * @throws {UnsupportedOptionError} If one cannot cross to the worker, or this runtime cannot honour it.
   * @throws {UnsupportedRuntimeError} If this thread cannot block.
   * @throws {WorkerFailedError} If the worker cannot start.
   */
  static create(options: SyncOptions, create: CreateOptions = {}): ClientPair {
    const { memory, thread } = startWorker(options, create);
    const line = new Line(memory, takeLine(memory), true);
    const connection = new Connection(line, thread);
    const client = new Client(line, thread);
    return { client, connection, [Symbol.dispose]: () => connection.close() };
  }

  /**
   * Uses a client that another thread shares.
   *
   * @param shared What `share` gave there.
   * @returns A handle for this thread; at most 63 besides the first can be in use, so dispose of what is not.
   * @throws {TypeError} If it is nothing that `share` gave.
   * @throws {RangeError} If too many handles are in use.
   * @throws {UnsupportedRuntimeError} If this thread cannot block.
   */
  static from(shared: SharedClient): Client {
    requireBlocking();
    const memory = new SharedMemory(shared?.memory);
    return new Client(new Line(memory, takeLine(memory), false), undefined);
  }

  /** Gives what another thread needs to use this client, too; any number of times. */
  share(): SharedClient {
    return { memory: this.#line.memory.buffer };
  }

  /**
   * Publishes a message.
   *
   * @param topicName The Topic Name: no wildcards.
   * @param payload The message, text as UTF-8. It is copied before the call returns.
   * @param options QoS, retain, and for how long to wait for room.
   * @throws {TypeError} If the Topic Name, the payload or an option is not valid.
   * @throws {RangeError} If the packet would be larger than `maxOutgoingPacketSize`.
   * @throws {LoopClosedError} If the client was disconnected or closed, or the loop has ended.
   * @throws {WaitTimeoutError | DeadlockError} If there is no room in time, or never would be. Nothing is sent then.
   * @throws {RequestFailedError} With reason `cancelled`, and one of these as its `cause`, if that happens while a session store is
   * keeping a message that is on its way already: it may be delivered.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  publish(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions & BlockingOptions,
  ): void {
    this.#send(this.#publish(topicName, payload, options), options);
  }

  /**
   * Publishes a message now or not at all.
   *
   * @param topicName The Topic Name.
   * @param payload The message.
   * @param options QoS and retain.
   * @throws {RequestChannelFullError} If the channel is full.
   * @throws {TypeError | RangeError | LoopClosedError | WorkerFailedError} As `publish`.
   */
  tryPublish(topicName: string | PreparedTopic, payload: Uint8Array | string, options?: PublishOptions): void {
    this.#line.trySend(this.#publish(topicName, payload, options));
  }

  /** Publishes a message, and gives a notice of its fate once it is admitted. @throws As `publish`. */
  publishTracked(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions & BlockingOptions,
  ): PublishNotice {
    return new PublishNotice(this.#sendTracked(this.#publish(topicName, payload, options), options));
  }

  /** Publishes a message now or not at all, and gives a notice of its fate. @throws As `tryPublish`. */
  tryPublishTracked(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options?: PublishOptions,
  ): PublishNotice {
    return new PublishNotice(this.#trySendTracked(this.#publish(topicName, payload, options)));
  }

  /**
   * Subscribes to a Topic Filter, and blocks until that is admitted; the answer of the server is an event.
   *
   * @param topicFilter The Topic Filter.
   * @param qos The highest QoS its messages should come at.
   * @param options For how long to wait for room.
   * @throws {TypeError} If the Topic Filter or the QoS is not valid; the rest as `publish`.
   */
  subscribe(topicFilter: string, qos: QoS = 0, options?: BlockingOptions): void {
    this.subscribeMany([{ topicFilter, qos }], options);
  }

  /** Subscribes now or not at all. @throws {RequestChannelFullError} If the channel is full; the rest as `subscribe`. */
  trySubscribe(topicFilter: string, qos: QoS = 0): void {
    this.trySubscribeMany([{ topicFilter, qos }]);
  }

  /** Subscribes, and gives a notice of the answer. @throws As `subscribe`. */
  subscribeTracked(topicFilter: string, qos: QoS = 0, options?: BlockingOptions): SubscribeNotice {
    return this.subscribeManyTracked([{ topicFilter, qos }], options);
  }

  /** Subscribes now or not at all, and gives a notice of the answer. @throws As `trySubscribe`. */
  trySubscribeTracked(topicFilter: string, qos: QoS = 0): SubscribeNotice {
    return this.trySubscribeManyTracked([{ topicFilter, qos }]);
  }

  /** Subscribes to several Topic Filters with one packet. @throws As `subscribe`; {TypeError} also if the list is empty. */
  subscribeMany(subscriptions: readonly Subscription[], options?: BlockingOptions): void {
    this.#send(this.#subscribe(subscriptions), options);
  }

  /** Subscribes to several Topic Filters now or not at all. @throws As `trySubscribe`. */
  trySubscribeMany(subscriptions: readonly Subscription[]): void {
    this.#line.trySend(this.#subscribe(subscriptions));
  }

  /** Subscribes to several Topic Filters, and gives a notice of the answer. @throws As `subscribeMany`. */
  subscribeManyTracked(subscriptions: readonly Subscription[], options?: BlockingOptions): SubscribeNotice {
    return new SubscribeNotice(this.#sendTracked(this.#subscribe(subscriptions), options));
  }

  /** Subscribes to several Topic Filters now or not at all, and gives a notice. @throws As `trySubscribe`. */
  trySubscribeManyTracked(subscriptions: readonly Subscription[]): SubscribeNotice {
    return new SubscribeNotice(this.#trySendTracked(this.#subscribe(subscriptions)));
  }

  /**
   * Ends a subscription, and blocks until that is admitted; the answer of the server is an event.
   *
   * @param topicFilter The Topic Filter, as it was subscribed to.
   * @param options For how long to wait for room.
   * @throws {TypeError} If the Topic Filter is not valid; the rest as `publish`.
   */
  unsubscribe(topicFilter: string, options?: BlockingOptions): void {
    this.unsubscribeMany([topicFilter], options);
  }

  /** Ends a subscription now or not at all. @throws {RequestChannelFullError} If the channel is full; the rest as `unsubscribe`. */
  tryUnsubscribe(topicFilter: string): void {
    this.tryUnsubscribeMany([topicFilter]);
  }

  /** Ends a subscription, and gives a notice of the answer. @throws As `unsubscribe`. */
  unsubscribeTracked(topicFilter: string, options?: BlockingOptions): UnsubscribeNotice {
    return this.unsubscribeManyTracked([topicFilter], options);
  }

  /** Ends a subscription now or not at all, and gives a notice of the answer. @throws As `tryUnsubscribe`. */
  tryUnsubscribeTracked(topicFilter: string): UnsubscribeNotice {
    return this.tryUnsubscribeManyTracked([topicFilter]);
  }

  /** Ends several subscriptions with one packet. @throws As `unsubscribe`; {TypeError} also if the list is empty. */
  unsubscribeMany(topicFilters: readonly string[], options?: BlockingOptions): void {
    this.#send(this.#unsubscribe(topicFilters), options);
  }

  /** Ends several subscriptions now or not at all. @throws As `tryUnsubscribe`. */
  tryUnsubscribeMany(topicFilters: readonly string[]): void {
    this.#line.trySend(this.#unsubscribe(topicFilters));
  }

  /** Ends several subscriptions, and gives a notice of the answer. @throws As `unsubscribeMany`. */
  unsubscribeManyTracked(topicFilters: readonly string[], options?: BlockingOptions): UnsubscribeNotice {
    return new UnsubscribeNotice(this.#sendTracked(this.#unsubscribe(topicFilters), options));
  }

  /** Ends several subscriptions now or not at all, and gives a notice of the answer. @throws As `tryUnsubscribe`. */
  tryUnsubscribeManyTracked(topicFilters: readonly string[]): UnsubscribeNotice {
    return new UnsubscribeNotice(this.#trySendTracked(this.#unsubscribe(topicFilters)));
  }

  /**
   * Acknowledges a delivery in manual mode: PUBACK at QoS 1, PUBREC at QoS 2. In any order, and harmless when repeated; a client that is
   * to conform acknowledges in the order of arrival, among QoS 1 as among QoS 2 [MQTT-4.6.0-2] [MQTT-4.6.0-3].
   *
   * @param publish The very packet of the `incoming` event, in the thread that took it from the connection.
   * @returns Whether it is acknowledged; `false` if the connection it came on is gone: the server delivers it again. `true` in automatic
   * mode and at QoS 0, where nothing is left to be done. With a session store it returns once a message at QoS 2 is known not to come
   * again, whatever happens to this process.
   * @throws {RequestFailedError} With reason `persistence`, if the session store fails.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  ack(publish: Publish): boolean {
    return this.#acknowledge(publish, 0);
  }

  /**
   * Acknowledges a delivery in manual mode, as `ack`, which needs no room in the channel. It does not wait for a session store.
   *
   * @throws {WorkerFailedError} As `ack`.
   */
  tryAck(publish: Publish): boolean {
    return this.#acknowledge(publish, TRY_FLAG);
  }

  /**
   * Disconnects in order: everything asked for before, by any thread, is finished (QoS 0 flushed, QoS 1 and 2 completed, subscriptions
   * answered), then DISCONNECT is sent, and the events end. It survives lost connections. From now on the client refuses work. Returns
   * at once: whoever wants to see the end takes the events until there are no more.
   */
  disconnect(): void {
    this.#line.disconnect({ mode: "drained", timeoutMillis: null });
  }

  /**
   * Disconnects in order, in limited time. If it runs out, the connection is closed without DISCONNECT, so the server publishes the
   * Will Message; the connection throws `DisconnectTimeoutError`, and unfinished requests fail. Returns at once, as `disconnect`.
   *
   * @param timeoutMillis The limit from now on, in milliseconds.
   * @throws {RangeError} If the limit is not 0 or more.
   */
  disconnectWithTimeout(timeoutMillis: number): void {
    this.#line.disconnect({ mode: "drained", timeoutMillis: checkTimeout("disconnect", timeoutMillis) });
  }

  /**
   * Disconnects without finishing anything: DISCONNECT is the next packet. It ends a back-off, a dial and a full window too. Unfinished
   * requests fail. Returns at once, as `disconnect`.
   */
  disconnectNow(): void {
    this.#line.disconnect({ mode: "now", timeoutMillis: null });
  }

  /**
   * Ends the client for all threads, without DISCONNECT, so that the server publishes the Will Message. The worker ends; calls that
   * block in any thread return or throw. Harmless when repeated.
   */
  close(): void {
    closeWorker(this.#line.memory, this.#thread);
  }

  /** Ends what this handle began: if `Client.create` made it, the client, as `close` does; otherwise this handle alone. */
  [Symbol.dispose](): void {
    if (this.#thread !== undefined) this.close();
    else this.#line.release();
  }

  #acknowledge(publish: Publish, flags: number): boolean {
    if (publish.qos === 0) return true;
    const { memory } = this.#line;
    const delivery = findDelivery(publish, memory);
    if (delivery === undefined) return this.#line.call(ACKNOWLEDGE, flags, 0) === true;
    if (delivery.acknowledgedOn !== undefined) return delivery.acknowledgedOn === generationOf(memory);
    const generation = generationOf(memory);
    const isAcknowledged = this.#line.call(ACKNOWLEDGE, flags, delivery.number) === true;
    if (isAcknowledged) delivery.acknowledgedOn = generation;
    return isAcknowledged;
  }

  #send(request: LaneRequest, options: BlockingOptions | undefined): void {
    this.#line.send(request, checkTimeout(request.action, options?.timeoutMillis));
  }

  #sendTracked(request: LaneRequest, options: BlockingOptions | undefined): Ending {
    const timeoutMillis = checkTimeout(request.action, options?.timeoutMillis);
    const reply = this.#line.expect();
    this.#line.send({ ...request, reply }, timeoutMillis);
    return new Ending(this.#line, request.action, reply);
  }

  #trySendTracked(request: LaneRequest): Ending {
    const reply = this.#line.expect();
    this.#line.trySend({ ...request, reply });
    return new Ending(this.#line, request.action, reply);
  }

  #publish(topic: string | PreparedTopic, payload: Uint8Array | string, options?: PublishOptions): LaneRequest {
    const request = this.#checked.publish(topic, payload, options, undefined);
    const { topicName, qos, retain } = request;
    return {
      lane: PUBLISH_LANE,
      action: "publish",
      kind: PUBLISH,
      flags: retain ? qos | RETAIN_FLAG : qos,
      topicName,
      body: request.payload,
      reply: undefined,
    };
  }

  #subscribe(subscriptions: readonly Subscription[]): LaneRequest {
    const request = this.#checked.subscribe(subscriptions, undefined);
    return this.#control("subscribe", SUBSCRIBE, request.subscriptions);
  }

  #unsubscribe(topicFilters: readonly string[]): LaneRequest {
    const request = this.#checked.unsubscribe(topicFilters, undefined);
    return this.#control("unsubscribe", UNSUBSCRIBE, request.topicFilters);
  }

  #control(action: string, kind: number, content: unknown): LaneRequest {
    const body = this.#encoder.encode(JSON.stringify(content));
    return { lane: CONTROL_LANE, action, kind, flags: 0, topicName: undefined, body, reply: undefined };
  }

  /** The builder, with the limit as it is now. */
  get #checked(): RequestBuilder {
    this.#build.maxPacketSize = Atomics.load(this.#line.memory.cells, MAX_PACKET_SIZE);
    return this.#build;
  }
}

/** Takes a line for this thread; one that was just given back may take a moment to be free. */
function takeLine(memory: SharedMemory): number {
  let line = memory.takeLine();
  const holds = (): boolean => (line ??= memory.takeLine()) !== undefined;
  if (line === undefined) {
    new Caller(memory, false).block({ bell: memory.callerBell, holds, timeoutMillis: FREE_MILLIS, action: undefined });
  }
  if (line !== undefined) return line;
  throw new RangeError(`Cannot use the shared client: ${MAX_LINES} handles are in use; dispose of those that are not`);
}
