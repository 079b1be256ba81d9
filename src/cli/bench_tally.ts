// What a benchmark counts while it runs.
import { LatencyHistogram } from "./latency_histogram.ts";

/** Counts messages and latencies of all clients together. Times are those of one clock, in milliseconds. */
export class BenchTally {
  /** Clients that are connected and ready. */
  ready = 0;
  /** When the first message was due; `undefined` before. */
  startedAt: number | undefined;
  /** Messages whose publish has ended well. */
  published = 0;
  /** When the last of them did. */
  publishedAt = 0;
  /** Messages that have arrived. */
  received = 0;
  /** When the last of them did. */
  receivedAt = 0;
  /** From the publish to its end. */
  readonly acknowledged: LatencyHistogram = new LatencyHistogram();
  /** From the publish to its arrival. */
  readonly delivered: LatencyHistogram = new LatencyHistogram();
  #awaited = Infinity;
  #handleAwaited: (() => void) | undefined;

  /** A publish has ended well. */
  handlePublished(sentAt: number, now: number): void {
    this.published++;
    this.publishedAt = now;
    this.acknowledged.add(now - sentAt);
  }

  /** A message has arrived. */
  handleReceived(sentAt: number, now: number): void {
    this.received++;
    this.receivedAt = now;
    this.delivered.add(now - sentAt);
    if (this.received >= this.#awaited) this.#handleAwaited?.();
  }

  /** Calls back once so many have arrived, in place of an earlier wish. */
  whenReceived(count: number, handle: () => void): void {
    this.#awaited = count;
    this.#handleAwaited = handle;
    if (this.received >= count) handle();
  }
}
