// The rules the conformance table has to keep, each as a function from the table and the files to complaints.

import { listImports } from "../../tools/imports.ts";
import type { SourceTree } from "../../tools/source_tree.ts";
import type { Statement } from "./statement.ts";

/** Statement ids as they are cited: in brackets, or as a string or a piece of code that is an id and nothing else. */
const CITED_ID = /\[(MQTT-[0-9][^\]\s]*)\]|(["`])(MQTT-[0-9][^"`\s]*)\2/g;
/** What a section looks like: it has no number behind a dash. */
const SECTION = /^MQTT-\d+(\.\d+)*$/;

/** Files of the table itself: they name every id and prove nothing. */
const TABLE_FILE = /^tests\/conformance\/(\w+_)?statements?\.ts$/;

/**
 * Compares the statements with the numbers the specification gives them: each is there once, and in order.
 *
 * @param statements The table.
 * @param counts How many statements each section has.
 */
export function findListProblems(
  statements: readonly Pick<Statement, "id">[],
  counts: Readonly<Record<string, number>>,
): string[] {
  const listed = statements.map(({ id }) => id as string);
  const expected = Object.entries(counts).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, index) => `MQTT-${section}-${index + 1}`)
  );
  const problems = [
    ...expected.filter((id) => !listed.includes(id)).map((id) => `[${id}] is missing`),
    ...listed.filter((id) => !expected.includes(id)).map((id) => `[${id}] is not in the specification`),
    ...listed.filter((id, index) => listed.indexOf(id) !== index).map((id) => `[${id}] is there twice`),
  ];
  if (problems.length > 0) return problems;
  const misplaced = listed.find((id, index) => id !== expected[index]);
  return misplaced === undefined ? [] : [`[${misplaced}] is out of order`];
}

/** Finds statements that bind a client and have no proof. */
export function findUnproven(statements: readonly Statement[]): string[] {
  return statements
    .filter(({ binds, provenBy = [] }) => binds !== "server" && provenBy.length === 0)
    .map(({ id, binds }) => `[${id}] binds ${binds} and is proven by nothing`);
}

/**
 * Finds proofs that are none: files that do not exist, do not cite the statement, or that no test reads.
 *
 * @param statements The table.
 * @param tree The repository.
 */
export function findFalseProofs(statements: readonly Statement[], tree: SourceTree): string[] {
  const run = filesRunByTests(tree);
  const problems: string[] = [];
  for (const { id, provenBy = [] } of statements) {
    for (const path of provenBy) {
      const text = tree.get(path);
      if (text === undefined) problems.push(`[${id}]: ${path} does not exist`);
      else if (!run.has(path)) problems.push(`[${id}]: ${path} is read by no test`);
      else if (!citedIds(text).has(id)) problems.push(`[${id}]: ${path} does not cite it`);
    }
  }
  return problems;
}

/**
 * Finds citations of statements that are not in the table. A section, such as `[MQTT-2.2.3]`, is no statement.
 *
 * @param statements The table.
 * @param tree The repository; every file is looked at.
 */
export function findUnknownCitations(statements: readonly Pick<Statement, "id">[], tree: SourceTree): string[] {
  const known = new Set<string>(statements.map(({ id }) => id));
  const problems: string[] = [];
  for (const [path, text] of tree) {
    for (const id of citedIds(text)) {
      if (!known.has(id) && !SECTION.test(id)) problems.push(`${path} cites [${id}]`);
    }
  }
  return problems;
}

function citedIds(text: string): Set<string> {
  return new Set(Array.from(text.matchAll(CITED_ID), ([, bracketed, _quote, quoted]) => bracketed ?? quoted!));
}

/** Test files, and all modules under `tests` they import, directly or not. The table's own are not among them. */
function filesRunByTests(tree: SourceTree): Set<string> {
  const run = new Set<string>();
  const visit = (path: string): void => {
    const text = tree.get(path);
    if (text === undefined || run.has(path) || !path.startsWith("tests/") || TABLE_FILE.test(path)) return;
    run.add(path);
    for (const { specifier } of listImports(text)) {
      if (specifier?.startsWith(".")) visit(new URL(specifier, `file:///${path}`).pathname.slice(1));
    }
  };
  for (const path of tree.keys()) if (path.endsWith("_test.ts")) visit(path);
  return run;
}
