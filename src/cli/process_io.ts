// The process the command line runs in, on Deno, Bun and Node. The only file of this folder that knows a runtime.
//
// Nothing here asks for a permission that was not given: on Deno an environment variable that may not be read is one that is not set.
import { type Clock, type MqttOptions, systemClock } from "../loop/mod.ts";
import type { ArgumentToken, CalendarTime, InterruptSignal, Io, Output, TokenizedOption } from "./io.ts";
import { ProcessOutput, type WriteBytes } from "./process_output.ts";

/** What is used of a standard stream of `node:process`. */
interface NodeStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): boolean;
  on(event: "error", listener: () => void): unknown;
}

/** What is used of `node:process`. */
interface NodeProcess {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeStream;
  readonly stderr: NodeStream;
  on(event: InterruptSignal, listener: () => void): unknown;
  off(event: InterruptSignal, listener: () => void): unknown;
  exit(code: number): never;
  getBuiltinModule(name: "node:fs"): { createReadStream(path: string): AsyncIterable<Uint8Array> };
  getBuiltinModule(name: "node:tty"): { isatty(descriptor: number): boolean };
  getBuiltinModule(name: "node:util"): {
    parseArgs(config: {
      readonly args: readonly string[];
      readonly options: Readonly<Record<string, TokenizedOption>>;
      readonly strict: false;
      readonly allowPositionals: true;
      readonly tokens: true;
    }): { readonly tokens: readonly ArgumentToken[] };
  };
}

/** What is used of Deno's global. */
interface DenoScope {
  readonly noColor: boolean;
  readonly permissions: { querySync(descriptor: { name: "env"; variable: string }): { readonly state: string } };
  readonly stdout: { write(bytes: Uint8Array): Promise<number> };
  readonly stderr: { write(bytes: Uint8Array): Promise<number> };
}

interface ProcessScope {
  readonly process: NodeProcess;
  readonly Deno?: DenoScope;
}

/** The process itself. */
export class ProcessIo implements Io {
  readonly args: readonly string[];
  readonly runtime: string;
  readonly output: Output;
  readonly errorOutput: Output;
  readonly isInputTerminal: boolean;
  readonly hasColor: boolean;
  readonly clock: Clock = systemClock;
  readonly clientOptions: MqttOptions = {};
  readonly #process: NodeProcess;
  readonly #deno: DenoScope | undefined;

  /** Looks at the process; touches nothing. */
  constructor() {
    const { process, Deno } = globalThis as unknown as ProcessScope;
    this.#process = process;
    this.#deno = Deno;
    this.args = process.argv.slice(2);
    this.runtime = describeRuntime(process.versions);
    const tty = process.getBuiltinModule("node:tty");
    this.isInputTerminal = tty.isatty(0);
    this.output = new ProcessOutput(tty.isatty(1), process.stdout.columns, writer(process.stdout, Deno?.stdout));
    this.errorOutput = new ProcessOutput(tty.isatty(2), process.stderr.columns, writer(process.stderr, Deno?.stderr));
    const isUnwanted = Deno === undefined ? (this.env("NO_COLOR") ?? "") !== "" : Deno.noColor;
    this.hasColor = !isUnwanted && this.env("TERM") !== "dumb";
  }

  date(): CalendarTime {
    return new Date();
  }

  env(name: string): string | undefined {
    // Without the question Deno asks at the terminal, or throws where there is none.
    const state = this.#deno?.permissions.querySync({ name: "env", variable: name }).state;
    return state === undefined || state === "granted" ? this.#process.env[name] : undefined;
  }

  input(): AsyncIterable<Uint8Array> {
    return this.#process.stdin;
  }

  file(path: string): AsyncIterable<Uint8Array> {
    return this.#process.getBuiltinModule("node:fs").createReadStream(path);
  }

  onInterrupt(listener: (signal: InterruptSignal) => void): () => void {
    const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => [signal, () => listener(signal)] as const);
    for (const [signal, listen] of listeners) this.#process.on(signal, listen);
    return () => {
      for (const [signal, listen] of listeners) this.#process.off(signal, listen);
    };
  }

  tokenize(args: readonly string[], options: Readonly<Record<string, TokenizedOption>>): readonly ArgumentToken[] {
    const { parseArgs } = this.#process.getBuiltinModule("node:util");
    return parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true }).tokens;
  }

  /** Ends the process now, whatever is still under way. */
  exit(code: number): never {
    this.#process.exit(code);
  }
}

function describeRuntime(versions: Readonly<Record<string, string | undefined>>): string {
  if (versions["deno"] !== undefined) return `Deno ${versions["deno"]}`;
  return versions["bun"] !== undefined ? `Bun ${versions["bun"]}` : `Node ${versions["node"]}`;
}

function writer(stream: NodeStream, deno: DenoScope["stdout"] | undefined): WriteBytes {
  // Deno's `process.stdout` holds up the whole process while a pipe is full, pings included.
  if (deno !== undefined) return (bytes) => writeAll(deno, bytes);
  // The callback is told the same error; without a listener it would end the process.
  stream.on("error", () => {});
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => error ? reject(error) : resolve());
    });
}

async function writeAll(stream: DenoScope["stdout"], bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await stream.write(bytes.subarray(written));
}
