// The conformance table against the tests it names; and each of its rules, shown to fail on a table that breaks it.

import { assertEquals } from "@std/assert";
import { readTree, repositoryRoot, type SourceTree } from "../tools/source_tree.ts";
import type { Statement } from "./conformance/statement.ts";
import { statementCounts, statements } from "./conformance/statements.ts";
import { findFalseProofs, findListProblems, findUnknownCitations, findUnproven } from "./conformance/table_rules.ts";
import { test } from "./support/test.ts";

const tree = readTree(repositoryRoot);

test("all 141 statements of MQTT 3.1.1 are in the table, each once", () => {
  assertEquals(findListProblems(statements, statementCounts), []);
  assertEquals(statements.length, 141);
});

test("every statement that binds a client is proven", () => {
  assertEquals(findUnproven(statements), []);
});

test("every proof exists, is run, and cites its statement", () => {
  assertEquals(findFalseProofs(statements, tree), []);
});

test("no file cites a statement that there is not", () => {
  assertEquals(findUnknownCitations(statements, tree), []);
});

const first: Statement = { id: "MQTT-1.5.3-1", binds: "both", summary: "", provenBy: ["tests/a_test.ts"] };
const second: Statement = { id: "MQTT-1.5.3-2", binds: "server", summary: "" };

test("findListProblems() tells what is missing, unknown, double or out of order", () => {
  const counts = { "1.5.3": 2 };
  const unknown: Statement = { ...second, id: "MQTT-1.5.3-3" };
  assertEquals(findListProblems([first, second], counts), []);
  assertEquals(findListProblems([first], counts), ["[MQTT-1.5.3-2] is missing"]);
  assertEquals(findListProblems([first, second, unknown], counts), ["[MQTT-1.5.3-3] is not in the specification"]);
  assertEquals(findListProblems([first, second, first], counts), ["[MQTT-1.5.3-1] is there twice"]);
  assertEquals(findListProblems([second, first], counts), ["[MQTT-1.5.3-2] is out of order"]);
});

test("findUnproven() asks for a proof of what binds a client, and of nothing else", () => {
  const { provenBy: _, ...bare } = first;
  assertEquals(findUnproven([bare, { ...first, provenBy: [] }, { ...bare, binds: "client" }, first, second]), [
    "[MQTT-1.5.3-1] binds both and is proven by nothing",
    "[MQTT-1.5.3-1] binds both and is proven by nothing",
    "[MQTT-1.5.3-1] binds client and is proven by nothing",
  ]);
});

test("findFalseProofs() tells files that are missing, not run, or about something else", () => {
  const id = first.id;
  const proofs = (files: Readonly<Record<string, string>>, path = "tests/a_test.ts"): string[] =>
    findFalseProofs([{ ...first, provenBy: [path] }], new Map(Object.entries(files)));
  assertEquals(proofs({ "tests/a_test.ts": `test("a [${id}]")` }), []);
  assertEquals(proofs({ "tests/a_test.ts": `rejects("${id}")` }), []);
  assertEquals(proofs({ "tests/b_test.ts": `[${id}]` }), [`[${id}]: tests/a_test.ts does not exist`]);
  for (const text of ["", id, `[${id}0]`, `[${second.id}]`]) {
    assertEquals(proofs({ "tests/a_test.ts": text }), [`[${id}]: tests/a_test.ts does not cite it`]);
  }
  const table = { "tests/codec/rows.ts": `[${id}]`, "tests/codec/more.ts": 'import "./rows.ts";' };
  assertEquals(proofs({ ...table, "tests/a_test.ts": 'import "./codec/more.ts";' }, "tests/codec/rows.ts"), []);
  assertEquals(proofs({ ...table, "tests/a_test.ts": "" }, "tests/codec/rows.ts"), [
    `[${id}]: tests/codec/rows.ts is read by no test`,
  ]);
});

test("findFalseProofs() does not take the table for a proof", () => {
  const path = "tests/conformance/packet_statements.ts";
  const files: SourceTree = new Map([
    ["tests/a_test.ts", 'import "./conformance/packet_statements.ts";'],
    [path, `id: "${first.id}"`],
  ]);
  assertEquals(findFalseProofs([{ ...first, provenBy: [path] }], files), [`[${first.id}]: ${path} is read by no test`]);
});

test("findUnknownCitations() tells citations that lead nowhere, and leaves sections alone", () => {
  // Put together here, so that this file does not cite them itself.
  const idOf = (number: string): string => "MQTT-" + number;
  const problems = (...numbers: string[]): string[] => {
    const lines = numbers.map((number) => `// [${idOf(number)}] "${idOf(number)}"\n`);
    return findUnknownCitations([first], new Map([["src/a.ts", lines.join("")]]));
  };
  assertEquals(problems("1.5.3-1", "1.5.3", "2.2.3", "3.1.2.10", "7"), []);
  for (const number of ["1.5.3-2", "1.5.3-12", "3-8.3-4", "3.1.-1", "3.1.2-", "1.5.3-1a"]) {
    assertEquals(problems("1.5.3-1", number), [`src/a.ts cites [${idOf(number)}]`]);
  }
});
