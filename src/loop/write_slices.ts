// What was encoded, cut into writes. A write costs about as much as copying a hundred kilobytes, and a fixed header that leaves alone is
// a segment of its own on the network: so short parts are put together, and only long payloads leave from where they are.
import type { EncodedPart } from "../codec/mod.ts";

/** Most bytes of one write, so that a large payload shows progress while it leaves. */
const SLICE_BYTES = 256 * 1024;
/** A part that is shorter is put together with its neighbours. */
const LONE_BYTES = 128 * 1024;
/** How many buffers are kept for whoever puts parts together next. */
const MAX_SPARES = 4;

/** Buffers that nobody uses now; a connection has one only while it writes. */
const spares: Uint8Array[] = [];

const NO_PARTS: readonly EncodedPart[] = [];

/** The writes that some parts make, one after another. */
export class WriteSlices {
  #parts: readonly EncodedPart[] = NO_PARTS;
  /** The place of the next byte. */
  #index = 0;
  #offset = 0;
  /** Where parts are put together; present until the last write is done. */
  #joined: Uint8Array | undefined;
  /** What `next` returns. It is one object, so that a write has none made for it. */
  readonly #slice: { bytes: Uint8Array; length: number } = { bytes: new Uint8Array(0), length: 0 };

  /** Begins with parts, which must stay as they are until `next` has no more. Those before them must be done, or given up. */
  begin(parts: readonly EncodedPart[]): void {
    this.#parts = parts;
    this.#index = 0;
    this.#offset = 0;
  }

  /**
   * Gives the next write; the one before it must be done.
   *
   * @returns What is to be sent, to be left as it is until the next call; `undefined` if that was all.
   */
  next(): EncodedPart | undefined {
    if (this.#index === this.#parts.length) return this.#end();
    if (this.#isShort(this.#index) && this.#isShort(this.#index + 1)) this.#join();
    else this.#cut();
    return this.#slice;
  }

  #isShort(index: number): boolean {
    return index < this.#parts.length && this.#parts[index]!.length < LONE_BYTES;
  }

  #join(): void {
    const joined = this.#joined ??= spares.pop() ?? new Uint8Array(SLICE_BYTES);
    let filled = 0;
    while (this.#isShort(this.#index)) {
      const { bytes, length } = this.#parts[this.#index]!;
      if (filled + length > SLICE_BYTES) break;
      joined.set(length === bytes.length ? bytes : bytes.subarray(0, length), filled);
      filled += length;
      this.#index++;
    }
    this.#slice.bytes = joined;
    this.#slice.length = filled;
  }

  #cut(): void {
    const { bytes, length } = this.#parts[this.#index]!;
    const start = this.#offset;
    this.#slice.bytes = start === 0 ? bytes : bytes.subarray(start);
    this.#slice.length = Math.min(length - start, SLICE_BYTES);
    this.#offset = start + this.#slice.length;
    if (this.#offset < length) return;
    this.#index++;
    this.#offset = 0;
  }

  /** Only here, where all writes are done, the buffer may be used by others: one that was given up may still be under way. */
  #end(): undefined {
    if (this.#joined !== undefined && spares.length < MAX_SPARES) spares.push(this.#joined);
    this.#joined = undefined;
    this.#parts = NO_PARTS;
    this.#index = 0;
  }
}
