// What an option of the command line is: how it is written, what its help says, and what its values mean. One table of options serves
// the parser and the help.

/** An option, and how its values become one of `T`. */
export interface Option<T> {
  /** Its name of one letter, if it has one. */
  readonly short: string | undefined;
  /** What stands for its value in the help; `undefined` if it takes none. */
  readonly placeholder: string | undefined;
  /** Whether it may be given more than once. */
  readonly isRepeatable: boolean;
  /** Its line in the help. */
  readonly help: string;
  /**
   * Turns what was given into a value.
   *
   * @param texts The values, in the order they were given; for an option without a value one for each time.
   * @throws {RangeError} If one is not valid; the message says why.
   */
  read(texts: readonly string[]): T;
}

/** The options whose values are the fields of `Values`; `keepAlive` is written `--keep-alive`. */
export type OptionTable<Values> = { readonly [Field in keyof Values]: Option<Values[Field]> };

/** Any table of options. */
export type AnyOptions = Readonly<Record<string, Option<unknown>>>;

/**
 * Tells how the option of a field is written.
 *
 * @param field Such as `keepAlive`.
 * @returns Such as `keep-alive`.
 */
export function nameOption(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A switch: there or not. */
export function flag(help: string, short?: string): Option<boolean> {
  return { short, placeholder: undefined, isRepeatable: false, help, read: (texts) => texts.length > 0 };
}

/** A text. */
export function text(placeholder: string, help: string, short?: string): Option<string | undefined> {
  return single(placeholder, help, short, (value) => value);
}

/** Any number of texts. */
export function texts(placeholder: string, help: string, short?: string): Option<readonly string[]> {
  return { short, placeholder, isRepeatable: true, help, read: (values) => values };
}

/** A whole number in a range. */
export function integer(
  placeholder: string,
  least: number,
  most: number,
  help: string,
  short?: string,
): Option<number | undefined> {
  return single(placeholder, help, short, (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
    throw new RangeError(`${JSON.stringify(value)} is no whole number ${range}`);
  });
}

/** A span of time in seconds, fractions allowed. What it becomes is in milliseconds. */
export function seconds(help: string, short?: string): Option<number | undefined> {
  return single("SECONDS", help, short, (value) => {
    const millis = /^\d*\.?\d+$/.test(value) ? Number(value) * 1000 : 0;
    // A timer holds no more.
    if (millis > 0 && millis <= 0x7fff_ffff) return millis;
    throw new RangeError(`${JSON.stringify(value)} is no number of seconds above 0 and up to 2147483`);
  });
}

/** One of a few values. */
export function choice<const T extends string>(
  placeholder: string,
  allowed: readonly T[],
  help: string,
  short?: string,
): Option<T | undefined> {
  return single(placeholder, help, short, (value) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw new RangeError(`${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
  });
}

/** A Quality of Service. */
export function qos(help: string, short?: string): Option<0 | 1 | 2 | undefined> {
  const { read, ...option } = choice("QOS", ["0", "1", "2"], help, short);
  return {
    ...option,
    read: (values) => {
      const value = read(values);
      return value === undefined ? undefined : Number(value) as 0 | 1 | 2;
    },
  };
}

function single<T>(
  placeholder: string,
  help: string,
  short: string | undefined,
  read: (value: string) => T,
): Option<T | undefined> {
  return {
    short,
    placeholder,
    isRepeatable: false,
    help,
    read: ([value]) => value === undefined ? undefined : read(value),
  };
}
