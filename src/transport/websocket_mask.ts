// Frames of RFC 6455 as a client sends them: masked. A server refuses bytes of a client that are not, and the mask must be new and
// unpredictable for each frame (10.3), so that nobody can make a client send bytes of his choice to what is in between.

import { FIN, LENGTH_16, LENGTH_64, MASKED, MAX_SHORT_LENGTH } from "./websocket_frame.ts";

/** Most bytes of a frame that are masked at once: about what fits into the nearest caches. */
export const PIECE_BYTES = 65_536;

/** Where the payload begins in the buffer: behind the longest header, at a multiple of 16. */
const PAYLOAD_START = 16;

/** The mask stands right before the payload, as a 32-bit word of its own, so that the order of bytes in a word does not matter. */
const MASK_WORD = PAYLOAD_START / 4 - 1;

/** Masks that are asked for at once: one question per frame would cost more than the frame. */
const MASKS = 256;

/** Least bytes of the buffer; it grows as far as `PIECE_BYTES` when longer frames come. */
const LEAST_BUFFER_BYTES = 1024;

/**
 * Encodes frames, one after another, into one buffer. The bytes it gives are views of that buffer, which the next call overwrites;
 * payloads are only read.
 */
export class FrameEncoder {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  readonly #masks: Int32Array<ArrayBuffer> = new Int32Array(MASKS);
  #nextMask = MASKS;

  /**
   * Begins a frame.
   *
   * @param opcode What it is.
   * @param payloadLength How many bytes its payload has in all.
   * @param first The first of them: all, or exactly `PIECE_BYTES`.
   * @returns The header, and these bytes masked.
   */
  begin(opcode: number, payloadLength: number, first: Uint8Array): Uint8Array {
    this.#fit(first.length);
    this.#words[MASK_WORD] = this.#takeMask();
    const lengthBytes = payloadLength <= MAX_SHORT_LENGTH ? 0 : payloadLength <= 0xffff ? 2 : 8;
    const start = MASK_WORD * 4 - 2 - lengthBytes;
    const bytes = this.#bytes;
    bytes[start] = FIN | opcode;
    if (lengthBytes === 0) {
      bytes[start + 1] = MASKED | payloadLength;
    } else {
      bytes[start + 1] = MASKED | (lengthBytes === 2 ? LENGTH_16 : LENGTH_64);
      for (let at = MASK_WORD * 4 - 1, rest = payloadLength; at > start + 1; at--) {
        bytes[at] = rest % 256;
        rest = Math.floor(rest / 256);
      }
    }
    return this.#mask(start, first);
  }

  /**
   * Goes on with the frame.
   *
   * @param piece The next bytes of its payload: the rest, or exactly `PIECE_BYTES`.
   * @returns These bytes masked.
   */
  proceed(piece: Uint8Array): Uint8Array {
    return this.#mask(PAYLOAD_START, piece);
  }

  /** Every piece but the last is a multiple of the mask, so that each begins with its first byte. */
  #mask(start: number, piece: Uint8Array): Uint8Array {
    this.#bytes.set(piece, PAYLOAD_START);
    const words = this.#words;
    const mask = words[MASK_WORD]!;
    // What is masked beyond the end of the piece is nobody's.
    const end = (PAYLOAD_START + piece.length) / 4;
    for (let at = PAYLOAD_START / 4; at < end; at += 4) {
      words[at]! ^= mask;
      words[at + 1]! ^= mask;
      words[at + 2]! ^= mask;
      words[at + 3]! ^= mask;
    }
    return this.#bytes.subarray(start, PAYLOAD_START + piece.length);
  }

  #fit(length: number): void {
    if (PAYLOAD_START + length <= this.#bytes.length) return;
    let capacity = LEAST_BUFFER_BYTES;
    while (capacity < length) capacity *= 2;
    const buffer = new ArrayBuffer(PAYLOAD_START + capacity);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  #takeMask(): number {
    if (this.#nextMask === MASKS) {
      crypto.getRandomValues(this.#masks);
      this.#nextMask = 0;
    }
    return this.#masks[this.#nextMask++]!;
  }
}
