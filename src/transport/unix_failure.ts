// Why a unix socket cannot be reached. The runtimes tell a code at best, and one code stands for two causes.

/** What is used of `node:fs`, which every runtime with unix sockets has. */
interface FileSystem {
  readonly promises: {
    stat(path: string): Promise<{ isSocket(): boolean }>;
    access(path: string, mode: number): Promise<void>;
  };
}

/** The mode of `access` that asks for the right to write. */
const W_OK = 2;

/** The part of the global scope that leads to it without an import, which a bundle for browsers would have to resolve. */
interface NodeScope {
  readonly process?: { getBuiltinModule?(name: "node:fs"): FileSystem | undefined };
}

/**
 * Describes why a dial of a unix socket failed.
 *
 * @param path The path that was dialled.
 * @param cause The runtime's error.
 * @returns The error to reject with.
 */
export async function describeUnixFailure(path: string, cause: unknown): Promise<Error> {
  return new Error(`Cannot dial the unix socket ${path}: ${await explain(path, cause)}`, { cause });
}

async function explain(path: string, cause: unknown): Promise<string> {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === "NotCapable") {
    return `Deno was not given --allow-read=${path} --allow-write=${path} --allow-net=unix:${path}`;
  }
  const code = codeOf(cause);
  // It stands for a socket without a listener and for a file that is no socket; Bun has it for more.
  const state = explainCode(code === "ECONNREFUSED" ? await inspect(path) ?? code : code);
  return state ?? cause.message;
}

function explainCode(code: unknown): string | undefined {
  switch (code) {
    case "ENOENT":
      return "there is no such path";
    case "ENOTDIR":
      return "a part of the path is no directory";
    case "EACCES":
      return "the file system does not let this user write to it";
    case "EINVAL":
    case "ENAMETOOLONG":
      return "the path is longer than the address of a socket can be, about 100 bytes";
    case "ENOTSOCK":
      return "the path is no socket";
    case "ECONNREFUSED":
      return "nobody listens at it";
    default:
      return undefined;
  }
}

/** The code of what is wrong with the path itself; `undefined` if nothing is, or it cannot be told. */
async function inspect(path: string): Promise<unknown> {
  try {
    const fs = (globalThis as NodeScope).process?.getBuiltinModule?.("node:fs");
    if (fs === undefined) return undefined;
    if (!(await fs.promises.stat(path)).isSocket()) return "ENOTSOCK";
    await fs.promises.access(path, W_OK);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code;
}
