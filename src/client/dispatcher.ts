// Decides who gets a message: every stream whose filter matches it, once.
import type { Publish } from "../codec/mod.ts";
import type { Clock } from "../loop/mod.ts";
import { CopyDetector, type OverlapContext, type Overlaps } from "./copies.ts";
import { type Acknowledger, Delivery } from "./delivery.ts";
import { type FilterRegistry, routedFilter } from "./filter_registry.ts";
import type { Intake } from "./intake.ts";
import type { SharedFilter } from "./shared_filter.ts";
import type { Sink } from "./sink.ts";
import { Unclaimed } from "./unclaimed.ts";

/** What a dispatcher works with. */
export interface DispatcherParts {
  /** The filters. */
  readonly filters: FilterRegistry;
  /** What shares messages out. */
  readonly intake: Intake;
  /** Who tells the server that nobody wants a message. */
  readonly acknowledger: Acknowledger;
  /** The time. */
  readonly clock: Clock;
  /** How the server delivers what several filters match. */
  readonly overlaps: Overlaps;
  /** Whether each connection is to the same server, as far as the options tell. */
  readonly isOneServer: boolean;
  /** Most bytes of messages that wait for somebody to subscribe. */
  readonly maxBytes: number;
}

/** Gives messages to the streams of one client. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #copies: CopyDetector;
  readonly #unclaimed: Unclaimed;
  #copiesDropped = 0;
  #hasConnected = false;

  /**
   * @param parts What it works with.
   */
  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#copies = new CopyDetector(parts.overlaps, parts.isOneServer);
    this.#unclaimed = new Unclaimed(parts.clock, parts.acknowledger, parts.maxBytes);
  }

  /** How many copies of messages were left out. */
  get copies(): number {
    return this.#copiesDropped;
  }

  /** How many messages nobody wanted. */
  get unclaimed(): number {
    return this.#unclaimed.dropped;
  }

  /** A connection was accepted. */
  handleConnected(sessionPresent: boolean, isRestored: boolean): void {
    const { filters, acknowledger } = this.#parts;
    acknowledger.connection++;
    this.#copies.handleConnected();
    if (!this.#hasConnected) {
      this.#hasConnected = true;
      if (sessionPresent) this.#unclaimed.open();
      return;
    }
    if (sessionPresent) {
      this.#unclaimed.handleRepetition();
      this.#parts.intake.handleRepetition(acknowledger.connection);
      for (const { sinks } of filters.all) for (const sink of sinks) sink.handleRepetition(acknowledger.connection);
    } else {
      for (const filter of [...filters.all]) filter.handleSessionLost(isRestored);
    }
  }

  /** A batch begins, at `now` in milliseconds. */
  handleBatch(now: number): void {
    if (this.#parts.intake.takeHeld()) this.#copies.handleHeld(now);
  }

  /** A message came. */
  handlePublish(publish: Publish): void {
    const filters = this.#parts.filters.match(publish.topicName);
    const first = filters[0];
    if (first === undefined) return this.#unclaimed.add(publish);
    // One that is repeated for want of an acknowledgement is for those that got it before.
    if (publish.retain && !publish.dup) return this.#handleRetained(publish, filters);
    if (filters.length === 1) return this.#deliver(publish, first.sinks);
    const isCopy = this.#copies.isCopy(publish, contextOf(filters), this.#parts.clock.now());
    const sinks = filters.flatMap((filter) => [...filter.sinks]);
    for (const returned of this.#copies.takeReturned()) {
      this.#copiesDropped--;
      this.#deliver(returned, sinks);
    }
    if (isCopy) this.#dropCopy(publish);
    else this.#deliver(publish, sinks);
  }

  /** A sink has joined a filter: what has waited for it is its own. */
  handleJoined(topicFilter: string, sink: Sink): void {
    const { intake, acknowledger } = this.#parts;
    const claimed = this.#unclaimed.claim(routedFilter(topicFilter));
    for (const publish of claimed) intake.add(new Delivery(publish, 1, acknowledger), [sink]);
    if (claimed.length > 0) intake.share();
  }

  /** Nothing more comes. */
  end(): void {
    this.#unclaimed.close();
  }

  #deliver(publish: Publish, sinks: ReadonlySet<Sink> | readonly Sink[]): void {
    const { intake, acknowledger } = this.#parts;
    const takers = "size" in sinks ? sinks.size : sinks.length;
    if (takers > 0) intake.add(new Delivery(publish, takers, acknowledger), sinks);
    else this.#unclaimed.drop(publish);
  }

  /**
   * A message the server had kept comes once for each filter that was subscribed to, also if it came for another one before. It is
   * for the streams that have not had it.
   */
  #handleRetained(publish: Publish, filters: readonly SharedFilter[]): void {
    const { topicName } = publish;
    const sinks = filters.flatMap((filter) => [...filter.sinks]);
    const owner = filters.find((filter) => !filter.retained.has(topicName));
    // More often than filters explain: it is no message of that kind, whatever the server says.
    if (owner === undefined) return this.#deliver(publish, sinks);
    owner.retained.add(topicName);
    const admitted = sinks.filter((sink) => sink.admitsRetained(topicName));
    if (admitted.length === 0 && sinks.length > 0) this.#dropCopy(publish);
    else this.#deliver(publish, admitted);
  }

  #dropCopy(publish: Publish): void {
    this.#copiesDropped++;
    this.#parts.acknowledger.acknowledge(publish);
  }
}

function contextOf(filters: readonly SharedFilter[]): OverlapContext {
  const granted = filters.map((filter) => filter.granted);
  const isCertain = !granted.includes(undefined);
  return { filters: filters.length, isCertain, isOrdered: isCertain && new Set(granted).size === 1 };
}
