// The project is described in several files: Deno, JSR, npm, the compiler and the lockfile each want their own. These rules
// keep them from contradicting each other.

import type { SourceTree } from "./source_tree.ts";

type Json = Record<string, unknown>;

/**
 * Finds contradictions between deno.json, jsr.json, package.json, tsconfig.json, deno.lock, CHANGELOG.md, the two of
 * tools/node and the files they speak of.
 *
 * @param tree The repository.
 */
export function findManifestProblems(tree: SourceTree): string[] {
  const deno = readJson(tree, "deno.json");
  const jsr = readJson(tree, "jsr.json");
  const npm = readJson(tree, "package.json");
  const compiler = readJson(tree, "tsconfig.json");
  return [
    ...["name", "version", "license", "exports"].flatMap((field) => [
      ...findDifference(field, ["deno.json", deno], ["jsr.json", jsr]),
      ...findDifference(field, ["deno.json", deno], ["package.json", npm]),
    ]),
    ...findDifference("publish", ["deno.json", deno], ["jsr.json", jsr]),
    ...findCompilerDifferences(deno, compiler),
    ...findExportProblems(tree, deno, compiler),
    ...findTaskProblems(tree, deno),
    ...findScriptProblems(deno, npm),
    ...["", "tools/node/"].flatMap((folder) => findDependencyProblems(tree, folder)),
    ...findVersionProblems(tree, deno),
  ];
}

function findDifference(field: string, [nameA, a]: [string, Json], [nameB, b]: [string, Json]): string[] {
  const [textA, textB] = [JSON.stringify(a[field]), JSON.stringify(b[field])];
  return textA === textB ? [] : [`${field} is ${textA} in ${nameA} and ${textB} in ${nameB}`];
}

/** What both compilers are told, they are told alike. */
function findCompilerDifferences(deno: Json, compiler: Json): string[] {
  const [a, b] = [deno["compilerOptions"] as Json, compiler["compilerOptions"] as Json];
  return Object.keys(a).flatMap((option) => findDifference(option, ["deno.json", a], ["tsconfig.json", b]));
}

/** Every entry point exists, and the compiler (and Bun, which reads its paths) finds it by its public name. */
function findExportProblems(tree: SourceTree, deno: Json, compiler: Json): string[] {
  const paths = (compiler["compilerOptions"] as Json)["paths"] as Record<string, string[]>;
  return Object.entries(deno["exports"] as Record<string, string>).flatMap(([key, target]) => {
    const specifier = `${deno["name"]}${key.slice(1)}`;
    const problems: string[] = [];
    if (!tree.has(target.replace("./", ""))) problems.push(`exports name ${target}, which is missing`);
    if (paths[specifier]?.[0] !== target) problems.push(`tsconfig.json has no path from ${specifier} to ${target}`);
    return problems;
  });
}

function findTaskProblems(tree: SourceTree, deno: Json): string[] {
  return Object.entries(deno["tasks"] as Record<string, string>).flatMap(([name, command]) => {
    const script = /\b\S+\.ts\b/.exec(command)?.[0];
    return script === undefined || tree.has(script) ? [] : [`task ${name} runs ${script}, which is missing`];
  });
}

function findScriptProblems(deno: Json, npm: Json): string[] {
  const scripts = deno["allowScripts"] as string[];
  const { bun } = npm["devDependencies"] as Record<string, string>;
  return scripts.includes(`npm:bun@${bun}`) ? [] : ["allowScripts in deno.json names another Bun than package.json"];
}

/** What a folder's package.json asks for is for development only, pinned and locked. */
function findDependencyProblems(tree: SourceTree, folder: string): string[] {
  const npm = readJson(tree, `${folder}package.json`);
  const { specifiers } = readJson(tree, `${folder}deno.lock`) as { specifiers: Record<string, string> };
  const versions = Object.entries(npm["devDependencies"] as Record<string, string>);
  const problems = versions
    .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
    .map(([name, version]) => `${folder}package.json does not pin ${name}: ${version}`);
  if (npm["dependencies"] !== undefined) problems.push(`${folder}package.json has run-time dependencies`);
  for (const [name, version] of versions) {
    if (specifiers[`npm:${name}@${version}`] === undefined) {
      problems.push(`${folder}deno.lock does not hold ${name}@${version}`);
    }
  }
  // A host in it would bind every clone to the mirror one of us happened to use.
  if (tree.get(`${folder}deno.lock`)?.includes("://")) problems.push(`${folder}deno.lock names a download host`);
  return problems;
}

/** The version has its heading in the change log, and every command in the documents runs the same Deno. */
function findVersionProblems(tree: SourceTree, deno: Json): string[] {
  const problems: string[] = [];
  const heading = `## [${deno["version"]}]`;
  if (!tree.get("CHANGELOG.md")?.includes(heading)) problems.push(`CHANGELOG.md has no heading ${heading}`);
  const commands = new Set<string>();
  for (const [path, text] of tree) {
    if (!path.endsWith(".md") && path !== ".ci/run") continue;
    for (const [, version] of text.matchAll(/npx -y deno@([\w.]+)/g)) commands.add(version!);
  }
  if (commands.size > 1) {
    problems.push(`The commands name several versions of Deno: ${[...commands].sort().join(", ")}`);
  }
  return problems;
}

function readJson(tree: SourceTree, path: string): Json {
  const text = tree.get(path);
  if (text === undefined) throw new Error(`Cannot compare the manifests: ${path} is missing`);
  return JSON.parse(text);
}
