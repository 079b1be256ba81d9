// A sensor that goes on measuring while the network is away. Readings wait in the bounded request channel and leave in their order once
// there is a connection again; when the channel is full the sensor gives up readings, and says how many, rather than run out of memory.
//
// deno run -N examples/sensor.ts mqtt://localhost:1883
import process from "node:process";
import { AsyncClient, jsonPayload, RequestChannelFullError, topic } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const READINGS = 60;

const celsius = topic("sensors/{id}/celsius", jsonPayload<number>());
const { client, eventLoop } = AsyncClient.create({
  clientId: "petrel-sensor",
  broker,
  // The session outlives the connection: what was sent and not acknowledged is sent again.
  cleanSession: false,
  capacity: 500,
  reconnect: { minDelayMillis: 50, maxDelayMillis: 500 },
  onSessionLost: { qos1: "resend" },
});

let dropped = 0;

/** Takes a reading every few milliseconds; the network is no concern of this function. */
async function measure(): Promise<void> {
  for (let index = 0; index < READINGS; index++) {
    try {
      client.tryPublish(celsius.format({ id: 7 }), celsius.payload.encode(20 + index / 10), { qos: 1 });
    } catch (error) {
      if (!(error instanceof RequestChannelFullError)) throw error;
      dropped++;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Everything admitted is acknowledged before DISCONNECT, over however many connections that takes.
  await client.disconnect();
}

const measuring = measure();
let isOffline = false;
for await (const event of eventLoop) {
  if (event.type === "connected") {
    if (isOffline) console.log(`Online again, ${eventLoop.diagnostics().requests.publishes} readings have waited`);
    isOffline = false;
  } else if (event.type === "disconnected") {
    if (!isOffline) console.log("Offline: measuring goes on");
    isOffline = true;
  }
}
await measuring;
console.log(`Sent ${READINGS - dropped} readings, dropped ${dropped}`);
