// Finds packets in a stream without looking at what they say: all a peer needs that must be faster than whom it measures.

/** More than any header of the benchmark has, Topic Name and Packet Identifier included. */
const MAX_HEAD_BYTES = 256;

/** Told of each packet, when its last byte has come. Of a packet without Packet Identifier, `packetId` means nothing. */
export type PacketHandler = (firstByte: number, packetId: number) => void;

/** Cuts a stream into packets. */
export class PacketScanner {
  readonly #handle: PacketHandler;
  /** The beginning of a packet whose header came in pieces. */
  readonly #head: Uint8Array = new Uint8Array(MAX_HEAD_BYTES);
  #headLength = 0;
  /** Bytes still to come of the packet whose header is known. */
  #missing = 0;
  #firstByte = 0;
  #packetId = 0;
  #packetLength = 0;

  /**
   * @param handle Told of each packet.
   */
  constructor(handle: PacketHandler) {
    this.#handle = handle;
  }

  /** Takes the next bytes of the stream. */
  scan(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = this.#headLength > 0 ? this.#finishHead(chunk) : 0;
    if (this.#missing > 0) {
      at += this.#missing;
      this.#missing = at - end;
      if (at > end) return;
      this.#missing = 0;
      this.#handle(this.#firstByte, this.#packetId);
    }
    while (at < end) {
      if (!this.#readHead(chunk, at, end)) {
        this.#head.set(chunk.subarray(at));
        this.#headLength = end - at;
        return;
      }
      at += this.#packetLength;
      if (at > end) {
        this.#missing = at - end;
        return;
      }
      this.#handle(this.#firstByte, this.#packetId);
    }
  }

  /** Adds bytes to the header that came in pieces until it is whole. @returns How many it took. */
  #finishHead(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length) {
      this.#head[this.#headLength++] = chunk[at++]!;
      if (!this.#readHead(this.#head, 0, this.#headLength)) continue;
      this.#missing = this.#packetLength - this.#headLength;
      this.#headLength = 0;
      if (this.#missing === 0) this.#handle(this.#firstByte, this.#packetId);
      break;
    }
    return at;
  }

  /** Reads a header. @returns Whether all of it is there. */
  #readHead(bytes: Uint8Array, start: number, end: number): boolean {
    const firstByte = bytes[start]!;
    let at = start + 1;
    let length = 0;
    for (let shift = 0;; shift += 7) {
      if (at >= end) return false;
      const byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    this.#packetLength = at + length - start;
    const isPublish = firstByte >> 4 === 3;
    if (isPublish ? (firstByte & 6) > 0 : length >= 2) {
      if (isPublish) {
        if (at + 2 > end) return false;
        at += 2 + (bytes[at]! << 8 | bytes[at + 1]!);
      }
      if (at + 2 > end) return false;
      this.#packetId = bytes[at]! << 8 | bytes[at + 1]!;
    }
    this.#firstByte = firstByte;
    return true;
  }
}
