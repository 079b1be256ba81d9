// The blocking pair beside the asynchronous client, both over a server in memory: `deno bench -A bench/sync_bench.ts`,
// `bun bench/sync_bench.ts`. `bench/sync_ratios.ts` prints the same as ratios.

import { bench } from "./support/bench.ts";
import { MESSAGES, openPublishing, openReceiving } from "./support/sync_contenders.ts";

for (const { name, asynchronous, blocking } of [openReceiving(), openPublishing(0), openPublishing(1)]) {
  const group = `${name} (${MESSAGES} messages)`;
  bench({ name: "asynchronous", group, baseline: true, fn: asynchronous });
  bench({ name: "blocking", group, fn: blocking });
}
