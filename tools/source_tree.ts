// Reads the files of the repository as a map, the form in which the architecture rules look at them.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Texts by path from the root of the repository, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>;

/** The root of the repository, with a slash at its end. */
export const repositoryRoot: string = fileURLToPath(new URL("../", import.meta.url));

const SKIPPED_FOLDERS = new Set(["node_modules", ".git", "coverage"]);
const TEXT_FILE = /(\.(ts|js|mjs|md|json|toml|ya?ml|html|conf|sh)|(^|\/)(LICENSE|run|deno\.lock|\.gitignore))$/;

/**
 * Reads every text file under a folder.
 *
 * @param root The folder, with a slash at its end.
 */
export function readTree(root: string): SourceTree {
  const tree = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(root + folder, { withFileTypes: true })) {
      const path = folder + entry.name;
      if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) visit(`${path}/`);
      if (entry.isFile() && TEXT_FILE.test(path)) tree.set(path, readFileSync(root + path, "utf8"));
    }
  };
  visit("");
  return tree;
}
