// An output that never holds up its writer: what is written waits in order, and goes out in pieces as large as possible.
import { type Output, OutputClosedError } from "./io.ts";
import { joinBytes } from "./read_all.ts";

/** Writes all bytes; the next call comes only when the last one has resolved. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** So many bytes may wait before the writer should. */
const FULL_BYTES = 64 * 1024;
/** Pieces up to this size are put together, so that many small ones are one call of the system. */
const GATHERED_BYTES = 64 * 1024;

/** An output of the process. */
export class ProcessOutput implements Output {
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
  readonly #writeBytes: WriteBytes;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #failure: Error | undefined;

  /**
   * @param isTerminal Whether a person looks at it.
   * @param columns The width of the terminal.
   * @param writeBytes How bytes leave.
   */
  constructor(isTerminal: boolean, columns: number | undefined, writeBytes: WriteBytes) {
    this.isTerminal = isTerminal;
    this.columns = columns;
    this.#writeBytes = writeBytes;
  }

  get isFull(): boolean {
    return this.#waitingBytes >= FULL_BYTES;
  }

  write(data: string | Uint8Array): void {
    if (this.#failure !== undefined) return;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#writeWaiting();
  }

  async flushed(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes until nothing waits. Never rejects. */
  async #writeWaiting(): Promise<void> {
    // Whoever writes many small pieces in a row has them ready before this goes on.
    await undefined;
    try {
      while (this.#waiting.length > 0) await this.#writeBytes(this.#takePiece());
    } catch (error) {
      // The reader has gone, or the disk is full: no later write would do better.
      this.#failure = failureOf(error as Error & { readonly code?: unknown });
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
    this.#isWriting = false;
  }

  #takePiece(): Uint8Array {
    let count = 0;
    let length = 0;
    for (const bytes of this.#waiting) {
      if (count > 0 && length + bytes.length > GATHERED_BYTES) break;
      length += bytes.length;
      count++;
    }
    const pieces = this.#waiting.splice(0, count);
    this.#waitingBytes -= length;
    return joinBytes(pieces);
  }
}

function failureOf(error: Error & { readonly code?: unknown }): Error {
  if (error.code === "EPIPE" || error.name === "BrokenPipe") return new OutputClosedError();
  return new Error(`Cannot write the output: ${error.message}`, { cause: error });
}
