// Waiting without time: the one macrotask that promises cannot get ahead of.

/**
 * Waits until every promise that could settle by itself has settled, and what followed from it too: after this, in a test without real
 * I/O, nothing goes on until the test does something. Takes no time on any clock.
 *
 * @returns A promise that resolves then.
 *
 * @example
 * ```ts
 * import { settle } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * let steps = 0;
 * void (async () => {
 *   while (steps < 1000) steps = await Promise.resolve(steps + 1);
 * })();
 * await settle();
 * assertEquals(steps, 1000);
 * ```
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    // A message is a macrotask, and all microtasks come before the next of those. A timer would be one too, but takes a millisecond.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
