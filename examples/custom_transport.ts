// A transport of one's own: `transport` takes a `Dial`, and everything that is read and written goes through it. This one counts bytes
// on a link that is opened with node:net; custom_transport/stream_transport.ts has what the event loop asks for.
//
// A dial is given the address, the handlers to be told of bytes and of the end, and a signal. It resolves once bytes can be sent; it
// rejects if it cannot, or with the signal's reason, and then leaves nothing open. It is asked again for each reconnect.
//
// deno run -N examples/custom_transport.ts mqtt://localhost:1883
import { connect, type Socket } from "node:net";
import process from "node:process";
import { Duplex } from "node:stream";
import { AsyncClient, type Dial } from "@petrel/mqtt";
import { makeStreamTransport, type StreamPair } from "./custom_transport/stream_transport.ts";

const counts = { sent: 0, received: 0 };

/** Lets bytes through, and counts them. */
function counter(name: keyof typeof counts): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      counts[name] += chunk.length;
      controller.enqueue(chunk);
    },
  });
}

const dialCounted: Dial = async (target, handlers, { signal }) => {
  if (target.kind !== "tcp") throw new Error(`Cannot dial the broker: this link carries no ${target.kind}`);
  const socket = await openSocket(target.hostname, target.port, signal);
  const { readable, writable } = Duplex.toWeb(socket) as unknown as StreamPair;
  const outgoing = counter("sent");
  outgoing.readable.pipeTo(writable).catch(() => {});
  return makeStreamTransport(
    { readable: readable.pipeThrough(counter("received")), writable: outgoing.writable },
    handlers,
  );
};

function openSocket(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => {
      signal.removeEventListener("abort", abort);
      resolve(socket);
    });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    socket.once("error", reject);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

const broker = process.argv[2] ?? "mqtt://localhost:1883";
const { client, eventLoop } = AsyncClient.create({ clientId: "petrel-custom", broker, transport: dialCounted });
await client.subscribe("hello/petrel", 1);
await client.publish("hello/petrel", "through a link of our own", { qos: 1 });
for await (const event of eventLoop) {
  if (event.type !== "incoming" || event.packet.type !== "publish") continue;
  console.log(new TextDecoder().decode(event.packet.payload));
  await client.disconnect();
}
console.log(`${counts.sent} bytes sent, ${counts.received} received`);
