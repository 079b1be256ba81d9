// Two clients that send each other messages while the network cuts their connections again and again, and what became of the messages.
// `faults_test.ts` runs a little of it, `tools/soak.ts` as much as one likes.

import { delay } from "@std/async";
import { AsyncClient, type EventLoop, type PublishNotice, type QoS } from "../../mod.ts";
import { RepublishWatch } from "./republish_watch.ts";
import { UnframedWitness } from "./unframed_witness.ts";
import { FaultProxy, type Storm, type Witness } from "../support/fault_proxy.ts";

/** How a storm goes. */
export interface StormPlan {
  /** Where the server listens, at 127.0.0.1. */
  readonly serverPort: number;
  /** How the server is spoken to; by default in plain TCP. */
  readonly scheme?: "mqtt" | "ws";
  /** The QoS levels; each message of a client is published at each of them. */
  readonly levels: readonly (1 | 2)[];
  /** How many messages the left client sends the right one at each level. */
  readonly fromLeft: number;
  /** How many messages the right client sends the left one at each level. */
  readonly fromRight: number;
  /** Bytes of a payload, at least 8. */
  readonly payloadBytes: number;
  /** What decides where connections are cut. */
  readonly seed: number;
  /** Whose connections are cut. */
  readonly cut: "both" | "left" | "neither";
  /** How they are cut. */
  readonly storm: Storm;
  /** Who sees what passes between the left client and the server. */
  readonly leftWitness?: Witness | undefined;
  /** Who sees what passes between the right client and the server. */
  readonly rightWitness?: Witness | undefined;
  /** What else happens meanwhile: it can ask for the share of the messages that has arrived, and is waited for. */
  readonly meanwhile?: ((progress: () => number) => Promise<void>) | undefined;
}

/** What became of the messages of one client at one level. */
export interface Delivery {
  /** Who sent them. */
  readonly sender: "left" | "right";
  /** The QoS. */
  readonly qos: QoS;
  /** How many were sent. */
  readonly sent: number;
  /** The messages that never came. */
  readonly missing: readonly number[];
  /** The messages that came more than once. */
  readonly repeated: readonly number[];
  /** Those of the repeated ones that the server published again although it had released them: no client can tell. */
  readonly republished: readonly number[];
  /** The messages whose first copy came after the first copy of a later one. */
  readonly late: readonly number[];
  /** The messages whose notice ended in an error. */
  readonly failed: readonly number[];
}

/** What came of a storm. */
export interface StormReport {
  /** By sender and level. */
  readonly deliveries: readonly Delivery[];
  /** How many connections were cut. */
  readonly cuts: number;
  /** How long it took, in milliseconds. */
  readonly millis: number;
}

/** How a test and the soak cut: every 2 to 200 ms, most often within a packet. */
export const usualStorm: Storm = { mostBytes: 20_000, leastMillis: 2, mostMillis: 200 };

/**
 * How many messages of one level may be on their way. What is unfinished the server sends again after every cut, and without a bound
 * that soon is all it comes to.
 */
const MOST_UNDER_WAY = 300;
/** If nothing arrives for this long, what is missing is lost. */
const PATIENCE_MILLIS = 5_000;
/** If nothing arrives and no publish ends for this long, something waits for what never comes. */
const STUCK_MILLIS = 15_000;

/** Runs a storm. */
export async function weatherStorm(plan: StormPlan): Promise<StormReport> {
  const start = performance.now();
  const [seed, otherSeed] = [plan.seed, plan.seed + 0x10000];
  const leftWatch = new RepublishWatch(plan.leftWitness);
  const rightWatch = new RepublishWatch(plan.rightWitness);
  const [leftWitness, rightWitness] = [leftWatch, rightWatch].map((watch) =>
    plan.scheme === "ws" ? new UnframedWitness(watch) : watch
  );
  await using leftProxy = await FaultProxy.start(plan.serverPort, { seed, witness: leftWitness! });
  await using rightProxy = await FaultProxy.start(plan.serverPort, { seed: otherSeed, witness: rightWitness! });
  await using left = new Station("left", "right", leftProxy.port, plan, leftWatch);
  await using right = new Station("right", "left", rightProxy.port, plan, rightWatch);
  const exchange = async (): Promise<void> => {
    await Promise.all([left.ready, right.ready]);
    if (plan.cut !== "neither") leftProxy.storm(plan.storm);
    if (plan.cut === "both") rightProxy.storm(plan.storm);
    const total = (plan.fromLeft + plan.fromRight) * plan.levels.length;
    const meanwhile = plan.meanwhile?.(() => (left.arrived + right.arrived) / total);
    await Promise.all([left.sendAll(plan.fromLeft, right), right.sendAll(plan.fromRight, left)]);
    await Promise.all([left.receiveAll(plan.fromRight), right.receiveAll(plan.fromLeft), meanwhile]);
    leftProxy.calm();
    rightProxy.calm();
    // Whatever else is on its way comes before the last message of all.
    await Promise.all([left.sendLast(), right.sendLast(), left.receiveLast(), right.receiveLast()]);
    await Promise.all([left.client.disconnect(), right.client.disconnect()]);
  };
  const over = new AbortController();
  try {
    // A loop that throws is told before whatever comes of it.
    const all = Promise.all([left.finished, right.finished, exchange()]);
    await Promise.race([all, failWhenStuck([left, right], over.signal)]);
  } finally {
    over.abort();
  }
  return {
    deliveries: [...right.deliveries("left", plan.fromLeft, left), ...left.deliveries("right", plan.fromRight, right)],
    cuts: leftProxy.cuts + rightProxy.cuts,
    millis: performance.now() - start,
  };
}

/** One line for a report. */
export function describeDelivery(delivery: Delivery): string {
  const { sender, qos, sent, missing, repeated, republished, late, failed } = delivery;
  const examples = [...missing, ...late, ...failed, ...doubled(delivery)].slice(0, 5);
  return `QoS ${qos} from ${sender.padEnd(5)}: ${sent} sent, ${missing.length} missing, ${late.length} late, ` +
    `${failed.length} failed, ${repeated.length} repeated, of these ${republished.length} by the server after PUBREL` +
    (examples.length > 0 ? `; broken: ${examples} …` : "");
}

/** Whether a delivery is what its QoS promises: all, in order, and at QoS 2 once. */
export function isAsPromised(delivery: Delivery): boolean {
  const { missing, late, failed } = delivery;
  return missing.length + late.length + failed.length + doubled(delivery).length === 0;
}

/** What came twice at QoS 2, and not by the server's fault. */
function doubled({ qos, repeated, republished }: Delivery): number[] {
  if (qos !== 2) return [];
  const excused = new Set(republished);
  return repeated.filter((index) => !excused.has(index));
}

/** Rejects with the state of both clients once nothing has happened for too long. */
async function failWhenStuck(stations: readonly Station[], over: AbortSignal): Promise<void> {
  let seen = "";
  let seenAt = performance.now();
  while (!over.aborted) {
    await delay(200, { signal: over }).catch(() => {});
    const now = stations.map((station) => `${station.arrived} ${station.settled}`).join();
    if (now !== seen) [seen, seenAt] = [now, performance.now()];
    else if (performance.now() - seenAt > STUCK_MILLIS) {
      throw new Error(`The storm is stuck: ${stations.map((station) => station.state()).join("; ")}`);
    }
  }
}

/** A client of the storm: it publishes under its own name and has subscribed to the other's. */
class Station implements AsyncDisposable {
  /** Resolves once its subscription is granted. */
  readonly ready: Promise<void>;
  /** The handle. */
  readonly client: AsyncClient;
  /** Resolves when the loop is done, and rejects with what it threw. */
  readonly finished: Promise<void>;
  /** How many publishes have ended, in whatever way. */
  settled = 0;
  readonly #name: string;
  readonly #levels: readonly QoS[];
  readonly #payloadBytes: number;
  readonly #watch: RepublishWatch;
  readonly #eventLoop: EventLoop;
  /** What came, by QoS, as numbers in order. */
  readonly #received: Map<QoS, number[]>;
  readonly #failed: Map<QoS, number[]>;
  readonly #unique: Set<string> = new Set();

  constructor(name: string, other: string, port: number, plan: StormPlan, watch: RepublishWatch) {
    this.#name = name;
    this.#watch = watch;
    this.#levels = plan.levels;
    this.#payloadBytes = plan.payloadBytes;
    this.#received = new Map(plan.levels.map((qos) => [qos, []]));
    this.#failed = new Map(plan.levels.map((qos) => [qos, []]));
    const { client, eventLoop } = AsyncClient.create({
      clientId: name,
      broker: `${plan.scheme ?? "mqtt"}://127.0.0.1:${port}`,
      cleanSession: false,
      reconnect: { minDelayMillis: 1, maxDelayMillis: 20 },
      outgoingEvents: false,
    });
    this.client = client;
    this.#eventLoop = eventLoop;
    this.finished = this.#poll();
    this.finished.catch(() => {});
    this.ready = client.subscribeTracked(`${other}/+`, 2).then((notice) => notice.waitCompletion());
  }

  /** How many different messages have come. */
  get arrived(): number {
    return this.#unique.size;
  }

  /** Everything about it, for a message. */
  state(): string {
    return `${this.#name} ${JSON.stringify(this.#eventLoop.diagnostics())}`;
  }

  /** Publishes all messages to another station, and waits until each is completed. */
  async sendAll(count: number, to: Station): Promise<void> {
    const ends: Promise<void>[] = [];
    for (let index = 0; index < count; index++) {
      while (index * this.#levels.length - to.arrived > MOST_UNDER_WAY * this.#levels.length) await delay(1);
      for (const qos of this.#levels) {
        const payload = String(index).padEnd(this.#payloadBytes);
        const notice = await this.client.publishTracked(`${this.#name}/${qos}`, payload, { qos });
        ends.push(this.#settle(notice, qos, index));
      }
    }
    await Promise.all(ends);
  }

  /** Publishes the message after which no other comes. */
  async sendLast(): Promise<void> {
    for (const qos of this.#levels) {
      const notice = await this.client.publishTracked(`${this.#name}/${qos}`, "-1", { qos });
      await this.#settle(notice, qos, -1);
    }
  }

  /** Waits until so many different messages have come at each level, or none comes any more. */
  receiveAll(count: number): Promise<void> {
    return this.#untilUnique(() => this.#unique.size >= count * this.#levels.length);
  }

  /** Waits for the last message. */
  receiveLast(): Promise<void> {
    return this.#untilUnique(() => this.#levels.every((qos) => this.#unique.has(`${qos} -1`)));
  }

  /** What came of the other's messages. */
  deliveries(sender: "left" | "right", sent: number, from: Station): Delivery[] {
    return this.#levels.map((qos) => {
      const { missing, repeated, late } = judge(sent, this.#received.get(qos)!);
      const republished = repeated.filter((index) => this.#watch.republished.has(`${sender}/${qos} ${index}`));
      return { sender, qos, sent, missing, repeated, republished, late, failed: from.#failed.get(qos)! };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#eventLoop.close();
    await this.finished.catch(() => {});
  }

  async #poll(): Promise<void> {
    for await (const event of this.#eventLoop) {
      if (event.type !== "incoming" || event.packet.type !== "publish") continue;
      const { topicName, payload } = event.packet;
      const number = Number(new TextDecoder().decode(payload));
      const qos = Number(topicName.slice(-1)) as QoS;
      this.#received.get(qos)?.push(number);
      this.#unique.add(`${qos} ${number}`);
    }
  }

  async #settle(notice: PublishNotice, qos: QoS, index: number): Promise<void> {
    try {
      await notice.wait();
    } catch {
      this.#failed.get(qos)!.push(index);
    }
    this.settled++;
  }

  async #untilUnique(holds: () => boolean): Promise<void> {
    let seen = this.#unique.size;
    let seenAt = performance.now();
    while (!holds() && performance.now() - seenAt < PATIENCE_MILLIS) {
      await delay(5);
      if (this.#unique.size > seen) [seen, seenAt] = [this.#unique.size, performance.now()];
    }
  }
}

function judge(sent: number, received: readonly number[]): Pick<Delivery, "missing" | "repeated" | "late"> {
  const seen = new Set<number>();
  const repeated: number[] = [];
  const late: number[] = [];
  let latest = -1;
  for (const index of received) {
    if (index < 0) continue;
    if (seen.has(index)) repeated.push(index);
    else if (index < latest) late.push(index);
    seen.add(index);
    latest = Math.max(latest, index);
  }
  const missing = Array.from({ length: sent }, (_, index) => index).filter((index) => !seen.has(index));
  return { missing, repeated, late };
}
