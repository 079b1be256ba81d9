// The writing end of a ring of records in shared memory.
//
// Theory of operation. A record is a head of four words and a body of any length, padded to whole words. The two ends count bytes for
// ever, modulo 2^32; their difference is what lies in the ring. Only the writer moves `tail`, only the reader `head`. A record need not
// fit: as much of it is written as there is room for, and the rest as the reader takes it, so that a body may be far larger than the
// ring. A writer that lacks room says in `needed` for how much it waits, looks once more, and is woken by the reader.
import type { RingPlace } from "./shared_memory.ts";

/** Bytes of the head of a record. */
export const HEAD_BYTES = 16;
/** Up to this length a loop copies a body in less time than a call. */
const LOOP_BYTES = 32;

const NO_BODY: Uint8Array = new Uint8Array(0);

/** A record that did not find room for all of itself. */
interface Unfinished {
  readonly tag: number;
  readonly a: number;
  readonly b: number;
  readonly body: Uint8Array;
  /** Bytes of the body that are written, padding included; -1 while the head is not. */
  written: number;
}

/** Writes records to a ring. Nobody else may write before a record is whole. */
export class RingWriter {
  readonly #place: RingPlace;
  readonly #words: Int32Array;
  readonly #mask: number;
  #unfinished: Unfinished | undefined;

  /**
   * @param place The ring.
   */
  constructor(place: RingPlace) {
    const { bytes } = place;
    this.#place = place;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#mask = bytes.length - 1;
  }

  /**
   * Writes a record, or the part of it there is room for. The one before it must be whole.
   *
   * @param tag What it is: a word that means something to the reader.
   * @param a A word.
   * @param b A word.
   * @param body Bytes; they must not change until the record is whole.
   * @returns Whether it is whole; if not, `advance` goes on with it.
   */
  write(tag: number, a: number, b: number, body: Uint8Array = NO_BODY): boolean {
    const { cells, head, tail } = this.#place;
    const at = Atomics.load(cells, tail);
    const used = at - Atomics.load(cells, head) | 0;
    const size = HEAD_BYTES + (body.length + 3 & ~3);
    if (size + used > this.#mask + 1) {
      this.#unfinished = { tag, a, b, body, written: -1 };
      return this.advance();
    }
    this.#putHead(at, tag, a, b, body.length);
    this.#putBytes(at + HEAD_BYTES, body, 0, body.length);
    Atomics.store(cells, tail, at + size | 0);
    return true;
  }

  /** Goes on with the record that is not whole. @returns Whether it is whole now; if not, the reader rings when there is room. */
  advance(): boolean {
    const { cells, tail } = this.#place;
    for (let record = this.#unfinished; record !== undefined; record = this.#unfinished) {
      const { tag, a, b, body, written } = record;
      const at = Atomics.load(cells, tail);
      const room = this.#room(at);
      if (written < 0) {
        if (room < HEAD_BYTES && this.#mustWait(HEAD_BYTES, at)) return false;
        if (room < HEAD_BYTES) continue;
        this.#putHead(at, tag, a, b, body.length);
        record.written = 0;
        Atomics.store(cells, tail, at + HEAD_BYTES | 0);
      } else {
        const remaining = (body.length + 3 & ~3) - written;
        const count = Math.min(room, remaining);
        if (count === 0 && remaining > 0 && this.#mustWait(remaining, at)) return false;
        this.#putBytes(at, body, written, Math.min(written + count, body.length));
        record.written = written + count;
        if (count === remaining) this.#unfinished = undefined;
        Atomics.store(cells, tail, at + count | 0);
      }
    }
    return true;
  }

  /** Whether a record is not whole. */
  get isUnfinished(): boolean {
    return this.#unfinished !== undefined;
  }

  #room(at: number): number {
    return this.#mask + 1 - (at - Atomics.load(this.#place.cells, this.#place.head) | 0);
  }

  /** Asks the reader to ring once there is room for so much, or for half the ring. @returns Whether there is none meanwhile. */
  #mustWait(bytes: number, at: number): boolean {
    const { cells, needed } = this.#place;
    const wanted = Math.min(bytes, this.#mask + 1 >> 1);
    Atomics.store(cells, needed, wanted);
    if (this.#room(at) < wanted) return true;
    Atomics.store(cells, needed, 0);
    return false;
  }

  #putHead(at: number, tag: number, a: number, b: number, length: number): void {
    const words = this.#words;
    const mask = this.#mask >> 2;
    const word = at >> 2;
    words[word & mask] = length;
    words[word + 1 & mask] = tag;
    words[word + 2 & mask] = a;
    words[word + 3 & mask] = b;
  }

  #putBytes(at: number, source: Uint8Array, start: number, end: number): void {
    const { bytes } = this.#place;
    const mask = this.#mask;
    if (end - start <= LOOP_BYTES) {
      for (let i = start; i < end; i++) bytes[at++ & mask] = source[i]!;
      return;
    }
    const index = at & mask;
    const first = Math.min(end - start, mask + 1 - index);
    bytes.set(source.subarray(start, start + first), index);
    if (start + first < end) bytes.set(source.subarray(start + first, end), 0);
  }
}
