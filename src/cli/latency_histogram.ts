// Any number of latencies in little memory: counts in buckets that grow with the latency, each within 1.6 % of what is in it.

/** Buckets to each power of two; below that many microseconds each has a bucket of its own. */
const STEPS = 64;
const STEP_BITS = 6;
/** Latencies from 2^42 microseconds on, 50 days, are not told apart. */
const MAX_EXPONENT = 41;
const BUCKETS = STEPS * (MAX_EXPONENT - STEP_BITS + 2);

/** A row of the histogram as it is shown. */
export interface HistogramRow {
  /** All latencies in it are below, in milliseconds. */
  readonly belowMillis: number;
  /** How many there are, besides those of the rows before. */
  readonly count: number;
}

/** Counts latencies. */
export class LatencyHistogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  #count = 0;
  #maxMillis = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The largest, in milliseconds. */
  get maxMillis(): number {
    return this.#maxMillis;
  }

  /**
   * Counts one.
   *
   * @param millis The latency, in milliseconds; below 0 counts as 0.
   */
  add(millis: number): void {
    this.#counts[bucketOf(Math.max(0, millis * 1000))]! += 1;
    this.#count++;
    if (millis > this.#maxMillis) this.#maxMillis = millis;
  }

  /**
   * The latency that so many of a hundred do not exceed.
   *
   * @param percent Above 0 and up to 100.
   * @returns It in milliseconds, at most 1.6 % too large; 0 if there are none.
   */
  percentileMillis(percent: number): number {
    const rank = Math.max(1, Math.ceil(this.#count * percent / 100));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(endOf(bucket) / 1000, this.#maxMillis);
    }
    return 0;
  }

  /** The rows from the first that has latencies to the last; they end at 1, 2, 5, 10 and so on. */
  rows(): HistogramRow[] {
    const counts: number[] = [];
    let edge = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket]!;
      if (count === 0) continue;
      while (edgeMicros(edge) < endOf(bucket)) edge++;
      counts[edge] = (counts[edge] ?? 0) + count;
    }
    const first = counts.findIndex((count) => count !== undefined);
    return first < 0 ? [] : Array.from(counts.slice(first), (count = 0, index) => ({
      belowMillis: edgeMicros(first + index) / 1000,
      count,
    }));
  }
}

function bucketOf(micros: number): number {
  if (micros < STEPS) return Math.floor(micros);
  const exponent = Math.min(Math.floor(Math.log2(micros)), MAX_EXPONENT);
  // The logarithm of a number just below a power of two is rounded up to it.
  const step = Math.min(Math.max(Math.floor(micros / 2 ** (exponent - STEP_BITS)), STEPS), 2 * STEPS - 1);
  return STEPS * (exponent - STEP_BITS) + step;
}

/** Where a bucket ends, in microseconds. */
function endOf(bucket: number): number {
  if (bucket < STEPS) return bucket + 1;
  const exponent = Math.floor(bucket / STEPS) - 1 + STEP_BITS;
  return (bucket % STEPS + STEPS + 1) * 2 ** (exponent - STEP_BITS);
}

/** 1, 2, 5, 10, 20, 50 and so on. */
function edgeMicros(index: number): number {
  return [1, 2, 5][index % 3]! * 10 ** Math.floor(index / 3);
}
