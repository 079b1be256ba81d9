// A process made of memory: what the command line reads is given by a test, what it writes is kept, and nothing is real.

import { parseArgs } from "node:util";
import { run } from "../../src/cli/run.ts";
import type { ArgumentToken, InterruptSignal, Io, Output, TokenizedOption } from "../../src/cli/io.ts";
import type { MqttOptions } from "../../src/loop/mod.ts";
import { ManualClock, MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";

/** What a test gives to the command line. */
export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  /** Standard input; `undefined` is a terminal at which nobody types. */
  readonly input?: AsyncIterable<Uint8Array> | readonly (Uint8Array | string)[];
  readonly isOutputTerminal?: boolean;
  readonly isErrorOutputTerminal?: boolean;
  readonly hasColor?: boolean;
  readonly clientOptions?: MqttOptions;
}

/** An output that keeps what is written. It can get stuck, as a pipe that nobody reads, and break. */
export class FakeOutput implements Output {
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
  /** Whether it pretends that much waits. */
  isFull = false;
  #bytes: Uint8Array[] = [];
  #stuck: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
    this.columns = isTerminal ? 80 : undefined;
  }

  /** What was written, as text. */
  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }

  /** What was written, line by line. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** What was written. */
  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes.flatMap((bytes) => [...bytes]));
  }

  write(data: string | Uint8Array): void {
    this.#bytes.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
  }

  async flushed(): Promise<void> {
    await this.#stuck?.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Makes `flushed` wait. @returns What lets it go on. */
  stick(): () => void {
    const stuck = Promise.withResolvers<void>();
    this.#stuck = stuck;
    return () => {
      this.#stuck = undefined;
      stuck.resolve();
    };
  }

  /** Makes `flushed` fail from now on. */
  fail(error: Error): void {
    this.#failure = error;
  }
}

/** The process. */
export class FakeIo implements Io {
  readonly args: readonly string[];
  readonly runtime = "Test 1.0";
  readonly output: FakeOutput;
  readonly errorOutput: FakeOutput;
  readonly isInputTerminal: boolean;
  readonly hasColor: boolean;
  readonly clock: ManualClock = new ManualClock(1000);
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly server: ScriptedServer = new ScriptedServer(this.network);
  readonly clientOptions: MqttOptions;
  /** Files that were opened. */
  readonly opened: string[] = [];
  /** Environment variables that were looked for. */
  readonly lookedFor: string[] = [];
  readonly #options: FakeIoOptions;
  readonly #listeners = new Set<(signal: InterruptSignal) => void>();

  constructor(args: readonly string[], options: FakeIoOptions = {}) {
    this.args = args;
    this.#options = options;
    this.output = new FakeOutput(options.isOutputTerminal ?? false);
    this.errorOutput = new FakeOutput(options.isErrorOutputTerminal ?? false);
    this.isInputTerminal = options.input === undefined;
    this.hasColor = options.hasColor ?? false;
    this.clientOptions = {
      transport: this.network.dial,
      clock: this.clock,
      random: () => 0.5,
      ...options.clientOptions,
    };
  }

  /** How many listen to signals. */
  get listeners(): number {
    return this.#listeners.size;
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  }

  env(name: string): string | undefined {
    this.lookedFor.push(name);
    return this.#options.env?.[name];
  }

  input(): AsyncIterable<Uint8Array> {
    const { input = [] } = this.#options;
    return Symbol.asyncIterator in input ? input : stream(input);
  }

  file(path: string): AsyncIterable<Uint8Array> {
    this.opened.push(path);
    const content = this.#options.files?.[path];
    if (content === undefined) return failingStream(new Error(`ENOENT: no such file or directory, open '${path}'`));
    return stream([content]);
  }

  onInterrupt(listener: (signal: InterruptSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tokenize(args: readonly string[], options: Readonly<Record<string, TokenizedOption>>): readonly ArgumentToken[] {
    return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
  }

  /** Presses Ctrl-C, and lets everything happen that follows from it. */
  async interrupt(signal: InterruptSignal = "SIGINT"): Promise<void> {
    for (const listener of this.#listeners) listener(signal);
    await settle();
  }
}

/** Lets the time pass until the next dial, and no more. */
export async function passDelay({ network, clock }: FakeIo): Promise<void> {
  const { dialCount } = network;
  while (network.dialCount === dialCount) {
    const { nextDeadline } = clock;
    if (nextDeadline === undefined) throw new Error("Cannot pass the delay: nothing waits for time");
    await clock.advance(nextDeadline - clock.now());
  }
}

/** A command line that was started. */
export interface Started {
  readonly io: FakeIo;
  /** Its exit code; `undefined` while it runs. */
  code: number | undefined;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/** Starts the command line, and lets it come as far as it can without time and network. */
export async function start(args: readonly string[], options: FakeIoOptions = {}): Promise<Started> {
  const io = new FakeIo(args, options);
  const ended = run(io);
  const started: Started = { io, code: undefined, ended };
  void ended.then((code) => started.code = code);
  await settle();
  return started;
}

/** Runs the command line to its end, against a server that answers everything. */
export async function runToEnd(
  args: readonly string[],
  options: FakeIoOptions = {},
): Promise<Started & { code: number }> {
  const io = new FakeIo(args, options);
  void io.server.autoRespond();
  const code = await run(io);
  return { io, code, ended: Promise.resolve(code) };
}

/** A stream of some chunks. */
export async function* stream(chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await undefined;
    yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
  }
}

// deno-lint-ignore require-yield
async function* failingStream(error: Error): AsyncGenerator<Uint8Array> {
  await undefined;
  throw error;
}
