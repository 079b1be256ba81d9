import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { dialBunUnix } from "../../src/transport/unix_bun.ts";
import { dialDenoUnix } from "../../src/transport/unix_deno.ts";
import { dialNodeUnix } from "../../src/transport/unix_node.ts";
import type { Dial, TransportHandlers, UnixTarget } from "../../src/transport/transport.ts";
import { describeUnixFailure } from "../../src/transport/unix_failure.ts";
import { makeTemporaryFolder, type TemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { listenUnix } from "./loopback.ts";

const dial: Dial<UnixTarget> = { deno: dialDenoUnix, bun: dialBunUnix, node: dialNodeUnix }[runtime];
const deaf: TransportHandlers = { data: () => {}, close: () => {} };
const { signal } = new AbortController();

transportContract(`unix socket on ${runtime}`, async () => {
  const folder = await makeTemporaryFolder();
  const server = await listenUnix(dial, folder.file("server.sock"));
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}, { hasReset: false });

interface UnreachablePath {
  readonly name: string;
  readonly state: string;
  make(folder: TemporaryFolder): Promise<string>;
}

const unreachablePaths: readonly UnreachablePath[] = [
  {
    name: "a missing path",
    state: "there is no such path",
    make: (folder) => Promise.resolve(folder.file("missing.sock")),
  },
  {
    name: "a path that is no socket",
    state: "the path is no socket",
    make: async (folder) => {
      await writeFile(folder.file("file"), "");
      return folder.file("file");
    },
  },
  {
    name: "a folder",
    state: "the path is no socket",
    make: async (folder) => {
      await mkdir(folder.file("folder"));
      return folder.file("folder");
    },
  },
  {
    name: "a path below a file",
    state: "a part of the path is no directory",
    make: async (folder) => {
      await writeFile(folder.file("file"), "");
      return folder.file("file/server.sock");
    },
  },
  {
    name: "a path that is too long",
    state: "the path is longer than the address of a socket can be, about 100 bytes",
    make: (folder) => Promise.resolve(folder.file("x".repeat(120))),
  },
];

for (const { name, state, make } of unreachablePaths) {
  test(`unix socket: ${name} is told in plain words, with the runtime's error as the cause`, async () => {
    await using folder = await makeTemporaryFolder();
    const path = await make(folder);
    const error = await assertRejects(() => dial({ kind: "unix", path }, deaf, { signal }), Error);
    assertEquals(error.message, `Cannot dial the unix socket ${path}: ${state}`);
    assertInstanceOf(error.cause, Error);
  });
}

test("unix socket: one that nobody listens at any more is told apart from a path that is no socket", async () => {
  await using folder = await makeTemporaryFolder();
  const path = folder.file("server.sock");
  await leaveStaleSocket(path);
  const error = await assertRejects(() => dial({ kind: "unix", path }, deaf, { signal }), Error);
  assertEquals(error.message, `Cannot dial the unix socket ${path}: nobody listens at it`);
});

test("unix socket: codes that a test cannot bring about are told too", async () => {
  const describe = async (code: string, path: string): Promise<string> => {
    const cause = Object.assign(new Error("Failed to connect"), { code });
    return (await describeUnixFailure(path, cause)).message;
  };
  await using folder = await makeTemporaryFolder();
  const path = folder.file("server.sock");
  await using _server = await listenUnix(dial, path);
  const action = `Cannot dial the unix socket ${path}`;
  assertEquals(await describe("EACCES", path), `${action}: the file system does not let this user write to it`);
  assertEquals(await describe("ENOTSOCK", path), `${action}: the path is no socket`);
  assertEquals(await describe("EMFILE", path), `${action}: Failed to connect`);
});

/** Leaves a socket file without a listener, as a server that was killed does. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const script = 'import net from "node:net"; net.createServer().listen(process.argv.at(-1), () => process.exit(0));';
  const command = { deno: ["run", "-A", "-"], bun: ["run", "-"], node: ["--input-type=module", "-"] }[runtime];
  const child = spawn(process.execPath, [...command, path], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(script);
  await new Promise((resolve) => child.on("close", resolve));
}
