// What the command's exit code says, in one table: for the help, and for whoever ends with one.
import { ConnectionLostError } from "../loop/mod.ts";
import { ConnectionRefusedError } from "../session/mod.ts";
import { UnsupportedOptionError } from "../transport/transport.ts";
import { UsageError } from "./usage_error.ts";

/** The exit codes, as the help tells them. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "failed: no connection, or lost for good; not published, not subscribed"],
  ["2", "called wrongly, or with something this runtime cannot do"],
  ["3", "the server refused the connection (CONNACK)"],
  ["4", "too late: --timeout or --connect-timeout passed"],
  ["130", "interrupted (Ctrl-C); 143 if terminated"],
];

/** The time was up before the work was done. */
export class TimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "TimeoutError";

  /**
   * Makes the error.
   *
   * @param action What is not done.
   * @param millis How long it was given, in milliseconds.
   */
  constructor(action: string, millis: number) {
    super(`Cannot ${action}: ${millis / 1000} s have passed`);
  }
}

/**
 * Tells which exit code an error leads to.
 *
 * @param error The error that ended the command.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof UnsupportedOptionError) return 2;
  if (error instanceof ConnectionRefusedError) return 3;
  if (error instanceof TimeoutError) return 4;
  return error instanceof ConnectionLostError && error.reason === "connect-timeout" ? 4 : 1;
}

/**
 * Tells which exit code a signal leads to: 128 and its number, as shells have it.
 *
 * @param signal The signal.
 */
export function exitCodeOfSignal(signal: "SIGINT" | "SIGTERM"): number {
  return signal === "SIGINT" ? 130 : 143;
}
