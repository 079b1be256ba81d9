// Measures Petrel against MQTT.js and against the bare sockets of the runtimes, end to end: `deno task bench:e2e`.
//
//   --quick          two short rounds, to see that everything runs; the figures mean little
//   --only pattern   workloads whose names match, such as "QoS 0, 16 B" or "latency|idle"
//   --runtime name   `deno` or `bun` alone
//   --rounds n       rounds that are counted, 5 if not said
//   --seconds n      how long a run should take, 1 if not said
//   --write          writes bench/RESULTS.md and bench/results.svg; only of a run with nothing left out

import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { mosquittoMissing } from "../../tests/support/mosquitto.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { describeEnvironment } from "./environment.ts";
import { renderChart } from "./results_chart.ts";
import { renderPage } from "./results_page.ts";
import { runSuite, type SuiteOptions } from "./suite.ts";
import { allWorkloads, type RuntimeName } from "./workload.ts";

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
const ROUNDS = 5;
const QUICK_ROUNDS = 2;
const SECONDS = 1;

/** What the command line asks for. */
export interface RunRequest extends Omit<SuiteOptions, "report"> {
  /** Whether the files of results are written. */
  readonly isWritten: boolean;
}

/** Reads a command line. @throws {TypeError} If it asks for what there is not. */
export function parseRequest(args: readonly string[]): RunRequest {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      runtime: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const pattern = new RegExp(values.only, "i");
  const workloads = allWorkloads().filter(({ name }) => pattern.test(name));
  if (workloads.length === 0) throw new TypeError(`Cannot run: no workload is called "${values.only}"`);
  const runtimes = RUNTIMES.filter((runtime) => values.runtime === undefined || values.runtime === runtime);
  if (runtimes.length === 0) throw new TypeError(`Cannot run: "${values.runtime}" is neither deno nor bun`);
  const rounds = positive("rounds", values.rounds ?? `${values.quick ? QUICK_ROUNDS : ROUNDS}`);
  const seconds = values.quick ? undefined : positive("seconds", values.seconds ?? `${SECONDS}`);
  const isWhole = !values.quick && values.only === "" && values.runtime === undefined && rounds >= ROUNDS;
  if (values.write && !isWhole) {
    throw new TypeError(`Cannot write: the results are those of all workloads, on both runtimes, in ${ROUNDS} rounds`);
  }
  return { workloads, runtimes, rounds, seconds, isWritten: values.write };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new TypeError(`Cannot run: ${name} is "${text}", not above 0`);
}

async function main(args: readonly string[]): Promise<void> {
  const request = parseRequest(args);
  const missing = mosquittoMissing();
  const workloads = request.workloads.filter(({ kind }) => missing === undefined || kind !== "through-server");
  if (workloads.length < request.workloads.length) process.stderr.write(`Left out: ${missing}\n`);
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  const results = await runSuite({ ...request, workloads, report });
  const command = ["deno task bench:e2e", ...args].join(" ");
  const { rounds, seconds } = request;
  const page = renderPage(results, { environment: describeEnvironment(), command, rounds, seconds });
  process.stdout.write(page);
  if (request.isWritten) await writeResults(page, renderChart(results));
}

async function writeResults(page: string, chart: string): Promise<void> {
  const [pageFile, chartFile] = [`${repositoryRoot}bench/RESULTS.md`, `${repositoryRoot}bench/results.svg`];
  await writeFile(pageFile, page);
  await writeFile(chartFile, chart);
  // The gates look at the form of these files too.
  execFileSync("deno" in process.versions ? process.execPath : "deno", ["fmt", "--quiet", pageFile, chartFile]);
}

if (import.meta.main) await main(process.argv.slice(2));
