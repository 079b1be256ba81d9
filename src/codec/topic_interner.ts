// Turns the bytes of a Topic Name into a string. Decoding and checking text is the largest part of decoding a small PUBLISH, and the
// same names come again and again: a name that was seen before is found by its bytes, and the very same string is handed out, which a
// router can look up by its cached hash.

import type { IncomingBytes } from "./incoming_bytes.ts";
import { LookupBudget } from "./lookup_budget.ts";
import { findNameSyntaxFault } from "./topic.ts";
import { decodeText, decodeWellFormed, utf8Length } from "./utf8.ts";

const SETS = 2048;
/** Two names may share a set. */
const SLOTS = SETS * 2;
/** Longer names are decoded each time; this bounds the table at half a megabyte. */
const MAX_LENGTH = 128;
const WORDS_PER_SLOT = MAX_LENGTH / 4;
/** A slot is the hash of its name, its length in bytes, and its words. A length of 0 marks an empty slot. */
const STRIDE = 2 + WORDS_PER_SLOT;

let shared: TopicInterner | undefined;

/** The interner of this process. It is made when it is first asked for. */
export function sharedTopicInterner(): TopicInterner {
  return shared ??= new TopicInterner();
}

/**
 * A two-way set-associative table of Topic Names. A name enters it when its hash is seen twice running in its set, so names that
 * never come back displace nothing. All names in it are valid: a hit needs no check.
 */
export class TopicInterner {
  readonly #table = new Int32Array(SLOTS * STRIDE);
  readonly #names: string[] = new Array(SLOTS).fill("");
  /** The hash last missed in each set. */
  readonly #candidates = new Int32Array(SETS);
  /** The name being looked up, as words. */
  readonly #key = new Int32Array(WORDS_PER_SLOT);
  readonly #budget = new LookupBudget(1);

  /**
   * Decodes the Topic Name of a PUBLISH.
   *
   * @throws {MalformedPacketError} If it is not a valid Topic Name.
   */
  decode(source: IncomingBytes, start: number, end: number): string {
    const length = end - start;
    if (length > MAX_LENGTH || !this.#budget.admits()) return decodeTopicName(source, start, end);
    const hash = this.#load(source.bytes, start, end);
    const set = hash & (SETS - 1);
    const slot = set * 2;
    if (this.#holds(slot, hash, length)) {
      this.#budget.recordHit();
      return this.#names[slot]!;
    }
    if (this.#holds(slot + 1, hash, length)) {
      this.#budget.recordHit();
      return this.#names[slot + 1]!;
    }
    this.#budget.recordMiss();
    const topicName = decodeTopicName(source, start, end);
    if (this.#candidates[set] === hash) {
      this.#store(slot, hash, length, topicName);
    } else {
      this.#candidates[set] = hash;
    }
    return topicName;
  }

  /** Splits the bytes into the words of the key; returns their hash. */
  #load(bytes: Uint8Array, start: number, end: number): number {
    const key = this.#key;
    let hash = end - start;
    let count = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
      key[count++] = word;
      hash = mixWord(hash, word);
    }
    if (at < end) {
      let word = 0;
      for (; at < end; at++) word = word << 8 | bytes[at]!;
      key[count] = word;
      hash = mixWord(hash, word);
    }
    hash = Math.imul(hash, 0xc2b2_ae35);
    return hash ^ hash >>> 16;
  }

  #holds(slot: number, hash: number, length: number): boolean {
    const table = this.#table;
    const from = slot * STRIDE;
    if (table[from] !== hash || table[from + 1] !== length) return false;
    const key = this.#key;
    const count = length + 3 >> 2;
    for (let i = 0; i < count; i++) {
      if (table[from + 2 + i] !== key[i]) return false;
    }
    return true;
  }

  /** Takes a name into the first slot of its set; the one that was there moves to the second. */
  #store(slot: number, hash: number, length: number, topicName: string): void {
    const table = this.#table;
    const from = slot * STRIDE;
    table.copyWithin(from + STRIDE, from, from + STRIDE);
    this.#names[slot + 1] = this.#names[slot]!;
    table[from] = hash;
    table[from + 1] = length;
    table.set(this.#key, from + 2);
    this.#names[slot] = topicName;
  }
}

/** Takes one word into a hash. A low half of the word reaches the low half of the hash, which chooses the set. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85eb_ca6b);
  return mixed ^ mixed >>> 15;
}

/** Decodes and checks a Topic Name that is not in the table. */
function decodeTopicName(source: IncomingBytes, start: number, end: number): string {
  const { bytes } = source;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    // "+" is 0x2b and "#" is 0x23: most characters of a name lie above both.
    if (byte > 0x2b ? byte > 0x7f : byte === 0x2b || byte === 0x23 || byte === 0) {
      return decodeUncommonTopicName(source, start, end);
    }
  }
  return decodeWellFormed(bytes, start, end);
}

function decodeUncommonTopicName(source: IncomingBytes, start: number, end: number): string {
  const topicName = decodeText(source, start, end, "PUBLISH", "topicName");
  const fault = findNameSyntaxFault(topicName, "MQTT-3.3.2-2");
  if (fault === undefined) return topicName;
  const index = start + utf8Length(topicName.slice(0, fault.index));
  throw source.fault("PUBLISH", `topicName ${fault.state}`, fault.rule, index);
}
