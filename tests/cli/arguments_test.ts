// Arguments, and what is said when they are not understood.

import { assertEquals, assertThrows } from "@std/assert";
import { choice, flag, integer, type OptionTable, qos, seconds, text, texts } from "../../src/cli/option.ts";
import { parseArguments } from "../../src/cli/parse_arguments.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { test } from "../support/test.ts";
import { FakeIo } from "./fake_io.ts";

interface Values {
  readonly loud: boolean;
  readonly name: string | undefined;
  readonly addedTo: readonly string[];
  readonly count: number | undefined;
  readonly wait: number | undefined;
  readonly qos: 0 | 1 | 2 | undefined;
  readonly shape: "round" | "square" | undefined;
}

const table: OptionTable<Values> = {
  loud: flag("", "l"),
  name: text("NAME", "", "n"),
  addedTo: texts("NAME", "", "a"),
  count: integer("N", 1, 100, ""),
  wait: seconds(""),
  qos: qos("", "q"),
  shape: choice("SHAPE", ["round", "square"], ""),
};

const none = { loud: false, name: undefined, addedTo: [], count: undefined, wait: undefined, qos: undefined };
const absent: Values = { ...none, shape: undefined };

function parse(...args: readonly string[]): { values: Values; positionals: readonly string[] } {
  return parseArguments(new FakeIo([]), args, table);
}

test("options are read wherever they stand, in every way of writing them", () => {
  assertEquals(parse(), { values: absent, positionals: [] });
  assertEquals(parse("x", "--name", "ann", "-lq1", "--added-to=b", "-a", "c", "y", "--count=7", "--wait", ".5"), {
    values: { ...absent, loud: true, name: "ann", addedTo: ["b", "c"], count: 7, wait: 500, qos: 1 },
    positionals: ["x", "y"],
  });
  assertEquals(parse("--shape", "round", "--name=", "--wait=2.25").values, {
    ...absent,
    shape: "round",
    name: "",
    wait: 2250,
  });
});

test("behind -- everything is no option", () => {
  assertEquals(parse("-l", "--", "--name", "-5"), {
    values: { ...absent, loud: true },
    positionals: ["--name", "-5"],
  });
});

const faults: readonly (readonly [args: readonly string[], message: string])[] = [
  [["--nope"], "Cannot use --nope: there is no such option"],
  [["--nope=hunter2"], "Cannot use --nope: there is no such option"],
  [["-x"], "Cannot use -x: there is no such option"],
  [["-5"], "Cannot use -5: there is no such option; what begins with a dash and is none stands behind --"],
  [["--host", "h"], "Cannot use --host: there is no such option; use --broker mqtt://HOST:PORT"],
  [
    ["-P", "hunter2"],
    "Cannot use -P: there is no such option; use --password-file FILE, or PETREL_PASSWORD in the environment",
  ],
  [["--name"], "Cannot use --name: it needs a value, NAME"],
  [["--loud=yes"], "Cannot use --loud: it takes no value"],
  [["--name", "a", "-n", "b"], "Cannot use -n: it is given twice"],
  [["--count", "0"], 'Cannot use --count: "0" is no whole number from 1 to 100'],
  [["--count", "1.5"], 'Cannot use --count: "1.5" is no whole number from 1 to 100'],
  [["--count", "1e1"], 'Cannot use --count: "1e1" is no whole number from 1 to 100'],
  [["--count", ""], 'Cannot use --count: "" is no whole number from 1 to 100'],
  [["--wait", "0"], 'Cannot use --wait: "0" is no number of seconds above 0 and up to 2147483'],
  [["--wait", "-1"], 'Cannot use --wait: "-1" is no number of seconds above 0 and up to 2147483'],
  [["--wait", "9999999"], 'Cannot use --wait: "9999999" is no number of seconds above 0 and up to 2147483'],
  [["--qos", "3"], 'Cannot use --qos: "3" is none of 0, 1, 2'],
  [["--qos", "--loud"], 'Cannot use --qos: "--loud" is none of 0, 1, 2'],
  [["--shape", "flat"], 'Cannot use --shape: "flat" is none of round, square'],
];

for (const [args, message] of faults) {
  test(`${args.join(" ")}: ${message}`, () => {
    assertEquals(assertThrows(() => parse(...args), UsageError).message, message);
  });
}
