// A client that is going to be killed. It publishes numbers at QoS 1 and 2 and receives at QoS 2, with its session in a SQLite file, and
// writes down what it was promised, what it was told and what it has acknowledged. What it wrote survives it. The machine stays up, so
// its database need not withstand more.

import { AsyncClient, type Publish } from "@petrel/mqtt";
import { SqliteSessionStore } from "@petrel/mqtt/store";
import { appendFileSync } from "node:fs";
import process from "node:process";

const [port, folder, first, role] = process.argv.slice(2);

function write(line: string): void {
  appendFileSync(`${folder}/log`, `${line}\n`);
}

const { client, eventLoop } = AsyncClient.create({
  clientId: "sensor",
  broker: `mqtt://127.0.0.1:${port}`,
  cleanSession: false,
  ackMode: "manual",
  sessionStore: new SqliteSessionStore(`${folder}/session.db`, { synchronous: "normal" }),
  reconnect: { minDelayMillis: 1, maxDelayMillis: 20 },
  outgoingEvents: false,
  onLog: ({ event, attributes }) => {
    if (event === "session-restored") write(`restored ${JSON.stringify(attributes)}`);
    if (event === "record-set-aside") write(`corrupt ${JSON.stringify(attributes)}`);
  },
});

async function publish(): Promise<void> {
  for (let number = Number(first);; number++) {
    await Promise.all(([1, 2] as const).map(async (qos) => {
      await client.publish(`up/${qos}`, String(number), { qos });
      write(`promised ${qos} ${number}`);
    }));
    // The window is to be full now and then, and the file to stay small.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function handle(message: Publish): Promise<void> {
  const text = new TextDecoder().decode(message.payload);
  write(`told ${text}`);
  if (await client.ack(message)) write(`acknowledged ${text}`);
  if (text === "end") await client.disconnect();
}

process.stdout.write("ready\n");
if (role === "subscribe") {
  await client.subscribe("down", 2);
  await client.disconnect();
} else if (role !== "last") {
  void publish();
}
for await (const event of eventLoop) {
  if (event.type === "incoming" && event.packet.type === "publish") void handle(event.packet);
}
process.exit(0);
