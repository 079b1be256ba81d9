// Each contradiction between the manifests, made on purpose in a small repository that is sound otherwise.

import { assertEquals } from "@std/assert";
import { findManifestProblems } from "../../tools/manifests.ts";
import { test } from "../support/test.ts";

const shared = { name: "@a/b", version: "1.2.3", license: "MIT", exports: { ".": "./mod.ts" } };
const sound: Readonly<Record<string, unknown>> = {
  "deno.json": {
    ...shared,
    publish: { include: ["mod.ts"] },
    compilerOptions: { strict: true },
    allowScripts: ["npm:bun@1.0.0"],
    tasks: { demo: "deno run -A mod.ts", fmt: "deno fmt" },
  },
  "jsr.json": { ...shared, publish: { include: ["mod.ts"] } },
  "package.json": { ...shared, devDependencies: { bun: "1.0.0" } },
  "tsconfig.json": { compilerOptions: { strict: true, noEmit: true, paths: { "@a/b": ["./mod.ts"] } } },
  "deno.lock": { specifiers: { "npm:bun@1.0.0": "1.0.0" } },
  "tools/node/package.json": { devDependencies: { node: "24.0.0" } },
  "tools/node/deno.lock": { specifiers: { "npm:node@24.0.0": "24.0.0" } },
};

/** The sound repository with some files changed: fields are laid over a manifest, a string replaces a text. */
function repository(changes: Record<string, string | Record<string, unknown>> = {}): Map<string, string> {
  const tree = new Map([["mod.ts", ""], ["CHANGELOG.md", "## [1.2.3] - Unreleased"]]);
  for (const [path, manifest] of Object.entries(sound)) tree.set(path, JSON.stringify(manifest));
  for (const [path, change] of Object.entries(changes)) {
    tree.set(path, typeof change === "string" ? change : JSON.stringify({ ...sound[path] as object, ...change }));
  }
  return tree;
}

test("findManifestProblems() finds nothing in a sound repository", () => {
  assertEquals(findManifestProblems(repository()), []);
});

const broken: readonly (readonly [Record<string, string | Record<string, unknown>>, string])[] = [
  [{ "jsr.json": { name: "@a/c" } }, 'name is "@a/b" in deno.json and "@a/c" in jsr.json'],
  [{ "package.json": { version: "1.2.4" } }, 'version is "1.2.3" in deno.json and "1.2.4" in package.json'],
  [{ "package.json": { license: undefined } }, 'license is "MIT" in deno.json and undefined in package.json'],
  [
    { "jsr.json": { exports: { ".": "./mod.ts", "./x": "./mod.ts" } } },
    'exports is {".":"./mod.ts"} in deno.json and {".":"./mod.ts","./x":"./mod.ts"} in jsr.json',
  ],
  [{ "jsr.json": { publish: {} } }, 'publish is {"include":["mod.ts"]} in deno.json and {} in jsr.json'],
  [
    { "tsconfig.json": { compilerOptions: { paths: { "@a/b": ["./mod.ts"] } } } },
    "strict is true in deno.json and undefined in tsconfig.json",
  ],
  [
    { "tsconfig.json": { compilerOptions: { strict: true, paths: {} } } },
    "tsconfig.json has no path from @a/b to ./mod.ts",
  ],
  [{ "deno.json": { tasks: { demo: "deno run -A demo.ts" } } }, "task demo runs demo.ts, which is missing"],
  [{ "package.json": { dependencies: {} } }, "package.json has run-time dependencies"],
  [{ "deno.json": { allowScripts: [] } }, "allowScripts in deno.json names another Bun than package.json"],
  [{ "deno.lock": { specifiers: {} } }, "deno.lock does not hold bun@1.0.0"],
  [{ "deno.lock": { npm: { resolved: "https://host/a.tgz" } } }, "deno.lock names a download host"],
  [{ "tools/node/deno.lock": { specifiers: {} } }, "tools/node/deno.lock does not hold node@24.0.0"],
  [{ "tools/node/package.json": { dependencies: {} } }, "tools/node/package.json has run-time dependencies"],
  [{ "CHANGELOG.md": "## [1.2.2]" }, "CHANGELOG.md has no heading ## [1.2.3]"],
  [
    { "README.md": "npx -y deno@2.0.0 task", ".ci/run": "npx -y deno@2.0.1 task" },
    "The commands name several versions of Deno: 2.0.0, 2.0.1",
  ],
];

for (const [changes, problem] of broken) {
  test(`findManifestProblems() finds: ${problem}`, () => {
    assertEquals(findManifestProblems(repository(changes)), [problem]);
  });
}

test("findManifestProblems() finds an export whose file is missing", () => {
  const tree = repository({ "deno.json": { tasks: {} } });
  tree.delete("mod.ts");
  assertEquals(findManifestProblems(tree), ["exports name ./mod.ts, which is missing"]);
});

test("findManifestProblems() finds a dependency that is not pinned", () => {
  const changes = {
    "package.json": { devDependencies: { bun: "1.0.0", other: "^2.0.0" } },
    "deno.lock": { specifiers: { "npm:bun@1.0.0": "1.0.0", "npm:other@^2.0.0": "2.0.0" } },
  };
  assertEquals(findManifestProblems(repository(changes)), ["package.json does not pin other: ^2.0.0"]);
});
