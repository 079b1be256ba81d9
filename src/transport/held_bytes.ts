// Bytes that arrived and may not be handed out yet, in order. Small ones are gathered: a million messages of a few bytes would cost far
// more memory than the bytes that are counted.

/** Chunks shorter than this are copied behind one another. */
const GATHER_BYTES = 4_096;
/** The size of the buffers they are copied into. */
const SLAB_BYTES = 16_384;

/** A queue of chunks. What leaves it is never written again. */
export class HeldBytes {
  /** How many bytes it holds. */
  length = 0;
  /** Whole chunks, oldest first, from `#first` on. */
  #chunks: Uint8Array[] = [];
  #first = 0;
  /** Small chunks behind them, up to `#slabLength`. */
  #slab: Uint8Array | undefined;
  #slabLength = 0;

  /** Adds a chunk behind the others; a small one may leave as a part of a longer one. */
  push(chunk: Uint8Array): void {
    this.length += chunk.length;
    const isSmall = chunk.length < GATHER_BYTES;
    if (!isSmall || this.#slabLength + chunk.length > SLAB_BYTES) this.#closeSlab();
    if (!isSmall) {
      this.#chunks.push(chunk);
      return;
    }
    this.#slab ??= new Uint8Array(SLAB_BYTES);
    this.#slab.set(chunk, this.#slabLength);
    this.#slabLength += chunk.length;
  }

  /** Takes the oldest chunk; `undefined` if there is none. */
  shift(): Uint8Array | undefined {
    if (this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#first = 0;
      this.#closeSlab();
    }
    const chunk = this.#chunks[this.#first];
    if (chunk === undefined) return undefined;
    // The array keeps its length, since shifting a long one costs as much as copying it; what it keeps is nothing.
    this.#chunks[this.#first++] = NO_BYTES;
    this.length -= chunk.length;
    return chunk;
  }

  /** Forgets everything. */
  clear(): void {
    this.length = 0;
    this.#chunks = [];
    this.#first = 0;
    this.#slab = undefined;
    this.#slabLength = 0;
  }

  /** Turns the gathered bytes into a chunk of their own size. */
  #closeSlab(): void {
    if (this.#slab === undefined) return;
    this.#chunks.push(this.#slab.slice(0, this.#slabLength));
    this.#slab = undefined;
    this.#slabLength = 0;
  }
}

const NO_BYTES = new Uint8Array(0);
