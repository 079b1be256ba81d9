// Prints how many times faster the codec is than mqtt-packet and than the naive codec, on the runtime that runs it:
// `deno run -A bench/codec_ratios.ts`, `bun bench/codec_ratios.ts`. Words after it select the scenarios whose names contain them.
//
// The contenders take turns in short rounds, so that a disturbance of the machine meets all of them, and the medians over the rounds are
// told. Ratios are medians of the ratios within a round.

import { median } from "./support/bench.ts";
import { codecScenarios, type Scenario } from "./support/codec_scenarios.ts";

const ROUNDS = 9;
const ROUND_MILLIS = 25;
const SETTLE_MILLIS = 8;
const WARM_UP_MILLIS = 150;

interface Row {
  readonly name: string;
  readonly petrelNanos: number;
  readonly mqttPacketNanos: number;
  readonly mqttPacketRatio: number;
  readonly naiveRatio: number | undefined;
}

/** Measures one scenario. */
export function measure(scenario: Scenario): Row {
  const contenders = [scenario.petrel, scenario.mqttPacket];
  if (scenario.naive !== undefined) contenders.push(scenario.naive);
  const repeats = contenders.map((run) => {
    const calls = repeatFor(run, WARM_UP_MILLIS);
    return Math.max(1, Math.round(calls * ROUND_MILLIS / WARM_UP_MILLIS));
  });
  const rounds = Array.from({ length: ROUNDS }, () =>
    contenders.map((run, index) => {
      // Unmeasured: here a contender pays for the garbage and the cold caches the one before it has left.
      repeatFor(run, SETTLE_MILLIS);
      const begin = performance.now();
      for (let i = 0; i < repeats[index]!; i++) run();
      return (performance.now() - begin) * 1e6 / repeats[index]! / scenario.packetCount;
    }));
  return {
    name: scenario.name,
    petrelNanos: median(rounds.map((round) => round[0]!)),
    mqttPacketNanos: median(rounds.map((round) => round[1]!)),
    mqttPacketRatio: median(rounds.map((round) => round[1]! / round[0]!)),
    naiveRatio: scenario.naive === undefined ? undefined : median(rounds.map((round) => round[2]! / round[0]!)),
  };
}

function repeatFor(run: () => void, millis: number): number {
  const end = performance.now() + millis;
  let calls = 0;
  do {
    run();
    calls++;
  } while (performance.now() < end);
  return calls;
}

function printRow(row: Row): void {
  const naive = row.naiveRatio === undefined ? "-" : `${row.naiveRatio.toFixed(1)}x`;
  const cells = [
    row.name.padEnd(62),
    row.petrelNanos.toFixed(0).padStart(8),
    row.mqttPacketNanos.toFixed(0).padStart(12),
    `${row.mqttPacketRatio.toFixed(1)}x`.padStart(14),
    naive.padStart(10),
  ];
  // deno-lint-ignore no-console
  console.log(cells.join(""));
}

if (import.meta.main) {
  const words = "Deno" in globalThis ? Deno.args : process.argv.slice(2);
  const header = ["ns per packet".padEnd(62), "petrel".padStart(8), "mqtt-packet".padStart(12)];
  // deno-lint-ignore no-console
  console.log([...header, "vs mqtt-packet".padStart(14), "vs naive".padStart(10)].join(""));
  for (const scenario of codecScenarios()) {
    if (words.every((word) => scenario.name.includes(word))) printRow(measure(scenario));
  }
}
