// Starts sideThread threads and waits for them, without ever giving the event loop of the starting thread a turn.

import type { Client } from "@petrel/mqtt/sync";
import { Worker } from "node:worker_threads";
import type { JobData } from "./side_thread_jobs.ts";

const LIMIT_MILLIS = 60_000;

/** A second thread. */
export class SideThread {
  readonly #progress: SharedArrayBuffer = new SharedArrayBuffer(128);
  readonly #thread: Worker;

  constructor(client: Client, job: JobData["job"], count = 0) {
    const workerData: JobData = { shared: client.share(), job, count, progress: this.#progress };
    this.#thread = new Worker(new URL("./side_thread_jobs.ts", import.meta.url), { workerData });
    this.#thread.unref();
    this.#wait(0);
  }

  /** Blocks until its job is done. @returns The name of the error it threw; `undefined` if it threw none. */
  finish(): string | undefined {
    this.#wait(1);
    const [state, length] = new Int32Array(this.#progress, 0, 2);
    if (state !== 3) return undefined;
    return new TextDecoder().decode(new Uint8Array(this.#progress, 8, length).slice());
  }

  /** Whether it still is at its job. */
  get isBusy(): boolean {
    return Atomics.load(new Int32Array(this.#progress), 0) === 1;
  }

  #wait(state: number): void {
    const outcome = Atomics.wait(new Int32Array(this.#progress), 0, state, LIMIT_MILLIS);
    if (outcome === "timed-out") throw new Error(`a sideThread stays at state ${state}`);
  }
}

/** Blocks for a while. */
export function pause(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}
