// Each rule of the lint plugin against code that breaks it and code that only looks like it. `Deno.lint.runPlugin` exists
// under `deno test` alone, so on Bun this file declares nothing.

import { assertEquals } from "@std/assert";
import plugin from "../../tools/lint_plugin.ts";
import { runtime, test } from "../support/test.ts";

interface Case {
  readonly rule: string;
  readonly fileName?: string;
  readonly bad: readonly string[];
  readonly good: readonly string[];
}

const lines = (count: number): string => "\n".repeat(count - 1);

const id = "MQTT-3.1.2-23";

const cases: readonly Case[] = [
  {
    rule: "petrel/pure-folders",
    fileName: "src/session/a.ts",
    bad: [
      "const now = () => Date.now();",
      "const f = () => Math.random();",
      "const f = () => setTimeout(g, 1);",
      "const f = () => globalThis.performance;",
      "const f = () => ({ performance });",
      "const f = () => crypto.getRandomValues(x);",
      "type Timer = ReturnType<typeof setTimeout>;",
    ],
    good: [
      "const f = (o: { Date: number }) => o.Date;",
      "const f = () => Math.max(1, 2);",
      "const f = () => ({ crypto: 1 });",
    ],
  },
  { rule: "petrel/pure-folders", fileName: "src/codec/a.ts", bad: ["const now = () => Date.now();"], good: [] },
  { rule: "petrel/pure-folders", fileName: "src/fifo.ts", bad: ["const now = () => Date.now();"], good: [] },
  { rule: "petrel/pure-folders", fileName: "src/loop/a.ts", bad: [], good: ["const f = () => Math.random();"] },
  {
    rule: "petrel/time-sources",
    fileName: "src/transport/tcp_deno.ts",
    bad: [
      "const f = () => setTimeout(g, 1);",
      "const f = () => performance.now();",
      "const f = () => AbortSignal.timeout(5);",
    ],
    good: ["const f = () => clock.schedule(g, 1);", "const f = () => AbortSignal.any([a, b]);"],
  },
  { rule: "petrel/time-sources", fileName: "src/loop/clock.ts", bad: [], good: ["const f = () => setTimeout(g, 1);"] },
  {
    rule: "petrel/time-sources",
    fileName: "src/transport/websocket_native.ts",
    bad: ["const f = () => performance.now();", "const f = () => Date.now();"],
    good: ["const f = () => setInterval(g, 1);"],
  },
  {
    rule: "petrel/time-sources",
    fileName: "src/cli/process_io.ts",
    bad: ["const f = () => setTimeout(g, 1);"],
    good: ["const f = () => new Date();"],
  },
  { rule: "petrel/time-sources", fileName: "src/cli/sub.ts", bad: ["const f = () => new Date();"], good: [] },
  { rule: "petrel/time-sources", fileName: "tests/a_test.ts", bad: [], good: ["setTimeout(g, 1);"] },
  {
    rule: "petrel/runtime-globals",
    fileName: "src/loop/a.ts",
    bad: [
      "const f = () => Deno.cwd();",
      "let socket: WebSocket;",
      "let conn: Deno.TcpConn;",
      'import { connect } from "node:net";',
      'import type { Socket } from "node:net";',
      'export { connect } from "node:net";',
      'const f = () => import("bun:sqlite");',
    ],
    good: ['import { a } from "./b.ts";', "const f = (o: { Deno: 1 }) => o.Deno;", 'const kind = "Deno";'],
  },
  {
    rule: "petrel/runtime-globals",
    fileName: "src/transport/tcp_deno.ts",
    bad: [],
    good: ["const f = () => Deno.cwd();", 'import { connect } from "node:net";'],
  },
  {
    rule: "petrel/runtime-globals",
    fileName: "src/cli/process_io.ts",
    bad: [],
    good: ["const f = () => process.stdout;", "const { Deno } = globalThis;"],
  },
  { rule: "petrel/runtime-globals", fileName: "src/cli/sub.ts", bad: ["const f = () => process.stdout;"], good: [] },
  { rule: "petrel/no-console", fileName: "src/cli/sub.ts", bad: ["const f = () => console.log(1);"], good: [] },
  {
    rule: "petrel/no-console",
    fileName: "src/loop/a.ts",
    bad: ["const f = () => console.log(1);", "const { log } = console;"],
    good: ["const f = (o: { console: 1 }) => o.console;"],
  },
  { rule: "petrel/no-console", fileName: "examples/demo.ts", bad: [], good: ["console.log(1);"] },
  {
    rule: "petrel/module-effects",
    fileName: "src/transport/a.ts",
    bad: [
      'const cwd = "Deno" in globalThis;',
      "const start = performance.now();",
      "class A { static start = Date.now(); }",
      "const seed = Math.random();",
      'const net = await import("node:net");',
      "register();",
      "const dial = Deno.connect as unknown;",
    ],
    good: [
      "const encoder = new TextEncoder();",
      "class A { start = performance.now(); }",
      "function f() { return Deno.connect(o); }",
      "type Conn = Deno.TcpConn;",
      "let socket: WebSocket | undefined;",
    ],
  },
  { rule: "petrel/module-effects", fileName: "tests/a_test.ts", bad: [], good: ["register();"] },
  {
    rule: "petrel/no-export-all",
    bad: ['export * from "./a.ts";', 'export * as a from "./a.ts";'],
    good: ['export { a } from "./a.ts";'],
  },
  {
    rule: "petrel/no-default-export",
    bad: ["export default 1;", "const a = 1; export { a as default };"],
    good: ["export const a = 1;"],
  },
  {
    rule: "petrel/no-private-keyword",
    bad: ["class A { private a = 1; }", "class A { private a(): void {} }"],
    good: ["class A { #a = 1; }", "class A { protected a = 1; }"],
  },
  { rule: "petrel/no-enum", bad: ["enum A { B }", "const enum A { B }"], good: ['type A = "b";'] },
  {
    rule: "petrel/error-message",
    fileName: "src/codec/a.ts",
    bad: [
      'new TypeError("cannot encode: x");',
      'new TypeError("Cannot encode PUBLISH");',
      'new RangeError("Cannot encode PUBLISH: it is too large.");',
      'new Error("Cannot encode PUBLISH: it doesn\'t fit");',
      "new RangeError(`Cannot encode ${type}`);",
      'class AError extends Error { constructor() { super("Cannot encode"); } }',
      'new ProtocolError("connack", "it came twice.", rule);',
    ],
    good: [
      'new TypeError("Cannot encode PUBLISH: topicName is empty [MQTT-4.7.3-1]");',
      "new TypeError(`${action}: ${state}`);",
      'new ProtocolError("connack", "it came twice", rule);',
      'new UnsupportedOptionError("headers", message);',
      'new Widget("it works");',
    ],
  },
  { rule: "petrel/error-message", fileName: "tests/a_test.ts", bad: [], good: ['new Error("test failure");'] },
  {
    rule: "petrel/statement-id",
    bad: [`// See ${id}.`, `const s = "broken ${id}";`, `// [${id} and others]`],
    good: [`// See [${id}].`, `const rule = "${id}";`, `// Such as \`${id}\`.`],
  },
  {
    rule: "petrel/verbs",
    bad: [
      "function getPacket() {}",
      "const doIt = () => 1;",
      "class A { #processPacket() {} }",
      "class A { manage() {} }",
    ],
    good: [
      "function document() {}",
      "const getter = 1;",
      "class A { get packet() { return 1; } }",
      "const doubled = () => 1;",
    ],
  },
  { rule: "petrel/file-name", fileName: "src/codec/RemainingLength.ts", bad: ["const a = 1;"], good: [] },
  { rule: "petrel/file-name", fileName: "src/codec/utils.ts", bad: ["const a = 1;"], good: [] },
  { rule: "petrel/file-name", fileName: "src/codec/remaining_length.ts", bad: [], good: ["const a = 1;"] },
  { rule: "petrel/file-name", fileName: "tools/text_encoding.d.ts", bad: [], good: ["declare const a: 1;"] },
  {
    rule: "petrel/function-length",
    bad: [`function f() {${lines(61)}}`, `const f = () => {${lines(61)}};`, `class A { f() {${lines(61)}} }`],
    good: [`function f() {${lines(60)}}`, `class A { ${lines(100)} }`],
  },
];

if (runtime === "deno") {
  for (const { rule, fileName = "src/loop/a.ts", bad, good } of cases) {
    const reports = (source: string): number =>
      Deno.lint.runPlugin(plugin, fileName, source).filter((diagnostic) => diagnostic.id === rule).length;

    if (bad.length > 0) {
      test(`${rule} reports what breaks it in ${fileName}`, () => {
        assertEquals(bad.filter((source) => reports(source) !== 1), []);
      });
    }
    if (good.length > 0) {
      test(`${rule} leaves the rest alone in ${fileName}`, () => {
        assertEquals(good.filter((source) => reports(source) !== 0), []);
      });
    }
  }

  test("every rule of the plugin has a case that breaks it", () => {
    const proven = new Set(cases.filter(({ bad }) => bad.length > 0).map(({ rule }) => rule));
    const rules = Object.keys(plugin.rules).map((name) => `${plugin.name}/${name}`);
    assertEquals(rules.filter((rule) => !proven.has(rule)), []);
  });
}
