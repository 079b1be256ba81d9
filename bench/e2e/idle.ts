// How much a process grows for each client that is connected and does nothing.

import process from "node:process";
import { type ClientPlan, delay, type Meter, report } from "./plan.ts";

/** How many connect at the same time. */
const CONNECTING = 50;
/** Long enough for what a connection leaves behind to be collected. */
const SETTLE_MILLIS = 300;

interface Collector {
  gc?(): void;
  Bun?: { gc(isForced: boolean): void };
}

/**
 * Connects the clients of the plan, and tells by how much each has made the process grow.
 *
 * @param connect Connects one; it stays connected.
 */
export async function measureIdle(
  plan: ClientPlan,
  meter: Meter,
  connect: (index: number) => Promise<unknown>,
): Promise<void> {
  // The first ones pay for the code, not for themselves.
  for (let index = 0; index < plan.warmUp; index++) await connect(index);
  const before = await settledBytes();
  meter.start();
  for (let index = 0; index < plan.messages; index += CONNECTING) {
    const count = Math.min(CONNECTING, plan.messages - index);
    await Promise.all(Array.from({ length: count }, (_, i) => connect(plan.warmUp + index + i)));
  }
  const measurement = meter.stop(plan.messages);
  const kibPerClient = (await settledBytes() - before) / plan.messages / 1024;
  report({ ...measurement, kibPerClient });
}

async function settledBytes(): Promise<number> {
  const { gc, Bun } = globalThis as unknown as Collector;
  for (let round = 0; round < 3; round++) {
    await delay(SETTLE_MILLIS);
    gc?.();
    Bun?.gc(true);
  }
  return process.memoryUsage().rss;
}
