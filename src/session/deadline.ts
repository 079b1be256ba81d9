// Moments at which something is due, in milliseconds; `undefined` is never.

/** The earlier of two. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
