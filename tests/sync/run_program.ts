// Runs the programs under tests/sync/programs: each in a process of its own on this runtime, whose main thread may block.

import { assertEquals } from "@std/assert";
import process from "node:process";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { type Child, startChild } from "../support/child.ts";
import { runtime } from "../support/test.ts";

/** A program that takes longer than this hangs. On a busy machine Node needs some seconds for each worker that loads TypeScript. */
const LIMIT_MILLIS = 150_000;

/** How long a test of a program may take, in milliseconds: longer than the program. */
export const PROGRAM_TIMEOUT_MILLIS: number = LIMIT_MILLIS + 10_000;

/** Starts a program, named by its path in the repository. */
export function startProgram(file: string, ...args: readonly string[]): Child {
  const path = `${repositoryRoot}${file}`;
  const before = runtime === "deno" ? ["run", "-A", "--no-check", path] : [path];
  const env = {
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    NODE_NO_WARNINGS: "1",
    NODE_COMPILE_CACHE: `${repositoryRoot}node_modules/.cache/node`,
  };
  return startChild(process.execPath, [...before, ...args], env);
}

/** Waits for a program's end, which must be a good one. @returns What it printed, line by line. */
export async function finish(child: Child): Promise<string[]> {
  const limit = setTimeout(() => void child.stop("SIGKILL"), LIMIT_MILLIS);
  const exit = await child.exited;
  clearTimeout(limit);
  assertEquals(exit, "exit 0", child.output());
  return child.output().trimEnd().split("\n");
}

/** Runs a program of checks, every one of which must hold. */
export async function runChecks(file: string, ...args: readonly string[]): Promise<void> {
  const lines = await finish(startProgram(`tests/sync/programs/${file}`, ...args));
  const bad = lines.filter((line) => !line.startsWith("ok "));
  assertEquals(bad.slice(0, -1), [], lines.join("\n"));
  assertEquals(bad.at(-1), `${lines.length - 1} checks`, lines.join("\n"));
}
