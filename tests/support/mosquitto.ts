// Debian's mosquitto as a server for tests: on a port of the system's choice, with a configuration of its own, gone at the end.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type Child, startChild } from "./child.ts";

/** A running mosquitto. */
export interface Mosquitto extends AsyncDisposable {
  /** The port it listens on, at 127.0.0.1; the same after a restart. */
  readonly port: number;
  /** What it has logged since its last start. */
  log(): string;
  /** Ends the process: in order, or at once by SIGKILL. Harmless when it has ended. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Stops it if it runs, and starts it again; only what persistence has kept is there again. */
  restart(): Promise<void>;
}

/** What differs from the plain test configuration. */
export interface MosquittoOptions {
  /** Further lines of mosquitto.conf; they come last, so that they may overrule. */
  readonly config?: readonly string[];
}

const CONFIG = [
  "allow_anonymous true",
  "persistence false",
  "set_tcp_nodelay true",
  // The defaults silently drop QoS 2 messages beyond the 20th unfinished one.
  "max_inflight_messages 0",
  "max_queued_messages 0",
  "log_dest stderr",
];

/**
 * Tells why a test against mosquitto cannot run, for `TestOptions.skip`.
 *
 * @param folders Where to look for the program.
 * @throws {Error} If mosquitto is missing and PETREL_REQUIRE_ALL is 1.
 */
export function mosquittoMissing(folders: readonly string[] = programFolders()): string | undefined {
  if (findMosquitto(folders) !== undefined) return undefined;
  const reason = "mosquitto is not installed";
  if (process.env.PETREL_REQUIRE_ALL === "1") throw new Error(`Cannot leave a test out: ${reason}`);
  return reason;
}

/** Starts mosquitto; resolves once it accepts connections. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = findMosquitto(programFolders());
  if (program === undefined) throw new Error("Cannot start mosquitto: it is not installed");
  const directory = await mkdtemp(join(tmpdir(), "petrel-mosquitto-"));
  const port = await findFreePort();
  const configFile = join(directory, "mosquitto.conf");
  const lines = [`listener ${port} 127.0.0.1`, ...CONFIG, ...options.config ?? []];
  await writeFile(configFile, lines.join("\n") + "\n");
  const start = async (): Promise<Child> => {
    const child = startChild(program, ["-c", configFile]);
    try {
      await acceptsConnections(child, port);
    } catch (error) {
      await child.stop("SIGKILL");
      throw error;
    }
    return child;
  };
  let child = await start().catch(async (error) => {
    await rm(directory, { recursive: true });
    throw error;
  });
  return {
    port,
    log: () => child.output(),
    stop: (signal) => child.stop(signal),
    restart: async () => {
      await child.stop();
      child = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await child.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** The search path, and where Debian and Homebrew put servers whether it is in the path or not. */
function programFolders(): string[] {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];
}

function findMosquitto(folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, "mosquitto")).find((path) => existsSync(path));
}

/** A port nobody listens on at the moment; mosquitto cannot be told to take any. */
export async function findFreePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function acceptsConnections(child: Child, port: number): Promise<void> {
  // Only its own log tells that the port is its own: another process may have taken it meanwhile.
  await child.line(/mosquitto version .* running/);
  await new Promise<void>((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
}
