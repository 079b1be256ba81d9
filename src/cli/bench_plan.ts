// What a benchmark does, from the options that ask for it.
import { describeTopicNameFault, type QoS } from "../codec/mod.ts";
import { flag, integer, type OptionTable, qos, seconds, text } from "./option.ts";
import { showWord, UsageError } from "./usage_error.ts";

/** Who takes part. */
export interface ClientValues {
  readonly clients: number | undefined;
  readonly publishers: number | undefined;
  readonly subscribers: number | undefined;
}

/** What they do. */
export interface LoadValues {
  readonly messages: number | undefined;
  /** In milliseconds. */
  readonly duration: number | undefined;
  readonly size: number | undefined;
  readonly qos: QoS | undefined;
  readonly rate: number | undefined;
  readonly inflight: number | undefined;
  readonly topic: string | undefined;
  readonly json: boolean;
}

/** What the options of the command become. */
export type BenchValues = ClientValues & LoadValues;

/** The options that say who takes part. */
export const CLIENT_OPTIONS: OptionTable<ClientValues> = {
  clients: integer("N", 1, 10_000, "clients of the kind; default 1", "c"),
  publishers: integer("N", 1, 10_000, "without a kind: who publishes; default 1"),
  subscribers: integer("N", 0, 10_000, "without a kind: who receives; default 1"),
};

/** The options that say what they do. */
export const LOAD_OPTIONS: OptionTable<LoadValues> = {
  messages: integer("N", 1, Number.MAX_SAFE_INTEGER, "end after N messages of each publisher", "n"),
  duration: seconds("end after so long; default 5, or none with --messages", "d"),
  size: integer("BYTES", 0, 268_000_000, "size of a payload; default 64", "s"),
  qos: qos("of publishers and subscribers; default 0", "q"),
  rate: integer("N", 1, 1_000_000, "messages a second of each publisher; default as many as go"),
  inflight: integer("N", 1, 65_535, "most unfinished QoS 1 and 2 messages of each publisher; default 100"),
  topic: text("PREFIX", "what topics begin with; default petrel/bench and a random word", "t"),
  json: flag("the result as one line of JSON", "j"),
};

/** The kinds there are. */
const BENCH_KINDS = ["pub", "sub", "pingpong"] as const;

/** What a benchmark does. */
export interface BenchPlan {
  /** The kind that was asked for; `pubsub` if it is made up of publishers and subscribers. */
  readonly kind: "pub" | "sub" | "pingpong" | "pubsub";
  /** Clients that publish. In `pingpong` they receive what they publish. */
  readonly publishers: number;
  /** Clients that receive what all others publish. */
  readonly subscribers: number;
  /** Messages of each publisher; `Infinity` if time alone is the limit. */
  readonly messages: number;
  /** For how long it publishes, in milliseconds; `Infinity` if the number of messages alone is the limit. */
  readonly durationMillis: number;
  /** Size of a payload, in bytes. */
  readonly size: number;
  /** The QoS of publishes and subscriptions. */
  readonly qos: QoS;
  /** Messages of each publisher in a second; `undefined` for as many as go. */
  readonly rate: number | undefined;
  /** Most unfinished messages of each publisher. */
  readonly inflight: number;
  /** What the topics begin with. */
  readonly topicPrefix: string;
}

/** A payload that is received begins with the moment at which it was sent, as a float of 64 bits. */
export const STAMP_BYTES: number = 8;
const DEFAULT_DURATION_MILLIS = 5000;

/**
 * Makes the plan of a benchmark.
 *
 * @param values The options.
 * @param positionals The kind, if one is given.
 * @param word A random word, for the topics.
 * @throws {UsageError} If they contradict each other.
 */
export function planBench(
  values: BenchValues,
  positionals: readonly string[],
  word: string,
): BenchPlan {
  const { messages, duration, rate, inflight = 100, size = 64 } = values;
  const clients = planClients(values, positionals);
  if (size < STAMP_BYTES && (clients.kind === "pingpong" || clients.subscribers > 0)) {
    throw new UsageError("--size", `${size} bytes do not hold the ${STAMP_BYTES} that tell when a message was sent`);
  }
  const fault = values.topic === undefined ? undefined : describeTopicNameFault(values.topic);
  if (fault !== undefined) throw new UsageError("--topic", `it ${fault}`);
  return {
    ...clients,
    messages: messages ?? Infinity,
    durationMillis: duration ?? (messages === undefined ? DEFAULT_DURATION_MILLIS : Infinity),
    size,
    qos: values.qos ?? 0,
    rate,
    inflight,
    topicPrefix: values.topic ?? `petrel/bench/${word}`,
  };
}

function planClients(
  { clients, publishers, subscribers }: BenchValues,
  [name, ...more]: readonly string[],
): Pick<BenchPlan, "kind" | "publishers" | "subscribers"> {
  const kind = BENCH_KINDS.find((candidate) => candidate === name);
  if (more.length > 0) throw new UsageError("bench", "it takes one KIND");
  if (name !== undefined && kind === undefined) {
    throw new UsageError(showWord(name, "the argument"), `the kinds are ${BENCH_KINDS.join(", ")}`);
  }
  if (kind === undefined) {
    if (clients !== undefined) {
      throw new UsageError("--clients", "without KIND there are --publishers and --subscribers");
    }
    return { kind: "pubsub", publishers: publishers ?? 1, subscribers: subscribers ?? 1 };
  }
  const stray = publishers !== undefined ? "--publishers" : "--subscribers";
  if (publishers !== undefined || subscribers !== undefined) {
    throw new UsageError(stray, "with KIND there is --clients");
  }
  return {
    kind,
    publishers: kind === "sub" ? 1 : clients ?? 1,
    subscribers: kind === "sub" ? clients ?? 1 : 0,
  };
}
