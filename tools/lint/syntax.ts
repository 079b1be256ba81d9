// Constructs the house does without.

/** Every export is named where it is exported: a reader and a search find the public surface in `mod.ts`. */
export const exportAll: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    return {
      ExportAllDeclaration(node): void {
        ctx.report({ node, message: "`export *` hides what is exported", hint: "Name each export." });
      },
    };
  },
};

/** A thing has one name, at home and where it is imported. */
export const defaultExport: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const message = "A default export has no name";
    const hint = "Export it by name.";
    return {
      ExportDefaultDeclaration: (node): void => ctx.report({ node, message, hint }),
      ExportSpecifier(node): void {
        const { exported } = node;
        const name = exported.type === "Identifier" ? exported.name : undefined;
        if (name === "default") ctx.report({ node, message, hint });
      },
    };
  },
};

/** `#name` is private at run time too. */
export const privateKeyword: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    const message = "`private` is private to the compiler only";
    const hint = "Use `#name`.";
    const check = (node: Deno.lint.Node): void => {
      if ("accessibility" in node && node.accessibility === "private") ctx.report({ node, message, hint });
    };
    return { PropertyDefinition: check, MethodDefinition: check };
  },
};

/** A union of literals says the same and leaves no code behind. */
export const enumDeclaration: Deno.lint.Rule = {
  create(ctx): Deno.lint.LintVisitor {
    return {
      TSEnumDeclaration(node): void {
        ctx.report({
          node,
          message: "An enum is code that types cannot be stripped from",
          hint: "Use a union of literals.",
        });
      },
    };
  },
};
