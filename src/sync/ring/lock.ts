// Mutual exclusion of the threads that write to the same ring.

/** What a lock's cell holds. */
const FREE = 0;
const HELD = 1;
/** Held, and somebody may wait for it. */
const CONTENDED = 2;

/** A lock in shared memory. */
export class Lock {
  readonly #cells: Int32Array;

  /**
   * @param cells One cell of shared memory, 0 at first.
   */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /**
   * Blocks this thread until it holds the lock.
   *
   * @param timeoutMillis For how long at most.
   * @returns Whether it holds it.
   */
  acquire(timeoutMillis: number): boolean {
    const cells = this.#cells;
    if (Atomics.compareExchange(cells, 0, FREE, HELD) === FREE) return true;
    while (Atomics.exchange(cells, 0, CONTENDED) !== FREE) {
      if (Atomics.wait(cells, 0, CONTENDED, timeoutMillis) === "timed-out") return false;
    }
    return true;
  }

  /** Gives the lock back. */
  release(): void {
    if (Atomics.exchange(this.#cells, 0, FREE) === CONTENDED) Atomics.notify(this.#cells, 0, 1);
  }
}
