// Manual acknowledgement: the server is told that a message has arrived only once it was dealt with. What was not acknowledged when
// the connection ends, or the process, comes again.
//
// deno run -N examples/manual_ack.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const { client, eventLoop } = AsyncClient.create({
  clientId: "petrel-manual",
  broker,
  cleanSession: false,
  ackMode: "manual",
});

async function store(payload: Uint8Array): Promise<void> {
  await Promise.resolve();
  console.log(`Stored "${new TextDecoder().decode(payload)}"`);
}

await client.subscribe("jobs/#", 1);
for (const job of ["first", "second", "third"]) await client.publish("jobs/print", job, { qos: 1 });

let dealtWith = 0;
for await (const event of eventLoop) {
  if (event.type !== "incoming" || event.packet.type !== "publish") continue;
  await store(event.packet.payload);
  const isAcknowledged = await client.ack(event.packet);
  console.log(isAcknowledged ? "Acknowledged" : "The connection is gone: it will come again");
  if (++dealtWith === 3) await client.disconnect();
}
