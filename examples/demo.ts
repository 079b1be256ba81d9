// The main job in one process: a server, a subscription, messages at all three QoS levels, a connection that is cut in the middle,
// and the reconnect that follows by itself. Run it with `deno task demo`.
import { AsyncClient, type Event, type QoS } from "@petrel/mqtt";
import { Aedes } from "aedes";
import { createServer, type Socket } from "node:net";

const MESSAGES_PER_QOS = 3;

const startedAt = performance.now();

/** Prints what happened, with the time since the start. */
function say(who: string, what: string): void {
  const millis = Math.round(performance.now() - startedAt).toString().padStart(5);
  // deno-lint-ignore no-console
  console.log(`${millis} ms  ${who.padEnd(8)} ${what}`);
}

/** A server of its own, in this process, on a port given by the system. */
async function startServer(): Promise<{ port: number; cut: () => void; close: () => Promise<void> }> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot start the server: it has no port");
  return {
    port: address.port,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: async () => {
      await new Promise<void>((resolve) => broker.close(resolve));
      await new Promise<unknown>((resolve) => server.close(resolve));
    },
  };
}

/** One line for an event. */
function describe(event: Event): string | undefined {
  switch (event.type) {
    case "connected":
      return `connected, session present: ${event.sessionPresent}`;
    case "disconnected":
      return `lost: ${event.error.message}; next attempt in ${Math.round(event.retryInMillis)} ms`;
    case "outgoing":
      return `→ ${event.packetType.toUpperCase()}${event.packetId === 0 ? "" : ` ${event.packetId}`}`;
    case "incoming": {
      const { packet } = event;
      if (packet.type !== "publish") return `← ${packet.type.toUpperCase()}`;
      return `← PUBLISH "${new TextDecoder().decode(packet.payload)}" on ${packet.topicName} at QoS ${packet.qos}`;
    }
  }
}

const server = await startServer();
say("server", `listens on 127.0.0.1:${server.port}`);

const { client, eventLoop } = AsyncClient.create({
  clientId: "demo",
  broker: `mqtt://127.0.0.1:${server.port}`,
  // The server keeps what it owes us while the connection is down.
  cleanSession: false,
});

/** Publishes at every QoS, and cuts the connection before the last round. */
async function publishAll(): Promise<void> {
  for (let round = 1; round <= MESSAGES_PER_QOS; round++) {
    if (round === MESSAGES_PER_QOS) {
      say("server", "cuts the connection");
      server.cut();
    }
    for (const qos of [0, 1, 2] as QoS[]) {
      const notice = await client.publishTracked(`demo/qos${qos}`, `message ${round}`, { qos });
      // What is published at QoS 0 while the connection is cut is not repeated: it may fail.
      const outcome = await notice.wait().then((result) => result.type, (error: Error) => error.message);
      say("publish", `message ${round} at QoS ${qos}: ${outcome}`);
    }
  }
}

await client.subscribe("demo/#", 2);

/** The messages that came, by topic; QoS 1 may bring one twice. */
const received = new Map<string, Set<string>>([["demo/qos0", new Set()], ["demo/qos1", new Set()], [
  "demo/qos2",
  new Set(),
]]);
let publishing: Promise<void> | undefined;
for await (const event of eventLoop) {
  const line = describe(event);
  if (line !== undefined) say("client", line);
  if (event.type !== "incoming") continue;
  if (event.packet.type === "suback") publishing ??= publishAll();
  if (event.packet.type !== "publish") continue;
  received.get(event.packet.topicName)?.add(new TextDecoder().decode(event.packet.payload));
  // What is published at QoS 0 may be lost at the cut; the rest may not.
  const isComplete = ["demo/qos1", "demo/qos2"].every((name) => received.get(name)?.size === MESSAGES_PER_QOS);
  if (isComplete) await client.disconnect();
}
await publishing;
for (const [topicName, messages] of received) say("total", `${messages.size} of ${MESSAGES_PER_QOS} on ${topicName}`);
await server.close();
