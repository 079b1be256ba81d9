// Copies of outgoing payloads. A publisher may use its buffer again as soon as the call returns, and a buffer of its own for every
// small payload would cost more than all the rest of a publish: Deno takes a third of a microsecond to make one.

/** Size of a slab; it is given up once no message refers to it. */
const SLAB_BYTES = 32 * 1024;
/** Payloads above this are copied to a buffer of their own: a slab would hold too few of them. */
const MAX_SLAB_PAYLOAD = 2048;
/** Payloads from this size on are not copied: the codec sends them from where they are. */
export const REFERENCE_BYTES: number = 16 * 1024;

let encoder: TextEncoder | undefined;

/** The encoder of this process. It is made when it is first asked for. */
function textEncoder(): TextEncoder {
  return encoder ??= new TextEncoder();
}

/** Makes copies of payloads, many small ones side by side in one buffer that is never written twice. */
export class PayloadSlab {
  /** The slab in use; it is made for the first payload. */
  #slab: Uint8Array | undefined;
  #used = 0;
  /** What texts are encoded into that are needed only for a moment. */
  #scratch: Uint8Array | undefined;

  /** The payload as it is now, whatever happens to the original later; a large one stays the caller's. */
  copy(payload: Uint8Array | string): Uint8Array {
    if (typeof payload === "string") return this.#encode(payload);
    const length = payload.length;
    if (length >= REFERENCE_BYTES) return payload;
    // Not `slice`: that of a Node Buffer copies nothing.
    if (length > MAX_SLAB_PAYLOAD) return new Uint8Array(payload);
    const slab = this.#reserve(length);
    const start = this.#used;
    if (length <= 32) {
      for (let i = 0; i < length; i++) slab[start + i] = payload[i]!;
    } else {
      slab.set(payload, start);
    }
    return this.#commit(slab, length);
  }

  /** The bytes of a text, until the next call. */
  encodeForNow(text: string): Uint8Array {
    if (text.length * 3 > MAX_SLAB_PAYLOAD) return textEncoder().encode(text);
    const scratch = this.#scratch ??= new Uint8Array(MAX_SLAB_PAYLOAD);
    return scratch.subarray(0, textEncoder().encodeInto(text, scratch).written);
  }

  #encode(text: string): Uint8Array {
    const longest = text.length * 3;
    if (longest > MAX_SLAB_PAYLOAD) return textEncoder().encode(text);
    const slab = this.#reserve(longest);
    const room = slab.subarray(this.#used, this.#used + longest);
    return this.#commit(slab, textEncoder().encodeInto(text, room).written);
  }

  /** The slab, with so much room after what is used. */
  #reserve(length: number): Uint8Array {
    if (this.#slab !== undefined && this.#used + length <= SLAB_BYTES) return this.#slab;
    this.#used = 0;
    return this.#slab = new Uint8Array(SLAB_BYTES);
  }

  #commit(slab: Uint8Array, length: number): Uint8Array {
    const start = this.#used;
    this.#used = start + length;
    return new Uint8Array(slab.buffer, start, length);
  }
}
