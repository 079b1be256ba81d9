// Reads what a module imports, on any runtime and without a compiler. Deno's and Bun's own scanners drop type-only
// imports, which count here.

/** One import, re-export or dynamic import of a module. */
export interface ModuleImport {
  /** What is imported, as written; `undefined` for a dynamic import of a computed name. */
  readonly specifier: string | undefined;
  /** The line it stands on, from 1. */
  readonly line: number;
}

/** Comments, words and numbers, strings; any other character is a token of its own. Whitespace falls through. */
const TOKEN =
  /\/\/[^\n]*|\/\*[^]*?\*\/|[\p{ID_Start}\p{ID_Continue}$#]+|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|\S/uy;
const REGEX_LITERAL = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/uy;
const TEMPLATE_PART = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/uy;
/** After these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /^(?:[(,=:[!&|?{};+\-*%<>~^]|return|typeof|case|in|of|void|delete|throw|await|yield)?$/;

/**
 * Lists the imports of a module in the order they stand: `import`, `export … from`, `import()`, with or without `type`.
 *
 * @param source The text of a TypeScript module.
 */
export function listImports(source: string): ModuleImport[] {
  const imports: ModuleImport[] = [];
  const tokens = tokenize(source);
  for (const [index, { text, offset }] of tokens.entries()) {
    const next = tokens[index + 1]?.text ?? "";
    const isMember = tokens[index - 1]?.text === ".";
    if (isMember || (text !== "import" && text !== "from")) continue;
    const line = source.slice(0, offset).split("\n").length;
    if (isString(next)) {
      imports.push({ specifier: next.slice(1, -1), line });
    } else if (text === "import" && next === "(") {
      const argument = tokens[index + 2]?.text ?? "";
      imports.push({ specifier: isString(argument) ? argument.slice(1, -1) : undefined, line });
    }
  }
  return imports;
}

interface Token {
  readonly text: string;
  readonly offset: number;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each template literal around the cursor, how many braces are open inside its `${`. */
  const templates: number[] = [];
  let cursor = 0;
  while (cursor < source.length) {
    const previous = tokens.at(-1)?.text ?? "";
    const token = matchAt(TOKEN, source, cursor) ?? source.charAt(cursor);
    const isComment = token.startsWith("//") || token.startsWith("/*");
    if (token === "`" || (token === "}" && templates.at(-1) === 0)) {
      if (token === "}") templates.pop();
      const part = matchAt(TEMPLATE_PART, source, cursor + 1) ?? source.slice(cursor + 1);
      if (part.endsWith("${")) templates.push(0);
      tokens.push({ text: "`", offset: cursor });
      cursor += 1 + part.length;
    } else if (token === "/" && BEFORE_REGEX.test(previous)) {
      cursor += (matchAt(REGEX_LITERAL, source, cursor) ?? token).length;
    } else {
      if (templates.length > 0 && token === "{") templates.push(templates.pop()! + 1);
      if (templates.length > 0 && token === "}") templates.push(templates.pop()! - 1);
      if (!isComment && token.trim() !== "") tokens.push({ text: token, offset: cursor });
      cursor += token.length;
    }
  }
  return tokens;
}

function matchAt(pattern: RegExp, source: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(source)?.[0];
}

function isString(token: string): boolean {
  return token.length > 1 && (token.startsWith('"') || token.startsWith("'"));
}
