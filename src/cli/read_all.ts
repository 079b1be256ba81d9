// A stream as one piece, as long as it stays within bounds.
import { UsageError } from "./usage_error.ts";

/**
 * Reads a stream to its end.
 *
 * @param stream The stream.
 * @param maxBytes How long it may be.
 * @param subject What it is, for messages, such as `--file`.
 * @returns Its bytes.
 * @throws {UsageError} If it is longer, or cannot be read.
 */
export async function readAll(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  subject: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      length += chunk.length;
      // What is too long is not read to its end, which it may not have.
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new UsageError(subject, (error as Error).message);
  }
  if (length > maxBytes) throw new UsageError(subject, `it has more than ${maxBytes} bytes`);
  return joinBytes(chunks);
}

/**
 * Puts pieces together.
 *
 * @param pieces The pieces, in order.
 * @returns All bytes; a single piece is given back as it is.
 */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let filled = 0;
  for (const piece of pieces) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes;
}
