// Measures what an idle client costs: the processor time of this process while its main thread blocks in the iterator.

import { Client } from "@petrel/mqtt/sync";
import process from "node:process";

const SECONDS = 3;

const { connection } = Client.create({ clientId: "sync-idle", broker: process.argv[2]!, keepAlive: 60 });
for (const event of connection) if (event.type === "connected") break;
// What starting has left to do, such as compiling in the background.
connection.recvTimeout(1000);
const before = process.cpuUsage();
const event = connection.recvTimeout(SECONDS * 1000);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ event: event ?? null, millis: Math.round((user + system) / 1000), seconds: SECONDS }));
connection.close();
