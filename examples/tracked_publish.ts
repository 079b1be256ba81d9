// Tracked requests: each gives a notice, which settles with what the server answered, or with the reason why there is no answer.
//
// deno run -N examples/tracked_publish.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient, RequestFailedError } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const { client, eventLoop } = AsyncClient.create({ clientId: "petrel-tracked", broker });

async function work(): Promise<void> {
  const subscribed = await client.subscribeTracked("notices/#", 2);
  const suback = await subscribed.wait();
  console.log(`SUBACK ${suback.packetId}: granted QoS ${suback.returnCodes.join(", ")}`);

  const atMostOnce = await client.publishTracked("notices/zero", "flushed", { qos: 0 });
  const atLeastOnce = await client.publishTracked("notices/one", "acknowledged", { qos: 1 });
  const exactlyOnce = await client.publishTracked("notices/two", "completed", { qos: 2 });
  try {
    console.log(`QoS 0: ${(await atMostOnce.wait()).type}`);
    console.log(`QoS 1: ${(await atLeastOnce.wait()).type}, packet ${atLeastOnce.packetId}`);
    console.log(`QoS 2: ${(await exactlyOnce.wait()).type}, packet ${exactlyOnce.packetId}`);
  } catch (error) {
    if (!(error instanceof RequestFailedError)) throw error;
    console.log(`Failed: ${error.reason}, may have been delivered: ${error.mayHaveBeenDelivered}`);
  }

  const unsubscribed = await client.unsubscribeTracked("notices/#");
  await unsubscribed.waitCompletion();
  console.log("UNSUBACK");
  await client.disconnect();
}

const working = work();
for await (const event of eventLoop) {
  if (event.type === "disconnected") console.log(`Connection lost: ${event.error.message}`);
}
await working;
