// How long the codec takes for 64 to 16,384 packets, beside mqtt-packet and the naive codec: `deno bench -A bench/codec_bench.ts`,
// `bun bench/codec_bench.ts`. `bench/codec_ratios.ts` prints the same work as ratios and per packet.

import { bench } from "./support/bench.ts";
import { codecScenarios } from "./support/codec_scenarios.ts";

for (const { name, packetCount, petrel, mqttPacket, naive } of codecScenarios()) {
  const group = `${name} (${packetCount} packets)`;
  bench({ name: "petrel", group, baseline: true, fn: petrel });
  bench({ name: "mqtt-packet", group, fn: mqttPacket });
  if (naive !== undefined) bench({ name: "naive", group, fn: naive });
}
