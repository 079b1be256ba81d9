// What the command line needs of the process around it. Tests give it another one.
import type { Clock, MqttOptions } from "../loop/mod.ts";

/** A signal that asks the process to end. */
export type InterruptSignal = "SIGINT" | "SIGTERM";

/** A moment of the calendar: what is used of a `Date`. */
export interface CalendarTime {
  /** Milliseconds since 1970. */
  getTime(): number;
  /** Date and time of day as ISO 8601 has them, in UTC. */
  toISOString(): string;
}

/** Standard output or standard error. */
export interface Output {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  /** The width of the terminal in columns; `undefined` if there is none. */
  readonly columns: number | undefined;
  /** Whether so much waits to be written that the writer should wait for `flushed`. */
  readonly isFull: boolean;
  /**
   * Writes behind what was written before. Never waits, never throws.
   *
   * @param data Text as UTF-8, or bytes, which are not to be changed any more.
   */
  write(data: string | Uint8Array): void;
  /**
   * Waits until the reader's side has taken everything.
   *
   * @throws {OutputClosedError} If nobody reads it any more.
   * @throws {Error} If it cannot be written for another reason.
   */
  flushed(): Promise<void>;
}

/** The process, as far as the command line knows it. */
export interface Io {
  /** The arguments, without runtime and script. */
  readonly args: readonly string[];
  /** The runtime and its version, such as `Deno 2.9.6`. */
  readonly runtime: string;
  /** Standard output. */
  readonly output: Output;
  /** Standard error. */
  readonly errorOutput: Output;
  /** Whether standard input is a terminal, where nobody should be waited for without having been asked. */
  readonly isInputTerminal: boolean;
  /** Whether colour is welcome where there is a terminal. */
  readonly hasColor: boolean;
  /** Time that passes. */
  readonly clock: Clock;
  /** What clients are made with besides the options of the command. */
  readonly clientOptions: MqttOptions;
  /** The date and the time of day. */
  date(): CalendarTime;
  /** An environment variable; `undefined` also where it may not be read, which is never asked for. */
  env(name: string): string | undefined;
  /** Standard input. What is not asked for is not read. */
  input(): AsyncIterable<Uint8Array>;
  /** The content of a file. What is not asked for is not read. */
  file(path: string): AsyncIterable<Uint8Array>;
  /**
   * Listens to signals that ask for an end, in place of the runtime, which would end at once.
   *
   * @returns A function that ends the listening.
   */
  onInterrupt(listener: (signal: InterruptSignal) => void): () => void;
  /** Takes arguments apart, as `node:util` does. */
  tokenize(args: readonly string[], options: Readonly<Record<string, TokenizedOption>>): readonly ArgumentToken[];
}

/** An option as the tokenizer knows it. */
export interface TokenizedOption {
  /** `string` takes a value, `boolean` does not. */
  readonly type: "string" | "boolean";
  /** Its name of one letter. */
  readonly short?: string;
}

/** A piece of the command line. */
export type ArgumentToken =
  | { readonly kind: "positional"; readonly value: string }
  | { readonly kind: "option"; readonly name: string; readonly rawName: string; readonly value?: string | undefined }
  | { readonly kind: "option-terminator" };

/** Nobody reads the output any more: `head` has seen enough. */
export class OutputClosedError extends Error {
  /** The name of the class. */
  override readonly name: string = "OutputClosedError";

  /** Makes the error. */
  constructor() {
    super("Cannot write the output: nobody reads it any more");
  }
}
