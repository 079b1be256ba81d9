// What an application in a browser or a worker ships for Petrel, in bytes: `deno task size`. It fails above a limit, or if a module that
// is not Petrel's own can be reached.

import { gzipSync } from "node:zlib";
import { bundle, type BundledFile } from "./bundle.ts";
import { listImports } from "./imports.ts";
import { readTree, repositoryRoot, type SourceTree } from "./source_tree.ts";

const ENTRY = "mod.ts";

/** What somebody loads: a module with what it imports, and the adapters that come to be loaded. */
export interface Load {
  readonly entry: string;
  /** What of the entry is used; the bundler leaves out the rest. */
  readonly used?: readonly string[];
  readonly adapters: readonly string[];
  /** Most bytes, minified and gzipped: a little above what they are, so that growth is a decision. */
  readonly limitBytes: number;
}

/** What applications load, by what they use. The adapter of browsers comes with `mod.ts`. */
export const loads: Readonly<Record<string, Load>> = {
  "mod.ts in a browser": { entry: ENTRY, adapters: [], limitBytes: 44_300 },
  "mod.ts in a worker": { entry: ENTRY, adapters: ["websocket_workerd", "sockets_workerd"], limitBytes: 46_000 },
  "connect() in a browser": { entry: ENTRY, used: ["connect"], adapters: [], limitBytes: 42_600 },
  "AsyncClient in a browser": { entry: ENTRY, used: ["AsyncClient"], adapters: [], limitBytes: 34_700 },
  "the example page": { entry: "examples/browser/page.ts", adapters: [], limitBytes: 35_200 },
  "topicMatches()": { entry: ENTRY, used: ["topicMatches"], adapters: [], limitBytes: 2_000 },
  // For those who bring their own I/O.
  "the session": { entry: "src/session/mod.ts", adapters: [], limitBytes: 6_900 },
  "the codec of a client": {
    entry: "src/codec/mod.ts",
    used: ["ClientPacketEncoder", "ServerPacketDecoder"],
    adapters: [],
    limitBytes: 8_000,
  },
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

/** Bundles what is loaded, minified. @returns Its files; others of the bundle are not loaded. */
export async function bundleLoad({ entry, used, adapters }: Load): Promise<BundledFile[]> {
  const files = await bundle(entry, { isMinified: true, isSplit: true, ...(used !== undefined && { used }) });
  return filesLoadedWith(files, [files[0]!.name, ...adapters]);
}

async function run(): Promise<boolean> {
  const complaints = findForeignModules(readTree(repositoryRoot), ENTRY);
  for (const [name, load] of Object.entries(loads)) {
    const bytes = print(name, await bundleLoad(load));
    if (bytes > load.limitBytes) complaints.push(`${name} is ${bytes} bytes, more than ${load.limitBytes}`);
  }
  print("mod.ts with all adapters", await bundle(ENTRY, { isMinified: true, isSplit: true }));
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
