// The driven client: a connection that looks after itself, and streams of messages.
import type { PreparedTopic, QoS } from "../codec/mod.ts";
import type { EventLoopDiagnostics, PublishResult, ThrottleOptions } from "../loop/mod.ts";
import { PublishTimeoutError } from "./driven_error.ts";
import type { DrivenLoop } from "./driven_loop.ts";
import { checkLimit, Limit } from "./limit.ts";
import type { Message } from "./message.ts";
import { MessageQueue, type Overflow } from "./message_queue.ts";
import { checkInteger, checkOneOf } from "./option_value.ts";
import type { PublishOptions } from "./request_builder.ts";
import { Requester, type ResponseOptions } from "./requester.ts";
import type { ConnectionStatus } from "./status_feed.ts";
import { Subscription } from "./subscription.ts";
import type { TopicPattern } from "./topic_pattern.ts";
import type { PayloadErrorHandler, TypedSubscription } from "./typed_subscription.ts";

/** How many messages a stream holds by default. */
const DEFAULT_CAPACITY = 100;

/** How long a publish may take. */
export interface PublishLimits {
  /** Ends the wait; what is not written yet is taken back. */
  readonly signal?: AbortSignal | undefined;
  /** Ends it after so many milliseconds; without it the wait lasts as long as the connection, over any number of losses. */
  readonly timeoutMillis?: number | undefined;
}

/** How a stream is made. */
export interface SubscribeOptions {
  /** The highest QoS its messages should come at. Default 0. */
  readonly qos?: QoS | undefined;
  /** How many messages wait for the consumer before `overflow` decides; at least 1. Default 100. */
  readonly capacity?: number | undefined;
  /** What becomes of a message that finds the stream full. Default `"wait"`: the server is held back. */
  readonly overflow?: Overflow | undefined;
  /** Ends the wait for the server's answer with its reason. The stream itself lives on until it is left. */
  readonly signal?: AbortSignal | undefined;
}

/** How a stream of values is made. */
export interface TypedSubscribeOptions extends SubscribeOptions {
  /** Called for each message whose payload does not fit. Without it such messages are only counted. */
  readonly onPayloadError?: PayloadErrorHandler | undefined;
}

/** What can be seen of a driven client from outside: its event loop, and its streams. */
export interface MqttDiagnostics extends EventLoopDiagnostics {
  /** The streams. */
  readonly streams: {
    /** Topic Filters that are subscribed to, or about to be, those of requests included. */
    readonly topicFilters: number;
    /** Messages that wait because a stream is full; reading is held meanwhile. */
    readonly waiting: number;
    /** Messages beyond the capacities of their streams, read because somebody awaits an answer that lies behind. */
    readonly ahead: number;
    /** Copies of messages that were left out, because another filter had brought them before. */
    readonly copies: number;
    /** Messages that no stream wanted. */
    readonly unclaimed: number;
  };
}

/**
 * A connection that is kept up by itself: it reconnects by its policy, restores subscriptions, and gives each subscription a stream of
 * its own. {@linkcode connect} makes one.
 *
 * Publishing, subscribing and requesting from inside a loop over messages is always safe: while somebody awaits an answer of the
 * server, reading goes on, whatever the streams hold. Calls that are not valid reject, and send nothing.
 *
 * @example An echo
 * ```ts
 * import { connect } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // A server in memory; without `transport`, the address is dialled.
 * const network = new MemoryNetwork();
 * void new ScriptedServer(network).autoRespond();
 *
 * await using mqtt = await connect("mqtt://example.net", { transport: network.dial });
 * const calls = await mqtt.subscribe("calls", { qos: 1 });
 * const echoes = await mqtt.subscribe("echoes", { qos: 1 });
 * await mqtt.publish("calls", "ahoy", { qos: 1 });
 * for await (const message of calls) {
 *   await mqtt.publish("echoes", message.text(), { qos: 1 });
 *   break;
 * }
 * for await (const message of echoes) {
 *   assertEquals(message.text(), "ahoy");
 *   break;
 * }
 * ```
 */
export class MqttConnection implements AsyncDisposable {
  readonly #loop: DrivenLoop;
  readonly #requester: Requester;

  /**
   * `connect` makes a connection.
   *
   * @param loop What keeps it up.
   * @internal
   */
  constructor(loop: DrivenLoop) {
    this.#loop = loop;
    this.#requester = new Requester(loop);
  }

  /**
   * Resolves when the connection has ended for good: with `undefined` if it was disconnected in order, else with the error that ended
   * it. It never rejects. By then the session store has ended what was due, so that another client may go on with the session.
   */
  get closed(): Promise<Error | undefined> {
    return this.#loop.closed;
  }

  /**
   * Publishes a message, and waits until it is completed: QoS 0 handed to the network, QoS 1 acknowledged, QoS 2 completed. It outlives
   * lost connections.
   *
   * @param topicName The Topic Name: no wildcards.
   * @param payload The message, text as UTF-8. Under 16 KiB it is copied at once; from 16 KiB on it is sent from where it is, and
   * must not change until the publish has completed.
   * @param options QoS, retain, and the limits of the wait.
   * @returns How it ended.
   * @throws {TypeError} If the Topic Name, the payload or an option is not valid.
   * @throws {RangeError} If the packet would be larger than `maxOutgoingPacketSize`, or the time limit is not 0 or more.
   * @throws {PublishTimeoutError} If it took longer than `timeoutMillis`.
   * @throws {RequestFailedError} If it ended without its result: the signal was aborted (`cause` is its reason), the server lost the
   * session, the connection has ended. This error and the last one tell whether the message may have been delivered.
   * @throws {ReadAheadError} If its answer lies behind more messages than may be held, and nobody takes them.
   * @throws {LoopClosedError} If the connection had been disconnected, or had ended.
   */
  async publish(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions & PublishLimits = {},
  ): Promise<PublishResult> {
    const { qos, retain, signal, timeoutMillis } = options;
    if (signal === undefined && timeoutMillis === undefined) {
      return await this.#loop.publish(topicName, payload, { qos, retain });
    }
    const millis = checkLimit("publish", timeoutMillis ?? Infinity);
    const limit = new Limit(signal, millis, this.#loop.clock);
    try {
      return await this.#loop.publish(topicName, payload, { qos, retain, signal: limit.signal });
    } catch (error) {
      throw limit.explain("publish", error, (mayHave) => new PublishTimeoutError(millis, mayHave));
    } finally {
      limit.clear();
    }
  }

  /**
   * Subscribes to a Topic Filter, and gives the stream of its messages once the server has granted it. The stream holds what comes
   * from the call on.
   *
   * A filter that is live already is not subscribed to again, unless at a higher QoS; retained messages come with the first
   * subscription, and are not repeated for a stream that joins it. Filters may overlap: each stream gets each message once; the option
   * `overlaps` has what is in doubt until it is known how the server delivers them.
   *
   * A stream has to be read, or left: with the overflow `"wait"`, one that is full holds back the server, and with it all streams.
   *
   * @param topicFilter The Topic Filter; also `$share/<group>/<filter>` where the server knows it.
   * @param options QoS, capacity, overflow, and a signal.
   * @returns The stream.
   * @throws {TypeError | RangeError} If the Topic Filter or an option is not valid.
   * @throws {SubscribeRefusedError} If the server refuses the filter.
   * @throws {RequestFailedError} If the connection has ended before the server answered.
   * @throws {ReadAheadError} If the answer lies behind more messages than may be held.
   * @throws {LoopClosedError} If the connection had been disconnected, or had ended.
   */
  subscribe(topicFilter: string, options?: SubscribeOptions): Promise<Subscription>;
  /**
   * Subscribes to a family of topics, and gives the stream of its messages, read by its payload codec.
   *
   * @param pattern The family, made by {@linkcode topic}.
   * @param options As for a Topic Filter, and what is called for payloads that do not fit.
   * @returns The stream.
   * @throws As for a Topic Filter.
   *
   * @example
   * ```ts
   * import { connect, jsonPayload, topic } from "@petrel/mqtt";
   * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const network = new MemoryNetwork();
   * void new ScriptedServer(network).autoRespond();
   * await using mqtt = await connect("mqtt://example.net", { transport: network.dial });
   *
   * const temperature = topic("sensors/{id}/temperature", jsonPayload<{ celsius: number }>());
   * const readings = await mqtt.subscribe(temperature);
   * await mqtt.publish(temperature.format({ id: 7 }), temperature.payload.encode({ celsius: 21.5 }));
   * for await (const { params, value } of readings) {
   *   assertEquals([params.id, value.celsius], ["7", 21.5]);
   *   break;
   * }
   * ```
   */
  subscribe<Pattern extends string, Value>(
    pattern: TopicPattern<Pattern, Value>,
    options?: TypedSubscribeOptions,
  ): Promise<TypedSubscription<Pattern, Value>>;
  async subscribe(
    filter: string | TopicPattern<string, unknown>,
    options: TypedSubscribeOptions = {},
  ): Promise<Subscription | TypedSubscription<string, unknown>> {
    // The pattern makes the stream of values, so that who uses none does not ship the class.
    if (!isPattern(filter)) return await this.#subscribe(filter, options);
    return filter.read(await this.#subscribe(filter.topicFilter, options), options.onPayloadError);
  }

  /**
   * Publishes a request, and waits for its response. The response topic is subscribed to before the request leaves, and unsubscribed
   * from when the last request that uses it has ended; a stream of your own on the same topic keeps it subscribed, which spares two
   * round trips for each request. Retained messages are no responses.
   *
   * MQTT 3.1.1 has nothing that ties a response to its request. Requests on one response topic get their responses in the order in
   * which they were made, or as their `correlate` says; a response that comes after its request was given up may be taken for that of
   * the next one, unless they are told apart by `correlate` or by topic.
   *
   * @param topicName The Topic Name of the request.
   * @param payload The request; see `publish`.
   * @param options Where the response comes, how it is known, and the limits of the wait.
   * @returns The response. In manual mode it is acknowledged.
   * @throws {TypeError | RangeError} If a topic, the payload or an option is not valid.
   * @throws {RequestTimeoutError} If no response came in time.
   * @throws {SubscribeRefusedError} If the server refuses the response topic.
   * @throws {RequestFailedError} If the signal was aborted (`cause` is its reason), or the connection has ended.
   * @throws {ReadAheadError} If an answer lies behind more messages than may be held.
   * @throws {LoopClosedError} If the connection had been disconnected, or had ended.
   *
   * @example
   * ```ts
   * import { connect } from "@petrel/mqtt";
   * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const network = new MemoryNetwork();
   * void new ScriptedServer(network).autoRespond();
   * await using mqtt = await connect("mqtt://example.net", { transport: network.dial });
   *
   * // The responder; the request says where the response is awaited, and under which number.
   * const requests = await mqtt.subscribe("adder");
   * const responding = (async () => {
   *   for await (const request of requests) {
   *     const { id, replyTo, numbers } = request.json<{ id: number; replyTo: string; numbers: number[] }>();
   *     await mqtt.publish(replyTo, JSON.stringify({ id, sum: numbers.reduce((a, b) => a + b) }));
   *     break;
   *   }
   * })();
   *
   * const response = await mqtt.request("adder", JSON.stringify({ id: 7, replyTo: "sums", numbers: [1, 2, 3] }), {
   *   responseTopic: "sums",
   *   correlate: (message) => message.json<{ id: number }>().id === 7,
   *   timeoutMillis: 1000,
   * });
   * assertEquals(response.json(), { id: 7, sum: 6 });
   * await responding;
   * ```
   */
  request(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: ResponseOptions,
  ): Promise<Message> {
    return this.#requester.request(topicName, payload, options);
  }

  /**
   * Tells how the connection fares: accepted, lost or an attempt failed (with the error, the delay until the next attempt, and a word
   * about the cause if it keeps happening), ended for good. Each call is a reader of its own; the first change it gets is how things
   * stand. Of changes that a reader does not take, the latest 64 are kept.
   *
   * @returns The changes; they end after `closed`.
   */
  status(): AsyncIterableIterator<ConnectionStatus, undefined> {
    return this.#loop.status.read();
  }

  /**
   * Limits the publishes that leave per time from now on, in place of the option `throttle`; those that wait already are limited too.
   *
   * @param throttle The limit; `undefined` lets as many leave as can.
   * @throws {TypeError | RangeError} If it is not valid. Nothing has changed then.
   */
  setThrottle(throttle: ThrottleOptions | undefined): void {
    this.#loop.eventLoop.setOptions({ throttle });
  }

  /** What can be seen from outside, at this moment. */
  diagnostics(): MqttDiagnostics {
    const { eventLoop, intake, filters, copies, unclaimed } = this.#loop;
    const { waiting, ahead } = intake;
    return { ...eventLoop.diagnostics(), streams: { topicFilters: filters.size, waiting, ahead, copies, unclaimed } };
  }

  /**
   * Disconnects in order: everything asked for before is finished, then DISCONNECT is sent. It survives lost connections, and then
   * takes until everything is finished. Streams hand out what they hold, and end; their subscriptions stay with a persistent session.
   *
   * @returns A promise that resolves when the connection has ended; at once if it had.
   * @throws {Error} What has ended it before everything was finished.
   */
  disconnect(): Promise<void> {
    return this.#end(() => this.#loop.client.disconnect());
  }

  /**
   * Disconnects in order, in limited time.
   *
   * @param timeoutMillis The limit, in milliseconds.
   * @returns A promise that resolves when the connection has ended.
   * @throws {RangeError} If the limit is not 0 or more.
   * @throws {DisconnectTimeoutError} If unfinished requests remained; no DISCONNECT was sent, so the server publishes the Will Message.
   */
  disconnectWithTimeout(timeoutMillis: number): Promise<void> {
    return this.#end(() => this.#loop.client.disconnectWithTimeout(timeoutMillis));
  }

  /**
   * Disconnects without finishing anything: DISCONNECT is the next packet, and unfinished requests fail.
   *
   * @returns A promise that resolves when the connection has ended.
   */
  disconnectNow(): Promise<void> {
    return this.#end(() => this.#loop.client.disconnectNow());
  }

  /** Disconnects in order, as `disconnect`; what has ended the connection otherwise is told by `closed` and not thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect().catch(() => {});
  }

  async #subscribe(topicFilter: string, options: SubscribeOptions): Promise<Subscription> {
    const { qos = 0, capacity = DEFAULT_CAPACITY, overflow = "wait", signal } = options;
    const { intake, isManual, options: { cleanSession } } = this.#loop;
    const checked = {
      qos: checkOneOf("qos", qos, [0, 1, 2]),
      capacity: checkInteger("capacity", capacity, 1, Number.MAX_SAFE_INTEGER),
      overflow: checkOneOf("overflow", overflow, ["wait", "drop-oldest", "drop-newest", "error"]),
    };
    const filter = this.#loop.filters.open(topicFilter);
    const givesBack = isManual && !cleanSession;
    const queue: MessageQueue = new MessageQueue(
      { topicFilter, ...checked, givesBack, handleFailed: () => filter.leave(queue) },
      intake,
    );
    const leave = (): void => {
      filter.leave(queue);
      queue.leave();
    };
    const subscription = new Subscription(topicFilter, queue, isManual, leave);
    try {
      subscription.grantedQos = await intake.awaitAnswer(this.#loop.join(filter, queue, signal));
      return subscription;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #end(disconnect: () => Promise<void>): Promise<void> {
    if (this.#loop.isEnded) return;
    await disconnect();
    // Whoever waits here may be the consumer of a full stream.
    const error = await this.#loop.intake.awaitAnswer(this.closed);
    if (error !== undefined) throw error;
  }
}

function isPattern(filter: unknown): filter is TopicPattern<string, unknown> {
  return typeof filter === "object" && filter !== null && "topicFilter" in filter && "read" in filter;
}
