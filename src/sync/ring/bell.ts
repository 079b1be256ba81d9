// How one thread wakes another. Whoever may have to wait arms the bell, looks once more whether it really has to, and sleeps; whoever
// has changed something rings. A ring between the two is never lost, and ringing for nobody costs one read.

/** What a bell needs of the shared cells: a count of rings, and behind it whether anybody waits. */
const COUNT = 0;
const IS_ARMED = 1;

/** A bell in shared memory. Any number of threads may ring it and wait for it. */
export class Bell {
  readonly #cells: Int32Array;

  /**
   * @param cells Two cells of shared memory, 0 at first.
   */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** Wakes all who wait. What it is about must have been written before, by `Atomics`. */
  ring(): void {
    const cells = this.#cells;
    if (Atomics.load(cells, IS_ARMED) === 0) return;
    Atomics.store(cells, IS_ARMED, 0);
    Atomics.add(cells, COUNT, 1);
    Atomics.notify(cells, COUNT);
  }

  /** Announces a wait. What is waited for must be looked at after this and before the wait. @returns What to wait with. */
  arm(): number {
    const count = Atomics.load(this.#cells, COUNT);
    Atomics.store(this.#cells, IS_ARMED, 1);
    return count;
  }

  /**
   * Blocks this thread until the bell rings.
   *
   * @param armed What `arm` returned.
   * @param timeoutMillis For how long at most.
   * @returns Whether it rang.
   */
  wait(armed: number, timeoutMillis: number): boolean {
    return Atomics.wait(this.#cells, COUNT, armed, timeoutMillis) !== "timed-out";
  }

  /**
   * Waits until the bell rings, while the event loop of this thread goes on.
   *
   * @param armed What `arm` returned.
   * @returns A promise, or `undefined` if it has rung since.
   */
  waitAsync(armed: number): Promise<unknown> | undefined {
    const { async, value } = Atomics.waitAsync(this.#cells, COUNT, armed);
    return async ? value : undefined;
  }
}
