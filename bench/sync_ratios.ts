// Prints how many times as many messages the blocking pair moves as the asynchronous client, on the runtime that runs it:
// `deno run -A bench/sync_ratios.ts`, `bun bench/sync_ratios.ts`, `node bench/sync_ratios.ts`.
//
// The two take turns, so that a disturbance of the machine meets both. A ratio is the median of the ratios within a round.

import process from "node:process";
import { median } from "./support/bench.ts";
import { type Contest, MESSAGES, openPublishing, openReceiving } from "./support/sync_contenders.ts";

const ROUNDS = 9;
const ROUND_MILLIS = 100;
const WARM_UP_MILLIS = 400;

/** What a contest came to. */
export interface SyncRow {
  /** What it was. */
  readonly name: string;
  /** Nanoseconds for each message. */
  readonly asynchronousNanos: number;
  /** Nanoseconds for each message. */
  readonly blockingNanos: number;
  /** How many times as many messages the blocking pair moved. */
  readonly ratio: number;
}

/** Measures what is asked for. */
export async function measureSync({ name, asynchronous, blocking }: Contest): Promise<SyncRow> {
  for (const run of [asynchronous, blocking]) await nanosPerMessage(run, WARM_UP_MILLIS);
  const rounds: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push([await nanosPerMessage(asynchronous, ROUND_MILLIS), await nanosPerMessage(blocking, ROUND_MILLIS)]);
  }
  return {
    name,
    asynchronousNanos: median(rounds.map(([asynchronousNanos]) => asynchronousNanos)),
    blockingNanos: median(rounds.map(([, blockingNanos]) => blockingNanos)),
    ratio: median(rounds.map(([asynchronousNanos, blockingNanos]) => asynchronousNanos / blockingNanos)),
  };
}

async function nanosPerMessage(run: () => void | Promise<void>, millis: number): Promise<number> {
  const begin = performance.now();
  let calls = 0;
  do {
    await run();
    calls++;
  } while (performance.now() < begin + millis);
  return (performance.now() - begin) * 1e6 / calls / MESSAGES;
}

if (import.meta.main) {
  process.stdout.write("ns per message          asynchronous    blocking    ratio\n");
  for (const contest of [openReceiving(), openPublishing(0), openPublishing(1)]) {
    const { name, asynchronousNanos, blockingNanos, ratio } = await measureSync(contest);
    const cells = [asynchronousNanos.toFixed(0).padStart(14), blockingNanos.toFixed(0).padStart(12)];
    process.stdout.write(`${name.padEnd(22)}${cells.join("")}${`${ratio.toFixed(2)}×`.padStart(9)}\n`);
  }
  process.exit(0);
}
