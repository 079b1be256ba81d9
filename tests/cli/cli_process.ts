// The command line in a process of its own, on the runtime of the test, with no more permissions than it is given.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import process from "node:process";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { runtime } from "../support/test.ts";

/** How a process is started. */
export interface CliProcessOptions {
  /** The port it may connect to, at 127.0.0.1; Deno allows no other. */
  readonly port: number;
  /** Environment variables besides those of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further permissions on Deno. */
  readonly permissions?: readonly string[];
  /** Whether standard output is not read before a test says so. */
  readonly isUnread?: boolean;
}

/** How a process has ended. */
export interface Exit {
  /** The exit code, or the signal that killed it. */
  readonly code: number | string;
  /** What it wrote to standard output. */
  readonly output: Buffer;
  /** What it wrote to standard error. */
  readonly errors: string;
}

const LIMIT_MILLIS = 60_000;

/** A running command line. */
export class CliProcess {
  /** Resolves when it has ended and its pipes are closed. */
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #errors = "";
  #look: (() => void) | undefined;

  /**
   * @param args The arguments.
   * @param options How it is started.
   */
  constructor(args: readonly string[], options: CliProcessOptions) {
    const { port, env, permissions = [], isUnread = false } = options;
    const script = `${repositoryRoot}cli.ts`;
    const denoArgs = ["run", `-N=127.0.0.1:${port}`, ...permissions, script];
    const clean = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env };
    this.#child = spawn(process.execPath, [...runtime === "deno" ? denoArgs : [script], ...args], { env: clean });
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
      this.#look?.();
    });
    if (!isUnread) this.read();
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), LIMIT_MILLIS);
    this.exit = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        clearTimeout(limit);
        resolve({ code: code ?? signal ?? "unknown", output: Buffer.concat(this.#chunks), errors: this.#errors });
        this.#look?.();
      });
    });
  }

  /** What it has written to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** Reads standard output from now on. */
  read(): void {
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#look?.();
    });
  }

  /** Closes the reading end of its standard output, as `head` does when it has seen enough. */
  closeOutput(): void {
    this.#child.stdout.destroy();
  }

  /** Writes to its standard input. */
  type(data: string | Uint8Array): void {
    this.#child.stdin.write(data);
  }

  /** Ends its standard input. */
  endInput(data: string | Uint8Array = ""): void {
    this.#child.stdin.end(data);
  }

  /** Sends it a signal. */
  kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    // Not `child.kill`: on Deno it decides that the signal was the end, whatever the process makes of it.
    process.kill(this.#child.pid!, signal);
  }

  /** Waits until so many bytes of output have come. @throws {Error} If it ends before. */
  async until(bytes: number): Promise<void> {
    await this.#wait(() => this.#length >= bytes, `${bytes} bytes`);
  }

  /** Waits until it has said something on standard error. @throws {Error} If it ends before. */
  async untilSaid(pattern: RegExp): Promise<void> {
    await this.#wait(() => pattern.test(this.#errors), String(pattern));
  }

  async #wait(holds: () => boolean, what: string): Promise<void> {
    let isOver = false;
    void this.exit.then(() => isOver = true);
    while (!holds()) {
      if (isOver) throw new Error(`Cannot go on: it has ended without ${what}: ${this.#errors}`);
      await new Promise<void>((resolve) => this.#look = resolve);
    }
    this.#look = undefined;
  }
}

/** Runs the command line to its end, with this as its standard input. */
export async function runCli(
  args: readonly string[],
  options: CliProcessOptions,
  input: string | Uint8Array = "",
): Promise<Exit> {
  const cli = new CliProcess(args, options);
  cli.endInput(input);
  return await cli.exit;
}
