// The help: what there is, shown in 80 columns, with examples that can be copied.
import type { Command } from "./command.ts";
import { CONNECTION_OPTIONS } from "./connection_options.ts";
import { EXIT_CODES } from "./exit_code.ts";
import { type AnyOptions, nameOption, type Option } from "./option.ts";
import { VERSION } from "./version.ts";

/** Where the second column of options begins. */
const HELP_COLUMN = 33;
/** Where the second column of other tables begins. */
const TABLE_COLUMN = 16;
const WIDTH = 80;

const CALLS: readonly (readonly [call: string, meaning: string])[] = [
  ["deno run -N jsr:@petrel/mqtt/cli", "petrel, at once"],
  ["deno install -gN -n petrel jsr:@petrel/mqtt/cli", "petrel, installed"],
  ["bun cli.ts, node cli.ts", "petrel, in a clone"],
];
/** Where the second column of calls begins. */
const CALL_COLUMN = 51;

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ["PETREL_BROKER, MQTT_URL", "the address, if there is no --broker"],
  ["PETREL_USERNAME", "the User Name, if there is no --username"],
  ["PETREL_PASSWORD", "the Password, if there is no --password-file"],
  ["NO_COLOR", "no colour"],
];

/** How headings are shown: bold where that is welcome. */
type Heading = (text: string) => string;

/**
 * Tells what commands there are.
 *
 * @param commands The commands.
 * @param isStyled Whether headings are bold.
 * @returns The help, with a line feed at its end.
 */
export function describeAll(commands: readonly Command[], isStyled: boolean): string {
  const heading = headingOf(isStyled);
  return lines([
    `petrel ${VERSION}, an MQTT 3.1.1 client`,
    "",
    heading("Usage"),
    ...commands.map(({ name, synopsis }) => `  petrel ${name} ${synopsis}`),
    "",
    heading("Commands"),
    ...commands.map(({ name, summary }) => row(name, summary, 10)),
    ...[row("help", "this; petrel help COMMAND tells its options and more examples", 10), ""],
    heading("Examples"),
    ...commands.flatMap(({ examples }) => examples.slice(0, 2)).flatMap(example),
    "",
    ...[...exitCodes(heading), ""],
    heading("Calls"),
    ...CALLS.map(([call, meaning]) => row(call, meaning, CALL_COLUMN)),
    "  Deno needs -E too for variables of the environment, and -R for files.",
  ]);
}

/**
 * Tells all about a command.
 *
 * @param command The command.
 * @param isStyled Whether headings are bold.
 * @returns The help, with a line feed at its end.
 */
export function describeCommand(command: Command, isStyled: boolean): string {
  const heading = headingOf(isStyled);
  const { name, synopsis, description, options, tables, examples } = command;
  return lines([
    heading("Usage"),
    `  petrel ${name} ${synopsis}`,
    "",
    ...description,
    "",
    heading("Examples"),
    ...examples.flatMap(example),
    "",
    ...Object.entries(options).flatMap(([title, table]) => [heading(title), ...optionRows(table), ""]),
    ...Object.entries(tables).flatMap(([title, rows]) => [heading(title), ...rows.flatMap(tableRow), ""]),
    heading("Connection"),
    ...optionRows(CONNECTION_OPTIONS as unknown as AnyOptions),
    "",
    heading("Environment"),
    ...ENVIRONMENT.map(([variable, meaning]) => row(variable, meaning)),
    "",
    ...exitCodes(heading),
  ]);
}

function exitCodes(heading: Heading): string[] {
  return [heading("Exit codes"), ...EXIT_CODES.map(([code, meaning]) => row(code, meaning, 10))];
}

function example([purpose, args]: readonly [purpose: string, args: string]): string[] {
  return [`  # ${purpose}`, `  ${args}`];
}

function tableRow([term, meaning]: readonly [term: string, meaning: string]): string[] {
  const [first, ...rest] = wrap(meaning, WIDTH - TABLE_COLUMN);
  return [row(term, first!, TABLE_COLUMN), ...rest.map((line) => " ".repeat(TABLE_COLUMN) + line)];
}

function optionRows(table: AnyOptions): string[] {
  return Object.entries(table).flatMap(([field, option]) => optionRow(nameOption(field), option));
}

function optionRow(name: string, { short, placeholder, help }: Option<unknown>): string[] {
  const names = `${short === undefined ? "   " : `-${short},`} --${name}${
    placeholder === undefined ? "" : ` ${placeholder}`
  }`;
  const [first, ...rest] = wrap(help, WIDTH - HELP_COLUMN);
  const continued = rest.map((line) => " ".repeat(HELP_COLUMN) + line);
  // A name that leaves no room has its line for itself.
  if (names.length + 3 > HELP_COLUMN) return [`  ${names}`, " ".repeat(HELP_COLUMN) + first, ...continued];
  return [row(names, first!), ...continued];
}

function row(left: string, right: string, column: number = HELP_COLUMN): string {
  return `  ${left.padEnd(column - 2)}${right}`;
}

function wrap(text: string, width: number): string[] {
  const wrapped: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      wrapped.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...wrapped, line];
}

function headingOf(isStyled: boolean): Heading {
  return (text) => isStyled ? `\x1b[1m${text}\x1b[0m` : text;
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
