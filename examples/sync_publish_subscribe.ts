// Publish and subscribe without a single await. One thread publishes while another takes the events.
//
// deno run -N -R examples/sync_publish_subscribe.ts mqtt://localhost:1883
import process from "node:process";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { Client } from "@petrel/mqtt/sync";

if (isMainThread) iterate(process.argv[2] ?? "mqtt://localhost:1883");
else publishTen();

function iterate(broker: string): void {
  const { client, connection } = Client.create({ clientId: "petrel-sync", broker, keepAlive: 5 }, { capacity: 10 });

  client.subscribe("hello/petrel", 0);
  new Worker(new URL(import.meta.url), { workerData: client.share() });

  let received = 0;
  for (const event of connection) {
    console.log("Event =", event);
    if (event.type === "incoming" && event.packet.type === "publish" && ++received === 10) client.disconnect();
  }
  console.log(`Done after ${received} messages`);
}

function publishTen(): void {
  const client = Client.from(workerData);
  for (let i = 0; i < 10; i++) client.publish("hello/petrel", new Uint8Array(i).fill(i), { qos: 1 });
}
