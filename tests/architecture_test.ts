// The repository itself against the rules of ARCHITECTURE.md. That the rules can fail is shown in tests/tools.

import { assert, assertEquals } from "@std/assert";
import {
  findForbiddenImports,
  findForeignWords,
  findImportCycles,
  findLongFiles,
  importTable,
  parseImportTable,
} from "../tools/architecture.ts";
import { findManifestProblems } from "../tools/manifests.ts";
import { readTree, repositoryRoot } from "../tools/source_tree.ts";
import { test } from "./support/test.ts";

const tree = readTree(repositoryRoot);

test("the repository is read whole", () => {
  for (
    const path of ["mod.ts", "src/codec/packet.ts", "tests/architecture_test.ts", "deno.lock", ".ci/run", "LICENSE"]
  ) {
    assert(tree.has(path), `${path} is missing`);
  }
});

test("every import of the source follows the import table", () => {
  assertEquals(findForbiddenImports(tree), []);
});

test("no modules import each other in a ring", () => {
  assertEquals(findImportCycles(tree), []);
});

test("no file is longer than the limit", () => {
  assertEquals(findLongFiles(tree), []);
});

test("no file points out of the repository or names a registry host", () => {
  assertEquals(findForeignWords(tree), []);
});

test("the manifests agree", () => {
  assertEquals(findManifestProblems(tree), []);
});

test("ARCHITECTURE.md shows the import table the rules use", () => {
  assertEquals(parseImportTable(tree.get("ARCHITECTURE.md") ?? ""), importTable);
});
