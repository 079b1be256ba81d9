// The check of a limit in milliseconds.

/**
 * Checks how long a call may block.
 *
 * @param action What it is, such as `recv`, for the message.
 * @param timeoutMillis The limit; `undefined` for none.
 * @returns The limit, `Infinity` for none.
 * @throws {RangeError} If it is not 0 or more.
 */
export function checkTimeout(action: string, timeoutMillis: number | undefined): number {
  if (timeoutMillis === undefined) return Infinity;
  if (typeof timeoutMillis === "number" && timeoutMillis >= 0) return timeoutMillis;
  throw new RangeError(`Cannot ${action}: timeoutMillis is ${timeoutMillis}, not 0 or more`);
}
