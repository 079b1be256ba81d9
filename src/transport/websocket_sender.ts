// The sending side of a WebSocket: frames of the owner, pongs and the Close frame take turns on a stream that takes one write at a time.
// A frame is never cut by another; between frames a pong goes first.

import type { Transport } from "./transport.ts";
import { OPCODE } from "./websocket_frame.ts";
import { FrameEncoder, PIECE_BYTES } from "./websocket_mask.ts";

const NO_BYTES = new Uint8Array(0);

/** A frame of the owner. */
interface Message {
  readonly chunk: Uint8Array;
  readonly length: number;
  /** How much of it is masked and handed on. */
  sent: number;
  /** Present once somebody waits for it. */
  taken: PromiseWithResolvers<void> | undefined;
}

/** Sends the frames of one WebSocket. */
export class FrameSender {
  readonly #lower: Transport;
  readonly #encoder: FrameEncoder = new FrameEncoder();
  /** Whether the stream has a write in flight, and the encoder's buffer is not ours. */
  #isBusy = false;
  #message: Message | undefined;
  /** What the newest ping asks to be repeated: older ones need no answer of their own (5.5.3), so a flood takes no memory. */
  #pong: Uint8Array | undefined;
  #close: Uint8Array | undefined;
  /** Settles once the Close frame was taken, or never will be. */
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;
  #isCloseSent = false;
  #isStopped = false;

  /**
   * @param lower The stream; nobody else writes to it from now on.
   * @param writing The last write of somebody else, if it may be in flight.
   */
  constructor(lower: Transport, writing: Promise<void> | undefined) {
    this.#lower = lower;
    if (writing !== undefined) this.#await(writing);
  }

  /** Whether the Close frame has left. */
  get isCloseSent(): boolean {
    return this.#isCloseSent;
  }

  /** Sends bytes as one frame; promises what `Transport.write` promises while the stream is open. */
  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    if (this.#message !== undefined) throw new Error("Cannot write: the write before this one is not done");
    // No bytes of the stream need no frame.
    if (length === 0) return undefined;
    const message: Message = { chunk, length, sent: 0, taken: undefined };
    this.#message = message;
    this.#advance();
    if (this.#message === undefined) return undefined;
    message.taken = Promise.withResolvers<void>();
    return message.taken.promise;
  }

  /** Answers a ping as soon as a frame under way is done. */
  pong(payload: Uint8Array): void {
    if (this.#isClosing) return;
    this.#pong = payload;
    this.#advance();
  }

  /**
   * Sends a Close frame behind everything else; nothing can follow it.
   *
   * @param code The close code; `undefined` for none.
   * @returns Settles once it was taken, or never will be.
   */
  close(code: number | undefined): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#close = code === undefined ? NO_BYTES : Uint8Array.of(code >>> 8, code & 0xff);
      this.#advance();
    }
    return this.#closed.promise;
  }

  /** Sends nothing more, and lets go of whoever waits: the stream is over. */
  stop(): void {
    this.#isStopped = true;
    this.#pong = undefined;
    this.#finishMessage();
    this.#closed.resolve();
  }

  /** Hands bytes to the stream until it makes them wait, or there are none. */
  #advance(): void {
    while (!this.#isBusy && !this.#isStopped) {
      const bytes = this.#nextBytes();
      if (bytes === undefined) return;
      const pending = this.#lower.write(bytes, bytes.length);
      if (pending === undefined) this.#handleTaken();
      else this.#await(pending);
    }
  }

  #await(pending: Promise<void>): void {
    this.#isBusy = true;
    pending.then(() => {
      this.#isBusy = false;
      this.#handleTaken();
      this.#advance();
    });
  }

  #nextBytes(): Uint8Array | undefined {
    const message = this.#message;
    const pong = this.#pong;
    if (pong !== undefined && (message === undefined || message.sent === 0)) {
      this.#pong = undefined;
      return this.#encoder.begin(OPCODE.pong, pong.length, pong);
    }
    if (message !== undefined) return this.#nextPiece(message);
    const close = this.#close;
    if (close === undefined) return undefined;
    this.#close = undefined;
    this.#isCloseSent = true;
    return this.#encoder.begin(OPCODE.close, close.length, close);
  }

  #nextPiece(message: Message): Uint8Array {
    const { chunk, length, sent } = message;
    const end = Math.min(sent + PIECE_BYTES, length);
    const piece = sent === 0 && end === chunk.length ? chunk : chunk.subarray(sent, end);
    message.sent = end;
    return sent === 0 ? this.#encoder.begin(OPCODE.binary, length, piece) : this.#encoder.proceed(piece);
  }

  /** The stream has taken what it was handed last. */
  #handleTaken(): void {
    const message = this.#message;
    if (message !== undefined && message.sent === message.length) this.#finishMessage();
    else if (this.#isCloseSent) this.#closed.resolve();
  }

  #finishMessage(): void {
    const taken = this.#message?.taken;
    this.#message = undefined;
    taken?.resolve();
  }
}
