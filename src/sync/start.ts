// The start of a client's worker.
import { resolveOptions } from "../client/mod.ts";
import type { MqttOptions } from "../loop/mod.ts";
import { bootUrl, findBundling } from "./boot.ts";
import { Caller, failureOf, markFailed } from "./caller.ts";
import { crossableOptions } from "./crossable_options.ts";
import { UnsupportedRuntimeError, WorkerFailedError } from "./error.ts";
import { serveUrl } from "./worker/serve.ts";
import {
  ENDED,
  FAILED,
  IS_CLOSE_ASKED,
  IS_CLOSED,
  IS_DONE,
  RUNNING,
  SharedMemory,
  STARTING,
  STATE,
} from "./ring/shared_memory.ts";
import { requireThreads, type WorkerThread } from "./threads.ts";

/** How long a worker may take to close its connection before it is ended, in milliseconds. */
const CLOSE_MILLIS = 2_000;
/** Bytes of each of the two rings, unless they are told. */
const RING_BYTES = 1 << 20;
const LEAST_RING_BYTES = 1 << 10;
const MOST_RING_BYTES = 1 << 28;

/** The options of a blocking client. */
export interface SyncOptions extends MqttOptions {
  /**
   * The address of a module that exports `options`, with those that cannot cross to a worker: functions, such as `credentials`,
   * `transport`, `sessionStore` or `reconnect.giveUpOn`. The worker loads it. What is given here comes before what the module exports. An error that
   * its code leaves uncaught ends the client with {@linkcode WorkerFailedError}.
   */
  readonly module?: string | URL | undefined;
}

/** How a blocking client is made. */
export interface CreateOptions {
  /** The capacity of the request channel, in place of the one in the options. */
  readonly capacity?: number | undefined;
  /**
   * Bytes of the ring by which requests go to the worker, and of the ring by which events come back: a power of two, 1024 or more.
   * Messages may be larger. Events that are not taken are held here; when they fill it, reading from the server stops. Default 1 MiB.
   */
  readonly ringBytes?: number | undefined;
}

/** A worker that serves a client. */
export interface ServingWorker {
  /** The memory shared with it. */
  readonly memory: SharedMemory;
  /** The worker. */
  readonly thread: WorkerThread;
}

/**
 * Starts a worker, and blocks until it serves.
 *
 * @throws {TypeError | RangeError} If an option is not valid.
 * @throws {UnsupportedOptionError} If one cannot cross to the worker, or cannot be honoured.
 * @throws {UnsupportedRuntimeError} If this thread cannot block.
 * @throws {WorkerFailedError} If the worker cannot start.
 */
export function startWorker(options: SyncOptions, { capacity, ringBytes = RING_BYTES }: CreateOptions): ServingWorker {
  const { threads } = requireThreads();
  const bundling = findBundling(threads.workerData);
  if (bundling !== undefined) throw new UnsupportedRuntimeError(bundling);
  const { module, ...given } = capacity === undefined ? options : { ...options, capacity };
  const moduleUrl = module === undefined ? undefined : checkModule(module);
  if (moduleUrl === undefined) resolveOptions(given);
  const crossed = crossableOptions(given);
  const memory = SharedMemory.allocate(checkRingBytes(ringBytes));
  requireRead();
  const thread = new threads.Worker(bootUrl(), {
    workerData: { buffer: memory.buffer, options: crossed, module: moduleUrl },
  });
  thread.unref();
  // A worker writes down why it fails. These are for one that could not, and matter to threads that do not block.
  thread.on("error", () => void markFailed(memory));
  thread.on("exit", () => void markFailed(memory));
  try {
    awaitStart(memory);
  } catch (error) {
    thread.terminate();
    throw error;
  }
  return { memory, thread };
}

/**
 * Ends a client's event loop and then its worker, whatever they are at, and wakes everybody who waits for them.
 *
 * @param memory The shared memory.
 * @param thread The worker, if this thread has started it.
 */
export function closeWorker(memory: SharedMemory, thread: WorkerThread | undefined): void {
  const { cells, callerBell, workBell } = memory;
  Atomics.store(cells, IS_CLOSED, 1);
  Atomics.store(cells, IS_CLOSE_ASKED, 1);
  workBell.ring();
  const caller = new Caller(memory, false);
  const holds = (): boolean => Atomics.load(cells, STATE) !== RUNNING;
  caller.block({ bell: callerBell, holds, timeoutMillis: CLOSE_MILLIS, action: undefined });
  // A worker that is busy with somebody's code must not keep others waiting.
  if (Atomics.compareExchange(cells, STATE, RUNNING, ENDED) === RUNNING) {
    Atomics.store(cells, IS_DONE, 1);
    memory.ringAll();
  }
  thread?.terminate();
}

/** Blocks until the worker serves. */
function awaitStart(memory: SharedMemory): void {
  const { cells, callerBell } = memory;
  const holds = (): boolean => Atomics.load(cells, STATE) !== STARTING;
  new Caller(memory, false).block({ bell: callerBell, holds, timeoutMillis: Infinity, action: undefined });
  if (Atomics.load(cells, STATE) !== FAILED) return;
  // Options of a module are judged there: what is wrong with them is the error itself.
  throw failureOf(memory) ?? new WorkerFailedError("the worker of the client has ended while it was starting");
}

/** What of Deno is used, if it is there. */
interface DenoScope {
  readonly Deno?: {
    readonly permissions: { requestSync(descriptor: { name: "read"; path: URL }): { readonly state: string } };
  };
}

/** In Deno a worker needs leave to read the modules it runs, if they are files. It would fail without a word to a thread that blocks. */
function requireRead(): void {
  const { Deno } = globalThis as DenoScope;
  const folder = new URL("../../", serveUrl());
  if (Deno === undefined || folder.protocol !== "file:") return;
  if (Deno.permissions.requestSync({ name: "read", path: folder }).state === "granted") return;
  throw new WorkerFailedError(`its worker must read its own modules: run Deno with --allow-read=${folder.pathname}`);
}

function checkModule(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (typeof module === "string" && URL.canParse(module)) return module;
  throw new TypeError('Cannot use option "module": it is no URL; new URL("./options.ts", import.meta.url) is one');
}

function checkRingBytes(bytes: number): number {
  const isPower = Number.isInteger(bytes) && bytes >= LEAST_RING_BYTES && bytes <= MOST_RING_BYTES &&
    (bytes & bytes - 1) === 0;
  if (isPower) return bytes;
  throw new RangeError(
    `Cannot use option "ringBytes": ${bytes} is no power of two from ${LEAST_RING_BYTES} to ${MOST_RING_BYTES}`,
  );
}
