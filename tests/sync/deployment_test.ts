// Where the modules come from: over the network as from a registry, with no more permissions than are needed, and out of a bundle, where
// it cannot work.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { startAedes } from "../support/aedes.ts";
import { startChild } from "../support/child.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";
import { finish, PROGRAM_TIMEOUT_MILLIS } from "./run_program.ts";

const timeoutMillis = PROGRAM_TIMEOUT_MILLIS;

if (runtime === "deno") {
  test("on Deno the worker loads its modules from where the program has them, and needs no leave to read", async () => {
    await using broker = await startAedes();
    await using folder = await makeTemporaryFolder();
    await using registry = await serveSources();
    const program = `http://127.0.0.1:${registry.port}/tests/sync/programs/ends.ts`;
    const address = `127.0.0.1:${broker.port}`;
    const args = ["run", "--no-check", "--no-prompt", `--allow-net=${address}`, program, `mqtt://${address}`];
    const env = { DENO_DIR: folder.file("deno"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    const lines = await finish(startChild(process.execPath, args, env));
    assertEquals(lines.filter((line) => !line.startsWith("Download")), ["ends"]);
    assert(registry.paths.has("/src/sync/worker/serve.ts"));
    assert(registry.paths.has("/src/transport/tcp_deno.ts"));
  }, { timeoutMillis });

  test("on Deno a worker that may not read its modules is an error at once, which says what is missing", async () => {
    const program = `${repositoryRoot}tests/sync/programs/ends.ts`;
    const args = ["run", "--no-check", "--no-prompt", "--allow-net", program, "mqtt://127.0.0.1:1"];
    const child = startChild(process.execPath, args, { NO_COLOR: "1" });
    assertEquals(await child.exited, "exit 1");
    assertMatch(child.output(), /WorkerFailedError: .*--allow-read=.*\/src\//);
  }, { timeoutMillis });
}

if (runtime === "bun") {
  test("in a bundle the client cannot start, and says so at once", async () => {
    await using folder = await makeTemporaryFolder();
    const bundle = folder.file("bundle.js");
    const program = `${repositoryRoot}tests/sync/programs/ends.ts`;
    const building = startChild(process.execPath, ["build", "--target=bun", `--outfile=${bundle}`, program]);
    assertEquals(await building.exited, "exit 0", building.output());
    const child = startChild(process.execPath, [bundle, "mqtt://127.0.0.1:1"]);
    assertEquals(await child.exited, "exit 1");
    assertStringIncludes(child.output(), "UnsupportedRuntimeError");
    assertStringIncludes(child.output(), "leave them out of the bundle");
  }, { timeoutMillis });
}

/** Serves the files of the repository, with the public names resolved as a registry would. */
async function serveSources(): Promise<AsyncDisposable & { readonly port: number; readonly paths: Set<string> }> {
  const paths = new Set<string>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    paths.add(path);
    const text = readFileSync(repositoryRoot + path.slice(1), "utf8")
      .replaceAll('"@petrel/mqtt/sync"', '"/src/sync/mod.ts"')
      .replaceAll('"@petrel/mqtt"', '"/mod.ts"');
    response.setHeader("content-type", "application/typescript").end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    paths,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
