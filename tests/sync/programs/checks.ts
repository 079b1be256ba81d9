// The frame of a program of checks: each is one line of output, and the last line counts them.

import process from "node:process";

let count = 0;
const kept: Disposable[] = [];

/** Disposes of something at the end of the check; not every version of Node knows `using`. */
export function keep<T extends Disposable>(thing: T): T {
  kept.push(thing);
  return thing;
}

/** Checks something, and goes on with the rest if it does not hold. */
export function check(name: string, run: () => void): void {
  count++;
  const begin = performance.now();
  try {
    run();
    console.log(`ok ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    console.log(`FAILED ${name}: ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  } finally {
    for (const thing of kept.splice(0)) thing[Symbol.dispose]();
  }
}

/** Says how many checks there were. */
export function finishChecks(): void {
  console.log(`${count} checks`);
}
