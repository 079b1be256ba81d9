// The limits a caller sets to a wait, as one signal: its own signal, and a time.
import { type Clock, RequestFailedError } from "../loop/mod.ts";
import { checkMillis } from "./option_value.ts";

/** Why a wait has ended early. */
type LimitCause = "signal" | "timeout";

/** Ends a wait by the signal of the caller, or when its time is over. */
export class Limit {
  readonly #controller: AbortController = new AbortController();
  readonly #given: AbortSignal | undefined;
  #cancelTimer: (() => void) | undefined;
  #cause: LimitCause | undefined;

  /**
   * @param given The signal of the caller, if it has one.
   * @param timeoutMillis The time, in milliseconds; `Infinity` for any.
   * @param clock What measures it.
   */
  constructor(given: AbortSignal | undefined, timeoutMillis: number, clock: Clock) {
    this.#given = given;
    if (given?.aborted) {
      this.#reach("signal");
      return;
    }
    given?.addEventListener("abort", this.#handleAbort, { once: true });
    if (timeoutMillis !== Infinity) this.#cancelTimer = clock.schedule(() => this.#reach("timeout"), timeoutMillis);
  }

  /** Aborted when the wait is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The wait has ended, in whatever way. */
  clear(): void {
    this.#given?.removeEventListener("abort", this.#handleAbort);
    this.#cancelTimer?.();
  }

  /** The wait has ended, and whatever is left of it is to end too. */
  end(): void {
    this.clear();
    this.#controller.abort();
  }

  /**
   * Says what has become of a request that ended by this limit.
   *
   * @param action What was asked for.
   * @param error How it has ended.
   * @param timeoutError Makes the error for a time that was over.
   * @returns The error to tell; the same one if it did not end by this limit.
   */
  explain(action: string, error: unknown, timeoutError: (mayHaveBeenDelivered: boolean) => Error): unknown {
    if (this.#cause === undefined) return error;
    const isCancelled = error instanceof RequestFailedError && error.reason === "cancelled";
    // Whoever waited for room or for an answer to something else gets the reason of the signal itself.
    if (!isCancelled && error !== this.signal.reason) return error;
    const mayHaveBeenDelivered = isCancelled && error.mayHaveBeenDelivered;
    if (this.#cause === "timeout") return timeoutError(mayHaveBeenDelivered);
    return new RequestFailedError(action, "cancelled", mayHaveBeenDelivered, this.#given?.reason);
  }

  readonly #handleAbort = (): void => this.#reach("signal");

  #reach(cause: LimitCause): void {
    this.#cause = cause;
    this.end();
  }
}

/** A time limit in milliseconds, or none. @throws {TypeError | RangeError} If it is not valid. */
export function checkLimit(action: string, timeoutMillis: number): number {
  if (timeoutMillis === Infinity) return Infinity;
  if (typeof timeoutMillis === "number" && timeoutMillis >= 0) return checkMillis("timeoutMillis", timeoutMillis, 0);
  throw new RangeError(`Cannot ${action}: timeoutMillis is ${timeoutMillis}, not 0 or more`);
}
