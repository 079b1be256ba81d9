// `petrel sub`: prints messages as they arrive.
//
// A message is acknowledged once it is written: what a full pipe, a kill or `--count` keeps from being printed stays the server's.
import type { AsyncClient } from "../client/mod.ts";
import { describeTopicFilterFault, type Publish, type QoS } from "../codec/mod.ts";
import { type Event, SubscribeRefusedError } from "../loop/mod.ts";
import { type Command, type CommandContext, createCommand } from "./command.ts";
import { type ConnectionValues, readConnectionOptions } from "./connection_options.ts";
import { TimeoutError } from "./exit_code.ts";
import { type Io, OutputClosedError } from "./io.ts";
import { Link } from "./link.ts";
import type { Log } from "./log.ts";
import { chooseFormat, FORMAT_NAMES, type MessageFormat, TEMPLATE_FIELDS } from "./message_format.ts";
import { flag, integer, type OptionTable, qos, seconds, text } from "./option.ts";
import { runToEnd, type TimeLimit } from "./run_to_end.ts";
import { UsageError } from "./usage_error.ts";

interface SubscribeValues {
  readonly qos: QoS | undefined;
  readonly count: number | undefined;
  /** In milliseconds. */
  readonly timeout: number | undefined;
  readonly retainedOnly: boolean;
  readonly noRetained: boolean;
}

interface OutputValues {
  readonly format: string | undefined;
  readonly json: boolean;
}

type SubValues = SubscribeValues & OutputValues & ConnectionValues;

const SUBSCRIBE_OPTIONS: OptionTable<SubscribeValues> = {
  qos: qos("highest QoS the messages should come at; default 0", "q"),
  count: integer("N", 1, Number.MAX_SAFE_INTEGER, "end after N messages", "C"),
  timeout: seconds("end after so long; with --count that is a failure", "W"),
  retainedOnly: flag("print only what the server had kept"),
  noRetained: flag("print only what is new", "R"),
};

const OUTPUT_OPTIONS: OptionTable<OutputValues> = {
  format: text("FORMAT", "a name or a template, see below; default text", "F"),
  json: flag("the same as --format json", "j"),
};

/** The command `sub`. */
export const SUB: Command = createCommand(
  {
    name: "sub",
    synopsis: "FILTER… [OPTION]…",
    summary: "print the messages that arrive",
    description: [
      "Subscribes to Topic Filters and prints what arrives, until Ctrl-C, --count or",
      "--timeout. In a filter + stands for one level and # for all that follow; quote",
      "it, or the shell takes it. A lost connection is made again, and the filters are",
      "subscribed to again. A reader of the output that is slow holds the server back.",
    ],
    examples: [
      ["all that is below hello", "petrel sub 'hello/#'"],
      ["one value, or none in ten seconds (exit code 4)", "petrel sub --count 1 --timeout 10 rooms/7/temperature"],
      ["what the server has kept, as JSON lines", "petrel sub --retained-only --timeout 2 --json '#' | jq .topicName"],
      ["time, topic and payload", "petrel sub --format '%I %t: %p' 'rooms/+/temperature'"],
      [
        "nothing is lost while it does not run",
        "petrel sub -q 1 --no-clean-session --client-id archive 'orders/#' >> orders",
      ],
    ],
    options: { "Subscribing": SUBSCRIBE_OPTIONS, "Output": OUTPUT_OPTIONS },
    tables: { "Formats": FORMAT_NAMES, "Templates: text with any of these, and a line feed": TEMPLATE_FIELDS },
  },
  { ...SUBSCRIBE_OPTIONS, ...OUTPUT_OPTIONS },
  sub,
);

async function sub(context: CommandContext, values: SubValues, topicFilters: readonly string[]): Promise<number> {
  const { io, log } = context;
  if (topicFilters.length === 0) throw new UsageError("sub", "FILTER is missing");
  for (const topicFilter of topicFilters) {
    const fault = describeTopicFilterFault(topicFilter);
    if (fault !== undefined) throw new UsageError(`FILTER ${JSON.stringify(topicFilter)}`, `it ${fault}`);
  }
  if (values.retainedOnly && values.noRetained) {
    throw new UsageError("--no-retained", "--retained-only says the opposite");
  }
  if (values.json && values.format !== undefined) throw new UsageError("--json", "--format says something else");
  const format = chooseFormat(values.json ? "json" : values.format ?? "text", io.output.isTerminal);
  const client = await readConnectionOptions(io, log, values);
  const printer = new Printer(io, format, values);
  const link = new Link({
    client: { ...client, ackMode: "manual" },
    reconnectAttempts: values.reconnectAttempts ?? Infinity,
    log,
    handle: (events, client) => printer.handleEvents(events, client),
  });
  let isSubscribed = false;
  const work = async (): Promise<number> => {
    await subscribe(link.client, topicFilters, values.qos ?? 0, log);
    isSubscribed = true;
    return await printer.ended;
  };
  const limit = limitOf(values, printer, () => isSubscribed);
  return await runToEnd(context, link, () => Promise.race([work(), printer.ended]), limit);
}

/** Subscribes, and waits for the answer. @throws {SubscribeRefusedError} If the server refuses a filter. */
async function subscribe(
  client: AsyncClient,
  topicFilters: readonly string[],
  asked: QoS,
  log: Log,
): Promise<void> {
  const notice = await client.subscribeManyTracked(topicFilters.map((topicFilter) => ({ topicFilter, qos: asked })));
  const { returnCodes } = await notice.wait();
  for (const [index, code] of returnCodes.entries()) {
    const topicFilter = topicFilters[index]!;
    if (code === 0x80) log.note(`The server refuses ${topicFilter}`);
    else if (code < asked) log.warn(`${topicFilter} is granted at QoS ${code}, not ${asked}`);
  }
  if (returnCodes.includes(0x80)) throw new SubscribeRefusedError(returnCodes);
}

function limitOf({ timeout, count }: SubValues, printer: Printer, isSubscribed: () => boolean): TimeLimit | undefined {
  if (timeout === undefined) return undefined;
  const expire = (): number => {
    if (count !== undefined) throw new TimeoutError(`receive ${count} messages, only ${printer.printed}`, timeout);
    // Who has only listened for so long has done what was asked; who could not even subscribe has not.
    if (!isSubscribed()) throw new TimeoutError("subscribe", timeout);
    return 0;
  };
  return { millis: timeout, expire };
}

/** Prints messages, and acknowledges what is printed. */
class Printer {
  /** How many are printed, or on their way. */
  printed = 0;
  readonly #io: Io;
  readonly #format: MessageFormat;
  readonly #values: SubValues;
  readonly #ended = Promise.withResolvers<number>();

  constructor(io: Io, format: MessageFormat, values: SubValues) {
    this.#io = io;
    this.#format = format;
    this.#values = values;
    // Whoever waits for it is told; nobody has to.
    this.#ended.promise.catch(() => {});
  }

  /** Resolves with the exit code once enough is printed, or nobody reads it any more. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Whether `--count` is reached. */
  get #isEnough(): boolean {
    return this.printed === this.#values.count;
  }

  /** Prints the messages among events. @returns What the next ones have to wait for. Never rejects. */
  handleEvents(events: readonly Event[], client: AsyncClient): Promise<void> | undefined {
    const taken: Publish[] = [];
    for (const event of events) {
      if (event.type !== "incoming" || event.packet.type !== "publish" || this.#isEnough) continue;
      taken.push(event.packet);
      this.#print(event.packet);
    }
    return taken.length === 0 ? undefined : this.#finish(taken, client);
  }

  #print(message: Publish): void {
    const { retainedOnly, noRetained } = this.#values;
    if (message.retain ? noRetained : retainedOnly) return;
    this.#io.output.write(this.#format(message, this.#io.date()));
    this.printed++;
  }

  /** Acknowledges messages once they are written. */
  async #finish(messages: readonly Publish[], client: AsyncClient): Promise<void> {
    try {
      await this.#io.output.flushed();
    } catch (error) {
      // `head` has seen enough, which is no failure. What it has not seen is not acknowledged.
      if (error instanceof OutputClosedError) this.#ended.resolve(0);
      else this.#ended.reject(error);
      return;
    }
    for (const message of messages) if (message.qos > 0) client.tryAck(message);
    if (this.#isEnough) this.#ended.resolve(0);
  }
}
