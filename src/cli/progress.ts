// How a benchmark is doing: one line that is written over and over, for a person who waits. Never into a pipe.
import type { BenchPlan } from "./bench_plan.ts";
import { formatWhole } from "./bench_report.ts";
import type { BenchTally } from "./bench_tally.ts";
import { delay } from "./delay.ts";
import type { Io } from "./io.ts";

/** Four times a second is enough for eyes. */
const INTERVAL_MILLIS = 250;
const BAR_COLUMNS = 20;
/** Back to the beginning of the line, and away with what stands there. */
const ERASE_LINE = "\r\x1b[K";

/** How far a benchmark is. */
interface Progress {
  /** Milliseconds since the first message; `undefined` before it. */
  readonly millis: number | undefined;
  /** Clients that are ready. */
  readonly ready: number;
  /** Messages published. */
  readonly published: number;
  /** Messages received. */
  readonly received: number;
}

/**
 * Shows how far a benchmark is, on standard error.
 *
 * @param io The process.
 * @param tally What is counted.
 * @param plan What is to be done.
 * @returns A function that takes the line away, and resolves once it is gone.
 */
export function showProgress(io: Io, tally: BenchTally, plan: BenchPlan): () => Promise<void> {
  const { clock, errorOutput } = io;
  const hidden = new AbortController();
  const update = async (): Promise<void> => {
    let before: Progress = { millis: undefined, ready: 0, published: 0, received: 0 };
    while (!hidden.signal.aborted) {
      const { ready, published, received, startedAt } = tally;
      const now = { millis: startedAt === undefined ? undefined : clock.now() - startedAt, ready, published, received };
      // A line that fills the last column would wrap, and could not be written over.
      const line = describeProgress(now, before, plan).slice(0, (errorOutput.columns ?? 80) - 1);
      errorOutput.write(ERASE_LINE + line);
      before = now;
      await delay(clock, INTERVAL_MILLIS, hidden.signal);
    }
  };
  void update();
  return () => {
    hidden.abort();
    errorOutput.write(ERASE_LINE);
    return errorOutput.flushed().catch(() => {});
  };
}

function describeProgress(now: Progress, before: Progress, plan: BenchPlan): string {
  if (now.millis === undefined) {
    return `Connecting ${formatWhole(now.ready)} of ${formatWhole(plan.publishers + plan.subscribers)}`;
  }
  const span = now.millis - (before.millis ?? 0);
  const rate = (count: number): string => span <= 0 ? "" : ` (${formatWhole(count / span * 1000)}/s)`;
  const published = `published ${formatWhole(now.published)}${rate(now.published - before.published)}`;
  const isReceived = plan.kind === "pingpong" || plan.subscribers > 0;
  const received = `received ${formatWhole(now.received)}${rate(now.received - before.received)}`;
  const share = Math.min(
    1,
    Math.max(now.millis / plan.durationMillis, now.published / (plan.messages * plan.publishers)),
  );
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = "█".repeat(filled) + "░".repeat(BAR_COLUMNS - filled);
  return `${bar} ${(now.millis / 1000).toFixed(1)} s  ${isReceived ? received : published}`;
}
