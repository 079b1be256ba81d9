// A process of our own: started with its output watched, ended by its handle, never by name.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** A running child process. */
export interface Child {
  /** Resolves with the exit once the process has gone and its pipes are closed. */
  readonly exited: Promise<string>;
  /** Everything it has written to standard output and standard error. */
  output(): string;
  /** Resolves with the first line of its output that matches, or rejects if it exits first. */
  line(pattern: RegExp): Promise<string>;
  /** Sends a signal, and waits for the exit. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** How long a program may take to end before it is killed. */
const PATIENCE_MILLIS = 5_000;

/** Starts a program. */
export function startChild(command: string, args: readonly string[], env: Record<string, string> = {}): Child {
  const child: ChildProcess = spawn(command, [...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  let exit: string | undefined;
  const watchers = new Set<() => void>();
  const notify = (): void => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      notify();
    });
  }
  const exited = new Promise<string>((resolve) => {
    const end = (description: string): void => {
      exit ??= description;
      notify();
      resolve(exit);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => end(`exit ${code ?? signal}`));
  });
  return {
    exited,
    output: () => output,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = output.split("\n").slice(0, -1).find((line) => pattern.test(line));
          if (found === undefined && exit === undefined) return;
          watchers.delete(look);
          if (found !== undefined) resolve(found);
          else reject(new Error(`${command} has gone (${exit}) before it wrote ${pattern}:\n${output}`));
        };
        watchers.add(look);
        look();
      }),
    stop: async (signal = "SIGTERM") => {
      if (exit === undefined) child.kill(signal);
      // mosquitto loses a signal that comes in the moment of its start.
      const again = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS);
      await exited;
      clearTimeout(again);
    },
  };
}
