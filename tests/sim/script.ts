// A script is everything that happens to a simulated world: how it is set up, and a list of plain operations.

import type { QoS } from "../../src/codec/mod.ts";
import type { Random } from "./random.ts";

/** What does not change in the course of a script. */
export interface Setup {
  readonly cleanSession: boolean;
  readonly ackMode: "automatic" | "manual";
  readonly inflight: number;
  readonly inflightQos2: number;
  /** Seconds. */
  readonly keepAlive: number;
  /** Milliseconds a packet takes in either direction; twice that is less than half of any Keep Alive. */
  readonly latencyMillis: number;
  readonly pendingThrottleMillis: number;
  readonly resubscribe: boolean;
  readonly qos1Lost: "resend" | "fail";
  readonly qos2Lost: "resend" | "fail";
  /** Whether the session takes requests as soon as it can, rather than when the transport has room for them. */
  readonly admitsEarly: boolean;
  /** When the server hands a QoS 2 message on: methods B and A of section 4.3.3 of MQTT 3.1.1. */
  readonly serverDelivers: "at-publish" | "at-pubrel";
  /** How many Packet Identifiers there are. It follows from how the session is made and is not drawn. */
  readonly packetIds: number;
}

/** Something that happens. What makes no sense at the moment (to open an open connection) does nothing. */
export type Operation =
  | { readonly op: "publish"; readonly qos: QoS }
  | { readonly op: "subscribe"; readonly filter: number; readonly count: number }
  | { readonly op: "unsubscribe"; readonly filter: number }
  | { readonly op: "serverPublish"; readonly qos: QoS }
  | { readonly op: "acknowledge"; readonly index: number }
  | { readonly op: "forget"; readonly index: number }
  | { readonly op: "advance"; readonly millis: number }
  | { readonly op: "sleep"; readonly millis: number }
  | { readonly op: SimpleOperation };

/** Operations without arguments. */
export type SimpleOperation =
  | "open"
  | "cut"
  | "mute"
  | "unmute"
  | "block"
  | "unblock"
  | "progress"
  | "holdAcks"
  | "releaseAcks"
  | "refuse"
  | "forgetSession"
  | "disconnect"
  | "disconnectNow";

/** Everything that happens to one world. */
export interface Script {
  readonly seed: number;
  readonly setup: Setup;
  readonly operations: readonly Operation[];
}

/** The plainest world; a shrunk script goes back to it wherever it can. */
export const plainSetup: Setup = {
  cleanSession: false,
  ackMode: "automatic",
  inflight: 100,
  inflightQos2: 20,
  keepAlive: 0,
  latencyMillis: 1,
  pendingThrottleMillis: 0,
  resubscribe: true,
  qos1Lost: "resend",
  qos2Lost: "fail",
  admitsEarly: false,
  serverDelivers: "at-publish",
  packetIds: 65_535,
};

/** How many filters there are; the server refuses the last one. */
export const FILTERS = 20;

/** How often each operation is drawn, relative to the others. */
const WEIGHTS: Readonly<Record<Operation["op"], number>> = {
  publish: 24,
  subscribe: 5,
  unsubscribe: 3,
  serverPublish: 14,
  acknowledge: 8,
  forget: 1,
  advance: 26,
  sleep: 2,
  open: 9,
  cut: 6,
  mute: 2,
  unmute: 3,
  block: 3,
  unblock: 4,
  progress: 1,
  holdAcks: 3,
  releaseAcks: 3,
  refuse: 1,
  forgetSession: 2,
  disconnect: 0.4,
  disconnectNow: 0.2,
};

const DECK: readonly Operation["op"][] = Object.entries(WEIGHTS).flatMap(([op, weight]) =>
  Array<Operation["op"]>(weight * 5).fill(op as Operation["op"])
);

/** Runs of operations that chance would seldom put together, and that have a history of trouble. */
const INCIDENTS: readonly ((latencyMillis: number) => Operation[])[] = [
  // The server restarts without its disk, and the CONNACK that would say so is lost.
  (millis) => [
    { op: "forgetSession" },
    { op: "open" },
    { op: "advance", millis },
    { op: "cut" },
    { op: "open" },
    { op: "advance", millis: 2 * millis },
  ],
  // The connection is lost again in the middle of the replay.
  (millis) => [
    { op: "cut" },
    { op: "open" },
    { op: "advance", millis: 3 * millis },
    { op: "cut" },
    { op: "open" },
    { op: "advance", millis: 2 * millis },
  ],
];

/** Draws the script of a seed. */
export function drawScript(seed: number, random: Random): Script {
  const setup = drawSetup(random);
  const operations: Operation[] = [{ op: "open" }];
  for (let left = random.between(4, 60); left > 0; left--) {
    if (random.oneIn(40)) operations.push(...random.pick(INCIDENTS)(setup.latencyMillis));
    else operations.push(drawOperation(setup, random));
  }
  return { seed, setup, operations };
}

function drawSetup(random: Random): Setup {
  const keepAlive = random.pick([0, 1, 2, 10]);
  return {
    cleanSession: random.oneIn(4),
    ackMode: random.oneIn(3) ? "manual" : "automatic",
    inflight: random.pick([1, 2, 3, 8, 100]),
    inflightQos2: random.pick([1, 2, 20]),
    keepAlive,
    latencyMillis: random.pick([1, 5, 40, 200]),
    pendingThrottleMillis: random.pick([0, 0, 0, 30, 300]),
    resubscribe: !random.oneIn(4),
    qos1Lost: random.oneIn(3) ? "fail" : "resend",
    qos2Lost: random.oneIn(3) ? "resend" : "fail",
    admitsEarly: random.oneIn(3),
    serverDelivers: random.oneIn(2) ? "at-publish" : "at-pubrel",
    packetIds: plainSetup.packetIds,
  };
}

function drawOperation(setup: Setup, random: Random): Operation {
  const op = random.pick(DECK);
  switch (op) {
    case "publish":
    case "serverPublish":
      return { op, qos: random.pick([0, 1, 1, 2, 2] as const) };
    case "subscribe":
      return { op, filter: random.below(FILTERS), count: random.pick([1, 1, 2, 9]) };
    case "unsubscribe":
      return { op, filter: random.below(FILTERS) };
    case "acknowledge":
    case "forget":
      return { op, index: random.below(8) };
    case "advance":
      return { op, millis: drawMillis(setup, random) };
    case "sleep":
      return { op, millis: drawMillis(setup, random) * random.pick([1, 1, 20]) };
    default:
      return { op };
  }
}

function drawMillis({ keepAlive, latencyMillis }: Setup, random: Random): number {
  const period = keepAlive * 1000;
  return random.pick([
    0,
    1,
    latencyMillis,
    latencyMillis,
    2 * latencyMillis,
    50,
    500,
    period / 2,
    period,
    period * 1.6,
  ]);
}

/** A script as text that can be pasted into a test. */
export function formatScript({ seed, setup, operations }: Script): string {
  const unusual = Object.entries(setup).filter(([field, value]) => plainSetup[field as keyof Setup] !== value);
  const lines = operations.map((operation) => `    ${JSON.stringify(operation)},`);
  return [
    `{`,
    `  seed: ${seed},`,
    `  setup: { ...plainSetup, ...${JSON.stringify(Object.fromEntries(unusual))} },`,
    `  operations: [`,
    ...lines,
    `  ],`,
    `}`,
  ].join("\n");
}
