// Graceful shutdown: at SIGINT everything that was asked for is finished, in limited time, and then DISCONNECT is sent.
//
// deno run -N examples/graceful_shutdown.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient, DisconnectTimeoutError, LoopClosedError } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const { client, eventLoop } = AsyncClient.create({ clientId: "petrel-shutdown", broker });

async function publishUntilClosed(): Promise<number> {
  let published = 0;
  try {
    for (;;) {
      await client.publish("readings/temperature", `${20 + Math.sin(published)}`, { qos: 1 });
      published++;
    }
  } catch (error) {
    if (!(error instanceof LoopClosedError)) throw error;
    return published;
  }
}
const publishing = publishUntilClosed();

const shutDown = (): void => void client.disconnectWithTimeout(5_000);
process.once("SIGINT", shutDown);
// So that the example ends by itself.
const timer = setTimeout(shutDown, 100);

let acknowledged = 0;
try {
  for await (const event of eventLoop) {
    if (event.type === "incoming" && event.packet.type === "puback") acknowledged++;
  }
} catch (error) {
  if (!(error instanceof DisconnectTimeoutError)) throw error;
  console.log(error.message);
}
clearTimeout(timer);
process.off("SIGINT", shutDown);
const published = await publishing;
console.log(`Published ${published}, acknowledged ${acknowledged}, nothing left behind: ${published === acknowledged}`);
