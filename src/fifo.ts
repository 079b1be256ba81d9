// A first-in, first-out queue. `Array.prototype.shift` moves every element; here taking from the front only moves an index.

/** Fewest taken slots worth the cost of moving the rest to the front. */
const COMPACT_AFTER = 1024;

/** A first-in, first-out queue with constant-time `push` and `shift`. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many elements wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Adds an element at the back. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** The element at the front, which stays there; `undefined` if there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** The element `index` places behind the front; `undefined` if there is none. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  /** Takes the element at the front; `undefined` if there is none. */
  shift(): T | undefined {
    const items = this.#items;
    const head = this.#head;
    if (head === items.length) return undefined;
    const item = items[head];
    items[head] = undefined;
    this.#head = head + 1;
    if (this.#head === items.length) {
      items.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AFTER && this.#head * 2 > items.length) {
      items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /**
   * Takes one element out of the middle; the time grows with the length.
   *
   * @returns Whether it was there.
   */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    return true;
  }

  /** Takes all elements, in order. */
  take(): T[] {
    const taken = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return taken as T[];
  }

  /** Forgets all elements. */
  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }
}
