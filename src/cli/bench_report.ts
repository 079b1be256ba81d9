// What a benchmark has measured, for people in 80 columns and for programs as JSON.
import type { BenchPlan } from "./bench_plan.ts";
import type { BenchResult, Counted } from "./bench_run.ts";
import type { LatencyHistogram } from "./latency_histogram.ts";

/** The percentiles that are told. */
const PERCENTILES = [50, 90, 99, 99.9] as const;
const BAR_COLUMNS = 40;
/** Parts of a block, from an eighth to seven. */
const PARTS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * Tells a result to people.
 *
 * @param result The result.
 * @returns Lines of at most 80 columns.
 */
export function describeResult(result: BenchResult): string {
  const { plan, published, received, lost, acknowledged, delivered } = result;
  const isReceived = plan.kind === "pingpong" || plan.subscribers > 0;
  const latencies: [string, LatencyHistogram][] = [];
  if (isReceived) latencies.push([plan.kind === "pingpong" ? "round trip" : "delivered", delivered]);
  if (plan.qos > 0 || !isReceived) latencies.push([["sent", "PUBACK", "PUBCOMP"][plan.qos]!, acknowledged]);
  const [name, histogram] = latencies[0]!;
  return [
    describePlan(plan),
    "",
    columns("", ["messages", "per second", "MB/s", "seconds", "lost"]),
    countRow("published", published, plan, undefined),
    ...(isReceived ? [countRow("received", received, plan, lost)] : []),
    "",
    columns("milliseconds to", ["p50", "p90", "p99", "p99.9", "max"]),
    ...latencies.map(([title, latency]) => latencyRow(title, latency)),
    "",
    ...histogramRows(name, histogram),
    "",
  ].join("\n");
}

/**
 * Tells a result to programs.
 *
 * @param result The result.
 * @returns JSON on one line.
 */
export function encodeResult({ plan, published, received, lost, acknowledged, delivered }: BenchResult): string {
  const { kind, publishers, subscribers, size, qos, rate, topicPrefix } = plan;
  const object = {
    ...{ kind, publishers, subscribers, qos, size, rate: rate ?? null, topicPrefix },
    published: countObject(published, size),
    received: countObject(received, size),
    lost,
    acknowledged: latencyObject(acknowledged),
    delivered: latencyObject(delivered),
  };
  return `${JSON.stringify(object)}\n`;
}

function describePlan({ kind, publishers, subscribers, qos, size, rate }: BenchPlan): string {
  const people = kind === "pingpong"
    ? plural(publishers, "client")
    : [plural(publishers, "publisher"), ...(subscribers > 0 ? [plural(subscribers, "subscriber")] : [])].join(", ");
  const pace = rate === undefined ? "" : `, ${rate} messages per second each`;
  return `${people}, QoS ${qos}, ${plural(size, "byte")}${pace}`;
}

function countRow(title: string, counted: Counted, { size }: BenchPlan, lost: number | undefined): string {
  const { count, perSecond, bytesPerSecond, seconds } = countObject(counted, size);
  return columns(title, [
    formatWhole(count),
    formatWhole(perSecond),
    (bytesPerSecond / 1e6).toFixed(2),
    seconds.toFixed(2),
    lost === undefined ? "" : formatWhole(lost),
  ]);
}

function latencyRow(title: string, histogram: LatencyHistogram): string {
  const values = [...PERCENTILES.map((percent) => histogram.percentileMillis(percent)), histogram.maxMillis];
  return columns(`  ${title}`, values.map(millis));
}

function histogramRows(title: string, histogram: LatencyHistogram): string[] {
  const rows = histogram.rows();
  const most = Math.max(...rows.map(({ count }) => count), 1);
  const lines = rows.map(({ belowMillis, count }) => {
    const percent = `${(100 * count / histogram.count).toFixed(1)} %`;
    const counts = `${formatWhole(count).padStart(12)}${percent.padStart(9)}`;
    return `${`< ${belowMillis} ms`.padStart(14)}  ${bar(count / most).padEnd(BAR_COLUMNS)} ${counts}`;
  });
  return rows.length === 0 ? [] : [title.padStart(14), ...lines];
}

/** A bar of so much of its width; what is there at all is seen. */
function bar(share: number): string {
  const eighths = share === 0 ? 0 : Math.max(1, Math.round(share * BAR_COLUMNS * 8));
  return "█".repeat(Math.floor(eighths / 8)) + PARTS[eighths % 8]!;
}

function columns(title: string, cells: readonly string[]): string {
  return (title.padEnd(16) + cells.map((cell) => cell.padStart(12)).join("")).trimEnd();
}

function countObject({ count, millis }: Counted, size: number) {
  const perSecond = millis === 0 ? 0 : count / millis * 1000;
  return { count, seconds: millis / 1000, perSecond, bytesPerSecond: perSecond * size };
}

function latencyObject(histogram: LatencyHistogram) {
  const percentiles = PERCENTILES.map((percent) => [`p${percent}`, histogram.percentileMillis(percent)]);
  return {
    count: histogram.count,
    ...Object.fromEntries(percentiles),
    max: histogram.maxMillis,
    histogram: histogram.rows(),
  };
}

function plural(count: number, noun: string): string {
  return `${formatWhole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A number without a fraction, with commas. */
export function formatWhole(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function millis(value: number): string {
  return value.toFixed(value < 100 ? 3 : 1);
}
