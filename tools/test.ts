// Runs the suite on Deno, on Bun and on Node and adds them up: `deno task test [deno] [bun] [node] [paths]`.
//
// The last line is `N passed, N failed`, with `, N skipped` if some could not run here. With PETREL_REQUIRE_ALL=1, as in CI,
// a skipped test counts as a failed one.

import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { findNode, nodeMissingReason } from "../tests/support/node_program.ts";
import { formatTally, parseJunit, reportRuns, tallyRuns, type TestRun } from "./test_report.ts";
import { repositoryRoot } from "./source_tree.ts";

/** A suite that hangs must not hang whoever waits for it. The whole suite takes a small part of this on one runtime. */
const LIMIT_MINUTES = 20;

interface Runtime {
  readonly name: string;
  /** The path of its program; `undefined` if there is none for this machine. */
  findExecutable(): string | undefined | Promise<string | undefined>;
  /** The arguments of a run over `paths` that writes its results to `report`; what else it needs goes to the folder of that. */
  arguments(paths: readonly string[], report: string): string[] | Promise<string[]>;
}

const runtimes: Readonly<Record<string, Runtime>> = {
  deno: {
    name: "Deno",
    findExecutable: () => Deno.execPath(),
    // Types are checked once, by `deno task ok`.
    arguments: async (paths, report) => {
      const entry = await writeEntry(paths, report.replace(/[^/]*$/, "all_test.ts"));
      return ["test", "-A", "--no-check", `--junit-path=${report}`, entry];
    },
  },
  bun: {
    name: "Bun",
    findExecutable: () => `${repositoryRoot}node_modules/bun/bin/bun.exe`,
    // Without the leading dot Bun takes a path for a pattern.
    arguments: (paths, report) => {
      const folders = paths.map((path) => path.startsWith("/") ? path : `./${path}`);
      return ["test", "--reporter=junit", `--reporter-outfile=${report}`, ...folders];
    },
  },
  node: {
    name: "Node",
    findExecutable: async () => findNode() ?? await installNode(),
    // One process for all files, as on the other runtimes: one for each would take three times as long.
    arguments: async (paths, report) => [
      "--import=./tools/node_hooks.ts",
      "--test",
      "--test-isolation=none",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      ...(await findTests(paths)).filter((file) => chosen.length > 0 || !isSameAsOnDeno(file)).map((file) =>
        fileURLToPath(file)
      ),
    ],
  },
};

const names = Deno.args.filter((argument) => argument in runtimes);
const chosen = Deno.args.filter((argument) => !(argument in runtimes));
const paths = chosen.length > 0 ? chosen : ["tests/"];
const wanted = names.length > 0 ? names : Object.keys(runtimes);
/** The suites wait more than they work, so several run side by side, and each tells its story when it has ended. */
const isAlone = wanted.length === 1;

/** Writes a module that imports the tests: one for all, as on the other runtimes. Loading all code anew for each file takes twice as long. */
async function writeEntry(paths: readonly string[], entry: string): Promise<string> {
  const files = await findTests(paths);
  if (files.length === 0) throw new Error(`Cannot run tests: there are none in ${paths.join(" ")}`);
  await Deno.writeTextFile(entry, files.map((file) => `import ${JSON.stringify(file)};\n`).join(""));
  return entry;
}

/** The tests of files and folders, as URLs, in the order of their names. */
async function findTests(paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(findTestsOf))).flat().sort();
}

async function findTestsOf(path: string): Promise<string[]> {
  const url = new URL(path, `file://${repositoryRoot}`);
  if (path.endsWith(".ts")) return [url.href];
  const names = await readdir(url, { recursive: true });
  return names.filter((name) => name.endsWith("_test.ts")).map((name) =>
    new URL(name, `${url.href.replace(/\/$/, "")}/`).href
  );
}

/** Whether a test would show on Node what it shows on Deno: code that touches no runtime, on the same engine; or the command line. */
function isSameAsOnDeno(file: string): boolean {
  return /\/tests\/(architecture|bench|cli|client|codec|conformance|fifo|loop|session|sim|tools)[/_]/.test(file);
}

/** Not among the other development dependencies: its program is called `node`, which the installation of Bun would then call. */
async function installNode(): Promise<string | undefined> {
  if (`${Deno.build.os} ${Deno.build.arch}` !== "linux x86_64") return undefined;
  console.log("\nBringing Node");
  const install = new Deno.Command(Deno.execPath(), {
    args: ["install", "--frozen"],
    cwd: `${repositoryRoot}tools/node`,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  });
  await install.spawn().status;
  return findNode();
}

/** What a process writes, to both of its outputs, in the order in which it comes. */
async function readOutput(child: Deno.ChildProcess): Promise<string> {
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  return output;
}

async function runSuite(runtime: Runtime): Promise<TestRun> {
  const executable = await runtime.findExecutable();
  if (executable === undefined) {
    const name = `the suite on ${runtime.name} (skipped: ${nodeMissingReason})`;
    return { runtime: runtime.name, outcomes: [{ name, outcome: "skipped" }] };
  }
  const heading = `\n${runtime.name}: ${paths.join(" ")}`;
  if (isAlone) console.log(heading);
  const folder = await Deno.makeTempDir({ prefix: "petrel-test-" });
  const report = `${folder}/junit.xml`;
  const limit = AbortSignal.timeout(LIMIT_MINUTES * 60_000);
  try {
    const child = new Deno.Command(executable, {
      args: await runtime.arguments(paths, report),
      cwd: repositoryRoot,
      stdin: "null",
      stdout: isAlone ? "inherit" : "piped",
      stderr: isAlone ? "inherit" : "piped",
      signal: limit,
    }).spawn();
    const output = isAlone ? "" : await readOutput(child);
    const { success, code } = await child.status;
    if (!isAlone) console.log(`${heading}\n${output.trimEnd()}`);
    const outcomes = parseJunit(await Deno.readTextFile(report).catch(() => ""));
    const isExplained = success || outcomes.some(({ outcome }) => outcome === "failed");
    const ended = limit.aborted
      ? `did not end within ${LIMIT_MINUTES} minutes`
      : `ended with code ${code} outside any test`;
    return { runtime: runtime.name, outcomes, trouble: isExplained ? undefined : ended };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return {
      runtime: runtime.name,
      outcomes: [],
      trouble: `${executable} is missing; \`deno install\` brings it`,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const runs = await Promise.all(wanted.map((name) => runSuite(runtimes[name]!)));
const { passed, failed, skipped } = tallyRuns(runs);
const isSkipFailure = Deno.env.get("PETREL_REQUIRE_ALL") === "1" && skipped > 0;
console.log(`\n${reportRuns(runs).join("\n")}\n`);
if (isSkipFailure) console.log("PETREL_REQUIRE_ALL is set: each skipped test counts as a failed one.\n");
const tally = isSkipFailure ? { passed, failed: failed + skipped, skipped: 0 } : { passed, failed, skipped };
console.log(formatTally(tally));
Deno.exitCode = tally.failed > 0 ? 1 : 0;
