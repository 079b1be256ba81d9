// The whole command line: which command it is, its help, and what an error means to whoever called.
import { BENCH } from "./bench.ts";
import type { Command } from "./command.ts";
import { delay } from "./delay.ts";
import { exitCodeOf } from "./exit_code.ts";
import { describeAll, describeCommand } from "./help.ts";
import { Interruption } from "./interruption.ts";
import { type Io, OutputClosedError } from "./io.ts";
import { GRACE_MILLIS } from "./link.ts";
import { Log } from "./log.ts";
import { PUB } from "./pub.ts";
import { SUB } from "./sub.ts";
import { showWord, UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";

const COMMANDS: readonly Command[] = [PUB, SUB, BENCH];

/**
 * Runs the command line.
 *
 * @param io The process.
 * @returns The exit code.
 */
export async function run(io: Io): Promise<number> {
  const interruption = new Interruption(io);
  try {
    return await Promise.race([runInOrder(io, interruption), interruption.demanded]);
  } finally {
    interruption.dispose();
  }
}

async function runInOrder(io: Io, interruption: Interruption): Promise<number> {
  const command = COMMANDS.find(({ name }) => name === io.args[0]);
  const log = new Log(io, { verbose: false, quiet: isGiven(io.args, "--quiet") });
  let code = 0;
  try {
    code = await runCommand(io, command, interruption);
  } catch (error) {
    code = tellFailure(log, error, command);
  }
  try {
    await flushOutput(io, interruption);
  } catch (error) {
    // A failure that was told before was this one, or a worse one.
    if (code === 0) code = tellFailure(log, error, command);
  }
  await log.flushed();
  return code;
}

/** Tells why the command has failed. @returns The exit code. */
function tellFailure(log: Log, error: unknown, command: Command | undefined): number {
  // `head` has seen enough, which is no failure.
  if (error instanceof OutputClosedError) return 0;
  const { message } = error as Error;
  if (error instanceof UsageError) log.usage(message, command?.name);
  else log.note(message);
  return exitCodeOf(error);
}

/** Waits until the output is written. What is stuck in a full pipe does not hold up for long whoever has asked for an end. */
async function flushOutput(io: Io, interruption: Interruption): Promise<void> {
  const flushed = new AbortController();
  const givenUp = interruption.asked.then(() => delay(io.clock, GRACE_MILLIS, flushed.signal));
  await Promise.race([io.output.flushed(), givenUp]).finally(() => flushed.abort());
}

async function runCommand(io: Io, command: Command | undefined, interruption: Interruption): Promise<number> {
  const { args } = io;
  const isStyled = io.hasColor && io.output.isTerminal;
  if (args[0] === "help" || isGiven(args, "--help", "-h")) {
    const asked = args[0] === "help" ? findCommand(args[1]) : command;
    io.output.write(asked === undefined ? describeAll(COMMANDS, isStyled) : describeCommand(asked, isStyled));
    return 0;
  }
  if (isGiven(args, "--version", "-V")) {
    io.output.write(`petrel ${VERSION} (MQTT 3.1.1, ${io.runtime})\n`);
    return 0;
  }
  if (args.length > 0) return await (command ?? findCommand(args[0])!).run(io, args.slice(1), interruption);
  io.errorOutput.write(describeAll(COMMANDS, io.hasColor && io.errorOutput.isTerminal));
  return 2;
}

/** The command of this name; none if there is no name. */
function findCommand(name: string | undefined): Command | undefined {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined || name === undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name).join(", ");
  throw new UsageError(showWord(name, "the first argument"), `the commands are ${names}`);
}

/** Whether one of these options is there, before the end of options. */
function isGiven(args: readonly string[], ...names: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => names.includes(arg));
}
