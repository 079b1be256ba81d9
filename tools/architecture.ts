// The rules of ARCHITECTURE.md that a machine can check, each as a function from files to complaints.

import { listImports } from "./imports.ts";
import type { SourceTree } from "./source_tree.ts";

/**
 * What each folder of `src` may import besides itself: the `mod.ts` of a folder, or a file by its path. Type-only imports
 * count. ARCHITECTURE.md shows the same table, and a test compares the two.
 */
export const importTable: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  session: ["codec", "fifo.ts"],
  transport: [],
  store: ["codec", "session"],
  loop: ["codec", "session", "store", "transport/transport.ts", "fifo.ts"],
  client: ["codec", "loop", "transport/select.ts", "transport/transport.ts", "fifo.ts"],
  testing: ["codec", "session", "store", "loop", "transport/transport.ts", "fifo.ts"],
  sync: ["codec", "session", "loop", "client", "transport/transport.ts", "fifo.ts"],
  cli: ["codec", "session", "loop", "client", "transport/transport.ts"],
};

/** What `cli.ts` may import from a folder; `mod.ts` may import all but that. */
const CLI_DOOR = "cli";

/** What `mod.ts` may import. */
const ENTRY_POINT_DOORS = [
  ...Object.keys(importTable).filter((folder) => folder !== CLI_DOOR),
  "transport/transport.ts",
  "transport/select.ts",
];

/** Folders whose files may import modules of a runtime. */
const RUNTIME_FOLDERS = new Set(["transport", "store", "sync"]);
const RUNTIME_SPECIFIER = /^(node|bun|cloudflare):/;
/** The one file that imports what a user names. */
const USER_MODULE_LOADER = "src/sync/worker/options_module.ts";
const MAX_FILE_LINES = 400;

/**
 * Finds imports that cross a border of the import table.
 *
 * @param tree The repository; `mod.ts`, `cli.ts` and everything under `src` are looked at.
 * @returns One complaint for each such import.
 */
export function findForbiddenImports(tree: SourceTree): string[] {
  const complaints: string[] = [];
  for (const [path, text] of tree) {
    if (!isPublished(path)) continue;
    if (path.startsWith("src/") && !(folderOf(path) in importTable) && path !== "src/fifo.ts") {
      complaints.push(`${path} has no row in the import table`);
    }
    for (const { specifier, line } of listImports(text)) {
      const problem = importProblem(path, specifier);
      if (problem !== undefined) complaints.push(`${path}:${line} ${problem}`);
    }
  }
  return complaints;
}

/**
 * Finds rings of modules that import each other, type-only imports included.
 *
 * @param tree The repository; every module under `src` is looked at.
 * @returns One complaint for each ring found.
 */
export function findImportCycles(tree: SourceTree): string[] {
  const complaints: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) complaints.push([...trail.slice(start), path].join(" → "));
    const text = tree.get(path);
    if (start >= 0 || finished.has(path) || text === undefined) return;
    for (const { specifier } of listImports(text)) {
      if (specifier?.startsWith(".")) visit(resolvePath(path, specifier), [...trail, path]);
    }
    finished.add(path);
  };
  for (const path of tree.keys()) {
    if (isPublished(path)) visit(path, []);
  }
  return complaints;
}

/**
 * Finds TypeScript files that have grown too long.
 *
 * @param tree The repository.
 */
export function findLongFiles(tree: SourceTree): string[] {
  const complaints: string[] = [];
  for (const [path, text] of tree) {
    const lines = text.trimEnd().split("\n").length;
    if (path.endsWith(".ts") && lines > MAX_FILE_LINES) complaints.push(`${path} has ${lines} lines`);
  }
  return complaints;
}

/**
 * Finds texts that point out of the repository: paths of one machine, and hosts of package registries.
 *
 * @param tree The repository.
 */
export function findForeignWords(tree: SourceTree): string[] {
  // In pieces, so that this file does not accuse itself.
  const paths = [["..", "shared"], ["", "work", ""], ["", "opt", "rt"], ["", "opt", "brief"], ["", "opt", "spec"]];
  const hosts = [["npmjs", "org"], ["npmjs", "com"], ["npmmirror", "com"], ["yarnpkg", "com"], ["jsr", "io"]];
  const words = [...paths.map((parts) => parts.join("/")), ...hosts.map((parts) => parts.join("."))];
  const complaints: string[] = [];
  for (const [path, text] of tree) {
    for (const word of words) {
      if (text.includes(word)) complaints.push(`${path} names ${word}`);
    }
  }
  return complaints;
}

/**
 * Reads the import table out of the document: rows that begin with `src/…/` in code.
 *
 * @param markdown The text of ARCHITECTURE.md.
 */
export function parseImportTable(markdown: string): Record<string, string[]> {
  const table: Record<string, string[]> = {};
  for (const [, folder, mayImport] of markdown.matchAll(/^\|\s*`src\/(\w+)\/`\s*\|([^|]*)\|/gm)) {
    table[folder!] = [...mayImport!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  }
  return table;
}

function isPublished(path: string): boolean {
  return path.endsWith(".ts") && (path.startsWith("src/") || path === "mod.ts" || path === "cli.ts");
}

function importProblem(path: string, specifier: string | undefined): string | undefined {
  const folder = folderOf(path);
  if (specifier === undefined) return path === USER_MODULE_LOADER ? undefined : "imports a computed name";
  if (RUNTIME_SPECIFIER.test(specifier)) {
    return RUNTIME_FOLDERS.has(folder) || path === "cli.ts" ? undefined : `imports ${specifier} outside the leaves`;
  }
  if (!specifier.startsWith(".")) return `imports the package ${specifier}`;
  const target = resolvePath(path, specifier);
  if (!isPublished(target)) return `imports ${target}, which is not published`;
  if (folder !== "" && folderOf(target) === folder) return undefined;
  return canImport(path, target) ? undefined : `imports ${target}`;
}

/** Whether a file may import one of another folder. The entry points at the root see the doors, not what is behind them. */
function canImport(path: string, target: string): boolean {
  if (!target.startsWith("src/")) return path === "cli.ts" && target === "mod.ts";
  const inside = target.slice("src/".length);
  const door = inside.endsWith("/mod.ts") ? inside.slice(0, -"/mod.ts".length) : inside;
  if (path === "cli.ts") return door === CLI_DOOR;
  const doors = path.startsWith("src/") ? importTable[folderOf(path)] : ENTRY_POINT_DOORS;
  return doors?.includes(door) ?? false;
}

/** The folder of `src` a file is in; empty for `src` itself and the root. */
function folderOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
}

function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
