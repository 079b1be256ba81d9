// What is measured, and with whom.

import { fileURLToPath } from "node:url";
import type { QoS } from "../../mod.ts";
import type { Network, PeerMode, Style, WorkloadKind } from "./plan.ts";

/** A runtime that clients run on. */
export type RuntimeName = "deno" | "bun";

/** Whose client it is; `bare` is the runtime's own socket. */
export type ClientName = "petrel" | "mqttjs" | "bare";

/** One of those that take turns in a workload. */
export interface Contender {
  readonly client: ClientName;
  readonly style: Style;
  readonly runtime: RuntimeName;
}

/** Work that contenders are compared by. */
export interface Workload {
  /** How it is called in tables and chosen by `--only`. */
  readonly name: string;
  readonly kind: WorkloadKind;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly network: Network;
  /** How many messages the first, uncounted run has; the counted ones are as long as they are told to be. */
  readonly firstMessages: number;
}

/** The sizes of payloads. */
export const PAYLOAD_SIZES: readonly number[] = [16, 1024, 65_536];
/** The levels. */
export const QOS_LEVELS: readonly QoS[] = [0, 1, 2];
/** How many clients are idle in one process. */
export const IDLE_CLIENTS = 1000;

/** Every workload, in the order of the tables. */
export function allWorkloads(): Workload[] {
  const workloads: Workload[] = [];
  for (const kind of ["publish", "receive"] as const) {
    for (const qos of QOS_LEVELS) {
      for (const payloadBytes of PAYLOAD_SIZES) {
        const firstMessages = payloadBytes > 10_000 ? 300 : qos > 0 ? 2000 : 10_000;
        workloads.push(createWorkload(kind, qos, payloadBytes, firstMessages));
      }
    }
  }
  for (const kind of ["publish", "receive"] as const) {
    for (const qos of [0, 1] as const) workloads.push(createWorkload(kind, qos, 16, 2000, "websocket"));
  }
  workloads.push(createWorkload("echo", 0, 16, 20));
  workloads.push(createWorkload("puback", 1, 16, 20));
  workloads.push(createWorkload("paced", 1, 16, 500));
  for (const qos of QOS_LEVELS) workloads.push(createWorkload("through-server", qos, 16, 2000));
  workloads.push(createWorkload("idle", 0, 0, IDLE_CLIENTS));
  return workloads;
}

function createWorkload(
  kind: WorkloadKind,
  qos: QoS,
  payloadBytes: number,
  firstMessages: number,
  network: Network = "tcp",
): Workload {
  return { name: workloadName(kind, qos, payloadBytes, network), kind, qos, payloadBytes, network, firstMessages };
}

/** How a workload is called. */
export function workloadName(kind: WorkloadKind, qos: QoS, payloadBytes: number, network: Network = "tcp"): string {
  switch (kind) {
    case "publish":
    case "receive":
      return `${kind} QoS ${qos}, ${sizeName(payloadBytes)}${network === "tcp" ? "" : ", WebSocket"}`;
    case "through-server":
      return `through mosquitto QoS ${qos}, ${sizeName(payloadBytes)}`;
    case "echo":
      return "latency of an echo, one in flight";
    case "puback":
      return "latency of a PUBACK, one in flight";
    case "paced":
      return "latency of a PUBACK, 1,000 messages a second";
    case "idle":
      return "idle clients";
  }
}

/** A number of bytes as it is read best. */
export function sizeName(bytes: number): string {
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** Whether a run of this work lasts as long as its messages take, so that their number can be chosen. */
export function hasFreeLength(workload: Workload): boolean {
  return workload.kind !== "idle";
}

/** Who takes turns in a workload on these runtimes. */
export function contendersOf(workload: Workload, runtimes: readonly RuntimeName[]): Contender[] {
  return runtimes.flatMap((runtime) => {
    const contenders: Contender[] = [{ client: "petrel", style: "plain", runtime }];
    if (hasBatchStyle(workload)) contenders.push({ client: "petrel", style: "batch", runtime });
    contenders.push({ client: "mqttjs", style: "plain", runtime });
    if (hasBareLoop(workload)) contenders.push({ client: "bare", style: "plain", runtime });
    return contenders;
  });
}

/** How a contender is called within its runtime. */
export function contenderName({ client, style }: Contender): string {
  if (client === "mqttjs") return "MQTT.js";
  if (client === "bare") return "bare socket";
  return style === "batch" ? "Petrel, batch" : "Petrel";
}

/** How a runtime is called. */
export function runtimeTitle(runtime: RuntimeName): string {
  return runtime === "deno" ? "Deno" : "Bun";
}

/** What the load peer does for a client; `undefined` if a server takes its place. */
export function peerModeOf(workload: Workload, { client }: Contender): PeerMode | undefined {
  switch (workload.kind) {
    case "through-server":
      return undefined;
    case "publish":
      return client === "bare" ? "bytes-sink" : "sink";
    case "receive":
      return client === "bare" ? "bytes-flood" : "flood";
    case "echo":
      return "echo";
    default:
      return "sink";
  }
}

/** Where the program of a client is. */
export function clientProgram({ client }: Contender): string {
  return fileURLToPath(new URL(`client_${client}.ts`, import.meta.url));
}

function hasBatchStyle({ kind }: Workload): boolean {
  return kind === "publish" || kind === "receive" || kind === "through-server";
}

/** Acknowledgements and frames are no work a socket alone could do: there is nothing to compare with. */
function hasBareLoop({ kind, qos, network }: Workload): boolean {
  if (network !== "tcp") return false;
  return kind === "publish" || kind === "receive" ? qos === 0 : kind !== "through-server";
}
