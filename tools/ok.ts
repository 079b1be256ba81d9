// Everything a change must pass, in one word: `deno task ok`. A step that passes is one line; a step that fails shows its
// output. Names choose single steps: `deno task ok fmt lint`. `--without name` leaves one out.

import { existsSync } from "node:fs";
import denoJson from "../deno.json" with { type: "json" };
import { repositoryRoot } from "./source_tree.ts";
import { formatTally } from "./test_report.ts";

/** A step that hangs must not hang whoever waits for it; the suite limits itself, runtime by runtime. */
const LIMIT_MINUTES = 4;

const sources = ["mod.ts", "cli.ts", "src", "tests", "bench", "examples", "tools"].filter((path) =>
  existsSync(repositoryRoot + path)
);
const entryPoints = Object.values(denoJson.exports);

/** Each step is a call of Deno; the cheap ones come first. */
const steps: Readonly<Record<string, readonly string[]>> = {
  fmt: ["fmt", "--check"],
  lint: ["lint"],
  architecture: ["test", "-A", "--no-check", "tests/architecture_test.ts"],
  check: ["check", ...sources],
  tsc: ["run", "-A", "node_modules/typescript/bin/tsc", "--noEmit"],
  pure: ["check", "--config", "tools/pure.json", "src/codec/mod.ts", "src/session/mod.ts"],
  doc: ["doc", "--lint", ...entryPoints],
  examples: ["test", "-A", "--doc", "mod.ts", "src"],
  publish: ["publish", "--dry-run", "--allow-dirty"],
  size: ["run", "-A", "tools/bundle_size.ts"],
  bench: ["run", "-A", "tools/bench_smoke.ts"],
  demo: ["run", "-A", "examples/demo.ts"],
  test: ["run", "-A", "tools/test.ts"],
};

/** Lines that only say that a test passed, as Deno, Bun and Node write them. */
const PASSED_TEST = /^(\(pass\) .*|.* \.\.\. ok \(.*\)|✔ .*)\n/gm;

interface StepResult {
  readonly isPassed: boolean;
  readonly output: string;
}

async function runStep(name: string): Promise<StepResult> {
  const limit = name === "test" ? new AbortController().signal : AbortSignal.timeout(LIMIT_MINUTES * 60_000);
  const command = new Deno.Command(Deno.execPath(), {
    args: [...steps[name]!],
    cwd: repositoryRoot,
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: limit,
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  const output = [decoder.decode(stdout), decoder.decode(stderr)].map((text) => text.replace(PASSED_TEST, ""));
  if (limit.aborted) output.push(`It did not end within ${LIMIT_MINUTES} minutes.`);
  return { isPassed: success, output: output.map((text) => text.trim()).filter((text) => text !== "").join("\n") };
}

/** The steps the arguments ask for; `undefined` if one of them is not a step. */
function chooseSteps(args: readonly string[]): string[] | undefined {
  const flag = args.indexOf("--without");
  const wanted = flag < 0 ? args : args.slice(0, flag);
  const unwanted = flag < 0 ? [] : args.slice(flag + 1);
  if ([...wanted, ...unwanted].some((name) => !(name in steps))) return undefined;
  return (wanted.length > 0 ? [...wanted] : Object.keys(steps)).filter((name) => !unwanted.includes(name));
}

const chosen = chooseSteps(Deno.args);
if (chosen === undefined) {
  console.error(`Usage: deno task ok [step …] [--without step …]\nSteps: ${Object.keys(steps).join(", ")}`);
  Deno.exit(2);
}
const tally = { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen) {
  const start = performance.now();
  const { isPassed, output } = await runStep(name);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  tally[isPassed ? "passed" : "failed"] += 1;
  console.log(`${isPassed ? "ok    " : "FAILED"}  ${name.padEnd(12)} ${seconds.padStart(6)} s`);
  if (!isPassed) console.log(`\n  deno ${steps[name]!.join(" ")}\n\n${output.replace(/^/gm, "  ")}\n`);
}
console.log(formatTally(tally));
Deno.exitCode = tally.failed > 0 ? 1 : 0;
