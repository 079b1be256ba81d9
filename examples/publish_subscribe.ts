// Publish and subscribe. One task publishes while another polls: nothing moves unless the event loop is polled.
//
// deno run -N examples/publish_subscribe.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const { client, eventLoop } = AsyncClient.create({ clientId: "petrel-async", broker, keepAlive: 5 });

await client.subscribe("hello/petrel", 0);

async function publishTen(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await client.publish("hello/petrel", new Uint8Array(i).fill(i), { qos: 1 });
  }
}
const publishing = publishTen();

let received = 0;
for await (const event of eventLoop) {
  console.log("Received =", event);
  if (event.type === "incoming" && event.packet.type === "publish" && ++received === 10) await client.disconnect();
}
await publishing;
console.log(`Done after ${received} messages`);
