// UTF-8 encoded strings as section 1.5.3 wants them: well-formed, without U+0000, and with a byte order mark kept as a character.

import type { IncomingBytes } from "./incoming_bytes.ts";
import { MAX_STRING_BYTES } from "./protocol.ts";

/** What is wrong with a text, and where. */
export interface TextFault {
  /** The statement id or section of the broken rule. */
  readonly rule: string;
  /** The fault in words that follow the name of the field: `contains U+0000`. */
  readonly state: string;
  /** The index of the UTF-16 code unit at fault. */
  readonly index: number;
}

/** Up to this length a loop writes ASCII text in less time than `encodeInto`, which costs its call. */
const LOOP_LENGTH = 48;

let decoder: TextDecoder | undefined;
let encoder: TextEncoder | undefined;

/** Counts the bytes of a well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  const units = text.length;
  let length = units;
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x7f) continue;
    length += unit <= 0x7ff ? 1 : 2;
    // Two units of a surrogate pair are four bytes: two more, as for one unit of three.
    if (isLeadSurrogate(unit)) i++;
  }
  return length;
}

/** Finds the first fault of `text` as a UTF-8 encoded string. Topics have a statement of their own for the length. */
export function findTextFault(text: string, lengthRule: "MQTT-1.5.3" | "MQTT-4.7.3-3"): TextFault | undefined {
  const nul = text.indexOf("\0");
  if (nul >= 0) return { rule: "MQTT-1.5.3-2", state: "contains U+0000", index: nul };
  if (!text.isWellFormed()) {
    return { rule: "MQTT-1.5.3-1", state: "contains a lone surrogate", index: indexOfLoneSurrogate(text) };
  }
  if (text.length * 3 > MAX_STRING_BYTES && utf8Length(text) > MAX_STRING_BYTES) {
    return { rule: lengthRule, state: `is longer than ${MAX_STRING_BYTES} bytes`, index: text.length - 1 };
  }
  return undefined;
}

/**
 * Writes a well-formed text with its two bytes of length.
 *
 * @returns The index after it.
 */
export function writeText(bytes: Uint8Array, at: number, text: string): number {
  const start = at + 2;
  const length = writeShortAscii(bytes, start, text) ? text.length : encodeInto(bytes, start, text);
  bytes[at] = length >>> 8;
  bytes[at + 1] = length & 0xff;
  return start + length;
}

/** Writes a well-formed text without its length; returns how many bytes it took. */
export function encodeInto(bytes: Uint8Array, at: number, text: string): number {
  encoder ??= new TextEncoder();
  return encoder.encodeInto(text, bytes.subarray(at)).written;
}

/**
 * Decodes the text from `start` to `end`.
 *
 * @throws {MalformedPacketError} If it is ill-formed or contains U+0000.
 */
export function decodeText(source: IncomingBytes, start: number, end: number, packet: string, field: string): string {
  const { bytes } = source;
  let at = start;
  while (at < end) {
    const length = sequenceLength(bytes, at, end);
    if (length === 0) throw utf8Fault(source, at, packet, field);
    at += length;
  }
  return decodeWellFormed(bytes, start, end);
}

/** Decodes bytes that are known to be well-formed UTF-8. */
export function decodeWellFormed(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return "";
  // Not `fatal`, which Deno decodes three times slower: the bytes have been judged. `ignoreBOM` keeps U+FEFF [MQTT-1.5.3-3].
  decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
  return decoder.decode(bytes.subarray(start, end));
}

/**
 * Tells how many bytes the UTF-8 sequence at `at` has: 0 if it is ill-formed, cut off by `end`, or U+0000.
 * The ranges of the second byte are those of table 3-7 of the Unicode standard; they leave out overlong forms, surrogates, and
 * what lies above U+10FFFF.
 */
function sequenceLength(bytes: Uint8Array, at: number, end: number): 0 | 1 | 2 | 3 | 4 {
  const lead = bytes[at]!;
  if (lead < 0x80) return lead === 0 ? 0 : 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return areContinuations(bytes, at + 1, at + 2, end) ? 2 : 0;
  const second = at + 1 < end ? bytes[at + 1]! : 0;
  if (lead < 0xf0) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && areContinuations(bytes, at + 2, at + 3, end) ? 3 : 0;
  }
  const low = lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high && areContinuations(bytes, at + 2, at + 4, end) ? 4 : 0;
}

function areContinuations(bytes: Uint8Array, from: number, to: number, end: number): boolean {
  if (to > end) return false;
  for (let i = from; i < to; i++) {
    if ((bytes[i]! & 0xc0) !== 0x80) return false;
  }
  return true;
}

function utf8Fault(source: IncomingBytes, at: number, packet: string, field: string): Error {
  return source.bytes[at] === 0
    ? source.fault(packet, `${field} contains U+0000`, "MQTT-1.5.3-2", at)
    : source.fault(packet, `${field} is ill-formed UTF-8`, "MQTT-1.5.3-1", at);
}

function writeShortAscii(bytes: Uint8Array, at: number, text: string): boolean {
  const length = text.length;
  if (length > LOOP_LENGTH) return false;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[at + i] = unit;
  }
  return true;
}

function indexOfLoneSurrogate(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isTrailSurrogate(unit)) return i;
    if (!isLeadSurrogate(unit)) continue;
    if (!isTrailSurrogate(text.charCodeAt(i + 1))) return i;
    i++;
  }
  return -1;
}

function isLeadSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isTrailSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}
