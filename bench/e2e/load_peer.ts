// The other side of every connection that is measured: a process of its own, on Bun, that knows MQTT only as bytes. It prints
// `port N`, and ends when its standard input does, which is when its parent ends.

import process from "node:process";
import type { BunSocket } from "./outbox.ts";
import { openPeerConnection, type PeerConnection } from "./peer_connection.ts";
import { type PeerPlan, readPlan } from "./plan.ts";

/** A socket with what the peer has attached to it. */
interface ServedSocket extends BunSocket {
  data: PeerConnection;
  setNoDelay(noDelay: boolean): boolean;
}

/** What is used of Bun's global scope. */
interface BunScope {
  readonly Bun: {
    listen(options: {
      readonly hostname: string;
      readonly port: number;
      readonly socket: {
        readonly binaryType: "uint8array";
        open(socket: ServedSocket): void;
        data(socket: ServedSocket, chunk: Uint8Array): void;
        drain(socket: ServedSocket): void;
        error(socket: ServedSocket, error: Error): void;
      };
    }): { readonly port: number };
    serve(options: {
      readonly hostname: string;
      readonly port: number;
      fetch(request: Request, server: Upgrader): Response | undefined;
      readonly websocket: {
        readonly perMessageDeflate: boolean;
        open(socket: ServedWebSocket): void;
        message(socket: ServedWebSocket, message: string | Uint8Array): void;
        drain(socket: ServedWebSocket): void;
      };
    }): { readonly port: number };
  };
}

/** What is used of a server of Bun. */
interface Upgrader {
  upgrade(request: Request, options: { readonly headers: Record<string, string>; readonly data: unknown }): boolean;
}

/** The other side of a WebSocket, with what the peer has attached to it. */
interface ServedWebSocket {
  data: { connection?: PeerConnection };
  /** Takes all of it, in memory of its own as far as the kernel does not. */
  sendBinary(bytes: Uint8Array): number;
  getBufferedAmount(): number;
}

const plan = readPlan<PeerPlan>();
const { Bun } = globalThis as unknown as BunScope;

/** Frames instead of bytes: each write is one, and the next has to wait until all of it has left. */
function frameSocket(socket: ServedWebSocket): BunSocket {
  return {
    write: (bytes, offset, length) => {
      if (socket.getBufferedAmount() > 0) return 0;
      socket.sendBinary(bytes.subarray(offset, offset + length));
      return length;
    },
  };
}

function serveWebSockets(): { readonly port: number } {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => {
      const headers = { "sec-websocket-protocol": "mqtt" };
      return server.upgrade(request, { headers, data: {} }) ? undefined : new Response(null, { status: 426 });
    },
    websocket: {
      perMessageDeflate: false,
      open: (socket) => void (socket.data.connection = openPeerConnection(frameSocket(socket), plan)),
      message: (socket, message) => socket.data.connection!.handleData(message as Uint8Array),
      drain: (socket) => socket.data.connection!.handleDrain(),
    },
  });
}

const serveTcp = (): { readonly port: number } =>
  Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      binaryType: "uint8array",
      open: (socket) => {
        socket.setNoDelay(true);
        socket.data = openPeerConnection(socket, plan);
      },
      data: (socket, chunk) => socket.data.handleData(chunk),
      drain: (socket) => socket.data.handleDrain(),
      error: (_socket, error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
      },
    },
  });
const server = plan.network === "tcp" ? serveTcp() : serveWebSockets();
process.stdin.on("end", () => process.exit(0)).resume();
process.stdout.write(`port ${server.port}\n`);
