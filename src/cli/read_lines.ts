// A stream as lines, as long as each stays within bounds.
import { joinBytes } from "./read_all.ts";
import { UsageError } from "./usage_error.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts a stream into lines, without the line breaks (LF or CR LF). Empty lines are left out.
 *
 * @param stream The stream; it is read only as lines are asked for.
 * @param maxBytes How long a line may be.
 * @returns The lines. They are views into the chunks of the stream.
 * @throws {UsageError} If a line is longer.
 */
export async function* readLines(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const line = lineOf(pieces, chunk.subarray(start, end));
      pieces = [];
      length = 0;
      start = end + 1;
      if (line.length > 0) yield line;
    }
    if (start === chunk.length) continue;
    length += chunk.length - start;
    if (length > maxBytes) throw new UsageError("standard input", `a line has more than ${maxBytes} bytes`);
    pieces.push(chunk.subarray(start));
  }
  if (length > 0) yield joinBytes(pieces);
}

function lineOf(pieces: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  const line = pieces.length === 0 ? last : joinBytes([...pieces, last]);
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
