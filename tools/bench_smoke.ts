// Runs the body of every benchmark once, so that a change cannot break them unseen. Nothing is measured.

import { repositoryRoot } from "./source_tree.ts";

type BenchFn = (context: Deno.BenchContext) => void | Promise<void>;

const bodies: { readonly name: string; readonly fn: BenchFn }[] = [];

/** Takes the place of `Deno.bench`, whose every form ends in a name and a function. */
function collect(...args: unknown[]): void {
  const definition: { name?: string; fn?: BenchFn; ignore?: boolean } = {};
  for (const argument of args) {
    if (typeof argument === "string") definition.name = argument;
    else if (typeof argument === "function") definition.fn = argument as BenchFn;
    else Object.assign(definition, argument);
  }
  const { fn, ignore = false } = definition;
  if (fn === undefined) throw new TypeError("Cannot run a benchmark: it has no function");
  if (!ignore) bodies.push({ name: definition.name ?? fn.name, fn });
}

function listBenches(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? listBenches(path) : name.endsWith("_bench.ts") ? [path] : [];
  }).sort();
}

Object.defineProperty(Deno, "bench", { value: collect });
for (const path of listBenches(`${repositoryRoot}bench`)) {
  bodies.length = 0;
  await import(`file://${path}`);
  for (const { name, fn } of bodies) {
    await fn({ name, origin: path, start: () => {}, end: () => {} });
    console.log(`${path.slice(repositoryRoot.length)}: ${name}`);
  }
}
