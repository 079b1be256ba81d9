// A sensor that may be switched off at any moment. Each reading is in a file before the next is taken; whatever is not acknowledged when
// the power fails is sent by the next run, with the same identifiers, so that at QoS 2 the server has each reading exactly once.
//
// deno run -N -R -W examples/durable_sensor.ts mqtt://localhost:1883 readings.db
import process from "node:process";
import { AsyncClient } from "@petrel/mqtt";
import { SqliteSessionStore } from "@petrel/mqtt/store";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const file = process.argv[3] ?? "readings.db";
const READINGS = 20;

using sessionStore = new SqliteSessionStore(file);
const { client, eventLoop } = AsyncClient.create({
  clientId: "petrel-durable-sensor",
  broker,
  // The server keeps its half of the session as well.
  cleanSession: false,
  sessionStore,
  reconnect: { minDelayMillis: 50, maxDelayMillis: 500 },
  onLog: ({ event, message }) => {
    if (event === "session-restored" || event === "record-set-aside") console.log(message);
  },
});

async function measure(): Promise<void> {
  for (let index = 0; index < READINGS; index++) {
    const reading = { run: process.pid, index, celsius: 20 + index / 10 };
    await client.publish("greenhouse/celsius", JSON.stringify(reading), { qos: 2 });
    console.log(`Kept reading ${index}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await client.disconnect();
}

const measuring = measure();
for await (const event of eventLoop) {
  if (event.type === "connected") console.log("Online");
}
await measuring;
console.log("Every reading is delivered");
