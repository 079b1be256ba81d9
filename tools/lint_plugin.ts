// Petrel's own lint rules: what the house demands and the built-in rules cannot see. deno.json loads this file.

import { consoleOutput, moduleEffects, pureFolders, runtimeGlobals, timeSources } from "./lint/boundaries.ts";
import { defaultExport, enumDeclaration, exportAll, privateKeyword } from "./lint/syntax.ts";
import { errorMessage, fileName, functionLength, statementId, verbs } from "./lint/wording.ts";

const plugin: Deno.lint.Plugin = {
  name: "petrel",
  rules: {
    "pure-folders": pureFolders,
    "time-sources": timeSources,
    "runtime-globals": runtimeGlobals,
    "no-console": consoleOutput,
    "module-effects": moduleEffects,
    "no-export-all": exportAll,
    "no-default-export": defaultExport,
    "no-private-keyword": privateKeyword,
    "no-enum": enumDeclaration,
    "error-message": errorMessage,
    "statement-id": statementId,
    "verbs": verbs,
    "file-name": fileName,
    "function-length": functionLength,
  },
};

// deno-lint-ignore petrel/no-default-export -- Deno takes a plugin by its default export.
export default plugin;
