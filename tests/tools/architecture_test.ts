// Every architecture rule shown to fail on a small tree that breaks it, and to pass on its neighbour that does not.

import { assertEquals } from "@std/assert";
import {
  findForbiddenImports,
  findForeignWords,
  findImportCycles,
  findLongFiles,
  parseImportTable,
} from "../../tools/architecture.ts";
import { test } from "../support/test.ts";

/** A tree of one module at `path` that imports `specifier`. */
function importing(path: string, specifier: string): Map<string, string> {
  return new Map([[path, `import type { A } from "${specifier}";\n`]]);
}

const forbidden: readonly (readonly [string, string, string])[] = [
  ["src/codec/a.ts", "../session/mod.ts", "src/codec/a.ts:1 imports src/session/mod.ts"],
  ["src/codec/a.ts", "../fifo.ts", "src/codec/a.ts:1 imports src/fifo.ts"],
  ["src/session/a.ts", "../codec/packet.ts", "src/session/a.ts:1 imports src/codec/packet.ts"],
  ["src/session/a.ts", "../loop/mod.ts", "src/session/a.ts:1 imports src/loop/mod.ts"],
  ["src/session/a.ts", "node:fs", "src/session/a.ts:1 imports node:fs outside the leaves"],
  ["src/loop/a.ts", "../transport/tcp_deno.ts", "src/loop/a.ts:1 imports src/transport/tcp_deno.ts"],
  ["src/loop/a.ts", "../transport/select.ts", "src/loop/a.ts:1 imports src/transport/select.ts"],
  ["src/loop/a.ts", "../client/mod.ts", "src/loop/a.ts:1 imports src/client/mod.ts"],
  ["src/loop/a.ts", "@std/async", "src/loop/a.ts:1 imports the package @std/async"],
  ["src/loop/a.ts", "npm:mqtt", "src/loop/a.ts:1 imports the package npm:mqtt"],
  ["src/loop/a.ts", "../../tests/a.ts", "src/loop/a.ts:1 imports tests/a.ts, which is not published"],
  ["src/loop/a.ts", "../../mod.ts", "src/loop/a.ts:1 imports mod.ts"],
  ["src/transport/a.ts", "../codec/mod.ts", "src/transport/a.ts:1 imports src/codec/mod.ts"],
  ["src/client/a.ts", "../session/mod.ts", "src/client/a.ts:1 imports src/session/mod.ts"],
  ["src/fifo.ts", "./codec/mod.ts", "src/fifo.ts:1 imports src/codec/mod.ts"],
  ["mod.ts", "./src/codec/packet.ts", "mod.ts:1 imports src/codec/packet.ts"],
  ["mod.ts", "./src/fifo.ts", "mod.ts:1 imports src/fifo.ts"],
  ["mod.ts", "jsr:@std/bytes", "mod.ts:1 imports the package jsr:@std/bytes"],
  ["mod.ts", "./src/cli/mod.ts", "mod.ts:1 imports src/cli/mod.ts"],
  ["cli.ts", "./src/client/options.ts", "cli.ts:1 imports src/client/options.ts"],
  ["cli.ts", "./src/client/mod.ts", "cli.ts:1 imports src/client/mod.ts"],
  ["src/client/a.ts", "../cli/mod.ts", "src/client/a.ts:1 imports src/cli/mod.ts"],
  ["src/cli/a.ts", "../client/options.ts", "src/cli/a.ts:1 imports src/client/options.ts"],
];

for (const [path, specifier, complaint] of forbidden) {
  test(`findForbiddenImports() refuses ${specifier} in ${path}`, () => {
    assertEquals(findForbiddenImports(importing(path, specifier)), [complaint]);
  });
}

const allowed: readonly (readonly [string, string])[] = [
  ["src/codec/a.ts", "./b.ts"],
  ["src/session/a.ts", "../codec/mod.ts"],
  ["src/session/a.ts", "../fifo.ts"],
  ["src/loop/a.ts", "../transport/transport.ts"],
  ["src/client/a.ts", "../transport/select.ts"],
  ["src/transport/a.ts", "node:net"],
  ["src/transport/tcp/a.ts", "../b.ts"],
  ["mod.ts", "./src/codec/mod.ts"],
  ["mod.ts", "./src/transport/transport.ts"],
  ["cli.ts", "./mod.ts"],
  ["cli.ts", "./src/cli/mod.ts"],
  ["src/cli/a.ts", "../client/mod.ts"],
  ["tests/a_test.ts", "../src/codec/packet.ts"],
];

for (const [path, specifier] of allowed) {
  test(`findForbiddenImports() allows ${specifier} in ${path}`, () => {
    assertEquals(findForbiddenImports(importing(path, specifier)), []);
  });
}

test("findForbiddenImports() refuses a dynamic import of a computed name", () => {
  assertEquals(findForbiddenImports(new Map([["src/loop/a.ts", "\nimport(name);"]])), [
    "src/loop/a.ts:2 imports a computed name",
  ]);
});

test("findForbiddenImports() allows one file to import what a user names", () => {
  const path = "src/sync/worker/options_module.ts";
  assertEquals(findForbiddenImports(new Map([[path, "\nimport(name);"]])), []);
});

test("findForbiddenImports() refuses a folder that has no row in the table", () => {
  assertEquals(findForbiddenImports(new Map([["src/extra/a.ts", ""], ["src/b.ts", ""]])), [
    "src/extra/a.ts has no row in the import table",
    "src/b.ts has no row in the import table",
  ]);
});

test("findImportCycles() finds a ring of three, type-only imports included", () => {
  const tree = new Map([
    ["src/codec/a.ts", 'import { b } from "./b.ts";'],
    ["src/codec/b.ts", 'export { c } from "./c.ts";'],
    ["src/codec/c.ts", 'import type { A } from "./a.ts";'],
  ]);
  assertEquals(findImportCycles(tree), ["src/codec/a.ts → src/codec/b.ts → src/codec/c.ts → src/codec/a.ts"]);
});

test("findImportCycles() finds a module that imports itself", () => {
  assertEquals(findImportCycles(importing("src/codec/a.ts", "./a.ts")), ["src/codec/a.ts → src/codec/a.ts"]);
});

test("findImportCycles() allows two ways to the same module", () => {
  const tree = new Map([
    ["src/codec/a.ts", 'import "./b.ts"; import "./c.ts";'],
    ["src/codec/b.ts", 'import "./c.ts";'],
    ["src/codec/c.ts", ""],
  ]);
  assertEquals(findImportCycles(tree), []);
});

test("findLongFiles() counts lines of TypeScript alone", () => {
  const lines = (count: number): string => "a\n".repeat(count);
  const tree = new Map([["src/a.ts", lines(400)], ["src/b.ts", lines(401)], ["README.md", lines(500)]]);
  assertEquals(findLongFiles(tree), ["src/b.ts has 401 lines"]);
});

test("findForeignWords() finds paths of one machine and hosts of registries", () => {
  const host = ["registry", "npmjs", "org"].join(".");
  const path = ["..", "shared", "notes.md"].join("/");
  const tree = new Map([["a.md", `see ${path}`], ["b.json", `{ "resolved": "https://${host}/a.tgz" }`], [
    "c.md",
    "npm",
  ]]);
  assertEquals(findForeignWords(tree), ["a.md names ../" + "shared", "b.json names npmjs" + ".org"]);
});

test("parseImportTable() reads the rows of the document", () => {
  const markdown = "| folder | may import | holds |\n|---|---|---|\n| `src/codec/` | nothing | packets |\n" +
    "| `src/loop/` | `codec`, `transport/transport.ts` | the `EventLoop` |\n";
  assertEquals(parseImportTable(markdown), { codec: [], loop: ["codec", "transport/transport.ts"] });
});
