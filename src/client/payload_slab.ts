// Copies of outgoing payloads. A publisher may use its buffer again as soon as the call returns, and a buffer of its own for every
// small payload would cost more than all the rest of a publish: Deno takes a third of a microsecond to make one.

/** Size of a slab; it is given up once no message refers to it. */
const SLAB_BYTES = 32 * 1024;
/** Payloads above this are copied to a buffer of their own: a slab would hold too few of them. */
const MAX_SLAB_PAYLOAD = 2048;
/** Payloads from this size on are not copied: the codec sends them from where they are. */
export const REFERENCE_BYTES: number = 16 * 1024;

/** Makes copies of payloads, many small ones side by side in one buffer that is never written twice. */
export class PayloadSlab {
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;
  #scratch: Uint8Array | undefined;
  readonly #encoder: TextEncoder = new TextEncoder();

  /** The payload as it is now, whatever happens to the original later; a large one stays the caller's. */
  copy(payload: Uint8Array | string): Uint8Array {
    if (typeof payload === "string") return this.#encode(payload);
    const length = payload.length;
    if (length >= REFERENCE_BYTES) return payload;
    // Not `slice`: that of a Node Buffer copies nothing.
    if (length > MAX_SLAB_PAYLOAD) return new Uint8Array(payload);
    const start = this.#reserve(length);
    const slab = this.#slab;
    if (length <= 32) {
      for (let i = 0; i < length; i++) slab[start + i] = payload[i]!;
    } else {
      slab.set(payload, start);
    }
    return this.#commit(length);
  }

  /** The bytes of a text, until the next call. */
  encodeForNow(text: string): Uint8Array {
    if (text.length * 3 > MAX_SLAB_PAYLOAD) return this.#encoder.encode(text);
    const scratch = this.#scratch ??= new Uint8Array(MAX_SLAB_PAYLOAD);
    return scratch.subarray(0, this.#encoder.encodeInto(text, scratch).written);
  }

  #encode(text: string): Uint8Array {
    const longest = text.length * 3;
    if (longest > MAX_SLAB_PAYLOAD) return this.#encoder.encode(text);
    const start = this.#reserve(longest);
    return this.#commit(this.#encoder.encodeInto(text, this.#slab.subarray(start, start + longest)).written);
  }

  #reserve(length: number): number {
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    return this.#used;
  }

  #commit(length: number): Uint8Array {
    const start = this.#used;
    this.#used = start + length;
    return new Uint8Array(this.#slab.buffer, start, length);
  }
}
