/**
 * Stand-in for `@std/async`, with the signatures of the functions the tests use.
 * Taking `links` out of deno.json uses the real package instead.
 *
 * @module
 */

/** Options for {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal;
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Rejects with a `TimeoutError` when `promise` takes longer than `ms` milliseconds. */
export async function deadline<T>(promise: Promise<T>, ms: number, options: DelayOptions = {}): Promise<T> {
  const controller = new AbortController();
  const signal = options.signal === undefined
    ? controller.signal
    : AbortSignal.any([controller.signal, options.signal]);
  const timer = delay(ms, { signal }).then(() => {
    throw new DOMException("Signal timed out.", "TimeoutError");
  });
  timer.catch(() => {});
  try {
    return await Promise.race([promise, timer]);
  } finally {
    controller.abort();
  }
}
