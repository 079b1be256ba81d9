// A first-in, first-out queue. `Array.prototype.shift` moves every element; here taking from the front only moves an index, and the
// slots are used again, so that a queue that fills and empties all the time allocates nothing.

/** Fewest taken slots worth the cost of moving the rest to the front. */
const COMPACT_AFTER = 1024;
/** A queue that was longer gives its slots up once it is empty. */
const MAX_KEPT_SLOTS = 4096;

/** A first-in, first-out queue with constant-time `push` and `shift`. */
export class Fifo<T> {
  /** The elements are those from `#head` to `#tail`; the other slots hold `undefined`. */
  #slots: (T | undefined)[] = [];
  #head = 0;
  #tail = 0;

  /** How many elements wait. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Adds an element at the back. */
  push(item: T): void {
    this.#slots[this.#tail++] = item;
  }

  /** The element at the front, which stays there; `undefined` if there is none. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** The element `index` places behind the front; `undefined` if there is none. */
  at(index: number): T | undefined {
    return this.#slots[this.#head + index];
  }

  /** Takes the element at the front; `undefined` if there is none. */
  shift(): T | undefined {
    const head = this.#head;
    if (head === this.#tail) return undefined;
    const slots = this.#slots;
    const item = slots[head];
    slots[head] = undefined;
    this.#head = head + 1;
    if (this.#head === this.#tail) this.#rewind();
    else if (head >= COMPACT_AFTER && head * 2 > this.#tail) this.#compact();
    return item;
  }

  /**
   * Takes one element out of the middle; the time grows with the length.
   *
   * @returns Whether it was there.
   */
  remove(item: T): boolean {
    const index = this.#slots.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#slots.splice(index, 1);
    this.#tail--;
    return true;
  }

  /** Takes all elements, in order. */
  take(): T[] {
    const taken = this.#slots.slice(this.#head, this.#tail);
    this.clear();
    return taken as T[];
  }

  /** Forgets all elements. */
  clear(): void {
    this.#slots = [];
    this.#head = 0;
    this.#tail = 0;
  }

  #rewind(): void {
    if (this.#slots.length > MAX_KEPT_SLOTS) this.#slots = [];
    this.#head = 0;
    this.#tail = 0;
  }

  #compact(): void {
    const length = this.#tail - this.#head;
    this.#slots.copyWithin(0, this.#head, this.#tail);
    this.#slots.fill(undefined, length, this.#tail);
    this.#head = 0;
    this.#tail = length;
  }
}
