// What a run of the suite amounts to: the outcomes of all runtimes, read from the JUnit files they write, and the lines
// that tell them. Counting the printed output instead would break with every change of its looks.

/** What became of one test. */
export interface TestOutcome {
  /** The test's name; a skipped one ends in ` (skipped: reason)`. */
  readonly name: string;
  /** How it ended. */
  readonly outcome: "passed" | "failed" | "skipped";
}

/** One runtime's run of the suite. */
export interface TestRun {
  /** The runtime's name, as it is printed. */
  readonly runtime: string;
  /** Every test it reported. */
  readonly outcomes: readonly TestOutcome[];
  /** What went wrong outside any test: the runtime is missing, did not end, or ended badly though no test failed. */
  readonly trouble?: string | undefined;
}

/** Counts of tests or steps. */
export interface Tally {
  /** How many passed. */
  readonly passed: number;
  /** How many failed. */
  readonly failed: number;
  /** How many were skipped. */
  readonly skipped: number;
}

/** A skip says why, or it is an omission. */
const SKIP_REASON = /\(skipped: .+\)$/;

/**
 * Reads the outcomes out of a JUnit file, as `deno test`, `bun test` and `node --test` write it.
 *
 * @param xml The text of the file.
 */
export function parseJunit(xml: string): TestOutcome[] {
  const testCase = /<testcase\s[^>]*?\bname="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g;
  return [...xml.matchAll(testCase)].map(([, name, body = ""]) => {
    const isFailed = /<(failure|error)\b/.test(body);
    const isSkipped = /<skipped\b/.test(body);
    // Node escapes a quotation mark twice.
    return {
      name: unescapeXml(name!.replaceAll("&amp;quot;", "&quot;")),
      outcome: isFailed ? "failed" : isSkipped ? "skipped" : "passed",
    };
  });
}

/**
 * Adds up the runs. What is not a test's own result counts as a failure: trouble outside the tests, a run without a single
 * test, and a test that was left out without a reason (a runtime that stops early reports the rest as skipped).
 *
 * @param runs One run for each runtime.
 */
export function tallyRuns(runs: readonly TestRun[]): Tally {
  let [passed, failed, skipped] = [0, 0, 0];
  for (const run of runs) {
    failed += listProblems(run).length;
    passed += run.outcomes.filter(({ outcome }) => outcome === "passed").length;
    skipped += run.outcomes.filter(isReasonedSkip).length;
  }
  return { passed, failed, skipped };
}

/**
 * Tells everything that did not pass, runtime by runtime.
 *
 * @param runs One run for each runtime.
 * @returns The lines to print, without the final tally.
 */
export function reportRuns(runs: readonly TestRun[]): string[] {
  return runs.flatMap((run) => {
    const { passed, failed, skipped } = tallyRuns([run]);
    return [
      `${run.runtime}: ${formatTally({ passed, failed, skipped })}`,
      ...listProblems(run).map((problem) => `  FAILED  ${problem}`),
      ...run.outcomes.filter(isReasonedSkip).map(({ name }) => `  skipped  ${name}`),
    ];
  });
}

/**
 * Writes counts the way every tool here ends.
 *
 * @param tally The counts; skipped ones are left out if there are none.
 */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function listProblems({ outcomes, trouble }: TestRun): string[] {
  const problems = trouble === undefined ? [] : [trouble];
  if (outcomes.length === 0 && trouble === undefined) problems.push("no test was run");
  for (const result of outcomes) {
    if (result.outcome === "failed") problems.push(result.name);
    if (result.outcome === "skipped" && !isReasonedSkip(result)) {
      problems.push(`${result.name} (left out without a reason)`);
    }
  }
  return problems;
}

function isReasonedSkip({ name, outcome }: TestOutcome): boolean {
  return outcome === "skipped" && SKIP_REASON.test(name);
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (entity, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(parseInt(decimal, 10));
    return named[name] ?? entity;
  });
}
