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
  const scope = globalThis as unknown as ImmediateScope;
  return new Promise((resolve) => {
    // All microtasks come before the next macrotask. A timer would be one too, but takes a millisecond.
    if (scope.setImmediate !== undefined) scope.setImmediate(resolve);
    else postTo(resolve);
  });
}

/** What is used of the global scope of Deno, Bun and Node. */
interface ImmediateScope {
  setImmediate?(callback: () => void): unknown;
}

/** Calls back in a macrotask of its own, as the web does it: a message. Deno's come too early once `node:worker_threads` is loaded. */
function postTo(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    port2.close();
    callback();
  };
  port2.postMessage(undefined);
}
