// The one timer of a loop, moved only to an earlier time: a deadline that moves back is seen when the timer fires too early.
import type { Clock } from "./clock.ts";

/** A timer. */
export class Alarm {
  readonly #handleTimer: () => void;
  #cancel: (() => void) | undefined;
  #at = 0;

  /**
   * @param handleTimer Called when it fires.
   */
  constructor(handleTimer: () => void) {
    this.#handleTimer = handleTimer;
  }

  /**
   * Sees to it that it fires by a deadline.
   *
   * @param deadline The deadline; `undefined` if there is none.
   * @param clock The time.
   */
  arm(deadline: number | undefined, clock: Clock): void {
    if (deadline === undefined) return this.disarm();
    if (this.#cancel !== undefined && this.#at <= deadline) return;
    this.disarm();
    this.#at = deadline;
    const cancel = clock.schedule(this.#handleFired, Math.max(0, deadline - clock.now()));
    // The first `setTimeout` of a Deno process loads a module and runs microtasks meanwhile: a turn among them has armed anew, or ended
    // the loop.
    if (this.#cancel !== undefined || this.#at !== deadline) cancel();
    else this.#cancel = cancel;
  }

  /** Keeps it from firing. */
  disarm(): void {
    this.#at = NaN;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  readonly #handleFired = (): void => {
    this.#cancel = undefined;
    this.#handleTimer();
  };
}
