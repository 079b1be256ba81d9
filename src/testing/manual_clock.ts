// Time for tests: it stands still until it is moved, and then passes from timer to timer.

import type { Clock, Millis } from "../loop/mod.ts";
import { settle } from "./settle.ts";

interface Timer {
  readonly deadline: Millis;
  readonly callback: () => void;
}

/**
 * A clock that is moved by hand. Timers fire in the order of their deadlines, those of the same moment in the order they were set, each
 * while `now` is its own deadline.
 *
 * @example
 * ```ts
 * import { ManualClock } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new ManualClock();
 * const fired: number[] = [];
 * clock.schedule(() => fired.push(clock.now()), 30_000);
 * const cancel = clock.schedule(() => fired.push(-1), 10);
 * clock.schedule(() => clock.schedule(() => fired.push(clock.now()), 5), 20);
 * cancel();
 *
 * await clock.advance(29_999);
 * assertEquals(fired, [25]);
 * assertEquals(clock.nextDeadline, 30_000);
 *
 * await clock.advance(1);
 * assertEquals(fired, [25, 30_000]);
 * assertEquals(clock.pendingTimers, 0);
 * ```
 */
export class ManualClock implements Clock {
  #now: Millis;
  readonly #timers = new Set<Timer>();
  #isMoving = false;

  /**
   * Makes a clock that stands still.
   *
   * @param startMillis The time at first; 0 by default.
   */
  constructor(startMillis: Millis = 0) {
    this.#now = startMillis;
  }

  /** How many timers are set. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer fires; `undefined` if none is set. */
  get nextDeadline(): Millis | undefined {
    return this.#nextTimer()?.deadline;
  }

  /**
   * Tells the time.
   *
   * @returns The time in milliseconds.
   */
  now(): Millis {
    return this.#now;
  }

  /**
   * Sets a timer. It fires only inside `advance` or `tick`, also when the delay is 0.
   *
   * @param callback What to call.
   * @param delayMillis How long to wait; 0 or more.
   * @returns A function that cancels the timer; harmless after it has fired.
   * @throws {RangeError} If the delay is negative or no number.
   */
  schedule(callback: () => void, delayMillis: Millis): () => void {
    checkSpan("set a timer", delayMillis);
    const timer: Timer = { deadline: this.#now + delayMillis, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /**
   * Moves time forward. Before the first timer, and after each one, everything that promises have set going runs to its end, so code
   * that awaits sees each moment as it would in real time.
   *
   * @param millis How far; 0, the default, fires what is due now.
   * @returns A promise that resolves when the time has come.
   * @throws {RangeError} If the span is negative or no number.
   * @throws {Error} If time is already being moved.
   */
  async advance(millis: Millis = 0): Promise<void> {
    const end = this.#begin(millis);
    try {
      await settle();
      for (let timer = this.#takeDue(end); timer !== undefined; timer = this.#takeDue(end)) {
        timer.callback();
        await settle();
      }
      this.#now = end;
    } finally {
      this.#isMoving = false;
    }
  }

  /**
   * Moves time forward within this call: the timers fire, but nothing that awaits runs in between.
   *
   * @param millis How far; 0, the default, fires what is due now.
   * @throws {RangeError} If the span is negative or no number.
   * @throws {Error} If time is already being moved.
   */
  tick(millis: Millis = 0): void {
    const end = this.#begin(millis);
    try {
      for (let timer = this.#takeDue(end); timer !== undefined; timer = this.#takeDue(end)) timer.callback();
      this.#now = end;
    } finally {
      this.#isMoving = false;
    }
  }

  #begin(millis: Millis): Millis {
    checkSpan("move the clock", millis);
    if (this.#isMoving) throw new Error("Cannot move the clock: it is being moved already");
    this.#isMoving = true;
    return this.#now + millis;
  }

  /** Takes the next timer up to a moment, and makes its deadline the time. */
  #takeDue(end: Millis): Timer | undefined {
    const timer = this.#nextTimer();
    if (timer === undefined || timer.deadline > end) return undefined;
    this.#timers.delete(timer);
    this.#now = timer.deadline;
    return timer;
  }

  #nextTimer(): Timer | undefined {
    let next: Timer | undefined;
    // A set keeps the order of insertion, so the first of equal deadlines wins.
    for (const timer of this.#timers) if (next === undefined || timer.deadline < next.deadline) next = timer;
    return next;
  }
}

function checkSpan(action: string, millis: Millis): void {
  if (!(millis >= 0)) throw new RangeError(`Cannot ${action}: ${millis} is not a span of 0 or more milliseconds`);
}
