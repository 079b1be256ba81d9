// The end-to-end benchmark, run briefly on the runtime of the test: processes start, count right, and end. It measures Deno and Bun, so
// that on Node this file declares nothing.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { measure } from "../../bench/e2e/measure.ts";
import { parseRequest } from "../../bench/e2e/run.ts";
import { runSuite } from "../../bench/e2e/suite.ts";
import { petrelRatio, rate } from "../../bench/e2e/summary.ts";
import { allWorkloads, type RuntimeName } from "../../bench/e2e/workload.ts";
import { mosquittoMissing } from "../support/mosquitto.ts";
import { runtime, test } from "../support/test.ts";

const measured: RuntimeName | undefined = runtime === "node" ? undefined : runtime;

if (measured !== undefined) {
  test("a quick run measures Petrel, MQTT.js and the bare socket in turns", async () => {
    const lines: string[] = [];
    const request = parseRequest(["--quick", "--only", "receive QoS 0, 16 B$", "--runtime", measured]);
    const results = await runSuite({ ...request, report: (line) => lines.push(line) });
    assertEquals(results.length, 1);
    assertEquals(results[0]!.series.map(({ contender }) => contender.client), ["petrel", "petrel", "mqttjs", "bare"]);
    for (const { runs } of results[0]!.series) {
      assertEquals(runs.map(({ messages }) => messages), [10_000, 10_000]);
      assert(runs.every(({ seconds, cpuSeconds, peakMiB }) => seconds > 0 && cpuSeconds > 0 && peakMiB > 1));
    }
    assert(petrelRatio(results[0]!, measured, "plain", "mqttjs", rate)!.median > 0);
    assertEquals(lines.map((line) => line.split(" | ")[1]), [
      ...Array(4).fill("round 1"),
      ...Array(4).fill("round 2"),
    ]);
  });

  // The last of those that publish and receive go by WebSocket.
  for (const kind of ["publish", "receive", "echo", "puback", "paced"] as const) {
    test(`every client runs the workload ${kind}`, async () => {
      const workload = allWorkloads().findLast((one) => one.kind === kind)!;
      for (const client of ["petrel", "mqttjs"] as const) {
        const run = await measure(workload, { client, style: "plain", runtime: measured }, 20, undefined);
        assertEquals(run.messages, 20);
        if (kind !== "publish" && kind !== "receive") assertEquals(run.latenciesMicros?.length, 20);
      }
    });
  }

  test("through a server both clients receive what they publish", async () => {
    const request = parseRequest(["--quick", "--only", "mosquitto QoS 2", "--runtime", measured, "--rounds", "1"]);
    const results = await runSuite({ ...request, report: () => {} });
    assertEquals(results[0]!.series.map(({ runs }) => runs[0]!.messages), [2000, 2000, 2000]);
  }, { skip: mosquittoMissing() });

  test("a run that cannot be measured says why", async () => {
    const workload = { ...allWorkloads()[0]!, kind: "through-server" } as const;
    const petrel = { client: "petrel", style: "plain", runtime: measured } as const;
    const error = await assertRejects(() => measure(workload, petrel, 20, 1), Error, "Cannot measure");
    assert(error.message.includes("127.0.0.1:1"), error.message);
  });
}
