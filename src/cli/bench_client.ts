// One client of a benchmark: it publishes, receives, or plays ping-pong with itself.
import type { Event, MqttOptions } from "../loop/mod.ts";
import { type BenchPlan, STAMP_BYTES } from "./bench_plan.ts";
import type { BenchTally } from "./bench_tally.ts";
import type { CommandContext } from "./command.ts";
import { delay } from "./delay.ts";
import { Link } from "./link.ts";
import { PendingPublishes } from "./pending_publishes.ts";

/** How long a ball may be on its way before it counts as lost, in milliseconds. */
const BALL_MILLIS = 2000;
/** From this size on a client sends a payload from where it is, so that each message needs one of its own. */
const REFERENCED_BYTES = 16 * 1024;

/** A client. */
export class BenchClient {
  /** The client itself. */
  readonly link: Link;
  /** Resolves when the server has accepted it. */
  readonly connected: Promise<void>;
  readonly #context: CommandContext;
  readonly #plan: BenchPlan;
  readonly #tally: BenchTally;
  readonly #pending: PendingPublishes = new PendingPublishes();
  readonly #stamp: Stamp = new Stamp();
  #payload: Uint8Array = new Uint8Array(0);
  #handleArrival: (() => void) | undefined;

  /**
   * Connects.
   *
   * @param context The process.
   * @param plan What is to be done.
   * @param tally What counts it.
   * @param client The options of the client.
   * @param name What tells it from the others.
   */
  constructor(context: CommandContext, plan: BenchPlan, tally: BenchTally, client: MqttOptions, name: string) {
    this.#context = context;
    this.#plan = plan;
    this.#tally = tally;
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    const handle = (events: readonly Event[]): undefined => {
      for (const event of events) {
        if (event.type === "incoming") this.#handleIncoming(event);
        else if (event.type === "connected") connected.resolve();
      }
    };
    this.link = new Link({ client, reconnectAttempts: 0, log: context.log, name, handle });
  }

  /** Subscribes. @throws {SubscribeRefusedError} If the server refuses. */
  async subscribe(topicFilter: string): Promise<void> {
    const notice = await this.link.client.subscribeTracked(topicFilter, this.#plan.qos);
    await notice.waitCompletion();
  }

  /** Publishes until it has published enough or is stopped, and waits for the end of each. @returns How many it has published. */
  async publish(topicName: string, stop: AbortSignal): Promise<number> {
    const { clock } = this.#context.io;
    const { qos, messages } = this.#plan;
    const { client } = this.link;
    for (let i = 0; i < messages; i++) {
      const sentAt = await this.#due(i, stop);
      if (stop.aborted) break;
      const notice = await client.publishTracked(topicName, this.#stamped(sentAt), { qos });
      this.#pending.add(notice, () => this.#tally.handlePublished(sentAt, clock.now()));
    }
    await this.#pending.idle();
    return this.#finish();
  }

  /** Publishes what it receives itself, one message after the other. @returns How many it has published. */
  async play(topicName: string, stop: AbortSignal): Promise<number> {
    const { clock } = this.#context.io;
    const { qos, messages } = this.#plan;
    const { client } = this.link;
    for (let i = 0; i < messages; i++) {
      const sentAt = await this.#due(i, stop);
      if (stop.aborted) break;
      const arrived = new AbortController();
      this.#handleArrival = () => arrived.abort();
      const notice = await client.publishTracked(topicName, this.#stamped(sentAt), { qos });
      this.#pending.add(notice, () => this.#tally.handlePublished(sentAt, clock.now()));
      await delay(clock, BALL_MILLIS, arrived.signal);
    }
    await this.#pending.idle();
    return this.#finish();
  }

  #finish(): number {
    const { begun, firstFailure } = this.#pending;
    if (firstFailure !== undefined) throw firstFailure;
    return begun;
  }

  /**
   * Waits until a message is due. Its latency counts from then on, also if the publisher is late: a server that holds up the
   * publisher must not make its own delays unseen.
   *
   * @returns The moment.
   */
  async #due(index: number, stop: AbortSignal): Promise<number> {
    const { clock } = this.#context.io;
    const { rate } = this.#plan;
    const now = clock.now();
    if (rate === undefined) return now;
    const due = this.#tally.startedAt! + index * 1000 / rate;
    if (due > now) await delay(clock, due - now, stop);
    return due;
  }

  /** A payload that tells when it was sent, if there is room for that. */
  #stamped(sentAt: number): Uint8Array {
    const { size } = this.#plan;
    if (this.#payload.length !== size || size >= REFERENCED_BYTES) this.#payload = new Uint8Array(size);
    if (size >= STAMP_BYTES) this.#stamp.write(sentAt, this.#payload);
    return this.#payload;
  }

  #handleIncoming({ packet }: Extract<Event, { type: "incoming" }>): void {
    if (packet.type !== "publish" || packet.payload.length < STAMP_BYTES) return;
    this.#tally.handleReceived(this.#stamp.read(packet.payload), this.#context.io.clock.now());
    this.#handleArrival?.();
  }
}

/** Moments in payloads. */
class Stamp {
  readonly #bytes: Uint8Array = new Uint8Array(STAMP_BYTES);
  readonly #view: DataView = new DataView(this.#bytes.buffer);

  write(moment: number, payload: Uint8Array): void {
    this.#view.setFloat64(0, moment);
    payload.set(this.#bytes);
  }

  read(payload: Uint8Array): number {
    this.#bytes.set(payload.subarray(0, STAMP_BYTES));
    return this.#view.getFloat64(0);
  }
}
