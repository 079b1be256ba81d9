// The reading end of a ring of records in shared memory. `ring_writer.ts` tells how the two work together.
import type { Bell } from "./bell.ts";
import { HEAD_BYTES } from "./ring_writer.ts";
import type { RingPlace } from "./shared_memory.ts";

/** Up to this length a loop copies a body in less time than a call. */
const LOOP_BYTES = 32;

/** Size of a slab: memory in which small bodies lie side by side, none written twice. One of its own for each costs Deno a microsecond. */
const SLAB_BYTES = 32 * 1024;
/** Bodies above this have memory of their own. */
const MAX_SLAB_BODY = 2048;

const NO_BODY: Uint8Array = new Uint8Array(0);

/** Reads records from a ring, one after another. Nobody else may read. */
export class RingReader {
  /** What the record is. */
  tag = 0;
  /** Its first word. */
  a = 0;
  /** Its second word. */
  b = 0;
  /** Its body: a copy that is the reader's, and is never written again from here. */
  body: Uint8Array = NO_BODY;
  readonly #place: RingPlace;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #writerBell: Bell;
  /** How much of the body has come, padding included; -1 between records. */
  #taken = -1;
  #slab: ArrayBuffer = new ArrayBuffer(0);
  #slabUsed = 0;

  /**
   * @param place The ring.
   * @param writerBell What wakes a writer that waits for room.
   */
  constructor(place: RingPlace, writerBell: Bell) {
    const { bytes } = place;
    this.#place = place;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#mask = bytes.length - 1;
    this.#writerBell = writerBell;
  }

  /** Takes the next record, or the part of it that has come. @returns Whether it is whole: then the fields hold it until the next call. */
  next(): boolean {
    const { cells, head, tail } = this.#place;
    let at = Atomics.load(cells, head);
    let available = Atomics.load(cells, tail) - at | 0;
    if (available === 0) return false;
    if (this.#taken < 0) {
      this.#takeHead(at);
      at = at + HEAD_BYTES | 0;
      available -= HEAD_BYTES;
    }
    const { body } = this;
    const padded = body.length + 3 & ~3;
    const count = Math.min(available, padded - this.#taken);
    this.#copyBytes(at, body, this.#taken, Math.min(this.#taken + count, body.length));
    this.#taken += count;
    const isWhole = this.#taken === padded;
    if (isWhole) this.#taken = -1;
    Atomics.store(cells, head, at + count | 0);
    this.#wakeWriter();
    return isWhole;
  }

  #takeHead(at: number): void {
    const words = this.#words;
    const mask = this.#mask >> 2;
    const word = at >> 2;
    this.tag = words[word + 1 & mask]!;
    this.a = words[word + 2 & mask]!;
    this.b = words[word + 3 & mask]!;
    this.body = this.#allocate(words[word & mask]!);
    this.#taken = 0;
  }

  #allocate(length: number): Uint8Array {
    if (length > MAX_SLAB_BODY) return new Uint8Array(length);
    if (length === 0) return NO_BODY;
    if (this.#slabUsed + length > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const body = new Uint8Array(this.#slab, this.#slabUsed, length);
    this.#slabUsed += length;
    return body;
  }

  #copyBytes(at: number, target: Uint8Array, start: number, end: number): void {
    const { bytes } = this.#place;
    const mask = this.#mask;
    if (end - start <= LOOP_BYTES) {
      for (let i = start; i < end; i++) target[i] = bytes[at++ & mask]!;
      return;
    }
    const index = at & mask;
    const first = Math.min(end - start, mask + 1 - index);
    target.set(bytes.subarray(index, index + first), start);
    if (start + first < end) target.set(bytes.subarray(0, end - start - first), start + first);
  }

  #wakeWriter(): void {
    const { cells, head, tail, needed } = this.#place;
    const wanted = Atomics.load(cells, needed);
    if (wanted === 0) return;
    const room = this.#mask + 1 - (Atomics.load(cells, tail) - Atomics.load(cells, head) | 0);
    if (room < wanted) return;
    Atomics.store(cells, needed, 0);
    this.#writerBell.ring();
  }
}
