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
  };
}

const plan = readPlan<PeerPlan>();
const { Bun } = globalThis as unknown as BunScope;
const server = Bun.listen({
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
process.stdin.on("end", () => process.exit(0)).resume();
process.stdout.write(`port ${server.port}\n`);
