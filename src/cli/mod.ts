// What `cli.ts` starts.
import { ProcessIo } from "./process_io.ts";
import { run } from "./run.ts";

/** Runs the command line in this process, and ends the process with its exit code. */
export async function runProcess(): Promise<void> {
  const io = new ProcessIo();
  const code = await run(io);
  // Standard input may still be waited for, and a write be stuck: nothing of that matters any more.
  io.exit(code);
}
