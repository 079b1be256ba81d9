// What a folder may touch: the pure core knows no time and no chance, time comes from one file, runtimes from the leaves.

import { repositoryPath } from "./path.ts";

type Node = Deno.lint.Node;

const TIMERS = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
]);
const TIME = new Set(["Date", "performance", ...TIMERS]);
const CHANCE_AND_IO = new Set(["crypto", "fetch", "queueMicrotask"]);
const RUNTIME = new Set(["Deno", "Bun", "WebSocket", "Worker", "indexedDB", "navigator", "process", "require"]);
const RUNTIME_SPECIFIER = /^(node|bun|cloudflare):/;
const CLOCK = "src/loop/clock.ts";
/** A runtime's WebSocket tells only when it is asked how much has left, so its adapter has to ask again, whatever clock the loop has. */
const TIMER_ADAPTER = "src/transport/websocket_native.ts";
/** The command line's view of its process: a runtime, and the time of day, which messages are shown with and a `Clock` has not. */
const CLI_PROCESS = "src/cli/process_io.ts";

/** `src/codec`, `src/session` and the files directly in `src` use neither time, nor chance, nor any I/O. */
export const pureFolders: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    if (!/^src\/((codec|session)\/|[^/]+$)/.test(repositoryPath(ctx.filename))) return {};
    return {
      Identifier(node): void {
        if (!isGlobal(node)) return;
        if (TIME.has(node.name) || CHANCE_AND_IO.has(node.name)) {
          ctx.report({
            node,
            message: `${node.name} in a pure folder`,
            hint: "Take it as an argument: now, a number, bytes.",
          });
        }
      },
      MemberExpression(node): void {
        if (isMember(node, "Math", "random")) {
          ctx.report({ node, message: "Math.random in a pure folder", hint: "Take the number as an argument." });
        }
      },
    };
  },
};

/** Under `src`, timers and clocks are touched in `loop/clock.ts`, and timers in one adapter; the rest of the source takes a `Clock`. */
export const timeSources: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const path = repositoryPath(ctx.filename);
    if (!path.startsWith("src/") || path === CLOCK) return {};
    const hint = `Take a Clock; only ${CLOCK} reads real time.`;
    return {
      Identifier(node): void {
        if (path === TIMER_ADAPTER && TIMERS.has(node.name)) return;
        if (path === CLI_PROCESS && node.name === "Date") return;
        if (TIME.has(node.name) && isGlobal(node)) {
          ctx.report({ node, message: `${node.name} outside ${CLOCK}`, hint });
        }
      },
      MemberExpression(node): void {
        if (isMember(node, "AbortSignal", "timeout")) {
          ctx.report({ node, message: `AbortSignal.timeout outside ${CLOCK}`, hint });
        }
      },
    };
  },
};

/**
 * Under `src`, only the leaves name a runtime or import one of its modules: `transport`, `store`, `sync`, and the command line's view of
 * its process, which no library imports.
 */
export const runtimeGlobals: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const path = repositoryPath(ctx.filename);
    const isLeaf = /^src\/(transport|store|sync)\//.test(path) || path === CLI_PROCESS;
    if (path !== "mod.ts" && (!path.startsWith("src/") || isLeaf)) return {};
    const hint = `Only src/transport, src/store, src/sync and ${CLI_PROCESS} know runtimes.`;
    const checkSource = (source: Node | null): void => {
      if (source?.type !== "Literal" || !RUNTIME_SPECIFIER.test(String(source.value))) return;
      ctx.report({ node: source, message: `Import of "${source.value}" outside the leaves`, hint });
    };
    return {
      Identifier(node): void {
        if (RUNTIME.has(node.name) && isGlobal(node)) {
          ctx.report({ node, message: `${node.name} outside the leaves`, hint });
        }
      },
      ImportDeclaration: (node): void => checkSource(node.source),
      ExportNamedDeclaration: (node): void => checkSource(node.source),
      ImportExpression: (node): void => checkSource(node.source),
    };
  },
};

/** The library prints nothing; what there is to tell are events and errors. */
export const consoleOutput: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const path = repositoryPath(ctx.filename);
    if (path !== "mod.ts" && !path.startsWith("src/")) return {};
    return {
      Identifier(node): void {
        if (node.name === "console" && isGlobal(node)) {
          ctx.report({ node, message: "The library prints", hint: "Tell it by an event, an error or diagnostics()." });
        }
      },
    };
  },
};

/** Importing a module of `src` only defines things: edge workers forbid I/O, timers and random values at module level. */
export const moduleEffects: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const path = repositoryPath(ctx.filename);
    if (path !== "mod.ts" && !path.startsWith("src/")) return {};
    const hint = "Do it when a function is called; importing a module must only define things.";
    const isLoaded = (node: Node): boolean => !ctx.sourceCode.getAncestors(node).some(isDeferred);
    return {
      Identifier(node): void {
        const isEffect = TIME.has(node.name) || CHANCE_AND_IO.has(node.name) || RUNTIME.has(node.name) ||
          node.name === "globalThis";
        if (isEffect && isGlobal(node) && isLoaded(node)) {
          ctx.report({ node, message: `${node.name} is read when the module is loaded`, hint });
        }
      },
      MemberExpression(node): void {
        if (isMember(node, "Math", "random") && node.parent?.type === "CallExpression" && isLoaded(node)) {
          ctx.report({ node, message: "Math.random is called when the module is loaded", hint });
        }
      },
      AwaitExpression(node): void {
        if (isLoaded(node)) ctx.report({ node, message: "Loading the module waits", hint });
      },
      ExpressionStatement(node): void {
        if (node.parent?.type === "Program") ctx.report({ node, message: "Loading the module runs a statement", hint });
      },
    };
  },
};

/** Whether code below this ancestor runs later than the module's own, or never: functions, instance fields, types. */
function isDeferred(node: Node): boolean {
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return true;
    case "PropertyDefinition":
      return !node.static;
    default:
      return node.type.startsWith("TS") && !/^TS(As|Satisfies|NonNull)/.test(node.type);
  }
}

/** Whether the identifier is read as a variable, rather than naming a property, a member or an import. */
function isGlobal(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as Node | undefined;
  switch (parent?.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed || isGlobalThis(parent.object);
    case "Property":
      return parent.value === node || parent.computed;
    case "PropertyDefinition":
      return parent.value === node || parent.computed;
    case "TSQualifiedName":
      return parent.left === node;
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.computed;
    case "ImportSpecifier":
    case "ExportSpecifier":
    case "TSEnumMember":
    case "LabeledStatement":
      return false;
    default:
      return true;
  }
}

function isMember(node: Deno.lint.MemberExpression, object: string, property: string): boolean {
  return node.object.type === "Identifier" && node.object.name === object &&
    node.property.type === "Identifier" && node.property.name === property;
}

function isGlobalThis(node: Node): boolean {
  return node.type === "Identifier" && node.name === "globalThis";
}
