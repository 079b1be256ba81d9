// What no fault of the network or of a restarted server may do: lose or reorder a message at QoS 1, or double one at QoS 2.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAedes } from "../support/aedes.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { test } from "../support/test.ts";
import { describeDelivery, isAsPromised, type StormReport, usualStorm, weatherStorm } from "./storm.ts";

/** The log of every packet would be most of the load. */
const CONFIG = ["log_type none", "log_type information"];
const MESSAGES = 2_000;

function check({ deliveries }: StormReport): void {
  const broken = deliveries.filter((delivery) => !isAsPromised(delivery)).map(describeDelivery);
  assertEquals(broken, []);
}

for (const levels of [[1], [2], [1, 2]] as const) {
  for (const seed of [1, 2]) {
    const name = `mosquitto: cut connections lose, reorder and double nothing at QoS ${
      levels.join(" and ")
    }, seed ${seed}`;
    test(name, async () => {
      await using server = await startMosquitto({ config: CONFIG });
      const report = await weatherStorm({
        serverPort: server.port,
        levels,
        fromLeft: MESSAGES,
        fromRight: MESSAGES,
        payloadBytes: 40,
        seed,
        cut: "both",
        storm: usualStorm,
      });
      check(report);
      assertGreater(report.cuts, 10);
    }, { skip: mosquittoMissing() });
  }
}

for (const qos of [1, 2] as const) {
  // aedes loses and doubles messages to a subscriber whose connection is cut, so only the publisher's are.
  test(`aedes: cut connections of the publisher lose, reorder and double nothing at QoS ${qos}`, async () => {
    await using server = await startAedes();
    const report = await weatherStorm({
      serverPort: server.port,
      levels: [qos],
      fromLeft: MESSAGES,
      fromRight: 0,
      payloadBytes: 40,
      seed: 3,
      cut: "left",
      // It is all over in a fifth of a second; a machine that needs longer gets it.
      storm: { mostBytes: 5_000, leastMillis: 1, mostMillis: 10, abating: 1.05 },
    });
    check(report);
    assertGreater(report.cuts, 3);
  });
}

test("mosquitto: large messages that are cut in the middle are neither lost nor doubled", async () => {
  await using server = await startMosquitto({ config: CONFIG });
  const report = await weatherStorm({
    serverPort: server.port,
    levels: [2],
    fromLeft: 300,
    fromRight: 300,
    payloadBytes: 20_000,
    seed: 4,
    cut: "both",
    storm: { mostBytes: 1_500_000, leastMillis: 20, mostMillis: 200 },
  });
  check(report);
  assertGreater(report.cuts, 3);
}, { skip: mosquittoMissing() });

test("mosquitto: restarts under load lose, reorder and double nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "petrel-persistence-"));
  try {
    const persistence = ["persistence true", `persistence_location ${folder}/`, "user root"];
    await using server = await startMosquitto({ config: [...CONFIG, ...persistence] });
    const progressAtRestart: number[] = [];
    const report = await weatherStorm({
      serverPort: server.port,
      levels: [1, 2],
      fromLeft: 3_000,
      fromRight: 3_000,
      payloadBytes: 40,
      seed: 5,
      cut: "neither",
      storm: usualStorm,
      meanwhile: async (progress) => {
        for (const share of [0.2, 0.4, 0.6]) {
          while (progress() < share) await delay(1);
          await server.restart();
          progressAtRestart.push(progress());
        }
      },
    });
    check(report);
    assert(progressAtRestart.every((progress) => progress < 1), `restarts at ${progressAtRestart}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}, { skip: mosquittoMissing(), timeoutMillis: 60_000 });
