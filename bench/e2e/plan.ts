// What the processes of one run tell each other: a plan goes down as an argument, a measurement comes back as a line of JSON.

import { readFileSync } from "node:fs";
import process from "node:process";
import type { QoS } from "../../mod.ts";

/** Publishes or deliveries that may be unacknowledged at a time, for every client and for the load peer. */
export const WINDOW = 100;
/** Messages a second when they are paced. */
export const PACED_RATE = 1000;

/** What a client does in a run. */
export type WorkloadKind =
  /** Publishes as fast as it may. */
  | "publish"
  /** Receives what comes as fast as it can. */
  | "receive"
  /** Publishes one message at a time and waits until it comes back. */
  | "echo"
  /** Publishes one message at a time and waits for its PUBACK. */
  | "puback"
  /** Publishes on a schedule and notes how long each PUBACK takes. */
  | "paced"
  /** Publishes to a topic it is subscribed to, through a server. */
  | "through-server"
  /** Connects many clients and does nothing. */
  | "idle";

/** What lies between a client and its peer. */
export type Network = "tcp" | "websocket";

/** How Petrel is used: as its first example does, or by the calls for many messages at once. */
export type Style = "plain" | "batch";

/** What a client process is to do. */
export interface ClientPlan {
  readonly kind: WorkloadKind;
  readonly style: Style;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly network: Network;
  /** Where the peer listens, at 127.0.0.1. */
  readonly port: number;
  /** How many messages to begin with, not counted. */
  readonly warmUp: number;
  /** How many messages are counted; of idle clients how many there are. */
  readonly messages: number;
}

/** What a load peer does with a connection. */
export type PeerMode = "sink" | "flood" | "echo" | "bytes-sink" | "bytes-flood";

/** What a load peer is to do. */
export interface PeerPlan {
  readonly mode: PeerMode;
  readonly network: Network;
  readonly qos: QoS;
  readonly payloadBytes: number;
  /** How many messages each phase has. A sink says when one is done; a flood begins one when it is asked to. */
  readonly phases: readonly number[];
}

/** What a client process tells of its run. */
export interface Measurement {
  /** How many messages were counted; of idle clients how many there were. */
  readonly messages: number;
  /** How long they took. */
  readonly seconds: number;
  /** Processor time of the client's process meanwhile, all of its threads together. */
  readonly cpuSeconds: number;
  /** Most memory the process has held since it began. */
  readonly peakMiB: number;
  /** How long each message took, where one was measured at a time. */
  readonly latenciesMicros?: readonly number[];
  /** By how much the process grew for each idle client. */
  readonly kibPerClient?: number;
}

/** The address of a client's peer. */
export function peerUrl({ network, port }: ClientPlan): string {
  return network === "tcp" ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${port}/mqtt`;
}

/** Reads the plan this process was started with. */
export function readPlan<Plan>(): Plan {
  const plan = process.argv[2];
  if (plan === undefined) throw new Error("Cannot run: this program is started by bench/e2e/run.ts, with a plan");
  return JSON.parse(plan);
}

/** Takes time and processor time of a run. */
export class Meter {
  #begin = 0;
  #cpu: NodeJS.CpuUsage = { user: 0, system: 0 };

  /** Begins to count. */
  start(): void {
    this.#cpu = process.cpuUsage();
    this.#begin = performance.now();
  }

  /** Ends the count. */
  stop(messages: number): Measurement {
    const seconds = (performance.now() - this.#begin) / 1000;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system - this.#cpu.user - this.#cpu.system) / 1e6;
    return { messages, seconds, cpuSeconds, peakMiB: peakMiB() };
  }
}

/** Tells how a run went, and ends the process: its connections need no farewell. */
export function report(measurement: Measurement): void {
  process.stdout.write(JSON.stringify(measurement) + "\n", () => process.exit(0));
}

/** Waits. */
export function delay(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** Not `resourceUsage` where it can be had otherwise: on Linux that counts what the parent held when it started this process. */
function peakMiB(): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}
