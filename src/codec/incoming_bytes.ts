// The bytes a packet is decoded from, together with their place in the stream: every fault can say where it is, and payloads are views
// of the same memory.

import { MalformedPacketError } from "./error.ts";

/** No bytes; one array for all who have none. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A run of received bytes. The decoder has one for its chunk and one for packets that came in pieces. */
export class IncomingBytes {
  /** The bytes. */
  bytes: Uint8Array;
  /** The offset in the stream of `bytes[0]`; below zero if that byte is no part of the stream. */
  origin: number;
  #buffer: ArrayBufferLike | undefined = undefined;
  #byteOffset = 0;

  constructor(bytes: Uint8Array, origin: number) {
    this.bytes = bytes;
    this.origin = origin;
  }

  /** Goes on with other bytes. */
  assign(bytes: Uint8Array, origin: number): void {
    this.origin = origin;
    if (this.bytes === bytes) return;
    this.bytes = bytes;
    this.#buffer = undefined;
  }

  /** Views the bytes from `start` to `end`, without a copy. */
  view(start: number, end: number): Uint8Array {
    // `buffer` is read once for all payloads of a chunk, and not at all for a chunk of acknowledgements: the first access to it is
    // slow. Built on it, a view takes less time than `subarray`. Copies of small payloads were tried: they save no time on either
    // engine once the collector is counted, and cost V8 five times as much.
    if (this.#buffer === undefined) {
      this.#buffer = this.bytes.buffer;
      this.#byteOffset = this.bytes.byteOffset;
    }
    return new Uint8Array(this.#buffer, this.#byteOffset + start, end - start);
  }

  /** Makes the error for a fault at `index`. */
  fault(packet: string, state: string, rule: string, index: number): MalformedPacketError {
    return new MalformedPacketError(`Cannot decode ${packet}: ${state}`, rule, this.origin + index);
  }
}
