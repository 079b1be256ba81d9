// The program of `startWebSocketGate`: the WebSocket server of Bun in front of a server of plain MQTT, which takes and gives chunks of a
// stream as messages, whatever packets are in them. It tells its port on standard output and ends on SIGTERM.

import net from "node:net";
import process from "node:process";

/** What is used of Bun's server side. */
interface BunSocket {
  data: net.Socket;
  /** -1 if the message waits until `drain`. */
  send(message: Uint8Array): number;
  close(code: number, reason: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

interface BunScope {
  readonly Bun: {
    serve(options: {
      readonly hostname: string;
      readonly port: number;
      fetch(request: Request, server: BunServer): Response | undefined;
      readonly websocket: {
        readonly maxPayloadLength: number;
        readonly backpressureLimit: number;
        open(socket: BunSocket): void;
        message(socket: BunSocket, message: Uint8Array): void;
        drain(socket: BunSocket): void;
        close(socket: BunSocket): void;
      };
    }): BunServer;
  };
}

const serverPort = Number(process.argv[2]);
const MOST_BYTES = 64 << 20;

function openStream(socket: BunSocket): net.Socket {
  const stream = net.connect({ port: serverPort, host: "127.0.0.1", noDelay: true });
  stream.on("data", (chunk) => {
    if (socket.send(chunk as Uint8Array) === -1) stream.pause();
  });
  stream.on("error", () => {});
  stream.on("close", () => socket.close(1000, ""));
  return stream;
}

const { Bun } = globalThis as unknown as BunScope;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => server.upgrade(request) ? undefined : new Response("Only WebSocket", { status: 426 }),
  websocket: {
    maxPayloadLength: MOST_BYTES,
    backpressureLimit: MOST_BYTES,
    open: (socket) => {
      socket.data = openStream(socket);
    },
    message: (socket, message) => void socket.data.write(message),
    drain: (socket) => void socket.data.resume(),
    close: (socket) => void socket.data.end(),
  },
});
process.stdout.write(`port ${server.port}\n`);
process.on("SIGTERM", () => process.exit(0));
