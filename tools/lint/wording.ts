// How things are named and how errors speak.

import { repositoryPath } from "./path.ts";

type Node = Deno.lint.Node;

/** Longest function the house allows, in lines: a longer one is two things. */
const MAX_FUNCTION_LINES = 60;

/** Errors whose first argument is the whole message; the house's own classes may put theirs together from parts. */
const BUILT_IN_ERROR = /^(Type|Range|Syntax|Reference|Aggregate)?Error$/;

/** Messages read: action, colon, state, statement id. `Cannot encode PUBLISH: topicName is empty [MQTT-4.7.3-1]`. */
export const errorMessage: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    if (!/^(src\/|mod\.ts$|cli\.ts$)/.test(repositoryPath(ctx.filename))) return {};
    const check = (args: readonly Node[], findFlaw: (text: string) => string | undefined): void => {
      for (const node of args) {
        const text = staticText(node);
        // An argument of one word is a field (an option's name, a reason), not a message.
        const flaw = text === undefined || !/\s/.test(text) ? undefined : findFlaw(text);
        if (flaw !== undefined) {
          ctx.report({ node, message: `Error message ${flaw}`, hint: "Write: action, colon, state, statement id." });
        }
      }
    };
    return {
      NewExpression(node): void {
        if (node.callee.type !== "Identifier" || !/Error$/.test(node.callee.name)) return;
        check(node.arguments, BUILT_IN_ERROR.test(node.callee.name) ? messageFlaw : partFlaw);
      },
      CallExpression(node): void {
        if (node.callee.type !== "Super" || !isInErrorClass(ctx.sourceCode.getAncestors(node))) return;
        check(node.arguments, messageFlaw);
      },
    };
  },
};

/** In prose and messages, statement ids stand in brackets, so that one search finds code, tests and documents. */
export const statementId: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    return {
      Program(): void {
        const { text } = ctx.sourceCode;
        for (const { 0: id, index: start } of text.matchAll(/MQTT-\d+\.\d+\.\d+-\d+/g)) {
          const end = start + id.length;
          const around = text.charAt(start - 1) + text.charAt(end);
          // A string that is an id and nothing else is a value; whoever prints it adds the brackets.
          if (around === "[]" || around === '""' || around === "``") continue;
          ctx.report({ range: [start, end], message: `${id} stands without brackets`, hint: `Write [${id}].` });
        }
      },
    };
  },
};

/** Functions are named by the families encode/decode, handle, poll, is/can, try, or by what the user wants. */
export const verbs: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const check = (node: Node | null): void => {
      if (node?.type !== "Identifier" && node?.type !== "PrivateIdentifier") return;
      const verb = /^(get|do|process|manage)(?=[A-Z]|$)/.exec(node.name)?.[1];
      if (verb !== undefined) {
        ctx.report({ node, message: `"${node.name}": ${verb} says nothing`, hint: "Name what it does." });
      }
    };
    return {
      FunctionDeclaration: (node): void => check(node.id),
      MethodDefinition(node): void {
        if (node.kind === "method") check(node.key);
      },
      VariableDeclarator(node): void {
        if (node.init?.type === "ArrowFunctionExpression" || node.init?.type === "FunctionExpression") check(node.id);
      },
    };
  },
};

/** Files are snake_case and named after their main symbol. */
export const fileName: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const name = repositoryPath(ctx.filename).split("/").at(-1)!;
    return {
      Program(node): void {
        if (!/^[a-z0-9]+(_[a-z0-9]+)*(\.d)?\.ts$/.test(name)) {
          ctx.report({ node, message: `File name "${name}" is not snake_case` });
        } else if (/^(utils?|helpers?|common|types|misc)\.ts$/.test(name)) {
          ctx.report({ node, message: `File name "${name}" says nothing`, hint: "Name it after its main symbol." });
        }
      },
    };
  },
};

/** A function that does not fit on a screen is two functions. */
export const functionLength: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const check = (node: Node): void => {
      const lines = ctx.sourceCode.getText(node).split("\n").length;
      if (lines > MAX_FUNCTION_LINES) {
        ctx.report({ node, message: `Function of ${lines} lines; ${MAX_FUNCTION_LINES} are the limit` });
      }
    };
    return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
  },
};

/** The fixed text of a message, `…` for each value in it; `undefined` if its beginning is not fixed. */
function staticText(node: Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral") return undefined;
  const text = node.quasis.map((quasi) => quasi.cooked).join("…");
  return text.startsWith("…") ? undefined : text;
}

function messageFlaw(text: string): string | undefined {
  if (!/^[A-Z]/.test(text)) return "does not begin with a capital";
  if (!text.includes(": ")) return "has no colon between action and state";
  return partFlaw(text);
}

function partFlaw(text: string): string | undefined {
  if (/\.$/.test(text)) return "ends with a full stop";
  if (/\b\w+n['’]t\b/.test(text)) return "has a contraction";
  return undefined;
}

function isInErrorClass(ancestors: readonly Node[]): boolean {
  return ancestors.some((node) =>
    node.type === "ClassDeclaration" && node.superClass?.type === "Identifier" && /Error$/.test(node.superClass.name)
  );
}
