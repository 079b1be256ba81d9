// Where packets are written before they go to the transport: one growing buffer that is used again and again, and large payloads that
// stay where they are.

import { NO_BYTES } from "./incoming_bytes.ts";

/** A run of bytes for the transport. */
export interface EncodedPart {
  /** The memory; only its first `length` bytes are to be sent. */
  readonly bytes: Uint8Array;
  /** How many bytes are to be sent. */
  readonly length: number;
}

interface Reference {
  /** How many bytes of the buffer come before the payload. */
  readonly at: number;
  readonly payload: Uint8Array;
}

/** The sizes a buffer grows through: for a handshake and acknowledgements, for some messages, for a flood. Then it doubles. */
const CAPACITIES = [256, 4096, 81_920, 221_184];
/** A buffer that grew beyond this is given up. */
const MAX_KEPT_CAPACITY = 262_144;

/** The bytes written since the last `reset`. */
export class WriteBuffer {
  /** The buffer. It is another one after `reserve`. */
  bytes: Uint8Array = NO_BYTES;
  /** How many bytes are written. A packet counts once it is whole, so one that cannot be encoded leaves nothing behind. */
  length = 0;
  /** How far `bytes` may be written; below zero after `take`. */
  #limit = 0;
  #references: Reference[] = [];
  #referencedLength = 0;
  readonly #parts: EncodedPart[] = [];
  readonly #firstPart: { bytes: Uint8Array; length: number } = { bytes: this.bytes, length: 0 };

  /** How many bytes are to be sent, those of referenced payloads included. */
  get totalLength(): number {
    return this.length + this.#referencedLength;
  }

  /** Makes sure that `size` more bytes fit. */
  reserve(size: number): void {
    if (this.length + size > this.#limit) this.#grow(size);
  }

  /** Lets a payload follow what is written so far, without a copy. */
  refer(payload: Uint8Array): void {
    this.#references.push({ at: this.length, payload });
    this.#referencedLength += payload.length;
  }

  /** Takes over what another buffer holds, and lets that one begin anew. Into an empty buffer it goes without a copy. */
  append(other: WriteBuffer): void {
    if (this.#limit < 0 || this.totalLength > 0) return this.#copy(other);
    const { bytes } = this;
    this.bytes = other.bytes;
    this.#limit = other.#limit;
    this.length = other.length;
    this.#references = other.#references;
    this.#referencedLength = other.#referencedLength;
    other.bytes = bytes;
    other.#references = [];
    other.#referencedLength = 0;
    other.reset();
  }

  /** Closes the buffer until `reset`, and lists what is to be sent. The list is used again by the next call. */
  take(): readonly EncodedPart[] {
    this.#limit = -1;
    const parts = this.#parts;
    parts.length = 0;
    let from = 0;
    for (const { at, payload } of this.#references) {
      this.#addPart(from, at);
      parts.push({ bytes: payload, length: payload.length });
      from = at;
    }
    this.#addPart(from, this.length);
    return parts;
  }

  /** Begins anew; nothing that was listed may still be in use. */
  reset(): void {
    this.#parts.length = 0;
    if (this.#references.length > 0) {
      this.#references = [];
      this.#referencedLength = 0;
    }
    if (this.bytes.length > MAX_KEPT_CAPACITY) this.bytes = NO_BYTES;
    this.#firstPart.bytes = this.bytes;
    this.#limit = this.bytes.length;
    this.length = 0;
  }

  #copy(other: WriteBuffer): void {
    this.reserve(other.length);
    this.bytes.set(other.bytes.subarray(0, other.length), this.length);
    for (const { at, payload } of other.#references) this.#references.push({ at: this.length + at, payload });
    this.length += other.length;
    this.#referencedLength += other.#referencedLength;
    other.reset();
  }

  #addPart(from: number, to: number): void {
    if (from === to) return;
    if (from === 0) {
      // Nearly every write is this one part: it has no object made for it, and no view of the buffer.
      this.#firstPart.bytes = this.bytes;
      this.#firstPart.length = to;
      this.#parts.push(this.#firstPart);
    } else {
      this.#parts.push({ bytes: this.bytes.subarray(from, to), length: to - from });
    }
  }

  #grow(size: number): void {
    if (this.#limit < 0) throw new Error("Cannot encode: the parts were taken, and reset was not called since");
    const needed = this.length + size;
    const capacity = CAPACITIES.find((step) => step >= needed) ?? Math.max(needed, this.bytes.length * 2);
    const bytes = new Uint8Array(capacity);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.#limit = capacity;
  }
}
