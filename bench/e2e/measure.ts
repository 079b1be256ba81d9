// One run: a load peer or a server, one client, each in a process of its own, and the line the client leaves behind.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../../tools/source_tree.ts";
import type { ClientPlan, Measurement, PeerPlan } from "./plan.ts";
import { clientProgram, type Contender, peerModeOf, type RuntimeName, type Workload } from "./workload.ts";

/** A run that takes longer has failed. */
const LIMIT_MILLIS = 120_000;
/** Which part of the messages comes before the counted ones. */
const WARM_UP_SHARE = 0.2;
/** How many clients there are before the idle ones are counted. */
const IDLE_WARM_UP = 20;

const bun = `${repositoryRoot}node_modules/bun/bin/bun.exe`;
const peerProgram = fileURLToPath(new URL("load_peer.ts", import.meta.url));

/** Starts the peer of a run, runs the client against it, and ends the peer. */
export async function measure(
  workload: Workload,
  contender: Contender,
  messages: number,
  serverPort: number | undefined,
): Promise<Measurement> {
  const isIdle = workload.kind === "idle";
  const warmUp = isIdle ? IDLE_WARM_UP : Math.max(1, Math.round(messages * WARM_UP_SHARE));
  const { kind, qos, payloadBytes, network } = workload;
  const mode = peerModeOf(workload, contender);
  if (mode === undefined && serverPort === undefined) throw new Error(`Cannot run ${workload.name}: no server runs`);
  // Only what ends with a message of the peer has phases; elsewhere the client counts.
  const phases = kind === "publish" || kind === "receive" ? [warmUp, messages] : [];
  const peer = mode === undefined ? undefined : await startPeer({ mode, network, qos, payloadBytes, phases });
  try {
    const { client: _client, style, runtime } = contender;
    const port = peer?.port ?? serverPort!;
    const plan: ClientPlan = { kind, style, qos, payloadBytes, network, port, warmUp, messages };
    return await runClient(runtime, clientProgram(contender), plan, peer);
  } finally {
    await peer?.stop();
  }
}

interface Peer {
  readonly port: number;
  /** Resolves when it has ended, however it did. */
  readonly exited: Promise<string>;
  /** What it has complained about. */
  complaints(): string;
  stop(): Promise<void>;
}

async function startPeer(plan: PeerPlan): Promise<Peer> {
  const child = start(bun, [peerProgram, JSON.stringify(plan)]);
  const exited = exitOf(child);
  const errors = textOf(child.stderr!);
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once("data", (text: Uint8Array) => {
      const port = Number(/^port (\d+)/.exec(new TextDecoder().decode(text))?.[1]);
      if (port > 0) resolve(port);
      else reject(new Error(`Cannot start the load peer: it wrote "${text}"`));
    });
    void exited.then((how) => reject(new Error(`Cannot start the load peer: ${how} ${errors()}`)));
  });
  return {
    port,
    exited,
    complaints: errors,
    stop: async () => {
      child.stdin!.end();
      await exited;
    },
  };
}

async function runClient(
  runtime: RuntimeName,
  program: string,
  plan: ClientPlan,
  peer: Peer | undefined,
): Promise<Measurement> {
  const [command, ...args] = commandOf(runtime, plan);
  const child = start(command!, [...args, program, JSON.stringify(plan)]);
  const output = textOf(child.stdout!);
  const errors = textOf(child.stderr!);
  const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MILLIS);
  // Not every client ends when its peer is gone.
  void peer?.exited.then(() => child.kill("SIGKILL"));
  const how = await exitOf(child);
  clearTimeout(limit);
  const line = output().trim().split("\n").at(-1)!;
  if (how === "exit 0" && line.startsWith("{")) return JSON.parse(line);
  const said = [errors(), peer?.complaints()].filter((text) => text).join("\n");
  throw new Error(`Cannot measure: ${program} ${JSON.stringify(plan)} on ${runtime} ended with ${how}\n${said}`);
}

function commandOf(runtime: RuntimeName, plan: ClientPlan): string[] {
  if (runtime === "bun") return [bun];
  const deno = "deno" in process.versions ? process.execPath : "deno";
  // The memory of idle clients is looked at after a collection.
  const flags = plan.kind === "idle" ? ["--v8-flags=--expose-gc"] : [];
  return [deno, "run", "-A", "--no-check", "--quiet", ...flags];
}

function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, [...args], { stdio: ["pipe", "pipe", "pipe"], cwd: repositoryRoot });
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(`exit ${code ?? signal}`));
  });
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (piece: string) => text += piece);
  return () => text;
}
