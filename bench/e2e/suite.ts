// Lets the contenders of each workload take turns, so that a disturbance of the machine meets all of them: A B C D, A B C D, …

import { type Mosquitto, startMosquitto } from "../../tests/support/mosquitto.ts";
import { measure } from "./measure.ts";
import type { Measurement } from "./plan.ts";
import {
  type Contender,
  contenderName,
  contendersOf,
  hasFreeLength,
  type RuntimeName,
  runtimeTitle,
} from "./workload.ts";
import type { Workload } from "./workload.ts";

/** A run that was shorter than this share of the wanted time says too little of the length of the next: most of it was warming up. */
const TELLING_SHARE = 0.5;
/** By how much the number of messages grows from one uncounted run to the next, at most. */
const MAX_GROWTH = 20;

/** How a suite is run. */
export interface SuiteOptions {
  /** What is measured. */
  readonly workloads: readonly Workload[];
  /** On which runtimes. */
  readonly runtimes: readonly RuntimeName[];
  /** Which contenders take part; all if not said. */
  readonly takesPart?: (contender: Contender) => boolean;
  /** How many rounds are counted. */
  readonly rounds: number;
  /** How long a counted run should take; `undefined` leaves each at its first, small number of messages. */
  readonly seconds: number | undefined;
  /** Told of each run. */
  readonly report: (line: string) => void;
}

/** What one contender did in a workload, round by round. */
export interface Series {
  readonly contender: Contender;
  readonly runs: readonly Measurement[];
}

/** What all contenders did in a workload. */
export interface WorkloadResult {
  readonly workload: Workload;
  readonly series: readonly Series[];
}

/** Runs workloads one after another. */
export async function runSuite(options: SuiteOptions): Promise<WorkloadResult[]> {
  const results: WorkloadResult[] = [];
  for (const workload of options.workloads) {
    const server = workload.kind === "through-server" ? await startMosquitto() : undefined;
    try {
      results.push(await runRounds(workload, options, server));
    } finally {
      await server?.[Symbol.asyncDispose]();
    }
  }
  return results;
}

async function runRounds(
  workload: Workload,
  options: SuiteOptions,
  server: Mosquitto | undefined,
): Promise<WorkloadResult> {
  const contenders = contendersOf(workload, options.runtimes).filter(options.takesPart ?? (() => true));
  const series = contenders.map((contender) => ({ contender, runs: [] as Measurement[] }));
  const run = async (contender: Contender, messages: number, round: string): Promise<Measurement> => {
    const measurement = await measure(workload, contender, messages, server?.port);
    const who = `${runtimeTitle(contender.runtime)}, ${contenderName(contender)}`;
    const rate = Math.round(messages / measurement.seconds).toLocaleString("en");
    options.report(`${workload.name} | ${round} | ${who} | ${rate} in a second`);
    return measurement;
  };
  const lengths: number[] = [];
  for (const contender of contenders) {
    lengths.push(await chooseLength(workload, options.seconds, (messages) => run(contender, messages, "uncounted")));
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, { contender, runs }] of series.entries()) {
      runs.push(await run(contender, lengths[index]!, `round ${round}`));
    }
  }
  return { workload, series };
}

/**
 * Finds out by uncounted runs how many messages take the wanted time.
 *
 * @param workload What is run.
 * @param seconds The wanted time; `undefined` runs nothing and takes the workload's first number.
 * @param run Runs it once with so many messages.
 */
export async function chooseLength(
  workload: Workload,
  seconds: number | undefined,
  run: (messages: number) => Promise<Measurement>,
): Promise<number> {
  let messages = workload.firstMessages;
  if (seconds === undefined) return messages;
  for (;;) {
    const measurement = await run(messages);
    if (!hasFreeLength(workload)) return messages;
    const growth = seconds / measurement.seconds;
    const isTelling = growth * TELLING_SHARE < 1;
    messages = Math.max(1, Math.round(messages * Math.min(growth, MAX_GROWTH)));
    if (isTelling) return messages;
  }
}
