// Frames of RFC 6455 as a server sends them. A frame is not a packet: what has arrived of one is handed on at once, as views of the
// chunk it came in, so that a frame of any length takes no memory.

import type { WebSocketError, WebSocketTarget } from "./transport.ts";
import { describeTextFrame, endFailure } from "./websocket_failure.ts";

/** What a frame is; the others are reserved. */
export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** The first bit of a frame: it ends its message. */
export const FIN = 0x80;

/** The first bit of the second byte: the payload is masked, which is what clients do, and servers must not. */
export const MASKED = 0x80;

/** Lengths that fit into the second byte; all that a control frame may have. */
export const MAX_SHORT_LENGTH = 125;

/** In place of a length: 16 or 64 bits of it follow. */
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;

/** First byte, second byte, 64 bits of length. */
const MAX_HEADER_BYTES = 10;

const RESERVED_BITS = 0x70;

/** Fewer bytes than this are moved one by one in less time than by a call. */
const FEW_BYTES = 32;

/** What comes out of a {@linkcode FrameDecoder}. */
export type FramePart =
  /** Bytes of the stream: a binary frame, or some of one. At least one byte. */
  | { readonly type: "payload"; readonly bytes: Uint8Array }
  /** A ping, with what the pong must repeat. */
  | { readonly type: "ping"; readonly payload: Uint8Array }
  /** The last frame; nothing that follows it is read. */
  | { readonly type: "close"; readonly code: number | undefined; readonly reason: string };

/** Decodes the frames of a server. It is pulled: `push` a chunk, then `next` until there is nothing more. */
export class FrameDecoder {
  readonly #target: WebSocketTarget;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  readonly #header: Uint8Array = new Uint8Array(MAX_HEADER_BYTES);
  /** How much of a header has come, and how much there is to it as far as is known. */
  #headerLength = 0;
  #headerNeeds = 2;
  #opcode = 0;
  /** Bytes of the frame's payload that are still to come. */
  #rest = 0;
  /** Whether a frame has begun whose payload is not all there. */
  #isInside = false;
  /** Whether a message has begun that is not at its end: continuations must follow, control frames may come between. */
  #isFragmented = false;
  /** The payload of a control frame, as far as it has come. */
  readonly #control: Uint8Array = new Uint8Array(MAX_SHORT_LENGTH);
  #controlLength = 0;
  #isClosed = false;

  /** @param target The server, for messages. */
  constructor(target: WebSocketTarget) {
    this.#target = target;
  }

  /**
   * Hands over the next chunk.
   *
   * @param chunk Bytes in any number. They belong to the decoder, which may move them: payloads are views of them.
   */
  push(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#position < this.#chunk.length) throw new Error("Cannot decode frames: the chunk before is not used up");
    this.#chunk = chunk;
    this.#position = 0;
  }

  /**
   * Decodes what comes next in the chunk.
   *
   * @returns It, or `undefined` if the chunk has no more.
   * @throws {WebSocketError} If a frame breaks a rule, or is one of text; nothing can be decoded after that.
   */
  next(): FramePart | undefined {
    while (!this.#isClosed && (this.#isInside || this.#readHeader())) {
      if (this.#opcode < OPCODE.close) {
        const start = this.#position;
        const end = this.#takePayload() && !this.#isFragmented ? this.#joinMessages() : this.#position;
        if (end > start) return { type: "payload", bytes: this.#chunk.subarray(start, end) };
      } else if (this.#gatherControl()) {
        const part = this.#endControl();
        if (part !== undefined) return part;
      }
      // There is no more of a frame that is not at its end.
      if (this.#isInside) break;
    }
    return undefined;
  }

  /** Reads bytes of a header, and judges each as soon as it can be. @returns Whether the header is whole. */
  #readHeader(): boolean {
    const chunk = this.#chunk;
    const header = this.#header;
    while (this.#position < chunk.length) {
      header[this.#headerLength++] = chunk[this.#position++]!;
      if (this.#headerLength === 1) this.#judgeFirstByte(header[0]!);
      else if (this.#headerLength === 2) this.#judgeSecondByte(header[1]!);
      if (this.#headerLength === this.#headerNeeds) {
        this.#rest = this.#payloadLength();
        this.#headerLength = 0;
        this.#headerNeeds = 2;
        this.#isInside = true;
        return true;
      }
    }
    return false;
  }

  #judgeFirstByte(byte: number): void {
    const opcode = byte & 0x0f;
    this.#opcode = opcode;
    const isFinal = (byte & FIN) !== 0;
    if ((byte & RESERVED_BITS) !== 0) throw this.#fault("a reserved bit is set, and no extension was agreed on", "5.2");
    switch (opcode) {
      case OPCODE.continuation:
        if (!this.#isFragmented) throw this.#fault("a continuation frame continues nothing", "5.4");
        this.#isFragmented = !isFinal;
        return;
      case OPCODE.binary:
        if (this.#isFragmented) throw this.#fault("a message begins inside another", "5.4");
        this.#isFragmented = !isFinal;
        return;
      case OPCODE.text:
        throw describeTextFrame(this.#target);
      case OPCODE.close:
      case OPCODE.ping:
      case OPCODE.pong:
        if (!isFinal) throw this.#fault("a control frame is fragmented", "5.5");
        return;
      default:
        throw this.#fault(`a frame has the reserved opcode ${opcode}`, "5.2");
    }
  }

  #judgeSecondByte(byte: number): void {
    if ((byte & MASKED) !== 0) throw this.#fault("the server masks a frame", "5.1");
    if (byte <= MAX_SHORT_LENGTH) return;
    if (this.#opcode >= OPCODE.close) throw this.#fault("a control frame is longer than 125 bytes", "5.5");
    this.#headerNeeds = byte === LENGTH_16 ? 4 : MAX_HEADER_BYTES;
  }

  #payloadLength(): number {
    const header = this.#header;
    if (this.#headerNeeds === 2) return header[1]!;
    const view = new DataView(header.buffer);
    const isShort = this.#headerNeeds === 4;
    // The highest bit, which must be 0, makes a number that is far beyond what is safe.
    const length = isShort ? view.getUint16(2) : view.getUint32(2) * 2 ** 32 + view.getUint32(6);
    if (length > Number.MAX_SAFE_INTEGER) throw this.#fault("a frame has an impossible length", "5.2");
    if (length <= (isShort ? MAX_SHORT_LENGTH : 0xffff)) {
      throw this.#fault(`the length ${length} of a frame is not written in the shortest way`, "5.2");
    }
    return length;
  }

  /** Passes the bytes of the frame that the chunk has. @returns Whether these are the last. */
  #takePayload(): boolean {
    const length = Math.min(this.#rest, this.#chunk.length - this.#position);
    this.#position += length;
    this.#rest -= length;
    this.#isInside = this.#rest > 0;
    return !this.#isInside;
  }

  /**
   * Takes the short messages that follow, by moving their payloads up to where the last one has ended. Servers put each packet into a
   * frame of its own, and moving one costs less than a view of it, and all that a view of its own leads to.
   *
   * @returns Where the joined payload ends.
   */
  #joinMessages(): number {
    const chunk = this.#chunk;
    let end = this.#position;
    let start = end + 2;
    while (start < chunk.length && chunk[start - 2] === (FIN | OPCODE.binary)) {
      const next = start + chunk[start - 1]!;
      if (next > chunk.length || next > start + MAX_SHORT_LENGTH) break;
      if (next - start < FEW_BYTES) {
        for (let from = start; from < next; from++) chunk[end++] = chunk[from]!;
      } else {
        chunk.copyWithin(end, start, next);
        end += next - start;
      }
      this.#position = next;
      start = next + 2;
    }
    return end;
  }

  /** Gathers the payload of a control frame. @returns Whether it is whole. */
  #gatherControl(): boolean {
    const start = this.#position;
    const isWhole = this.#takePayload();
    this.#control.set(this.#chunk.subarray(start, this.#position), this.#controlLength);
    this.#controlLength += this.#position - start;
    return isWhole;
  }

  #endControl(): FramePart | undefined {
    const payload = this.#control.slice(0, this.#controlLength);
    this.#controlLength = 0;
    if (this.#opcode === OPCODE.ping) return { type: "ping", payload };
    // An unsolicited pong is allowed, and says nothing; pings are none of ours, MQTT has its own.
    if (this.#opcode === OPCODE.pong) return undefined;
    this.#isClosed = true;
    return this.#decodeClose(payload);
  }

  #decodeClose(payload: Uint8Array): FramePart {
    if (payload.length === 0) return { type: "close", code: undefined, reason: "" };
    if (payload.length === 1) throw this.#fault("a Close frame has half a close code", "5.5.1");
    const code = payload[0]! << 8 | payload[1]!;
    if (!isCloseCode(code)) {
      throw this.#fault(`a Close frame has the close code ${code}, which cannot be sent`, "7.4");
    }
    try {
      const reason = new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
      return { type: "close", code, reason };
    } catch {
      throw this.#fault("the reason of a Close frame is not UTF-8", "5.5.1");
    }
  }

  #fault(state: string, section: string): WebSocketError {
    return endFailure(this.#target, "protocol", `${state} (RFC 6455, ${section})`);
  }
}

/** Whether a close code may stand in a frame: the rest is reserved, or only for what has no frame. */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
