// What an application in a browser or a worker ships for Petrel, in bytes: `deno task size`. It fails above a limit, or if a module that
// is not Petrel's own can be reached.

import { gzipSync } from "node:zlib";
import { bundle, type BundledFile } from "./bundle.ts";
import { listImports } from "./imports.ts";
import { readTree, repositoryRoot, type SourceTree } from "./source_tree.ts";

/** Most bytes of `mod.ts` with the adapter of browsers, minified and gzipped. */
const LIMIT_BYTES = 32 * 1024;

const ENTRY = "mod.ts";

/** Those who load a part of the bundle, by the adapters that they come to load. */
const loaders: Readonly<Record<string, readonly string[]>> = {
  "browser: entry and WebSocket": ["websocket_native"],
  "worker: entry, WebSocket and sockets": ["websocket_workerd", "sockets_workerd"],
};

/**
 * Finds modules that are not Petrel's own among all that can be reached, dynamic imports included. A bundler would look for them, and
 * some put a stand-in where there is none.
 *
 * @param tree The repository.
 * @param entry The path of the module to start from.
 * @returns One complaint for each such import.
 */
export function findForeignModules(tree: SourceTree, entry: string): string[] {
  const complaints: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier, line } of listImports(tree.get(path) ?? "")) {
      if (specifier?.startsWith(".")) visit(new URL(specifier, `file:///${path}`).pathname.slice(1));
      else complaints.push(`${path}:${line} imports ${specifier ?? "a computed name"}`);
    }
  };
  visit(entry);
  return complaints;
}

/**
 * Finds the files of a bundle that are loaded together with some of them.
 *
 * @param files The bundle.
 * @param names The names they begin with.
 * @returns Those files, and what they import statically.
 */
export function filesLoadedWith(files: readonly BundledFile[], names: readonly string[]): BundledFile[] {
  const loaded = new Set<BundledFile>();
  const load = (file: BundledFile | undefined): void => {
    if (file === undefined || loaded.has(file)) return;
    loaded.add(file);
    for (const [, name] of file.text.matchAll(/\b(?:import|from)\s*"\.\/([^"]+)"/g)) {
      load(files.find((other) => other.name === name));
    }
  };
  for (const start of names) {
    const found = files.find(({ name }) => name.startsWith(start));
    if (found === undefined) throw new Error(`Cannot measure the bundle: no file of it begins with ${start}`);
    load(found);
  }
  return [...loaded];
}

/** The bytes of files, each gzipped by itself, as they are sent. */
export function gzippedBytes(files: readonly BundledFile[]): number {
  return files.reduce((sum, { text }) => sum + gzipSync(text, { level: 9 }).length, 0);
}

async function run(): Promise<boolean> {
  const complaints = findForeignModules(readTree(repositoryRoot), ENTRY);
  const files = await bundle(ENTRY, { isMinified: true, isSplit: true });
  const print = (name: string, parts: readonly BundledFile[]): void => {
    const minified = parts.reduce((sum, { text }) => sum + text.length, 0);
    console.log(`${name.padEnd(38)} ${format(minified)} minified ${format(gzippedBytes(parts))} gzipped`);
  };
  const entry = ENTRY.replace(".ts", ".js");
  print("entry alone", filesLoadedWith(files, [entry]));
  for (const [name, adapters] of Object.entries(loaders)) {
    const parts = filesLoadedWith(files, [entry, ...adapters]);
    print(name, parts);
    const bytes = gzippedBytes(parts);
    if (bytes > LIMIT_BYTES) complaints.push(`${name}: ${bytes} bytes are more than ${LIMIT_BYTES}`);
  }
  print("all runtimes, in many files", files);
  print("all runtimes, in one file", await bundle(ENTRY, { isMinified: true }));
  for (const complaint of complaints) console.error(complaint);
  return complaints.length === 0;
}

function format(bytes: number): string {
  return bytes.toLocaleString("en").padStart(8);
}

if (import.meta.main && !(await run())) Deno.exitCode = 1;
