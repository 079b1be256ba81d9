// How much memory is in use, measured after a collection: what the collector has not come to yet says nothing.

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runtime } from "./test.ts";

interface BunScope {
  readonly Bun: { gc(isSynchronous: boolean): void };
}

const collect: () => void = runtime === "bun" ? collectOnBun : exposeCollector();

/** Bytes that objects and buffers hold at this moment. Takes some milliseconds. */
export function liveHeapBytes(): number {
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  // Node counts a buffer that was collected as external until a thread has come round to it.
  return heapUsed + (runtime === "node" ? arrayBuffers : external);
}

function collectOnBun(): void {
  (globalThis as unknown as BunScope).Bun.gc(true);
}

/** V8 shows its collector only to contexts that are made after the flag was set. */
function exposeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
