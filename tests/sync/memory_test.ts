// The blocking pair over a server in memory.

import { test } from "../support/test.ts";
import { PROGRAM_TIMEOUT_MILLIS, runChecks } from "./run_program.ts";

const programs = {
  "memory.ts": "does what it promises",
  "threads.ts": "works in several threads",
};

for (const [file, what] of Object.entries(programs)) {
  test(`the blocking pair ${what}`, () => runChecks(file), { timeoutMillis: PROGRAM_TIMEOUT_MILLIS });
}
