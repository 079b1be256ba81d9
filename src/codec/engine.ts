// The one difference between the engines that decides how something is done here.

let cached: boolean | undefined;

/**
 * Tells whether a small typed array of its own costs less than a view of a larger one. So it is on JavaScriptCore (by a third of the
 * time to decode a small PUBLISH); on V8 as Deno builds it, memory of its own costs five times as much as a view.
 */
export function areSmallArraysCheap(): boolean {
  // V8 prints a native function on one line, the other engines on three. Nothing but speed depends on it.
  return cached ??= String(Array.prototype.push).includes("\n");
}
