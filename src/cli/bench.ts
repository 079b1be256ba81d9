// `petrel bench`: measures, and ends by itself.
import { type BenchValues, CLIENT_OPTIONS, LOAD_OPTIONS, planBench } from "./bench_plan.ts";
import { describeResult, encodeResult } from "./bench_report.ts";
import { type BenchResult, BenchRun } from "./bench_run.ts";
import { type Command, type CommandContext, createCommand } from "./command.ts";
import { type ConnectionValues, randomClientId, readConnectionOptions } from "./connection_options.ts";
import { showProgress } from "./progress.ts";
import { UsageError } from "./usage_error.ts";

/** The command `bench`. */
export const BENCH: Command = createCommand(
  {
    name: "bench",
    synopsis: "[pub|sub|pingpong] [OPTION]…",
    summary: "measure rates and latencies of a server, and stop",
    description: [
      "Opens clients in one process, loads the server, and prints rates, latencies and",
      "a histogram. pub: clients publish, and nobody receives. sub: clients receive",
      "what one publishes. pingpong: each client publishes what it receives itself, one",
      "message after the other. Without a kind, --publishers and --subscribers say who",
      "takes part. At full speed latency is mostly time spent waiting in queues; with",
      "--rate it is counted from when a message was due.",
    ],
    examples: [
      ["how many QoS 1 messages a second can be published", "petrel bench pub -q 1 --duration 10"],
      ["how long a message takes at a hundred a second", "petrel bench --rate 100 -q 1"],
      ["how fast a message returns", "petrel bench pingpong --messages 10000"],
      ["ten publishers, fifty subscribers, for a program", "petrel bench --publishers 10 --subscribers 50 --json"],
    ],
    options: { "Clients": CLIENT_OPTIONS, "Load": LOAD_OPTIONS },
    tables: {},
  },
  { ...CLIENT_OPTIONS, ...LOAD_OPTIONS },
  bench,
);

async function bench(
  context: CommandContext,
  values: BenchValues & ConnectionValues,
  positionals: readonly string[],
): Promise<number> {
  const { io, log, interruption } = context;
  const plan = planBench(values, positionals, randomClientId());
  if (values.noCleanSession) throw new UsageError("--no-clean-session", "a benchmark leaves no sessions behind");
  if (values.reconnectAttempts !== undefined) {
    throw new UsageError("--reconnect-attempts", "a benchmark ends when a connection is lost");
  }
  const run = new BenchRun(context, plan, await readConnectionOptions(io, log, values));
  let interrupted: number | undefined;
  interruption.take();
  void interruption.asked.then((code) => {
    interrupted = code;
    run.stop();
  });
  const isWatched = io.errorOutput.isTerminal && !values.quiet && !values.verbose;
  const hideProgress = isWatched ? showProgress(io, run.tally, plan) : undefined;
  let result: BenchResult;
  try {
    result = await run.run();
  } catch (error) {
    if (interrupted === undefined) throw error;
    log.note((error as Error).message);
    return interrupted;
  } finally {
    // Standard output may be the same terminal, and must not be written into the line.
    await hideProgress?.();
  }
  io.output.write(values.json ? encodeResult(result) : describeResult(result));
  if (interrupted !== undefined) return interrupted;
  // At QoS 0 a server may drop what is too much for it.
  if (plan.qos === 0 || result.lost === 0) return 0;
  throw new Error(`Cannot account for every message: ${result.lost} of QoS ${plan.qos} have not arrived`);
}
