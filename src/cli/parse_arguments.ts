// From arguments to the values of a table of options. Every message names the option; none repeats a value that may be a secret.
import type { Io, TokenizedOption } from "./io.ts";
import { type AnyOptions, nameOption, type OptionTable } from "./option.ts";
import { UsageError } from "./usage_error.ts";

/** Arguments, taken apart. */
export interface ParsedArguments<Values> {
  /** The values of all options of the table. */
  readonly values: Values;
  /** What is no option, in order. */
  readonly positionals: readonly string[];
}

/** Options of other clients, and what takes their place here. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ...["h", "host", "hostname", "p", "port", "L", "url"].map((name) => [name, "--broker mqtt://HOST:PORT"] as const),
  ...["t", "topic"].map((name) => [name, "the topic, without an option before it"] as const),
  ...["m", "message"].map((name) => [name, "the message behind the topic, without an option before it"] as const),
  ...["P", "pw"].map((name) => [name, "--password-file FILE, or PETREL_PASSWORD in the environment"] as const),
  ["id", "--client-id"],
  ["c", "--no-clean-session"],
  ["C", "--count"],
  ["W", "--timeout"],
  ["cafile", "--ca"],
]);

/**
 * Takes arguments apart by a table of options.
 *
 * @param io What knows how arguments are written.
 * @param args The arguments.
 * @param table The options there are.
 * @returns The values of the options, and what is no option.
 * @throws {UsageError} If an option is unknown, has no value or one too many, is not valid, or is given twice.
 */
export function parseArguments<Values>(
  io: Pick<Io, "tokenize">,
  args: readonly string[],
  table: OptionTable<Values>,
): ParsedArguments<Values> {
  const options = new Map(
    Object.entries(table as AnyOptions).map((
      [field, option],
    ) => [nameOption(field), { field, option, texts: [] as string[] }]),
  );
  const positionals: string[] = [];
  for (const token of io.tokenize(args, tokenized(table as AnyOptions))) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const given = options.get(token.name);
    if (given === undefined) throw new UsageError(token.rawName, unknownState(token.name));
    const { option: { placeholder, isRepeatable }, texts } = given;
    if (placeholder === undefined && token.value !== undefined) {
      throw new UsageError(token.rawName, "it takes no value");
    }
    if (placeholder !== undefined && token.value === undefined) {
      throw new UsageError(token.rawName, `it needs a value, ${placeholder}`);
    }
    if (texts.length > 0 && !isRepeatable) throw new UsageError(token.rawName, "it is given twice");
    texts.push(token.value ?? "");
  }
  const values: Record<string, unknown> = {};
  for (const [name, { field, option, texts }] of options) {
    try {
      values[field] = option.read(texts);
    } catch (error) {
      throw new UsageError(`--${name}`, (error as Error).message);
    }
  }
  return { values: values as Values, positionals };
}

function tokenized(table: AnyOptions): Record<string, TokenizedOption> {
  return Object.fromEntries(
    Object.entries(table).map(([field, { short, placeholder }]) => [nameOption(field), {
      type: placeholder === undefined ? "boolean" : "string",
      ...(short !== undefined && { short }),
    }]),
  );
}

function unknownState(name: string): string {
  const instead = ELSEWHERE.get(name);
  if (instead !== undefined) return `there is no such option; use ${instead}`;
  if (/^[\d.]/.test(name)) return "there is no such option; what begins with a dash and is none stands behind --";
  return "there is no such option";
}
