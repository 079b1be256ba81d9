// Polls an event loop for as long as it lives, and passes on what it tells: messages to streams, the rest to whoever asks.
import type { PreparedTopic, QoS, Suback } from "../codec/mod.ts";
import type { Clock, Event, EventLoop, PublishResult, ResolvedOptions } from "../loop/mod.ts";
import type { AsyncClient, RequestOptions } from "./client.ts";
import type { Overlaps } from "./copies.ts";
import { Acknowledger } from "./delivery.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FilterRegistry } from "./filter_registry.ts";
import { Intake } from "./intake.ts";
import type { PublishOptions } from "./request_builder.ts";
import type { SharedFilter } from "./shared_filter.ts";
import type { Sink } from "./sink.ts";
import { StatusFeed } from "./status_feed.ts";

/** What only a driven client has to be told. */
export interface DrivenSettings {
  /** How the server delivers what several filters match. */
  readonly overlaps: Overlaps;
  /** Most bytes of messages beyond the capacities of their streams. */
  readonly maxReadAheadBytes: number;
}

/**
 * The loop behind a driven client. `connect` makes one.
 *
 * @internal
 */
export class DrivenLoop {
  /** The handle to the loop. */
  readonly client: AsyncClient;
  /** The loop; it is being polled. */
  readonly eventLoop: EventLoop;
  /** The options, parsed. */
  readonly options: ResolvedOptions;
  /** The time. */
  readonly clock: Clock;
  /** Shares out what arrives. */
  readonly intake: Intake;
  /** Tells how the connection fares. */
  readonly status: StatusFeed = new StatusFeed();
  /** The Topic Filters. */
  readonly filters: FilterRegistry;
  /** Resolves when a server has accepted the first connection; rejects if the loop ends before. */
  readonly opened: Promise<void>;
  /** Resolves when the loop has ended, and its session store has nothing left to do, with the error that ended it, if one did. */
  readonly closed: Promise<Error | undefined>;
  readonly #dispatcher: Dispatcher;
  readonly #acknowledger: Acknowledger;
  #isEnded = false;
  #handleOpened: () => void = () => {};

  /**
   * Starts polling at once.
   *
   * @param pair The pair to be driven.
   * @param options Its options, parsed.
   * @param settings What only a driven client has.
   */
  constructor(
    pair: { readonly client: AsyncClient; readonly eventLoop: EventLoop },
    options: ResolvedOptions,
    settings: DrivenSettings,
  ) {
    const { client, eventLoop } = pair;
    const { overlaps, maxReadAheadBytes } = settings;
    this.client = client;
    this.eventLoop = eventLoop;
    this.options = options;
    this.clock = options.clock;
    this.#acknowledger = new Acknowledger(options.ackMode === "manual", (publish) => client.tryAck(publish));
    this.intake = new Intake(eventLoop, maxReadAheadBytes, options.clock);
    this.filters = new FilterRegistry({
      subscribe: (topicFilter, qos) => this.#subscribe(topicFilter, qos),
      unsubscribe: (topicFilter) => this.#unsubscribe(topicFilter),
    });
    this.#dispatcher = new Dispatcher({
      filters: this.filters,
      intake: this.intake,
      acknowledger: this.#acknowledger,
      clock: options.clock,
      overlaps,
      isOneServer: options.brokers.length === 1 && options.credentials === undefined,
      maxBytes: maxReadAheadBytes,
    });
    this.closed = this.#poll();
    const accepted = new Promise<void>((resolve) => this.#handleOpened = resolve);
    const ended = this.closed.then((error) => {
      throw error ?? new Error("Cannot connect: the client was disconnected");
    });
    this.opened = Promise.race([accepted, ended]);
    // Whoever does not wait for it learns it by `closed`.
    this.opened.catch(() => {});
  }

  /** Whether the application acknowledges. */
  get isManual(): boolean {
    return this.#acknowledger.isManual;
  }

  /** Whether the loop has ended. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** How many copies of messages were left out. */
  get copies(): number {
    return this.#dispatcher.copies;
  }

  /** How many messages nobody wanted. */
  get unclaimed(): number {
    return this.#dispatcher.unclaimed;
  }

  /** Publishes, and waits until the message is completed. */
  publish(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions & RequestOptions,
  ): Promise<PublishResult> {
    const published = this.#publish(topicName, payload, options);
    return (options.qos ?? 0) === 0 ? this.intake.awaitWrite(published) : this.intake.awaitAnswer(published);
  }

  /** Adds a sink to a filter, and waits until the server sends to it. @returns The QoS the server has granted. */
  join(filter: SharedFilter, sink: Sink, signal: AbortSignal | undefined): Promise<QoS> {
    const joined = filter.join(sink, signal);
    if (filter.sinks.has(sink)) this.#dispatcher.handleJoined(filter.topicFilter, sink);
    return joined;
  }

  async #poll(): Promise<Error | undefined> {
    let error: Error | undefined;
    try {
      // The first turn comes after the constructor.
      await undefined;
      for await (const batch of this.eventLoop.batches()) this.#handleBatch(batch);
    } catch (thrown) {
      error = thrown as Error;
      await this.eventLoop[Symbol.asyncDispose]();
    }
    this.#handleEnd(error);
    return error;
  }

  #handleBatch(batch: readonly Event[]): void {
    this.#dispatcher.handleBatch(this.clock.now());
    for (const event of batch) this.#handleEvent(event);
    this.intake.share();
  }

  #handleEvent(event: Event): void {
    if (event.type === "incoming") {
      const { packet } = event;
      if (packet.type === "publish") this.#dispatcher.handlePublish(packet);
      else if (packet.type === "suback" && packet.returnCodes.includes(0x80)) this.#handleRefused();
    } else if (event.type === "connected") {
      this.#dispatcher.handleConnected(event.sessionPresent, this.options.resubscribe);
      this.status.push(event);
      this.#handleOpened();
    } else if (event.type === "disconnected") {
      this.status.push(event);
    }
  }

  /** The server has refused a filter: perhaps one that was restored, of which nobody else is told. */
  #handleRefused(): void {
    for (const filter of [...this.filters.all]) filter.handleRefused(this.eventLoop.isSubscribed(filter.topicFilter));
  }

  #handleEnd(error: Error | undefined): void {
    this.#isEnded = true;
    this.#dispatcher.end();
    this.intake.flush();
    for (const { sinks } of this.filters.all) for (const sink of sinks) sink.end(error);
    this.status.push({ type: "closed", error });
  }

  async #publish(
    topicName: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions & RequestOptions,
  ): Promise<PublishResult> {
    const notice = await this.client.publishTracked(topicName, payload, options);
    return await notice.wait();
  }

  async #subscribe(topicFilter: string, qos: QoS): Promise<Suback> {
    const notice = await this.client.subscribeTracked(topicFilter, qos);
    return await notice.wait();
  }

  async #unsubscribe(topicFilter: string): Promise<void> {
    const notice = await this.client.unsubscribeTracked(topicFilter);
    await notice.waitCompletion();
  }
}
