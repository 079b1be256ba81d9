// The blocking pair beside the asynchronous one, both over a server in memory: `deno bench -A bench/sync_bench.ts`,
// `bun bench/sync_bench.ts`. The server works in the thread of the event loop: the only one there is, or the worker of the blocking pair.
import { AsyncClient } from "../mod.ts";
import { Client } from "../src/sync/mod.ts";
import { bench } from "./support/bench.ts";
import { FLOOD_MESSAGES as MESSAGES, options } from "./support/flood_options.ts";

const PAYLOAD = new Uint8Array(16);
const TOPIC = "bench/topic/number/1";
const module = new URL("./support/flood_options.ts", import.meta.url);

const receiving = `receive ${MESSAGES} messages of 16 B at QoS 0`;

const flooded = AsyncClient.create({ ...options, clientId: "flood" }).eventLoop[Symbol.asyncIterator]();
bench({
  name: "asynchronous, for await",
  group: receiving,
  baseline: true,
  fn: async () => {
    for (let count = 0; count < MESSAGES;) if ((await flooded.next()).value?.type === "incoming") count++;
  },
});

const blocking = Client.create({ clientId: "flood", module }).connection;
bench({
  name: "blocking, for of",
  group: receiving,
  fn: () => {
    for (let count = 0; count < MESSAGES;) if (blocking.recv()?.type === "incoming") count++;
  },
});

for (const qos of [0, 1] as const) {
  const group = `publish ${MESSAGES} messages of 16 B at QoS ${qos}`;

  const { client, eventLoop } = AsyncClient.create({ ...options, clientId: "publisher" });
  void (async () => {
    for await (const _ of eventLoop);
  })();
  bench({
    name: "asynchronous",
    group,
    baseline: true,
    fn: async () => {
      for (let i = 1; i < MESSAGES; i++) await client.publish(TOPIC, PAYLOAD, { qos });
      await (await client.publishTracked(TOPIC, PAYLOAD, { qos })).waitCompletion();
    },
  });

  const pair = Client.create({ clientId: "publisher", module });
  bench({
    name: "blocking",
    group,
    fn: () => {
      for (let i = 1; i < MESSAGES; i++) pair.client.publish(TOPIC, PAYLOAD, { qos });
      pair.client.publishTracked(TOPIC, PAYLOAD, { qos }).waitCompletion();
      while (pair.connection.tryRecv() !== undefined) {
        // Acknowledgements are taken and dropped.
      }
    },
  });
}
