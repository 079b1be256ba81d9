// The worker's count of one lane: how many requests are admitted, for callers who then need no word of it.
import type { SharedMemory } from "../ring/shared_memory.ts";

/** What stands for no limit: more requests than can be on their way. */
const UNLIMITED = 0x4000_0000;

/** One lane of requests, as the worker counts it. `line.ts` tells what the counts mean. */
export class AdmissionLane {
  readonly #memory: SharedMemory;
  readonly #limit: number;
  readonly #capacity: number;
  readonly #isKept: boolean;
  #received = 0;

  /**
   * @param memory The shared memory.
   * @param lane Where it counts: `PUBLISH_LANE` or `CONTROL_LANE`.
   * @param capacity How many requests may wait for the event loop; `Infinity` for no limit.
   * @param isKept Whether requests are admitted only when a session store has them: then every caller waits for a word.
   */
  constructor(memory: SharedMemory, lane: number, capacity: number, isKept: boolean) {
    this.#memory = memory;
    this.#limit = lane + 1;
    this.#isKept = isKept;
    this.#capacity = isKept ? 0 : Math.min(capacity, UNLIMITED);
    Atomics.store(memory.cells, this.#limit, this.#capacity);
  }

  /** Whether callers have used up half of what they may send without asking. */
  get isLow(): boolean {
    const { cells } = this.#memory;
    return !this.#isKept &&
      (Atomics.load(cells, this.#limit) - Atomics.load(cells, this.#limit - 1) | 0) <= this.#capacity >> 1;
  }

  /** A request has come. @returns Its number. */
  receive(): number {
    const index = this.#received;
    this.#received = index + 1 | 0;
    return index;
  }

  /** A request that waited is admitted, and so are all before it. */
  admit(index: number): void {
    this.#raise(index + 1 | 0);
  }

  /** Admits what there is room for, while so many requests wait for the event loop. */
  refresh(waiting: number): void {
    if (!this.#isKept) this.#raise(this.#received - waiting + this.#capacity | 0);
  }

  #raise(limit: number): void {
    const { cells, callerBell } = this.#memory;
    if ((limit - Atomics.load(cells, this.#limit) | 0) <= 0) return;
    Atomics.store(cells, this.#limit, limit);
    callerBell.ring();
  }
}
