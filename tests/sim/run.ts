// Runs scripts, finds one that fails, and makes it short enough to be read.

import { Session } from "../../src/session/mod.ts";
import { Random } from "./random.ts";
import { drawScript, formatScript, type Script, type Setup } from "./script.ts";
import { shrink } from "./shrink.ts";
import { Violation } from "./violation.ts";
import { type SessionFactory, World } from "./world.ts";

/** A script that fails, as it was drawn. */
export interface Finding {
  readonly script: Script;
  readonly violation: Violation;
  /** How many scripts were run until then, this one included. */
  readonly scripts: number;
}

/** A failure for people: the shortest script found that shows it, and what happens in it. */
export interface Failure extends Finding {
  readonly transcript: readonly string[];
}

const createSession: SessionFactory = (options) => new Session(options);

/**
 * Runs a script.
 *
 * @param script The script.
 * @param create Makes the session under test.
 * @param transcript Where everything that happens is written down, if anywhere.
 * @returns What went wrong, if anything.
 */
export function runScript(script: Script, create = createSession, transcript?: string[]): Violation | undefined {
  try {
    const world = new World(script.setup, create, transcript);
    for (const operation of script.operations) world.apply(operation);
    world.finish();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    // The server is correct, so whatever else the session throws is a fault of its own.
    return new Violation("crash", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

/** Which scripts are run, and over what. */
export interface Search {
  readonly firstSeed: number;
  readonly scripts: number;
  /** Makes the session under test. */
  readonly create?: SessionFactory;
  /** What every script has in common, whatever it drew. */
  readonly setup?: Partial<Setup>;
}

/**
 * Runs the scripts of consecutive seeds until one fails.
 *
 * @returns The script that fails; `undefined` if all properties hold.
 */
export function findViolation({ firstSeed, scripts, create = createSession, setup }: Search): Finding | undefined {
  for (let i = 0; i < scripts; i++) {
    const drawn = drawScript(firstSeed + i, new Random(firstSeed + i));
    const script = { ...drawn, setup: { ...drawn.setup, ...setup } };
    const violation = runScript(script, create);
    if (violation !== undefined) return { script, violation, scripts: i + 1 };
  }
  return undefined;
}

/** Makes the script of a finding as short as it gets while the same property fails. */
export function explain({ script: drawn, violation: found, scripts }: Finding, create = createSession): Failure {
  const script = shrink(drawn, (candidate) => runScript(candidate, create)?.property === found.property);
  const transcript: string[] = [];
  const violation = runScript(script, create, transcript) ?? found;
  return { script, violation, scripts, transcript };
}

/** A failure as text: what does not hold, how to see it again, the script, and what happened. */
export function formatFailure({ scripts, violation, script, transcript }: Failure): string {
  return [
    violation.message,
    `Script ${scripts}; again with: deno task sim --scripts 1 --seed ${script.seed}`,
    `Shrunk script:`,
    formatScript(script),
    `Transcript (milliseconds; * operation, > to the server, < from the server, ! event):`,
    ...transcript,
  ].join("\n");
}
