// Workers in real workerd, the runtime of Cloudflare Workers, which miniflare brings and starts.

import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import type { Readable } from "node:stream";
import { makeCertificates, opensslMissing } from "./certificates.ts";
import { makeTemporaryFolder } from "./temporary_folder.ts";

/** A running worker. */
export interface Worker extends AsyncDisposable {
  /** Sends it a request for a path. */
  fetch(path: string): Promise<Response>;
}

/** How a worker is made. */
export interface WorkerOptions {
  /** Its bundled script. */
  readonly script: string;
  /** What it is given as `env`. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** The classes of its Durable Objects, by the name of their binding. */
  readonly durableObjects?: Readonly<Record<string, string>>;
  readonly compatibilityDate: string;
  readonly compatibilityFlags?: readonly string[];
}

/**
 * Tells why a test with workers cannot run, for `TestOptions.skip`.
 *
 * @throws {Error} If it cannot run and PETREL_REQUIRE_ALL is 1.
 */
export function workerdMissing(): string | undefined {
  const reason = opensslMissing();
  if (reason !== undefined) return reason;
  try {
    createRequire(import.meta.url).resolve("miniflare");
    return undefined;
  } catch {
    const reason = "miniflare is not installed";
    if (process.env.PETREL_REQUIRE_ALL === "1") throw new Error(`Cannot leave a test out: ${reason}`);
    return reason;
  }
}

/** Starts a worker. It trusts the authority of the test certificates. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { Miniflare } = await loadMiniflare();
  const { script, bindings = {}, durableObjects = {}, compatibilityDate, compatibilityFlags = [] } = options;
  const miniflare = new Miniflare({
    // As a list: otherwise miniflare looks for imports by itself, and refuses what it cannot follow.
    modules: [{ type: "ESModule", path: "worker.js", contents: script }],
    bindings: { ...bindings },
    durableObjects: { ...durableObjects },
    compatibilityDate,
    compatibilityFlags: [...compatibilityFlags],
    // It tells every lost connection with a stack of its own.
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      stdout.resume();
      stderr.resume();
    },
  });
  return {
    fetch: async (path) => {
      const response = await miniflare.dispatchFetch(`http://worker.test${path}`);
      return new Response(await response.text(), { status: response.status });
    },
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}

let loading: Promise<typeof import("miniflare")> | undefined;

/** Loads it once; the authorities that workers trust besides the usual ones are read at that moment. */
function loadMiniflare(): Promise<typeof import("miniflare")> {
  loading ??= (async () => {
    await using folder = await makeTemporaryFolder();
    const file = folder.file("ca.pem");
    await writeFile(file, (await makeCertificates()).ca);
    process.env.NODE_EXTRA_CA_CERTS = file;
    const module = await import("miniflare");
    delete process.env.NODE_EXTRA_CA_CERTS;
    return module;
  })();
  return loading;
}
