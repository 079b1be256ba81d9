// The blocking pair with a session store, which its worker gets from a module of options.

import { dirname } from "node:path";
import { startAedes } from "../support/aedes.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";
import { PROGRAM_TIMEOUT_MILLIS, runChecks } from "./run_program.ts";

test("the blocking pair keeps what it promises in a session store", async () => {
  await using folder = await makeTemporaryFolder();
  await using server = await startAedes();
  await runChecks("stored.ts", `mqtt://127.0.0.1:${server.port}`, dirname(folder.file("x")));
}, { timeoutMillis: PROGRAM_TIMEOUT_MILLIS });
