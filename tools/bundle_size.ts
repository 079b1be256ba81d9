// What an application in a browser or a worker ships for Petrel, in bytes: `deno task size`. It fails above a limit, or if a module that
// is not Petrel's own can be reached.

import { gzipSync } from "node:zlib";
import { bundle, type BundledFile } from "./bundle.ts";
import { listImports } from "./imports.ts";
import { readTree, repositoryRoot, type SourceTree } from "./source_tree.ts";

const ENTRY = "mod.ts";

/** What somebody loads: a module with what it imports, and the adapters that come to be loaded. */
interface Load {
  readonly entry: string;
  readonly adapters: readonly string[];
  /** Most bytes, minified and gzipped: a little above what they are, so that growth is a decision. */
  readonly limitBytes: number;
}

const loads: Readonly<Record<string, Load>> = {
  "mod.ts in a browser": { entry: ENTRY, adapters: ["websocket_native"], limitBytes: 44 * 1024 },
  "mod.ts in a worker": { entry: ENTRY, adapters: ["websocket_workerd", "sockets_workerd"], limitBytes: 44 * 1024 },
  // It uses the client alone: what it does not use, the bundler leaves out.
  "the example page": { entry: "examples/browser/page.ts", adapters: ["websocket_native"], limitBytes: 34 * 1024 },
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
  for (const [name, { entry, adapters, limitBytes }] of Object.entries(loads)) {
    const files = await bundle(entry, { isMinified: true, isSplit: true });
    const bytes = print(name, filesLoadedWith(files, [files[0]!.name, ...adapters]));
    if (bytes > limitBytes) complaints.push(`${name} is ${bytes} bytes, more than ${limitBytes}`);
  }
  const files = await bundle(ENTRY, { isMinified: true, isSplit: true });
  print("mod.ts without any adapter", filesLoadedWith(files, [files[0]!.name]));
  print("mod.ts with those of all runtimes", files);
  print("the same in one file", await bundle(ENTRY, { isMinified: true }));
  for (const complaint of complaints) console.error(complaint);
  return complaints.length === 0;
}

/** Prints a line. @returns The bytes, gzipped. */
function print(name: string, files: readonly BundledFile[]): number {
  const minified = files.reduce((sum, { text }) => sum + text.length, 0);
  const bytes = gzippedBytes(files);
  console.log(`${name.padEnd(34)} ${format(minified)} minified ${format(bytes)} gzipped`);
  return bytes;
}

function format(bytes: number): string {
  return bytes.toLocaleString("en").padStart(8);
}

if (import.meta.main && !(await run())) Deno.exitCode = 1;
