// What a command is: its place in the help, its options, and what it does.
import { CONNECTION_OPTIONS, type ConnectionValues } from "./connection_options.ts";
import type { Interruption } from "./interruption.ts";
import type { Io } from "./io.ts";
import { Log } from "./log.ts";
import type { AnyOptions, OptionTable } from "./option.ts";
import { parseArguments } from "./parse_arguments.ts";
import { UsageError } from "./usage_error.ts";

/** What a command works with. */
export interface CommandContext {
  /** The process. */
  readonly io: Io;
  /** Standard error. */
  readonly log: Log;
  /** Ctrl-C. */
  readonly interruption: Interruption;
}

/** What the help tells of a command. */
export interface CommandHelp {
  /** Its name. */
  readonly name: string;
  /** What stands behind its name. */
  readonly synopsis: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** What it does, in a few sentences, wrapped. */
  readonly description: readonly string[];
  /** Its own options, by headings. */
  readonly options: Readonly<Record<string, AnyOptions>>;
  /** What else there is to know, by headings. */
  readonly tables: Readonly<Record<string, readonly (readonly [term: string, meaning: string])[]>>;
  /** What it is used for, and how. */
  readonly examples: readonly (readonly [purpose: string, args: string])[];
}

/** A command. */
export interface Command extends CommandHelp {
  /**
   * Does what the arguments ask for.
   *
   * @param io The process.
   * @param args The arguments behind the name.
   * @param interruption Ctrl-C.
   * @returns The exit code.
   * @throws {Error} If it failed; the error tells the exit code.
   */
  run(io: Io, args: readonly string[], interruption: Interruption): Promise<number>;
}

/** What a command does with its values. */
export type CommandBody<Values> = (
  context: CommandContext,
  values: Values & ConnectionValues,
  positionals: readonly string[],
) => Promise<number>;

/**
 * Puts a command together.
 *
 * @param help What the help tells of it; its options are listed there for people, and in `table` for the parser.
 * @param table Its own options.
 * @param body What it does.
 */
export function createCommand<Values>(
  help: CommandHelp,
  table: OptionTable<Values>,
  body: CommandBody<Values>,
): Command {
  const run = async (io: Io, args: readonly string[], interruption: Interruption): Promise<number> => {
    const all = { ...table, ...CONNECTION_OPTIONS } as OptionTable<Values & ConnectionValues>;
    const { values, positionals } = parseArguments(io, args, all);
    const { verbose, quiet } = values;
    if (verbose && quiet) throw new UsageError("--verbose", "--quiet says the opposite");
    return await body({ io, log: new Log(io, { verbose, quiet }), interruption }, values, positionals);
  };
  return { ...help, run };
}
