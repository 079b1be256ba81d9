// Last will: what the server publishes for a client whose connection ends without DISCONNECT.
//
// deno run -N examples/last_will.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";

const watcher = AsyncClient.create({ clientId: "petrel-watcher", broker });
await watcher.client.subscribe("status/sensor", 1);

/** Connects, says that it is online, and ends without a farewell. */
async function liveAndDie(): Promise<void> {
  const { client, eventLoop } = AsyncClient.create({
    clientId: "petrel-sensor",
    broker,
    will: { topicName: "status/sensor", payload: "offline", qos: 1 },
  });
  await client.publish("status/sensor", "online", { qos: 1 });
  for await (const event of eventLoop) {
    if (event.type === "incoming" && event.packet.type === "puback") eventLoop.close();
  }
}

let living: Promise<void> | undefined;
for await (const event of watcher.eventLoop) {
  if (event.type !== "incoming") continue;
  if (event.packet.type === "suback") living = liveAndDie();
  if (event.packet.type !== "publish") continue;
  const status = new TextDecoder().decode(event.packet.payload);
  console.log(`The sensor is ${status}`);
  if (status === "offline") await watcher.client.disconnect();
}
await living;
