// Remaining Length: MQTT 3.1.1 section 2.2.3. It is written in as few bytes as it takes.

/** The most bytes a fixed header takes: one, and four of Remaining Length. */
export const MAX_FIXED_HEADER_SIZE = 5;

/** Tells how many bytes a Remaining Length takes. */
export function remainingLengthSize(remainingLength: number): number {
  if (remainingLength < 0x80) return 1;
  if (remainingLength < 0x4000) return 2;
  return remainingLength < 0x20_0000 ? 3 : 4;
}

/**
 * Writes a fixed header.
 *
 * @returns The index after it.
 */
export function writeFixedHeader(bytes: Uint8Array, at: number, firstByte: number, remainingLength: number): number {
  bytes[at] = firstByte;
  let next = at + 1;
  let rest = remainingLength;
  while (rest > 0x7f) {
    bytes[next++] = rest & 0x7f | 0x80;
    rest >>>= 7;
  }
  bytes[next] = rest;
  return next + 1;
}
