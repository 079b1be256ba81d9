// A server that is a program of its own, run by Bun on whichever runtime the tests are.

import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { startChild } from "./child.ts";
import { runtime } from "./test.ts";

/** A server in a process of its own. */
export interface BunProgram extends AsyncDisposable {
  /** The port it listens on, at 127.0.0.1. */
  readonly port: number;
  /** Ends the process: in order, or at once by SIGKILL. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/**
 * Starts a program of this folder; resolves once it has told its port.
 *
 * @param file Its name.
 * @param args Its arguments.
 */
export async function startBunProgram(file: string, args: readonly string[]): Promise<BunProgram> {
  const child = startChild(findBun(), ["run", fileURLToPath(new URL(file, import.meta.url)), ...args]);
  const stop = (signal?: "SIGTERM" | "SIGKILL"): Promise<void> => child.stop(signal);
  try {
    const port = Number((await child.line(/^port \d+$/)).slice("port ".length));
    return { port, stop, [Symbol.asyncDispose]: () => stop() };
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
}

/**
 * Starts the WebSocket server of Bun in front of a server of plain MQTT.
 *
 * @param serverPort Where that server listens, at 127.0.0.1.
 */
export function startWebSocketGate(serverPort: number): Promise<BunProgram> {
  return startBunProgram("websocket_gate_process.ts", [`${serverPort}`]);
}

function findBun(): string {
  if (runtime === "bun") return process.execPath;
  const installed = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));
  return existsSync(installed) ? installed : "bun";
}
