// A benchmark at work: clients in one process, one clock, and what comes of it.
//
// Theory of operation. All clients connect and subscribe; then every publisher publishes until it has published enough, the time is up,
// or somebody asks for an end. What was begun is finished, and the receivers have until nothing has come for a while. So every run
// ends, whatever the server does: a lost connection ends everything, and so does a server with which nothing moves on.
import type { MqttOptions } from "../loop/mod.ts";
import { BenchClient } from "./bench_client.ts";
import type { BenchPlan } from "./bench_plan.ts";
import { BenchTally } from "./bench_tally.ts";
import type { CommandContext } from "./command.ts";
import { delay } from "./delay.ts";
import { TimeoutError } from "./exit_code.ts";
import type { LatencyHistogram } from "./latency_histogram.ts";

/** What a benchmark has measured. */
export interface BenchResult {
  /** What was done. */
  readonly plan: BenchPlan;
  /** Messages that were published. */
  readonly published: Counted;
  /** Messages that were received, by all receivers together. */
  readonly received: Counted;
  /** Messages that receivers have not got. */
  readonly lost: number;
  /** From the publish to its end: sent (QoS 0), acknowledged or completed. */
  readonly acknowledged: LatencyHistogram;
  /** From the publish to its arrival. */
  readonly delivered: LatencyHistogram;
}

/** A number of messages, and how long they took. */
export interface Counted {
  /** How many. */
  readonly count: number;
  /** From the first publish to the last of them, in milliseconds. */
  readonly millis: number;
}

/** How long receivers wait when nothing comes, in milliseconds. */
const SILENCE_MILLIS = 1000;
/** How many clients connect at the same time: more would overrun the queue of a server's listener. */
const CONNECT_AT_ONCE = 50;
/** How long nothing at all may happen, in milliseconds, before there is no hope. */
const STALL_MILLIS = 10_000;

/** A benchmark. */
export class BenchRun {
  /** What it has counted so far. */
  readonly tally: BenchTally = new BenchTally();
  readonly #context: CommandContext;
  readonly #plan: BenchPlan;
  readonly #client: MqttOptions;
  readonly #clients: BenchClient[] = [];
  readonly #lost = Promise.withResolvers<never>();
  readonly #stop: AbortController = new AbortController();

  /**
   * @param context The process.
   * @param plan What is to be done.
   * @param client The options of every client.
   */
  constructor(context: CommandContext, plan: BenchPlan, client: MqttOptions) {
    this.#context = context;
    this.#plan = plan;
    this.#client = client;
    this.#lost.promise.catch(() => {});
  }

  /** Ends the publishing; what was begun is finished. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Runs it to its end, and disconnects all clients.
   *
   * @returns What it has measured.
   * @throws {Error} If a client is refused, or loses its connection.
   */
  async run(): Promise<BenchResult> {
    const over = new AbortController();
    try {
      return await Promise.race([this.#measure(), this.#lost.promise, this.#watch(over.signal)]);
    } catch (error) {
      // Whatever failed because a client has given up, why it did is the news.
      for (const { link } of this.#clients) if (link.isDone) await link.done;
      throw error;
    } finally {
      over.abort();
      this.stop();
      await Promise.all(this.#clients.map(({ link }) => link.close()));
    }
  }

  async #measure(): Promise<BenchResult> {
    const { kind, publishers, subscribers, topicPrefix, durationMillis } = this.#plan;
    const { clock } = this.#context.io;
    const topicNames = Array.from({ length: publishers }, (_, index) => `${topicPrefix}/${index}`);
    await this.#connect("s", subscribers, (client) => client.subscribe(`${topicPrefix}/+`));
    const subscribe = (client: BenchClient, index: number) => client.subscribe(topicNames[index]!);
    const active = await this.#connect("p", publishers, kind === "pingpong" ? subscribe : undefined);

    const startedAt = this.tally.startedAt = clock.now();
    const timed = new AbortController();
    if (durationMillis !== Infinity) {
      void delay(clock, durationMillis, timed.signal).then(() => timed.signal.aborted || this.stop());
    }
    const { signal } = this.#stop;
    const begun = await Promise.all(
      active.map((client, index) =>
        kind === "pingpong" ? client.play(topicNames[index]!, signal) : client.publish(topicNames[index]!, signal)
      ),
    );
    timed.abort();
    const total = begun.reduce((sum, count) => sum + count, 0);
    const expected = total * (kind === "pingpong" ? 1 : subscribers);
    await this.#awaitReceivers(expected);
    return this.#resultOf(startedAt, expected);
  }

  #resultOf(startedAt: number, expected: number): BenchResult {
    const { published, publishedAt, received, receivedAt, acknowledged, delivered } = this.tally;
    return {
      plan: this.#plan,
      published: { count: published, millis: published === 0 ? 0 : publishedAt - startedAt },
      received: { count: received, millis: received === 0 ? 0 : receivedAt - startedAt },
      lost: Math.max(0, expected - received),
      acknowledged,
      delivered,
    };
  }

  /** Makes clients, and waits until each is connected and ready. */
  async #connect(
    role: string,
    count: number,
    prepare: ((client: BenchClient, index: number) => Promise<void>) | undefined,
  ): Promise<BenchClient[]> {
    const made: BenchClient[] = [];
    while (made.length < count && !this.#stop.signal.aborted) {
      const first = made.length;
      for (let index = first; index < Math.min(count, first + CONNECT_AT_ONCE); index++) {
        made.push(this.#open(`${role}${index}`));
      }
      await Promise.all(
        made.slice(first).map(async (client, offset) => {
          await client.connected;
          await prepare?.(client, first + offset);
          this.tally.ready++;
        }),
      );
    }
    return made;
  }

  #open(name: string): BenchClient {
    const { inflight } = this.#plan;
    const clientId = `${this.#client.clientId}${name}`;
    const options = { ...this.#client, clientId, inflight, inflightQos2: inflight };
    const client = new BenchClient(this.#context, this.#plan, this.tally, options, name);
    this.#clients.push(client);
    client.link.lost.catch(this.#lost.reject);
    return client;
  }

  /** Fails when nothing has happened for long. */
  async #watch(over: AbortSignal): Promise<never> {
    const { clock } = this.#context.io;
    const count = (): number => this.tally.ready + this.tally.published + this.tally.received;
    for (let before = -1; before !== count(); await delay(clock, STALL_MILLIS, over)) {
      before = count();
    }
    throw new TimeoutError("go on, as nothing has happened", STALL_MILLIS);
  }

  /** Waits until everything has arrived, or nothing has for a while. */
  async #awaitReceivers(expected: number): Promise<void> {
    while (this.tally.received < expected) {
      const { received } = this.tally;
      const complete = new AbortController();
      this.tally.whenReceived(expected, () => complete.abort());
      await delay(this.#context.io.clock, SILENCE_MILLIS, complete.signal);
      if (this.tally.received === received) return;
    }
  }
}
