// The only place where the loop meets real time. The manual clock of the testing entry point takes its place in tests.

/** A moment or a span in milliseconds, on a clock that only goes forward. */
export type Millis = number;

/** A source of time and of one-shot timers. */
export interface Clock {
  /** The time now, in milliseconds from some fixed moment; it never goes back. */
  now(): Millis;
  /**
   * Calls `callback` once, `delayMillis` from now.
   *
   * @param callback What to call.
   * @param delayMillis How long to wait; 0 or more.
   * @returns A function that cancels the timer; harmless after it has fired.
   */
  schedule(callback: () => void, delayMillis: Millis): () => void;
}

/** Longest delay `setTimeout` takes before it wraps to 1 ms: 2^31 - 1. */
const MAX_TIMER_MILLIS = 0x7fff_ffff;

/** The runtime's monotonic clock. */
export const systemClock: Clock = {
  now: (): Millis => performance.now(),
  schedule(callback: () => void, delayMillis: Millis): () => void {
    // Rounded up: a timer that fires a fraction early would only be armed again.
    const timer = setTimeout(callback, Math.min(Math.ceil(delayMillis), MAX_TIMER_MILLIS));
    return () => clearTimeout(timer);
  },
};
