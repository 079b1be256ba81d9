// From the runs of a suite to the figures of its tables.

import { median } from "../support/bench.ts";
import type { Measurement } from "./plan.ts";
import type { Series, WorkloadResult } from "./suite.ts";
import type { ClientName, RuntimeName } from "./workload.ts";
import type { Style } from "./plan.ts";

/** The middle of some figures, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Something told by one run. */
export type Figure = (run: Measurement) => number;

/** Messages in a second. */
export const rate: Figure = (run) => run.messages / run.seconds;
/** Processor time of the client for each message, in microseconds. */
export const cpuMicros: Figure = (run) => run.cpuSeconds * 1e6 / run.messages;
/** Most memory of the client's process, in MiB. */
export const peakMiB: Figure = (run) => run.peakMiB;
/** By how much an idle client lets the process grow, in KiB. */
export const kibPerClient: Figure = (run) => run.kibPerClient ?? NaN;
/** The latency that this share of the messages does not exceed, in microseconds. */
export function latencyMicros(share: number): Figure {
  return ({ latenciesMicros = [] }) => {
    const sorted = latenciesMicros.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  };
}

/** The spread of some numbers. */
export function spreadOf(numbers: readonly number[]): Spread {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** The spread of a figure over the runs of a series. */
export function spread(series: Series, figure: Figure): Spread {
  return spreadOf(series.runs.map(figure));
}

/** How a figure of one series relates to that of another, round by round: what disturbs a round disturbs both. */
export function ratio(of: Series, to: Series, figure: Figure): Spread {
  return spreadOf(of.runs.map((run, round) => figure(run) / figure(to.runs[round]!)));
}

/** The series of one contender; `undefined` if it took no part. */
export function findSeries(
  result: WorkloadResult,
  runtime: RuntimeName,
  client: ClientName,
  style: Style = "plain",
): Series | undefined {
  return result.series.find(({ contender }) =>
    contender.runtime === runtime && contender.client === client && contender.style === style
  );
}

/** How Petrel relates to another client on the same runtime; `undefined` if one of them is missing. */
export function petrelRatio(
  result: WorkloadResult,
  runtime: RuntimeName,
  style: Style,
  to: ClientName,
  figure: Figure,
): Spread | undefined {
  const petrel = findSeries(result, runtime, "petrel", style);
  const other = findSeries(result, runtime, to);
  return petrel === undefined || other === undefined ? undefined : ratio(petrel, other, figure);
}
