// A long storm: `deno task soak --messages 20000 --seeds 10`, or `bun tools/soak.ts` with the same options.
//
// Two clients send each other that many messages at each QoS through mosquitto while their connections are cut at random places, once
// for each seed. A lost, late or doubled message fails the run; with `--log <folder>` the packets of that run are written there.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { describeDelivery, isAsPromised, type StormReport, usualStorm, weatherStorm } from "../tests/e2e/storm.ts";
import { startMosquitto } from "../tests/support/mosquitto.ts";
import { PacketLog } from "../tests/support/packet_log.ts";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "20000" },
    seeds: { type: "string", default: "10" },
    "first-seed": { type: "string", default: "1" },
    payload: { type: "string", default: "40" },
    log: { type: "string" },
  },
});
const messages = numberOf("messages");
const seeds = numberOf("seeds");
const firstSeed = numberOf("first-seed");
const payloadBytes = numberOf("payload");

function numberOf(name: "messages" | "seeds" | "first-seed" | "payload"): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1) {
    throw new RangeError(`Cannot soak: --${name} is ${values[name]}, not a whole number above 0`);
  }
  return number;
}

/** One storm at a server of its own. */
async function soak(levels: readonly (1 | 2)[], seed: number): Promise<StormReport> {
  const [left, right] = values.log === undefined ? [] : [new PacketLog(), new PacketLog()];
  await using server = await startMosquitto({ config: ["log_type none", "log_type information"] });
  const report = await weatherStorm({
    serverPort: server.port,
    levels,
    fromLeft: messages,
    fromRight: messages,
    payloadBytes,
    seed,
    cut: "both",
    storm: usualStorm,
    leftWitness: left,
    rightWitness: right,
  });
  if (values.log !== undefined && !report.deliveries.every(isAsPromised)) {
    await writeFile(join(values.log, `left-${levels.join("")}-${seed}.log`), left!.lines().join("\n"));
    await writeFile(join(values.log, `right-${levels.join("")}-${seed}.log`), right!.lines().join("\n"));
  }
  return report;
}

let broken = 0;
let delivered = 0;
let republished = 0;
for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  for (const levels of [[1], [2], [1, 2]] as const) {
    const report = await soak(levels, seed);
    console.log(`seed ${seed}, QoS ${levels.join(" and ")}: ${report.cuts} cuts, ${Math.round(report.millis)} ms`);
    for (const delivery of report.deliveries) {
      const isBroken = !isAsPromised(delivery);
      if (isBroken) broken++;
      delivered += delivery.sent - delivery.missing.length;
      republished += delivery.republished.length;
      console.log(`  ${isBroken ? "BROKEN" : "kept  "}  ${describeDelivery(delivery)}`);
    }
  }
}
console.log(
  `${delivered} messages arrived, ${republished} of them again by the server after PUBREL; ${broken} promises broken`,
);
process.exit(broken === 0 ? 0 : 1);
