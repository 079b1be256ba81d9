// `petrel pub`: publishes, and ends once everything is published.
import type { AsyncClient } from "../client/mod.ts";
import { describeTopicNameFault, MAX_PACKET_SIZE, type QoS } from "../codec/mod.ts";
import type { Clock } from "../loop/mod.ts";
import { type Command, type CommandContext, createCommand } from "./command.ts";
import { type ConnectionValues, readConnectionOptions } from "./connection_options.ts";
import { delay } from "./delay.ts";
import { TimeoutError } from "./exit_code.ts";
import { Link } from "./link.ts";
import { flag, integer, type OptionTable, qos, seconds, text } from "./option.ts";
import { PendingPublishes } from "./pending_publishes.ts";
import { readAll } from "./read_all.ts";
import { readLines } from "./read_lines.ts";
import { runToEnd } from "./run_to_end.ts";
import { UsageError } from "./usage_error.ts";

/** Failed attempts after which a lost connection is given up, if nothing else is said. */
const RECONNECT_ATTEMPTS = 5;

interface MessageValues {
  readonly file: string | undefined;
  readonly stdin: boolean;
  readonly lines: boolean;
  readonly null: boolean;
}

interface PublishValues {
  readonly qos: QoS | undefined;
  readonly retain: boolean;
  readonly repeat: number | undefined;
  /** In milliseconds. */
  readonly interval: number | undefined;
  /** In milliseconds. */
  readonly timeout: number | undefined;
}

type PubValues = MessageValues & PublishValues & ConnectionValues;

const MESSAGE_OPTIONS: OptionTable<MessageValues> = {
  file: text("FILE", "the message is the content of FILE", "f"),
  stdin: flag("the message is standard input, as a whole", "s"),
  lines: flag("each line of standard input is a message; empty ones are not", "l"),
  null: flag("an empty message; with --retain it clears the topic", "n"),
};

const PUBLISH_OPTIONS: OptionTable<PublishValues> = {
  qos: qos("0 at most once, 1 at least once, 2 exactly once; default 0", "q"),
  retain: flag("the server keeps the message for those who come later", "r"),
  repeat: integer("N", 1, Number.MAX_SAFE_INTEGER, "publish it N times"),
  interval: integer("MS", 0, 0x7fff_ffff, "milliseconds from one message to the next; default 0"),
  timeout: seconds("give up after so long"),
};

/** The command `pub`. */
export const PUB: Command = createCommand(
  {
    name: "pub",
    synopsis: "TOPIC [MESSAGE] [OPTION]…",
    summary: "publish a message, a file, or the lines of standard input",
    description: [
      "Publishes a message and waits until it is sent (QoS 0), acknowledged (1) or",
      "completed (2). Without MESSAGE and without an option that gives one, standard",
      "input is the message, unless it is a terminal. A MESSAGE that begins with a dash",
      "stands behind --.",
    ],
    examples: [
      ["a message, acknowledged by the server", `petrel pub -q 1 hello/petrel "fair winds"`],
      ["each line of a program's output, as it comes", "vmstat 1 | petrel pub --lines host/vmstat"],
      ["a file, kept for those who subscribe later", "petrel pub --retain --file plan.json plans/today"],
      ["away with what is kept", "petrel pub --retain --null plans/today"],
      [
        "over TLS, with a user and a password from a file",
        "petrel pub -b mqtts://broker.example -u ann --password-file pw a/b 1",
      ],
    ],
    options: { "Message": MESSAGE_OPTIONS, "Publishing": PUBLISH_OPTIONS },
    tables: {},
  },
  { ...MESSAGE_OPTIONS, ...PUBLISH_OPTIONS },
  pub,
);

/** The messages of a call, in order. */
type Messages = AsyncIterable<Uint8Array | string>;

async function pub(context: CommandContext, values: PubValues, positionals: readonly string[]): Promise<number> {
  const { io, log } = context;
  const [topicName, message] = positionals;
  if (topicName === undefined) throw new UsageError("pub", "TOPIC is missing");
  if (positionals.length > 2) {
    throw new UsageError("pub", "it takes TOPIC and MESSAGE; a message with spaces stands in quotes");
  }
  const fault = describeTopicNameFault(topicName);
  if (fault !== undefined) throw new UsageError("TOPIC", `it ${fault}`);
  const client = await readConnectionOptions(io, log, values);
  const messages = await chooseMessages(context, values, message);
  const attempts = values.reconnectAttempts ?? RECONNECT_ATTEMPTS;
  const link = new Link({ client, reconnectAttempts: attempts, log });
  const publisher = new Publisher(io.clock, link.client, topicName, values);
  const { timeout } = values;
  const limit = timeout === undefined ? undefined : {
    millis: timeout,
    expire: (): never => {
      throw new TimeoutError("publish everything", timeout);
    },
  };
  return await runToEnd(context, link, (signal) => publisher.publishAll(messages, signal), limit);
}

async function chooseMessages(
  { io }: CommandContext,
  values: PubValues,
  message: string | undefined,
): Promise<Messages> {
  const given = [
    ["MESSAGE", message !== undefined],
    ["--file", values.file !== undefined],
    ["--stdin", values.stdin],
    ["--lines", values.lines],
    ["--null", values.null],
  ].filter(([, isGiven]) => isGiven).map(([name]) => String(name));
  if (given.length > 1) throw new UsageError(given[1]!, `${given[0]} gives another message`);
  const { repeat = 1 } = values;
  if (values.lines) {
    if (values.repeat !== undefined) throw new UsageError("--repeat", "--lines gives the messages");
    return readLines(io.input(), MAX_PACKET_SIZE);
  }
  if (given.length === 0 && io.isInputTerminal) {
    throw new UsageError("pub", "there is no message: give MESSAGE, --file, --stdin, --lines or --null");
  }
  if (message !== undefined) return repeated(message, repeat);
  if (values.null) return repeated("", repeat);
  const { file } = values;
  const payload = file === undefined
    ? await readAll(io.input(), MAX_PACKET_SIZE, "standard input")
    : await readAll(io.file(file), MAX_PACKET_SIZE, "--file");
  return repeated(payload, repeat);
}

async function* repeated(message: Uint8Array | string, times: number): AsyncGenerator<Uint8Array | string> {
  for (let i = 0; i < times; i++) yield message;
}

/** Publishes messages to one topic, and counts what becomes of them. */
class Publisher {
  readonly #clock: Clock;
  readonly #client: AsyncClient;
  readonly #topicName: string;
  readonly #options: { readonly qos: QoS | undefined; readonly retain: boolean };
  readonly #intervalMillis: number;
  readonly #pending: PendingPublishes = new PendingPublishes();

  constructor(clock: Clock, client: AsyncClient, topicName: string, values: PubValues) {
    this.#clock = clock;
    this.#client = client;
    this.#topicName = topicName;
    this.#options = { qos: values.qos, retain: values.retain };
    this.#intervalMillis = values.interval ?? 0;
  }

  /** Publishes all, and waits for the end of each. @returns 0. @throws {Error} If one was not published. */
  async publishAll(messages: Messages, signal: AbortSignal): Promise<number> {
    const pending = this.#pending;
    const start = this.#clock.now();
    for await (const message of messages) {
      const wait = start + pending.begun * this.#intervalMillis - this.#clock.now();
      if (wait > 0) await delay(this.#clock, wait, signal);
      if (signal.aborted) break;
      // It waits while there are enough unfinished ones; so what comes from a pipe stays there.
      pending.add(await this.#client.publishTracked(this.#topicName, message, this.#options));
    }
    await pending.idle();
    const { begun, failed, firstFailure } = pending;
    if (firstFailure === undefined) return 0;
    if (begun === 1) throw firstFailure;
    throw new Error(`Cannot publish ${failed} of ${begun} messages: the first of them says: ${firstFailure.message}`);
  }
}
