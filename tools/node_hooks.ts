// What Node needs besides itself to run the tests, by `node --import`: the names that Deno and Bun read from tsconfig.json.

import { registerHooks } from "node:module";
import tsconfig from "../tsconfig.json" with { type: "json" };

const paths = new Map(Object.entries(tsconfig.compilerOptions.paths).map(([name, [path]]) => [name, path!]));
const root = new URL("../", import.meta.url);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const path = paths.get(specifier);
    return path === undefined ? nextResolve(specifier, context) : { url: new URL(path, root).href, shortCircuit: true };
  },
});
