// The command line was not understood, or asks for something that cannot be.

/**
 * Shows a word that stands where it is not understood. What is no plain word is not shown: a URL may have a password in it.
 *
 * @param word The word.
 * @param instead What it is called if it is not shown.
 */
export function showWord(word: string, instead: string): string {
  return /^[\w-]{1,20}$/.test(word) ? JSON.stringify(word) : instead;
}

/** The way the command was called has to change; its help tells how. */
export class UsageError extends Error {
  /** The name of the class. */
  override readonly name: string = "UsageError";

  /**
   * Makes the error.
   *
   * @param subject What cannot be used, such as `--qos`.
   * @param state Why.
   */
  constructor(subject: string, state: string) {
    super(`Cannot use ${subject}: ${state}`);
  }
}
