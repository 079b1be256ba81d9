// Threads, by `node:worker_threads`, which Deno, Bun and Node have alike: only there a worker can be one that holds no process back.
import type { MqttOptions } from "../loop/mod.ts";
import { UnsupportedRuntimeError } from "./error.ts";

/** What a worker is given at its start. */
export interface WorkerStart {
  /** The shared memory. */
  readonly buffer: SharedArrayBuffer;
  /** The options, as far as they cross. */
  readonly options: MqttOptions;
  /** The module that has the rest, if there is one. */
  readonly module: string | undefined;
}

/** Options that change, as a message to the worker. */
export interface OptionsMessage {
  /** The line that is to be answered. */
  readonly line: number;
  /** The token of the answer. */
  readonly token: number;
  /** The changes. */
  readonly changes: MqttOptions;
}

/** What is used of a `Worker`. */
export interface WorkerThread {
  /** Sends it a message. */
  postMessage(message: OptionsMessage): void;
  /** Ends it at once. */
  terminate(): unknown;
  /** Lets the process end while it runs. */
  unref(): void;
  /** Listens. */
  on(event: "error" | "exit", listener: () => void): unknown;
}

/** What is used of `node:worker_threads`. */
export interface Threads {
  /** Starts a worker. */
  readonly Worker: new (url: URL, options: { readonly workerData: WorkerStart }) => WorkerThread;
  /** What this thread was started with. */
  readonly workerData: WorkerStart;
  /** The way to the thread that has started this one. */
  readonly parentPort: { on(event: "message", listener: (message: OptionsMessage) => void): unknown };
}

/** What is used of `process`. */
interface ProcessScope {
  getBuiltinModule?(name: "node:worker_threads"): Partial<Threads> | undefined;
  on(event: "uncaughtException" | "unhandledRejection", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: () => void): unknown;
  exit(code: number): never;
}

/** This runtime's process and threads. */
export interface ThreadScope {
  /** The process. */
  readonly process: ProcessScope;
  /** Its threads. */
  readonly threads: Threads;
}

/**
 * Makes sure that this thread can block, and finds its process and threads.
 *
 * @param scope Where to look for the runtime's globals.
 * @throws {UnsupportedRuntimeError} If it cannot block, or the runtime has no such threads.
 */
export function requireThreads(scope: object = globalThis): ThreadScope {
  requireBlocking(scope);
  const { process } = scope as { readonly process?: ProcessScope };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (process === undefined || typeof threads?.Worker !== "function") {
    throw new UnsupportedRuntimeError("this runtime has no node:worker_threads");
  }
  return { process, threads: threads as Threads };
}

/** Makes sure that this thread can block. @throws {UnsupportedRuntimeError} If it cannot. */
export function requireBlocking(scope: object = globalThis): void {
  const { SharedArrayBuffer, Atomics } = scope as Partial<typeof globalThis>;
  if (typeof SharedArrayBuffer !== "function" || typeof Atomics?.wait !== "function") {
    throw new UnsupportedRuntimeError("it has no SharedArrayBuffer, or no Atomics.wait");
  }
  if (typeof Atomics.waitAsync !== "function") throw new UnsupportedRuntimeError("it has no Atomics.waitAsync");
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
  } catch {
    throw new UnsupportedRuntimeError("this thread must not block, as the main thread of a browser");
  }
}
