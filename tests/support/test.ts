/**
 * One `test` for both runtimes: `Deno.test` with both leak sanitizers on (they are off by default, and never apply to
 * tests declared through `node:test`), `bun:test` elsewhere.
 *
 * @module
 */

/** Limits and conditions of one test. */
export interface TestOptions {
  /** Why the test cannot run on this machine; `undefined` runs it. A skip is printed by name and counted. */
  readonly skip?: string | undefined;
  /** Milliseconds before Bun gives the test up (Deno has no limit of its own). */
  readonly timeoutMillis?: number;
}

type TestFn = () => void | Promise<void>;

interface BunTest {
  (name: string, fn: TestFn, timeout?: number): void;
  skip(name: string, fn: TestFn): void;
}

/** The runtime the tests run on. */
export const runtime: "deno" | "bun" = "Deno" in globalThis ? "deno" : "bun";

const bunTest: BunTest | undefined = runtime === "bun" ? (await import("bun:test" as string)).test : undefined;

/** Declares a test. */
export function test(name: string, fn: TestFn, options: TestOptions = {}): void {
  const shown = options.skip === undefined ? name : `${name} (skipped: ${options.skip})`;
  if (bunTest === undefined) {
    Deno.test({ name: shown, fn, ignore: options.skip !== undefined, sanitizeOps: true, sanitizeResources: true });
  } else if (options.skip === undefined) {
    bunTest(shown, fn, options.timeoutMillis ?? 30_000);
  } else {
    bunTest.skip(shown, fn);
  }
}
