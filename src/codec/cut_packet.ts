// A packet that came in more than one chunk, gathered until it is whole. Only its own bytes are copied, and whatever length it claims,
// nothing is reserved for more than 64 KiB beyond what has arrived.

import { copyBytes } from "./copy_bytes.ts";
import { IncomingBytes, NO_BYTES } from "./incoming_bytes.ts";
import { MAX_FIXED_HEADER_SIZE } from "./remaining_length.ts";

/** Packets up to this size share slabs; larger ones get memory of their own. */
const MAX_SHARED_SIZE = 8192;
/** How much is reserved beyond what has arrived. Also the size of a slab and of a block. */
const BLOCK_SIZE = 65_536;

let slab: Uint8Array | undefined;
let slabUsed = 0;

/**
 * Gathers one packet after another. A small one is gathered in a slab that only moves forward. A large one is gathered in blocks, as
 * many as have arrived, until the rest of it fits one more block: then it gets all its memory at once.
 */
export class CutPacket {
  /** Its fixed header, as far as it has arrived. */
  readonly header: IncomingBytes = new IncomingBytes(new Uint8Array(MAX_FIXED_HEADER_SIZE), 0);
  /** How much of that has arrived. */
  headerLength = 0;
  /** All of it, once it is whole. */
  readonly whole: IncomingBytes = new IncomingBytes(NO_BYTES, 0);
  /** Memory that holds the packet once it is whole. It is never written again, so views of it may be handed out. */
  bytes: Uint8Array = NO_BYTES;
  /** Where in `bytes` the packet begins. */
  start = 0;
  /** The size of the whole packet; 0 if none has begun. */
  size = 0;
  /** How many bytes of it have arrived. */
  length = 0;
  #blocks: Uint8Array[] = [];
  /** What the next byte is written to, where, and how many bytes fit from there. */
  #target: Uint8Array = NO_BYTES;
  #targetAt = 0;
  #room = 0;

  /** Whether all bytes of the packet have arrived. */
  get isWhole(): boolean {
    return this.size !== 0 && this.length === this.size;
  }

  /** Begins a packet of `size` bytes, of which `arrived` are at hand. */
  begin(size: number, arrived: number): void {
    this.start = 0;
    this.size = size;
    this.length = 0;
    this.#room = 0;
    if (size > MAX_SHARED_SIZE) {
      if (size - arrived <= BLOCK_SIZE) this.#reserveAll();
      return;
    }
    if (slab === undefined || slabUsed + size > BLOCK_SIZE) {
      slab = new Uint8Array(BLOCK_SIZE);
      slabUsed = 0;
    }
    this.bytes = this.#target = slab;
    this.start = this.#targetAt = slabUsed;
    this.#room = size;
    slabUsed += size;
  }

  /**
   * Takes what the packet still needs of the bytes from `start` to `end`.
   *
   * @returns The index after the last byte taken.
   */
  take(chunk: Uint8Array, start: number, end: number): number {
    const stop = Math.min(end, start + this.size - this.length);
    for (let at = start; at < stop;) {
      if (this.#room === 0) this.#extend();
      const count = Math.min(stop - at, this.#room);
      copyBytes(this.#target, this.#targetAt, chunk, at, count);
      this.length += count;
      this.#targetAt += count;
      this.#room -= count;
      at += count;
    }
    return stop;
  }

  /** Forgets the packet, and lets go of memory that is not shared. */
  clear(): void {
    if (this.size > MAX_SHARED_SIZE) {
      this.bytes = this.#target = NO_BYTES;
      this.#blocks = [];
    }
    this.size = 0;
  }

  #extend(): void {
    const rest = this.size - this.length;
    if (rest > BLOCK_SIZE) {
      this.#target = new Uint8Array(BLOCK_SIZE);
      this.#targetAt = 0;
      this.#room = BLOCK_SIZE;
      this.#blocks.push(this.#target);
      return;
    }
    this.#reserveAll();
    this.#blocks.forEach((block, index) => this.bytes.set(block, index * BLOCK_SIZE));
    this.#blocks = [];
  }

  #reserveAll(): void {
    this.bytes = this.#target = new Uint8Array(this.size);
    this.#targetAt = this.length;
    this.#room = this.size - this.length;
  }
}
