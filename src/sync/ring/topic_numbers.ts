// Topic Names as numbers: a name that comes again crosses a ring as two bytes. The writer announces each number in a record of its own
// before it uses it, so that reader and writer always agree.

/** How many names are numbered at a time; the oldest number is given anew. */
const NUMBERS = 1024;

/** The numbers on the writing end. */
export class TopicNumbers {
  readonly #numbers: Map<string, number> = new Map();
  readonly #names: (string | undefined)[] = new Array(NUMBERS).fill(undefined);
  #next = 0;

  /** The number of a name; `undefined` if it has none. */
  find(topicName: string): number | undefined {
    return this.#numbers.get(topicName);
  }

  /** Numbers a name; the reader must be told. */
  add(topicName: string): number {
    const number = this.#next;
    this.#next = (number + 1) % NUMBERS;
    const displaced = this.#names[number];
    if (displaced !== undefined) this.#numbers.delete(displaced);
    this.#names[number] = topicName;
    this.#numbers.set(topicName, number);
    return number;
  }
}
