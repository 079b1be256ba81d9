// A wait that can be given up, on whichever clock.
import type { Clock } from "../loop/mod.ts";

/**
 * Waits.
 *
 * @param clock The clock.
 * @param millis How long, in milliseconds.
 * @param signal Ends the wait early.
 * @returns A promise that resolves when the time has come, or the wait was ended.
 */
export function delay(clock: Clock, millis: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(end, millis);
    signal.addEventListener("abort", end, { once: true });
  });
}
