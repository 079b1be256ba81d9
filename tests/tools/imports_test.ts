// The import scanner on every way a module can be named, and on text that only looks like one.

import { assertEquals } from "@std/assert";
import { listImports } from "../../tools/imports.ts";
import { test } from "../support/test.ts";

const specifiers = (source: string): (string | undefined)[] => listImports(source).map(({ specifier }) => specifier);

const found: readonly (readonly [string, string])[] = [
  ["a named import", 'import { a, type B } from "./a.ts";'],
  ["a type-only import", 'import type { A } from "./a.ts";'],
  ["an import over several lines", 'import {\n  a,\n  b,\n} from "./a.ts";'],
  ["an import without a space", 'import{a}from"./a.ts";'],
  ["a namespace import", "import * as a from './a.ts';"],
  ["an import for its effects", 'import "./a.ts";'],
  ["an export from", 'export { a as b } from "./a.ts";'],
  ["an export of everything", 'export * from "./a.ts";'],
  ["a type-only export from", 'export type { A } from "./a.ts";'],
  ["a dynamic import", 'const a = await import("./a.ts");'],
  ["a dynamic import with an assertion", 'const a = import("./a.ts" as string);'],
  ["an import type", 'type A = import("./a.ts").A;'],
  ["an import behind a comment", 'import /* { b } */ { a } from // "./c.ts"\n "./a.ts";'],
  ["an import inside a template", 'const s = `x ${(await import("./a.ts")).a} \\` ${{ a: `}` }.a} y`;'],
  ["an import after a regular expression with quotes", 'const r = /["\'`/*]\\//.exec(s);\nimport("./a.ts");'],
  ["an import after a division", 'const r = (a + b) / c;\nimport("./a.ts");\nconst q = 1 / 2;'],
  ["an import after a template with braces", 'const s = `{`; function f() { return `${{}}`; }\nimport("./a.ts");'],
];

for (const [name, source] of found) {
  test(`listImports() finds ${name}`, () => {
    assertEquals(specifiers(source), ["./a.ts"]);
  });
}

const ignored: readonly (readonly [string, string])[] = [
  ["a line comment", '// import { a } from "./a.ts";'],
  ["a block comment", '/**\n * import { a } from "./a.ts";\n */'],
  ["a string", "const s = 'import { a } from \"./a.ts\";';"],
  ["a template", 'const s = `import { a } from "./a.ts"; ${1}`;'],
  ["methods named from and import", 'Array.from("./a.ts"); o.import("./a.ts");'],
  ["import.meta", 'const a = new URL("./a.ts", import.meta.url);'],
];

for (const [name, source] of ignored) {
  test(`listImports() is not misled by ${name}`, () => {
    assertEquals(specifiers(source), []);
  });
}

test("listImports() reports a dynamic import of a computed name without a specifier", () => {
  assertEquals(specifiers("import(name); import(`./${name}.ts`);"), [undefined, undefined]);
});

test("listImports() tells the line", () => {
  assertEquals(listImports('\n// one\nimport "./a.ts";\n'), [{ specifier: "./a.ts", line: 3 }]);
});
