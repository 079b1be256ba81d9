// The server's side of RFC 6455 for tests, written apart from the client's: whole frames, byte by byte.

/** A frame as a test writes it. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  /** Whether it ends its message; it does by default. */
  readonly fin?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** Masks the payload, as a server must not. */
  readonly mask?: readonly [number, number, number, number];
  /** How many bytes of length follow the second byte; by default as few as there can be. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** A frame as a client has sent it. */
export interface ClientFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly reserved: number;
  readonly mask: readonly number[] | undefined;
  /** Unmasked. */
  readonly payload: Uint8Array;
}

/** Encodes one frame. */
export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  const { opcode, payload = new Uint8Array(0), fin = true, reserved = 0, mask } = frame;
  const { lengthBytes = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8 } = frame;
  const header = [(fin ? 128 : 0) | reserved << 4 | opcode];
  const masked = mask === undefined ? 0 : 128;
  if (lengthBytes === 0) {
    header.push(masked | payload.length);
  } else {
    header.push(masked | (lengthBytes === 2 ? 126 : 127));
    for (let at = lengthBytes - 1; at >= 0; at--) header.push(Math.floor(payload.length / 256 ** at) % 256);
  }
  if (mask !== undefined) header.push(...mask);
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  bytes.set(mask === undefined ? payload : maskBytes(payload, mask), header.length);
  return bytes;
}

/** Masks, or unmasks, byte by byte. */
export function maskBytes(payload: Uint8Array, mask: readonly number[]): Uint8Array {
  const masked = new Uint8Array(payload.length);
  for (let index = 0; index < payload.length; index++) masked[index] = payload[index]! ^ mask[index % 4]!;
  return masked;
}

/** Gathers the bytes of a client, and gives its frames, each when it is whole. */
export class ClientFrames {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #start = 0;
  #end = 0;

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      const rest = this.#bytes.subarray(this.#start, this.#end);
      const bytes = new Uint8Array(Math.max(2 * (rest.length + chunk.length), 1024));
      bytes.set(rest);
      this.#bytes = bytes;
      this.#start = 0;
      this.#end = rest.length;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** How many bytes are no whole frame. */
  get left(): number {
    return this.#end - this.#start;
  }

  next(): ClientFrame | undefined {
    const bytes = this.#bytes.subarray(this.#start, this.#end);
    if (bytes.length < 2) return undefined;
    const lengthBytes = (bytes[1]! & 127) < 126 ? 0 : (bytes[1]! & 127) === 126 ? 2 : 8;
    const isMasked = bytes[1]! >= 128;
    const maskStart = 2 + lengthBytes;
    const start = maskStart + (isMasked ? 4 : 0);
    if (bytes.length < start) return undefined;
    let length = lengthBytes === 0 ? bytes[1]! & 127 : 0;
    for (let at = 2; at < 2 + lengthBytes; at++) length = length * 256 + bytes[at]!;
    if (bytes.length < start + length) return undefined;
    this.#start += start + length;
    const mask = isMasked ? [...bytes.subarray(maskStart, start)] : undefined;
    const payload = maskBytes(bytes.subarray(start, start + length), mask ?? [0, 0, 0, 0]);
    return { opcode: bytes[0]! & 15, fin: bytes[0]! >= 128, reserved: bytes[0]! >> 4 & 7, mask, payload };
  }
}
