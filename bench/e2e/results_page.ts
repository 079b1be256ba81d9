// The page of results, bench/RESULTS.md: what was run where, the ratios that count, and every figure behind them.

import type { Environment } from "./environment.ts";
import { PACED_RATE, type Style, WINDOW, type WorkloadKind } from "./plan.ts";
import type { Series, WorkloadResult } from "./suite.ts";
import { cpuMicros, type Figure, findSeries, kibPerClient, latencyMicros, peakMiB, petrelRatio } from "./summary.ts";
import { rate, ratio, type Spread, spread } from "./summary.ts";
import { contenderName, IDLE_CLIENTS, type RuntimeName, runtimeTitle } from "./workload.ts";

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
const STYLES: readonly Style[] = ["plain", "batch"];

/** How the suite was run. */
export interface RunDescription {
  readonly environment: Environment;
  readonly command: string;
  readonly rounds: number;
  /** How long a run was to last; `undefined` if it had a fixed, small number of messages. */
  readonly seconds: number | undefined;
}

/** Writes the page. */
export function renderPage(results: readonly WorkloadResult[], description: RunDescription): string {
  const sections = [
    introduction(description),
    glance(results),
    throughput("Publishing", "publish", results),
    throughput("Receiving", "receive", results),
    latency(results),
    throughServer(results),
    idle(results),
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

function introduction({ environment, command, rounds, seconds }: RunDescription): string {
  const rows = Object.entries({ ...environment, command: `\`${command}\`` }).map((cells) => `| ${cells.join(" | ")} |`);
  const length = seconds === undefined ? "too short for its figures to mean much" : `about ${seconds} s long`;
  return `# Results

![Messages per second of Petrel, as multiples of MQTT.js on the same runtime](results.svg)

Petrel and MQTT.js against a load peer in a process of its own, which knows MQTT only as bytes, on one machine; over TCP
where nothing else is said.
Every run is a fresh process, ${length}. The contenders of a workload take turns, ${rounds} counted rounds of them. Figures
are medians, with the lowest and the highest in brackets; ratios are medians of the ratios within a round. Ratios are
what to look at: another machine gives other figures.

- Each client publishes with at most ${WINDOW} messages unacknowledged, and hands every received message to the
  application. A run of publishing ends when the peer has everything.
- **Petrel** is \`await client.publish(…)\` and \`for await\` over the events. **Petrel, batch** is \`tryPublish\` with a
  prepared topic and room for 1,024 requests, and \`pollBatch\`. Both leave out \`outgoing\` events.
- **MQTT.js** is as it ships, with ${WINDOW} callbacks outstanding: it is slower with 1,000.
- The **bare socket** moves the same number of bytes with the runtime's own calls, and knows no MQTT.

| | |
|---|---|
${rows.join("\n")}`;
}

function glance(results: readonly WorkloadResult[]): string {
  const rows: string[][] = [];
  for (const result of results) {
    if (result.workload.kind !== "publish" && result.workload.kind !== "receive") continue;
    const cells = RUNTIMES.flatMap((runtime) =>
      STYLES.map((style) => times(petrelRatio(result, runtime, style, "mqttjs", rate)))
    );
    const shares = RUNTIMES.map((runtime) =>
      STYLES.map((style) => petrelRatio(result, runtime, style, "bare", rate)).filter((share) => share !== undefined)
        .map((share) => percent(share.median)).join(", ")
    );
    rows.push([result.workload.name, ...cells, ...shares]);
  }
  const head = ["", "Deno", "Deno, batch", "Bun", "Bun, batch", "of Deno's socket", "of Bun's socket"];
  return section("Messages per second, as multiples of MQTT.js", head, rows);
}

function throughput(title: string, kind: WorkloadKind, results: readonly WorkloadResult[]): string {
  const rows = rowsOf(results, [kind], (result, series) => [
    figure(series, rate),
    (spread(series, rate).median * result.workload.payloadBytes / 1e6).toLocaleString("en", digits(3)),
    figure(series, cpuMicros),
    figure(series, peakMiB),
    ...compare(result, series, "mqttjs", rate),
    ...compare(result, series, "mqttjs", cpuMicros),
  ]);
  const head = ["", "", "messages/s", "payload MB/s", "CPU µs/message", "peak MiB", "rate ÷ MQTT.js", "CPU ÷ MQTT.js"];
  return section(title, head, rows);
}

function latency(results: readonly WorkloadResult[]): string {
  const p50 = latencyMicros(0.5);
  const rows = rowsOf(results, ["echo", "puback", "paced"], (result, series) => [
    figure(series, p50),
    figure(series, latencyMicros(0.99)),
    figure(series, cpuMicros),
    ...compare(result, series, "mqttjs", p50),
    ...compare(result, series, "bare", p50),
  ]);
  const head = ["", "", "p50 µs", "p99 µs", "CPU µs/message", "p50 ÷ MQTT.js", "p50 ÷ bare socket"];
  const paced = PACED_RATE.toLocaleString("en");
  return section("Latency", head, rows, `16 bytes; one message in flight, or ${paced} a second on a schedule.`);
}

function throughServer(results: readonly WorkloadResult[]): string {
  const rows = rowsOf(results, ["through-server"], (result, series) => [
    figure(series, rate),
    figure(series, cpuMicros),
    figure(series, peakMiB),
    ...compare(result, series, "mqttjs", rate),
    ...compare(result, series, "mqttjs", cpuMicros),
  ]);
  const head = ["", "", "messages/s", "CPU µs/message", "peak MiB", "rate ÷ MQTT.js", "CPU ÷ MQTT.js"];
  const note =
    `One client publishes to a topic it is subscribed to, ${WINDOW} messages underway. The server is the limit here: what
tells the clients apart is the processor time they take for a message that is published and received.`;
  return section("Through mosquitto", head, rows, note);
}

function idle(results: readonly WorkloadResult[]): string {
  const rows = rowsOf(results, ["idle"], (result, series) => [
    figure(series, kibPerClient),
    figure(series, peakMiB),
    ...compare(result, series, "mqttjs", kibPerClient),
  ]);
  const count = IDLE_CLIENTS.toLocaleString("en");
  const note = `${count} clients are connected in one process. Memory is what the process grew by, after a collection.`;
  return section("Idle clients", ["", "", "KiB per client", "peak MiB", "÷ MQTT.js"], rows, note);
}

/** One row for each series; the name of the workload stands in the first of its rows. */
function rowsOf(
  results: readonly WorkloadResult[],
  kinds: readonly WorkloadKind[],
  cells: (result: WorkloadResult, series: Series) => string[],
): string[][] {
  return results.filter(({ workload }) => kinds.includes(workload.kind)).flatMap((result) =>
    result.series.map((series, index) => {
      const { contender } = series;
      const who = `${runtimeTitle(contender.runtime)}, ${contenderName(contender)}`;
      return [index === 0 ? result.workload.name : "", who, ...cells(result, series)];
    })
  );
}

/** The ratio of Petrel to another client on its runtime; nothing for the others. */
function compare(result: WorkloadResult, series: Series, to: "mqttjs" | "bare", of: Figure): string[] {
  const { client, runtime } = series.contender;
  const other = findSeries(result, runtime, to);
  return [client !== "petrel" || other === undefined ? "" : times(ratio(series, other, of))];
}

function section(title: string, head: readonly string[], rows: readonly string[][], note?: string): string {
  if (rows.length === 0) return "";
  const lines = [head, head.map((title) => title === "" ? "---" : "---:"), ...rows];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return [`## ${title}`, note, table].filter((part) => part !== undefined).join("\n\n");
}

function figure(series: Series, of: Figure): string {
  const { median, min, max } = spread(series, of);
  const [middle, low, high] = [median, min, max].map((value) => value.toLocaleString("en", digits(3)));
  return `${middle} (${low}–${high})`;
}

function times(spread: Spread | undefined): string {
  if (spread === undefined) return "";
  const [middle, low, high] = [spread.median, spread.min, spread.max].map((value) =>
    value.toLocaleString("en", digits(2))
  );
  return `**${middle}×** (${low}–${high})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function digits(count: number): Intl.NumberFormatOptions {
  return { maximumSignificantDigits: count };
}
