/**
 * One `bench` for both runtimes: `Deno.bench` under `deno bench`; elsewhere the functions of a group take turns in short rounds, and a
 * table of medians is printed once the module has run.
 *
 * @module
 */

/** One thing to measure. */
export interface BenchOptions {
  /** What is measured. */
  readonly name: string;
  /** The question it is one answer to; answers are compared within their group. */
  readonly group: string;
  /** Whether the others of the group are compared with it. */
  readonly baseline?: boolean;
  /** What is timed. */
  readonly fn: () => void | Promise<void>;
}

const ROUNDS = 9;
const ROUND_MILLIS = 20;

const registered: BenchOptions[] = [];

/** Registers something to measure. */
export function bench(options: BenchOptions): void {
  if ("Deno" in globalThis) {
    Deno.bench(options);
    return;
  }
  if (registered.length === 0) setTimeout(() => void runAll(), 0);
  registered.push(options);
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

async function runAll(): Promise<void> {
  for (const group of new Set(registered.map((options) => options.group))) {
    const members = registered.filter((options) => options.group === group);
    const millis = await measureInTurns(members.map((options) => options.fn));
    const baseline = millis[Math.max(0, members.findIndex((options) => options.baseline))]!;
    print(`\n${group}`);
    members.forEach(({ name }, index) => {
      const time = millis[index]!;
      const shown = `${(time * 1000).toFixed(1)} µs`.padStart(14);
      print(`  ${name.padEnd(20)}${shown}${`${(time / baseline).toFixed(2)}x`.padStart(10)}`);
    });
  }
}

/** Times functions in turns; resolves with the median milliseconds of a call of each. */
async function measureInTurns(fns: readonly (() => void | Promise<void>)[]): Promise<number[]> {
  const calls: number[] = [];
  for (const fn of fns) {
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < ROUND_MILLIS * 5) {
      await fn();
      count++;
    }
    calls.push(Math.max(1, Math.round(count / 5)));
  }
  const times: number[][] = fns.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, fn] of fns.entries()) {
      const begin = performance.now();
      for (let i = 0; i < calls[index]!; i++) await fn();
      times[index]!.push((performance.now() - begin) / calls[index]!);
    }
  }
  return times.map(median);
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}
