import { assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { bundle } from "../../tools/bundle.ts";
import { bundleLoad, filesLoadedWith, findForeignModules, gzippedBytes, loads } from "../../tools/bundle_size.ts";
import { test } from "../support/test.ts";

test("findForeignModules() finds what is not Petrel's own, however it is reached", () => {
  const tree = new Map([
    ["mod.ts", 'export { a } from "./src/a.ts";'],
    ["src/a.ts", 'import type { B } from "./b.ts";\nconst c = () => import("../src/c.ts");'],
    ["src/b.ts", 'import { Buffer } from "node:buffer";\nimport { a } from "./a.ts";'],
    ["src/c.ts", 'import "left-pad";\nimport(name);'],
    ["src/d.ts", 'import "not-reached";'],
  ]);
  assertEquals(findForeignModules(tree, "mod.ts"), [
    "src/b.ts:1 imports node:buffer",
    "src/c.ts:1 imports left-pad",
    "src/c.ts:2 imports a computed name",
  ]);
});

test("findForeignModules() lets names of runtime modules pass that are no imports", () => {
  const tree = new Map([["mod.ts", 'export const f = (p) => p.getBuiltinModule("node:net");']]);
  assertEquals(findForeignModules(tree, "mod.ts"), []);
});

test("filesLoadedWith() follows static imports, and leaves the dynamic ones", () => {
  const files = [
    { name: "mod.js", text: 'import{a}from"./chunk-1.js";import"./chunk-2.js";const b=()=>import("./native-3.js");' },
    { name: "chunk-1.js", text: 'import{c}from"./chunk-2.js";' },
    { name: "chunk-2.js", text: "" },
    { name: "native-3.js", text: 'export*from"./chunk-1.js";' },
    { name: "other-4.js", text: "" },
  ];
  assertEquals(filesLoadedWith(files, ["mod.js"]).map(({ name }) => name), ["mod.js", "chunk-1.js", "chunk-2.js"]);
  assertEquals(filesLoadedWith(files, ["mod.js", "native"]).length, 4);
  assertThrows(() => filesLoadedWith(files, ["missing"]), Error, "no file of it begins with missing");
});

test("bundle() minifies, splits what is imported dynamically, and fails on what is not there", async () => {
  const plain = await bundle("src/transport/select.ts");
  const minified = await bundle("src/transport/select.ts", { isMinified: true });
  const split = await bundle("src/transport/select.ts", { isMinified: true, isSplit: true });
  assertEquals([plain.length, minified.length, split[0]!.name], [1, 1, "select.js"]);
  assertLess(gzippedBytes(minified), gzippedBytes(plain));
  assertGreater(split.length, 5);
  const error = await bundle("src/missing.ts").then(() => undefined, (reason: Error) => reason);
  assertEquals(error?.message.startsWith("Cannot bundle: bun build src/missing.ts "), true, error?.message);
});

test("bundle() leaves out what is not used", async () => {
  const whole = await bundle("src/codec/mod.ts", { isMinified: true });
  const part = await bundle("src/codec/mod.ts", { isMinified: true, used: ["topicMatches"] });
  assertEquals(part.length, 1);
  assertLess(gzippedBytes(part) * 6, gzippedBytes(whole));
});

/** Words of a message, and the loads that have the code it is in. */
const reach: readonly (readonly [words: string, loads: readonly string[]])[] = [
  // What only clients with a session store load.
  ["petrel_session", []],
  ["its message is missing", []],
  // What only a server decodes and encodes.
  ["the protocol level is not 4", []],
  ["it has no Topic Filter", []],
  ["returnCodes is empty", []],
  // What a client needs, as far as it is one.
  ["it has no return code", ["mod.ts in a browser", "connect() in a browser", "AsyncClient in a browser"]],
  ["Cannot keep the stream of", ["mod.ts in a browser", "connect() in a browser"]],
  ["Cannot use the topic pattern", ["mod.ts in a browser"]],
  ["Cannot open a WebSocket", ["mod.ts in a browser", "connect() in a browser", "AsyncClient in a browser"]],
  // Adapters of other runtimes.
  ['getBuiltinModule("node:', []],
  ["Sec-WebSocket-Accept", []],
];

for (const name of ["mod.ts in a browser", "connect() in a browser", "AsyncClient in a browser"]) {
  test(`${name} is what it needs, within its limit`, async () => {
    const files = await bundleLoad(loads[name]!);
    const text = files.map((file) => file.text).join("\n");
    for (const [words, reached] of reach) assertEquals(text.includes(words), reached.includes(name), words);
    assertLess(gzippedBytes(files), loads[name]!.limitBytes);
  });
}
