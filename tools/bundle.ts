// Bundles a module as applications for browsers and workers do, with the bundler of Bun, which is a development dependency and needs
// no network.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import tsconfig from "../tsconfig.json" with { type: "json" };
import { repositoryRoot } from "./source_tree.ts";

/** How a bundle is made. */
export interface BundleOptions {
  /** Whether it is minified. Default no. */
  readonly isMinified?: boolean;
  /** Whether what is imported dynamically becomes files of its own, as bundlers for browsers do. Default no. */
  readonly isSplit?: boolean;
  /** The exports that an application uses; what none of them needs is left out. Default all. */
  readonly used?: readonly string[];
  /** Paths, from the root of the repository, of what takes the place of modules that are imported by name. */
  readonly replacements?: Readonly<Record<string, string>>;
}

/** One file of a bundle. */
export interface BundledFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Bundles a module with everything it imports; what belongs to a runtime (`node:`, `cloudflare:`) and packages that are not installed
 * make it fail.
 *
 * @param entry The path of the module, from the root of the repository.
 * @param options How the bundle is made.
 * @returns The files; the first one is the entry's.
 * @throws {Error} With the bundler's words, if it fails.
 */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<BundledFile[]> {
  const folder = await mkdtemp(join(tmpdir(), "petrel-bundle-"));
  try {
    const output = join(folder, "output");
    const config = join(folder, "tsconfig.json");
    await writeFile(config, JSON.stringify({ compilerOptions: { paths: modulePaths(options.replacements ?? {}) } }));
    const flags = [...options.isMinified ? ["--minify"] : [], ...options.isSplit ? ["--splitting"] : []];
    const form = ["--target=browser", "--format=esm", `--outdir=${output}`, `--tsconfig-override=${config}`];
    const source = options.used === undefined ? entry : join(folder, "application.ts");
    if (options.used !== undefined) {
      const imported = JSON.stringify(join(repositoryRoot, entry));
      await writeFile(source, `export { ${options.used.join(", ")} } from ${imported};`);
    }
    await runBun(["build", source, ...form, ...flags]);
    const entryName = source.replace(/^.*\//, "").replace(/\.ts$/, ".js");
    const names = (await readdir(output)).sort((a, b) => Number(b === entryName) - Number(a === entryName));
    return await Promise.all(names.map(async (name) => ({ name, text: await readFile(join(output, name), "utf8") })));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Where the modules are that are imported by name. */
function modulePaths(replacements: Readonly<Record<string, string>>): Record<string, string[]> {
  const { paths } = tsconfig.compilerOptions;
  const entries = Object.entries<string>({
    ...Object.fromEntries(Object.entries(paths).map(([name, [path]]) => [name, path!])),
    ...replacements,
  });
  return Object.fromEntries(entries.map(([name, path]) => [name, [join(repositoryRoot, path)]]));
}

function runBun(args: readonly string[]): Promise<void> {
  const program = `${repositoryRoot}node_modules/bun/bin/bun.exe`;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: "1" };
    execFile(program, [...args], { cwd: repositoryRoot, env }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`Cannot bundle: bun ${args.join(" ")} failed:\n${stdout}${stderr}`));
    });
  });
}
