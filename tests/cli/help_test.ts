// The help, held against what the command line does: it names every option, fits into 80 columns, and its examples work.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import { CONNECTION_OPTIONS } from "../../src/cli/connection_options.ts";
import { BENCH } from "../../src/cli/bench.ts";
import { EXIT_CODES } from "../../src/cli/exit_code.ts";
import { nameOption } from "../../src/cli/option.ts";
import { PUB } from "../../src/cli/pub.ts";
import { SUB } from "../../src/cli/sub.ts";
import { VERSION } from "../../src/cli/version.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { test } from "../support/test.ts";
import { type FakeIo, start, stream } from "./fake_io.ts";

const commands = [PUB, SUB, BENCH];

async function help(...args: readonly string[]): Promise<string> {
  const { io, code } = await start(args);
  assertEquals([code, io.errorOutput.text], [0, ""]);
  return io.output.text;
}

test("--help, -h and help tell the same, of everything and of a command", async () => {
  const all = await help("--help");
  assertEquals(await help("-h"), all);
  assertEquals(await help("help"), all);
  for (const { name } of commands) {
    assertStringIncludes(all, `petrel ${name} `);
    const one = await help(name, "--help");
    assertEquals(await help("help", name), one);
    assertEquals(await help(name, "-h", "--nope"), one);
    assert(one !== all);
  }
});

for (const { name, options } of commands) {
  test(`the help of ${name} names every option and exit code`, async () => {
    const text = await help(name, "--help");
    for (const table of [...Object.values(options), CONNECTION_OPTIONS]) {
      for (const field of Object.keys(table)) assertStringIncludes(text, `--${nameOption(field)}`);
    }
    for (const [code, meaning] of EXIT_CODES) assertMatch(text, new RegExp(`^  ${code} +${escape(meaning)}$`, "m"));
    for (const variable of ["PETREL_BROKER", "MQTT_URL", "PETREL_USERNAME", "PETREL_PASSWORD", "NO_COLOR"]) {
      assertStringIncludes(text, variable);
    }
  });

  test(`no option of ${name} has the letter or the name of another`, () => {
    const tables = [...Object.values(options), CONNECTION_OPTIONS];
    const names = tables.flatMap((table) => Object.keys(table));
    const letters = tables.flatMap((table) => Object.values(table).flatMap(({ short }) => short ?? []));
    assertEquals(new Set(names).size, names.length);
    assertEquals(new Set(letters).size, letters.length);
    assertEquals(letters.filter((letter) => letter === "h" || letter === "V"), []);
  });
}

test("every help fits into 80 columns, with headings in bold only where that is welcome", async () => {
  for (const args of [["--help"], ...commands.map(({ name }) => [name, "--help"])]) {
    const plain = await help(...args);
    assertEquals(plain.split("\n").filter((line) => [...line].length > 80), []);
    assert(!plain.includes("\x1b"));
    for (const options of [{ isOutputTerminal: true }, { hasColor: true }]) {
      assertEquals((await start(args, options)).io.output.text, plain);
    }
    const { io } = await start(args, { isOutputTerminal: true, hasColor: true });
    assertStringIncludes(io.output.text, "\x1b[1mUsage\x1b[0m");
    // deno-lint-ignore no-control-regex
    assertEquals(io.output.text.replace(/\x1b\[[01]m/g, ""), plain);
  }
});

/** The arguments of `petrel` in a line for a shell. */
function argumentsOf(line: string): string[] {
  const call = /\bpetrel (.*?)(?: \||>|$)/.exec(line)![1]!;
  return [...call.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare!);
}

for (const { examples } of commands) {
  for (const [purpose, line] of examples) {
    test(`the example works: ${line} (${purpose})`, async () => {
      const { io, code } = await start(argumentsOf(line), {
        files: { "plan.json": "{}", "pw": "secret" },
        input: line.includes("| petrel") ? stream(["one\n"]) : [],
      });
      assertEquals(code, undefined, io.errorOutput.text);
      assertEquals(io.network.dialCount > 0, true);
      await endAll(io);
    });
  }
}

async function endAll(io: FakeIo): Promise<void> {
  await io.interrupt();
  await io.interrupt();
}

test("--version tells the version of the package, and the runtime", async () => {
  const { version } = JSON.parse(readFileSync(`${repositoryRoot}deno.json`, "utf8"));
  assertEquals(VERSION, version);
  assertEquals(await help("--version"), `petrel ${version} (MQTT 3.1.1, Test 1.0)\n`);
  assertEquals(await help("pub", "-V"), await help("--version"));
});

test("what stands behind -- asks for no help", async () => {
  const { io, code } = await start(["pub", "a", "--", "--help"]);
  assertEquals([code, io.output.text, io.network.dialCount], [undefined, "", 1]);
  await endAll(io);
});

test("without arguments the help stands on standard error, and the exit code is 2", async () => {
  const { io, code } = await start([]);
  assertEquals([code, io.output.text, io.errorOutput.text], [2, "", await help("--help")]);
});

test("a command that does not exist is named, and a URL in its place is not", async () => {
  for (
    const [args, said] of [[["publish"], '"publish"'], [["help", "x"], '"x"'], [
      ["mqtt://a:hunter2@h"],
      "the first argument",
    ]] as const
  ) {
    const { io, code } = await start(args);
    assertEquals([code, io.errorOutput.lines], [2, [
      `petrel: Cannot use ${said}: the commands are pub, sub, bench`,
      "petrel: Try 'petrel --help'",
    ]]);
  }
});

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
