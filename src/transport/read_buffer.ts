// Memory to read into, for a runtime that leaves the choice of buffer to us. What was handed out is never written again, so reads go
// one behind the other until a buffer is used up or of the wrong size; and the next one is as large as the traffic asks for: an idle
// connection holds little, and under a flood most large packets arrive in one piece.

/** What a connection begins with: enough for a handshake, and all that an idle one ever needs. */
const FIRST_BYTES = 256;
/** The smallest of the later buffers. */
const LEAST_BYTES = 4096;
/** The largest; beyond it, memory that is new each time costs more than fewer reads save. */
const MOST_BYTES = 262_144;
/** Sizes lie apart by this factor. */
const STEP = 4;
/** With less than this share of a buffer left, a fresh one is cheaper than a short read; and a read of less is a small one. */
const SMALL_SHARE = 1 / 16;
/** A read that fills this share of half a buffer or more shows that there is more to come. A TLS record is a little short of 16 KiB. */
const FULL_SHARE = 7 / 8;
/** A buffer that sees so many small reads in a row is larger than the traffic needs. */
const MANY_SMALL_READS = 16;

/** The memory for the reads of one connection. */
export class ReadBuffer {
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #filled = 0;
  #smallReads = 0;
  /** The size of the next buffer, if this one is not used up: it is of the wrong size. */
  #betterSize: number | undefined;

  /** Where the next read goes. */
  room(): Uint8Array {
    const size = this.#bytes.length;
    if (this.#betterSize !== undefined || size - this.#filled < size * SMALL_SHARE) {
      this.#bytes = new Uint8Array(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, this.#betterSize ?? size)));
      this.#filled = 0;
      this.#smallReads = 0;
      this.#betterSize = undefined;
    }
    return this.#bytes.subarray(this.#filled);
  }

  /**
   * Hands out what was read.
   *
   * @param count How many bytes were read into the room.
   * @returns The bytes.
   */
  take(count: number): Uint8Array {
    const size = this.#bytes.length;
    const start = this.#filled;
    const room = size - start;
    this.#filled = start + count;
    if (room * 2 >= size && count >= room * FULL_SHARE) this.#betterSize = size * STEP;
    this.#smallReads = count < size * SMALL_SHARE ? this.#smallReads + 1 : 0;
    if (this.#smallReads >= MANY_SMALL_READS && size > LEAST_BYTES) this.#betterSize = size / STEP;
    return this.#bytes.subarray(start, this.#filled);
  }
}
