// Ctrl-C: the first one ends the command in order, as far as it has something to end; the second one at once.
import { exitCodeOfSignal } from "./exit_code.ts";
import type { Io } from "./io.ts";

/** Listens to the signals that ask for an end. */
export class Interruption {
  readonly #asked = Promise.withResolvers<number>();
  readonly #demanded = Promise.withResolvers<number>();
  readonly #stopListening: () => void;
  #canWait = false;

  /**
   * Listens from now on.
   *
   * @param io The process.
   */
  constructor(io: Io) {
    this.#stopListening = io.onInterrupt((signal) => {
      const end = this.#canWait ? this.#asked : this.#demanded;
      this.#canWait = false;
      end.resolve(exitCodeOfSignal(signal));
    });
  }

  /** Resolves with the exit code when an end in order is asked for. */
  get asked(): Promise<number> {
    return this.#asked.promise;
  }

  /** Resolves with the exit code when an end is demanded at once: by a second signal, or by the first if nobody has taken it. */
  get demanded(): Promise<number> {
    return this.#demanded.promise;
  }

  /** Takes the first signal: from now on it asks for an end in order, which somebody sees to. */
  take(): void {
    this.#canWait = true;
  }

  /** Ends the listening. */
  dispose(): void {
    this.#stopListening();
  }
}
