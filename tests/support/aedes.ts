// The aedes broker, in this process or in one of its own.

import { Aedes } from "aedes";
import net from "node:net";
import { type BunProgram, startBunProgram } from "./bun_program.ts";

/** An aedes broker in this process. */
export interface AedesServer extends AsyncDisposable {
  /** The port it listens on, at 127.0.0.1. */
  readonly port: number;
  /** The broker, to look into. */
  readonly broker: Aedes;
  /** Ends all connections, the listener and the broker. */
  close(): Promise<void>;
}

/**
 * Starts aedes in this process. Under Deno it breaks on packets above about 130 kB; `startAedesProcess` does not.
 */
export async function startAedes(): Promise<AedesServer> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const listenerClosed = new Promise<void>((resolve) => server.close(() => resolve()));
    const socketsClosed = [...sockets].map((socket) => new Promise<void>((resolve) => socket.on("close", resolve)));
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await Promise.all([listenerClosed, ...socketsClosed]);
  };
  return { port: (server.address() as net.AddressInfo).port, broker, close, [Symbol.asyncDispose]: close };
}

/** Starts aedes in a process of its own, run by Bun, so that neither its load nor Deno's limits are felt here. */
export function startAedesProcess(): Promise<BunProgram> {
  return startBunProgram("aedes_process.ts", []);
}
