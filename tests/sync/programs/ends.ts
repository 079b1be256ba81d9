// A script that just ends, with its client connected and something subscribed.

import { Client } from "@petrel/mqtt/sync";
import process from "node:process";

const { client, connection } = Client.create({ clientId: "sync-ends", broker: process.argv[2]! });
client.subscribeTracked("a", 1).waitCompletion();
for (const event of connection) if (event.type === "connected") break;
console.log("ends");
