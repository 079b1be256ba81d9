// Publishes at QoS 1 and 2 while somebody cuts its connection at the line it prints, and receives everything.

import { Client } from "@petrel/mqtt/sync";
import assert from "node:assert/strict";
import process from "node:process";

const COUNT = 300;

const { client, connection } = Client.create({
  clientId: "sync-reconnect",
  broker: process.argv[2]!,
  cleanSession: false,
  outgoingEvents: false,
  reconnect: { minDelayMillis: 10, jitter: "none" },
});
client.subscribe("cut/#", 2);
const seen = [new Set<string>(), new Set<string>()];
let doubles = 0;
let published = 0;
let losses = 0;
let cuts = 0;
const sessions: boolean[] = [];
for (const event of connection) {
  if (event.type === "connected") sessions.push(event.sessionPresent);
  if (event.type === "disconnected") {
    losses++;
    assert.equal(event.error.name, "ConnectionLostError");
    assert.ok(event.retryInMillis >= 0);
  }
  if (event.type !== "incoming") continue;
  if (event.packet.type === "publish") {
    const { qos, payload } = event.packet;
    const text = new TextDecoder().decode(payload);
    if (qos === 2 && seen[1]!.has(text)) doubles++;
    seen[qos - 1]!.add(text);
    if (seen[0]!.size === COUNT && seen[1]!.size === COUNT) client.disconnect();
  }
  if (published < COUNT) {
    client.publish("cut/1", `${published}`, { qos: 1 });
    client.publish("cut/2", `${published}`, { qos: 2 });
    published++;
    if (published % 100 === 50) console.log(`cut ${++cuts}`);
  }
}
console.log(
  JSON.stringify({ losses, doubles, sessions: [...new Set(sessions)], received: seen.map(({ size }) => size) }),
);
