// The chart of the README: how many times as many messages as MQTT.js, on the same runtime, in the same run.

import type { Style } from "./plan.ts";
import type { WorkloadResult } from "./suite.ts";
import { findSeries, petrelRatio, rate, spread } from "./summary.ts";
import { type RuntimeName, runtimeTitle } from "./workload.ts";

const WIDTH = 760;
const BAR_LEFT = 190;
const BAR_WIDTH = 370;
const BAR_HEIGHT = 15;
const BAR_STEP = 19;
const GROUP_GAP = 14;
const TOP = 96;
const BOTTOM = 44;
/** Payloads of the workloads that are drawn. */
const DRAWN_PAYLOAD_BYTES = 16;
/** Distances between the lines of the axis; the least is taken that needs no more than `MAX_TICKS`. */
const AXIS_STEPS = [1, 2, 5, 10, 20, 50, 100] as const;
const MAX_TICKS = 8;

/** One style of Petrel on a runtime. */
interface Length {
  readonly ratio: number;
  readonly messagesPerSecond: number;
}

/** One bar: both styles of Petrel on a runtime. */
interface Bar {
  readonly runtime: RuntimeName;
  readonly plain: Length;
  readonly batch: Length;
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
  .title { font-size: 17px; font-weight: 600; }
  .quiet { fill: #656d76; font-size: 12px; }
  .line { stroke: #d0d7de; }
  .one { stroke: #656d76; stroke-dasharray: 4 3; }
  .deno { fill: #1f7a8c; }
  .bun { fill: #d9822b; }
  .batch { opacity: 0.45; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #8d96a0; }
    .line { stroke: #30363d; }
    .one { stroke: #8d96a0; }
    .deno { fill: #4fb3c8; }
    .bun { fill: #f0a35e; }
  }`;

/** Draws the chart of publishing and receiving small messages. */
export function renderChart(results: readonly WorkloadResult[]): string {
  const groups = chartGroups(results);
  const longest = Math.max(
    1,
    ...groups.flatMap(({ bars }) => bars.flatMap(({ plain, batch }) => [plain.ratio, batch.ratio])),
  );
  const step = AXIS_STEPS.find((candidate) => longest / candidate <= MAX_TICKS) ?? 200;
  const end = Math.ceil(longest / step) * step;
  const x = (ratio: number): number => BAR_LEFT + BAR_WIDTH * ratio / end;
  const rows: string[] = [];
  let y = TOP;
  for (const { title, bars } of groups) {
    rows.push(text(BAR_LEFT - 62, y + bars.length * BAR_STEP / 2 + 2, title, "", "end"));
    for (const bar of bars) {
      rows.push(...drawBar(bar, y, x));
      y += BAR_STEP;
    }
    y += GROUP_GAP;
  }
  const height = y + BOTTOM;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img"`,
    `  aria-label="Messages per second of Petrel, as multiples of those of MQTT.js on the same runtime">`,
    `<style>${STYLE}\n</style>`,
    text(16, 30, "Messages per second, as multiples of MQTT.js on the same runtime", "title"),
    text(16, 51, "16-byte payloads, window 100, TCP on one machine; longer is better", "quiet"),
    ...drawLegend(),
    ...drawAxis(end, step, y, x),
    ...rows,
    ...drawUnit(y, x),
    "</svg>\n",
  ].join("\n");
}

function chartGroups(results: readonly WorkloadResult[]): Group[] {
  const groups: Group[] = [];
  for (const result of results) {
    const { kind, qos, payloadBytes, network } = result.workload;
    if (network !== "tcp") continue;
    if ((kind !== "publish" && kind !== "receive") || payloadBytes !== DRAWN_PAYLOAD_BYTES) continue;
    const bars: Bar[] = [];
    for (const runtime of ["deno", "bun"] as const) {
      const [plain, batch] = [lengthOf(result, runtime, "plain"), lengthOf(result, runtime, "batch")];
      if (plain !== undefined && batch !== undefined) bars.push({ runtime, plain, batch });
    }
    if (bars.length > 0) groups.push({ title: `${kind} QoS ${qos}`, bars });
  }
  return groups;
}

function lengthOf(result: WorkloadResult, runtime: RuntimeName, style: Style): Length | undefined {
  const series = findSeries(result, runtime, "petrel", style);
  const ratio = petrelRatio(result, runtime, style, "mqttjs", rate);
  if (series === undefined || ratio === undefined) return undefined;
  return { ratio: ratio.median, messagesPerSecond: spread(series, rate).median };
}

function drawBar({ runtime, plain, batch }: Bar, y: number, x: (ratio: number) => number): string[] {
  // A style that does not go further is hidden behind the other one, and so is its figure.
  const shown = batch.ratio > plain.ratio ? [plain, batch] : [plain];
  const ratios = shown.map(({ ratio }) => ratio.toFixed(1)).join("–");
  const rates = shown.map(({ messagesPerSecond }) => (messagesPerSecond / 1e6).toFixed(2)).join("–");
  const longer = x(shown.at(-1)!.ratio);
  return [
    text(BAR_LEFT - 10, y + 12, runtimeTitle(runtime), "quiet", "end"),
    rect(x(0), y, longer - x(0), `${runtime} batch`),
    rect(x(0), y, x(plain.ratio) - x(0), runtime),
    text(longer + 7, y + 12, `${ratios}×, ${rates} M/s`),
  ];
}

function drawAxis(end: number, step: number, y: number, x: (ratio: number) => number): string[] {
  const lines: string[] = [];
  for (let ratio = 0; ratio <= end; ratio += step) {
    lines.push(line(x(ratio), TOP - 8, y - 4, "line"));
    lines.push(text(x(ratio), y + 14, `${ratio}×`, "quiet", "middle"));
  }
  return lines;
}

/** Where a bar as good as MQTT.js would end; in front of the bars. */
function drawUnit(y: number, x: (ratio: number) => number): string[] {
  return [line(x(1), TOP - 8, y - 4, "one"), text(x(1) + 4, TOP - 12, "MQTT.js", "quiet")];
}

function drawLegend(): string[] {
  const entries = [["await publish, for await", ""], ["tryPublish, pollBatch", " batch"]] as const;
  return entries.flatMap(([label, style], index) => {
    const left = BAR_LEFT + 110 + index * 220;
    return [
      `<rect class="deno${style}" x="${left}" y="64" width="12" height="12" rx="2"/>`,
      `<rect class="bun${style}" x="${left + 15}" y="64" width="12" height="12" rx="2"/>`,
      text(left + 34, 74, label, "quiet"),
    ];
  });
}

function rect(x: number, y: number, width: number, style: string): string {
  const [left, breadth] = [x.toFixed(1), Math.max(1, width).toFixed(1)];
  return `<rect class="${style}" x="${left}" y="${y}" width="${breadth}" height="${BAR_HEIGHT}" rx="2"/>`;
}

function line(x: number, from: number, to: number, style: string): string {
  return `<line class="${style}" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${from}" y2="${to}"/>`;
}

function text(x: number, y: number, content: string, style = "", anchor = "start"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const attributes = `${style === "" ? "" : ` class="${style}"`}${
    anchor === "start" ? "" : ` text-anchor="${anchor}"`
  }`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes}>${escaped}</text>`;
}
