// Fails when Petrel has become much slower than it was, on any machine: `deno task bench:guard`.
//
// Only ratios within one run are looked at, and a floor is about a third of the lowest ratio that was seen on a busy machine when it
// was set, so that noise does not reach it. The last line is `N passed, N failed`.

import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { repositoryRoot } from "../tools/source_tree.ts";
import { formatTally } from "../tools/test_report.ts";
import { measure } from "./codec_ratios.ts";
import { runSuite } from "./e2e/suite.ts";
import { petrelRatio, rate } from "./e2e/summary.ts";
import { allWorkloads, type RuntimeName, runtimeTitle } from "./e2e/workload.ts";
import { codecScenarios } from "./support/codec_scenarios.ts";
import { openReceiving } from "./support/sync_contenders.ts";
import { measureSync } from "./sync_ratios.ts";

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
const ROUNDS = 3;
const SECONDS = 0.25;

/** The least ratio that something must have, for each runtime. */
export type Floors = Readonly<Record<string, Readonly<Record<RuntimeName, number>>>>;

/** A ratio that was measured. */
export interface MeasuredRatio {
  /** What was measured, as in the floors. */
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly ratio: number;
}

/** A measured ratio beside its floor. */
export interface Verdict extends MeasuredRatio {
  readonly floor: number;
  readonly isPassed: boolean;
}

/** How many times faster than mqtt-packet the codec must be. */
const CODEC_FLOORS: Floors = {
  "encode PUBLISH QoS 0, 16 B": { deno: 5, bun: 1 },
  "decode 64 KiB chunks, PUBLISH QoS 1, 16 B": { deno: 5, bun: 1.2 },
  "decode one per buffer, PUBLISH QoS 1, 16 B": { deno: 3.5, bun: 2.5 },
  "decode fragments of 1..1500 B, PUBLISH QoS 1, 16 B": { deno: 3.3, bun: 2.8 },
  "decode 64 KiB chunks, PUBACK": { deno: 13, bun: 8 },
};

/** How many times as many messages as MQTT.js the client must move, in runs too short for either to have warmed up. */
const CLIENT_FLOORS: Floors = {
  "publish QoS 0, 16 B": { deno: 1, bun: 0.4 },
  "publish QoS 1, 16 B": { deno: 3.3, bun: 1.1 },
  "receive QoS 0, 16 B": { deno: 1.6, bun: 0.7 },
  "receive QoS 1, 16 B": { deno: 4, bun: 1.1 },
};

/** How many times as many messages as the asynchronous client the blocking pair must move. */
const SYNC_FLOORS: Floors = {
  "blocking, receive QoS 0, 16 B": { deno: 0.15, bun: 0.15 },
};

/**
 * Holds measured ratios against floors.
 *
 * @param floors The floors.
 * @param measured What was measured.
 * @param runtimes The runtimes that were to be measured.
 * @returns A verdict for each floor; a ratio that is missing fails.
 */
export function judge(
  floors: Floors,
  measured: readonly MeasuredRatio[],
  runtimes: readonly RuntimeName[],
): Verdict[] {
  return Object.entries(floors).flatMap(([name, floorOf]) =>
    runtimes.map((runtime) => {
      const ratio = measured.find((one) => one.name === name && one.runtime === runtime)?.ratio ?? NaN;
      return { name, runtime, ratio, floor: floorOf[runtime], isPassed: ratio >= floorOf[runtime] };
    })
  );
}

/** Measures the codec on the runtime this runs on. */
function measureCodec(): Record<string, number> {
  const scenarios = codecScenarios().filter(({ name }) => name in CODEC_FLOORS);
  return Object.fromEntries(scenarios.map((scenario) => [scenario.name, measure(scenario).mqttPacketRatio]));
}

/** Measures the blocking pair on the runtime this runs on. */
async function measureBlocking(): Promise<Record<string, number>> {
  const { name, ratio } = await measureSync(openReceiving());
  return { [`blocking, ${name}`]: ratio };
}

/** Lets each runtime measure something in a process of its own. */
async function measureApart(what: "codec" | "blocking"): Promise<MeasuredRatio[]> {
  const commands = {
    deno: [process.execPath, "run", "-A", "--no-check", "--quiet"],
    bun: [`${repositoryRoot}node_modules/bun/bin/bun.exe`],
  };
  const measured: MeasuredRatio[] = [];
  for (const runtime of RUNTIMES) {
    const [command, ...args] = commands[runtime];
    const program = `${repositoryRoot}bench/guard.ts`;
    const { stdout } = await promisify(execFile)(command!, [...args, program, what], { cwd: repositoryRoot });
    const ratios: Record<string, number> = JSON.parse(stdout);
    for (const [name, ratio] of Object.entries(ratios)) measured.push({ name, runtime, ratio });
  }
  return measured;
}

async function measureClients(): Promise<MeasuredRatio[]> {
  const results = await runSuite({
    workloads: allWorkloads().filter(({ name }) => name in CLIENT_FLOORS),
    runtimes: RUNTIMES,
    takesPart: ({ client, style }) => client !== "bare" && style === "plain",
    rounds: ROUNDS,
    seconds: SECONDS,
    report: () => {},
  });
  return results.flatMap((result) =>
    RUNTIMES.map((runtime) => {
      const ratio = petrelRatio(result, runtime, "plain", "mqttjs", rate)?.median ?? NaN;
      return { name: result.workload.name, runtime, ratio };
    })
  );
}

async function main(): Promise<void> {
  const verdicts = [
    ...judge(CODEC_FLOORS, await measureApart("codec"), RUNTIMES),
    ...judge(SYNC_FLOORS, await measureApart("blocking"), RUNTIMES),
    ...judge(CLIENT_FLOORS, await measureClients(), RUNTIMES),
  ];
  for (const { name, runtime, ratio, floor, isPassed } of verdicts) {
    const cells = [isPassed ? "ok    " : "FAILED", runtimeTitle(runtime).padEnd(4), name.padEnd(51)];
    process.stdout.write(`${cells.join(" ")}${`${ratio.toFixed(1)}×`.padStart(8)}, floor ${floor}×\n`);
  }
  const failed = verdicts.filter(({ isPassed }) => !isPassed).length;
  process.stdout.write(formatTally({ passed: verdicts.length - failed, failed, skipped: 0 }) + "\n");
  process.exitCode = failed > 0 ? 1 : 0;
}

if (import.meta.main) {
  if (process.argv[2] === "codec") process.stdout.write(JSON.stringify(measureCodec()));
  else if (process.argv[2] === "blocking") process.stdout.write(JSON.stringify(await measureBlocking()));
  else await main();
}
