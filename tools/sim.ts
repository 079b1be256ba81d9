// Runs the simulated world of tests/sim for longer than the suite does: `deno task sim --scripts 200000 --seed 1`. Without a seed it
// takes one from the clock, and says which.

import { explain, findViolation, formatFailure } from "../tests/sim/run.ts";

/** Scripts between two signs of life. */
const BATCH = 20_000;

const usage = "Usage: deno task sim [--scripts number] [--seed number]";

function readNumber(name: string, otherwise: number): number {
  const index = Deno.args.indexOf(`--${name}`);
  if (index < 0) return otherwise;
  const value = Number(Deno.args[index + 1] ?? NaN);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(usage);
  Deno.exit(2);
}

const seed = readNumber("seed", Date.now() % 1_000_000_000);
const scripts = readNumber("scripts", 100_000);
const start = performance.now();
for (let done = 0; done < scripts;) {
  const batch = Math.min(BATCH, scripts - done);
  const found = findViolation({ firstSeed: seed + done, scripts: batch });
  if (found !== undefined) {
    console.error(formatFailure(explain({ ...found, scripts: done + found.scripts })));
    Deno.exit(1);
  }
  done += batch;
  const perSecond = Math.round(done / (performance.now() - start) * 1000);
  console.log(`${done} scripts from seed ${seed}: every property holds (${perSecond} a second)`);
}
