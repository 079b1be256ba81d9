// The driven client: a connection that keeps itself up, a stream for each subscription, and publishing from inside a loop.
//
// deno run -N examples/driven.ts mqtt://localhost:1883
import process from "node:process";
import { connect } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
await using mqtt = await connect(broker, { clientId: "petrel-driven" });

async function logStatus(): Promise<void> {
  for await (const status of mqtt.status()) {
    if (status.type === "disconnected") console.log(`Lost: ${status.error.message}`);
  }
}
void logStatus();

// Filters may overlap: each stream gets each message once.
const readings = await mqtt.subscribe("greenhouse/+/temperature", { qos: 1 });
const alarms = await mqtt.subscribe("greenhouse/#", { qos: 1, capacity: 1000, overflow: "drop-oldest" });

/** Publishes from inside the loop over a stream: always safe, however full the stream is. */
async function watchTemperature(): Promise<void> {
  for await (const message of readings) {
    const { celsius } = message.json<{ celsius: number }>();
    if (celsius > 30) await mqtt.publish("greenhouse/alarm", `${message.topicName}: ${celsius} °C`, { qos: 1 });
    if (celsius === 0) break;
  }
  console.log("Left the readings");
}
const watching = watchTemperature();

for (const celsius of [21, 35, 22, 38, 0]) {
  await mqtt.publish("greenhouse/7/temperature", JSON.stringify({ celsius }), { qos: 1, timeoutMillis: 5000 });
}
await watching;

let count = 0;
for await (const message of alarms) {
  if (message.topicName !== "greenhouse/alarm") continue;
  console.log(`Alarm from ${message.text()}`);
  if (++count === 2) break;
}
