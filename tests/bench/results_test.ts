// From runs to figures, tables and the chart.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { judge } from "../../bench/guard.ts";
import type { Measurement } from "../../bench/e2e/plan.ts";
import { renderChart } from "../../bench/e2e/results_chart.ts";
import { renderPage } from "../../bench/e2e/results_page.ts";
import { parseRequest } from "../../bench/e2e/run.ts";
import { chooseLength, type Series, type WorkloadResult } from "../../bench/e2e/suite.ts";
import { latencyMicros, petrelRatio, rate, ratio, spread } from "../../bench/e2e/summary.ts";
import { allWorkloads, contendersOf, type Workload } from "../../bench/e2e/workload.ts";
import { test } from "../support/test.ts";

/** A run with so many messages in a second. */
function runOf(messagesPerSecond: number): Measurement {
  return {
    messages: messagesPerSecond * 2,
    seconds: 2,
    cpuSeconds: 1,
    peakMiB: 64,
    latenciesMicros: Array.from({ length: 100 }, (_, i) => 100 - i),
    kibPerClient: 8,
  };
}

function seriesOf(...messagesPerSecond: number[]): Series {
  return { contender: { client: "petrel", style: "plain", runtime: "deno" }, runs: messagesPerSecond.map(runOf) };
}

/** Every contender moves twice as many messages as the one after it. */
function resultOf(workload: Workload): WorkloadResult {
  const contenders = contendersOf(workload, ["deno", "bun"]);
  const series = contenders.map((contender, index) => {
    const runs = [1, 2, 3].map((round) => runOf(round * 1000 * 2 ** (contenders.length - index)));
    return { contender, runs };
  });
  return { workload, series };
}

test("a ratio is the median of the ratios within a round, not the ratio of medians", () => {
  const mine = seriesOf(100, 1000, 50);
  const theirs = seriesOf(10, 500, 50);
  assertEquals(ratio(mine, theirs, rate), { median: 2, min: 1, max: 10 });
  assertEquals(spread(mine, rate), { median: 100, min: 50, max: 1000 });
});

test("latencies are told at a share of the messages", () => {
  assertEquals(latencyMicros(0.5)(runOf(1)), 51);
  assertEquals(latencyMicros(0.99)(runOf(1)), 100);
});

test("Petrel is compared with the client of the same runtime", () => {
  const result = resultOf(allWorkloads().find(({ name }) => name === "publish QoS 0, 16 B")!);
  // Petrel, Petrel in batches, MQTT.js, bare socket.
  assertEquals(petrelRatio(result, "deno", "plain", "mqttjs", rate)!.median, 4);
  assertEquals(petrelRatio(result, "bun", "batch", "mqttjs", rate)!.median, 2);
  assertEquals(petrelRatio(result, "bun", "plain", "bare", rate)!.median, 8);
});

test("the page has every workload, and the ratios of each", () => {
  const results = allWorkloads().map(resultOf);
  const environment = { machine: "an abacus", Petrel: "0.1.0" };
  const page = renderPage(results, { environment, command: "deno task bench:e2e", rounds: 3, seconds: 2 });
  for (const { name } of allWorkloads()) assert(page.includes(`| ${name} |`), `${name} is missing`);
  assertMatch(page, /\| machine \| an abacus \|/);
  assertMatch(page, /\| publish QoS 1, 16 B \| \*\*4×\*\* \(4–4\) \| \*\*2×\*\* \(2–2\)/);
  assertMatch(page, /\| publish QoS 0, 16 B \| Deno, Petrel \| 512,000 \(256,000–768,000\)/);
  assert(!/NaN|undefined/.test(page), "a figure is missing");
});

test("the chart draws four bars for each workload of small messages, as long as their ratios", () => {
  const chart = renderChart(allWorkloads().map(resultOf));
  const bars = [...chart.matchAll(/<rect class="(deno|bun)( batch)?" x="190\.0" y="\d+" width="([\d.]+)"/g)];
  assertEquals(bars.length, 6 * 4);
  assertEquals(new Set(bars.map((bar) => bar[3])), new Set(["370.0"]));
  assertEquals(chart.match(/>2\.0–4\.0×|>4\.0×/g)?.length, 12);
  assert(!/NaN|undefined/.test(chart), "a figure is missing");
});

test("the number of messages grows until a run has told enough", async () => {
  const workload = allWorkloads()[0]!;
  const lengths: number[] = [];
  const run = (messages: number): Promise<Measurement> => {
    lengths.push(messages);
    return Promise.resolve({ ...runOf(1), messages, seconds: messages / 10_000_000 });
  };
  assertEquals(await chooseLength(workload, 1, run), 10_000_000);
  assertEquals(lengths, [10_000, 200_000, 4_000_000, 10_000_000]);
  assertEquals(await chooseLength(workload, undefined, run), 10_000);
  assertEquals(lengths.length, 4);
});

test("a command line is refused if it asks for what there is not, or would write half of the results", () => {
  assertEquals(parseRequest(["--only", "publish.* 1 kib"]).workloads.length, 3);
  assertEquals(parseRequest(["--quick", "--runtime", "bun"]).runtimes, ["bun"]);
  assertEquals(parseRequest(["--write"]).isWritten, true);
  assertThrows(() => parseRequest(["--only", "carrier pigeon"]), TypeError, "carrier pigeon");
  assertThrows(() => parseRequest(["--runtime", "abacus"]), TypeError, "abacus");
  assertThrows(() => parseRequest(["--rounds", "no"]), TypeError, "rounds");
  assertThrows(() => parseRequest(["--write", "--quick"]), TypeError, "Cannot write");
  assertThrows(() => parseRequest(["--write", "--only", "idle"]), TypeError, "Cannot write");
  assertThrows(() => parseRequest(["--write", "--rounds", "2"]), TypeError, "Cannot write");
});

test("the guard fails what is below its floor, and what was not measured", () => {
  const floors = { fast: { deno: 3, bun: 2 }, lost: { deno: 1, bun: 1 } };
  const measured = [
    { name: "fast", runtime: "deno", ratio: 2.9 },
    { name: "fast", runtime: "bun", ratio: 2 },
    { name: "lost", runtime: "bun", ratio: NaN },
  ] as const;
  const passed = judge(floors, measured, ["deno", "bun"]).map((
    { name, runtime, isPassed },
  ) => [name, runtime, isPassed]);
  assertEquals(passed, [
    ["fast", "deno", false],
    ["fast", "bun", true],
    ["lost", "deno", false],
    ["lost", "bun", false],
  ]);
});
