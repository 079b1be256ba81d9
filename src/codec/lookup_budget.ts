// Keeps a cache from costing more than it saves. Where texts repeat, a lookup is cheaper than the work it spares; where every text is
// new, each lookup is wasted, so after a run of misses the cache stands aside, and only now and then tries again.

/** How many misses a full budget pays for. */
const FULL_CREDIT = 2048;
/** How many misses a new try may cost. */
const TRIAL_CREDIT = 64;
/** How many lookups are left out before a new try. */
const PAUSE = 8192;

/** The credit of one cache: a hit earns, a miss spends. */
export class LookupBudget {
  readonly #missCost: number;
  readonly #fullCredit: number;
  #credit: number;
  #pause = 0;

  /** @param missCost How many hits pay for one miss. */
  constructor(missCost: number) {
    this.#missCost = missCost;
    this.#fullCredit = this.#credit = FULL_CREDIT * missCost;
  }

  /** Tells whether a lookup is allowed now; each call counts as one. */
  admits(): boolean {
    if (this.#pause === 0) return true;
    this.#pause -= 1;
    return false;
  }

  /** Earns for a lookup that found its text. */
  recordHit(): void {
    if (this.#credit < this.#fullCredit) this.#credit += 1;
  }

  /** Spends for a lookup that did not. */
  recordMiss(): void {
    this.#credit -= this.#missCost;
    if (this.#credit > 0) return;
    this.#pause = PAUSE;
    this.#credit = TRIAL_CREDIT * this.#missCost;
  }
}
