/**
 * One `test` for all runtimes: `Deno.test` with both leak sanitizers on (they are off by default, and never apply to
 * tests declared through `node:test`), `bun:test` on Bun, `node:test` on Node.
 *
 * @module
 */

/** Limits and conditions of one test. */
export interface TestOptions {
  /** Why the test cannot run on this machine; `undefined` runs it. A skip is printed by name and counted. */
  readonly skip?: string | undefined;
  /** Milliseconds before Bun and Node give the test up (Deno has no limit of its own). */
  readonly timeoutMillis?: number;
}

type TestFn = () => void | Promise<void>;

/** Declares a test under its final name. */
type Declare = (name: string, fn: TestFn, isSkipped: boolean, timeoutMillis: number) => void;

interface BunTest {
  (name: string, fn: TestFn, timeout: number): void;
  skip(name: string, fn: TestFn): void;
}

type NodeTest = (name: string, options: { readonly skip: boolean; readonly timeout: number }, fn: TestFn) => unknown;

/** The runtime the tests run on. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

const declare = await loadDeclare();

/** Declares a test. */
export function test(name: string, fn: TestFn, options: TestOptions = {}): void {
  const { skip, timeoutMillis = 90_000 } = options;
  const isSkipped = skip !== undefined;
  declare(isSkipped ? `${name} (skipped: ${skip})` : name, fn, isSkipped, timeoutMillis);
}

async function loadDeclare(): Promise<Declare> {
  if (runtime === "deno") {
    return (name, fn, ignore) => Deno.test({ name, fn, ignore, sanitizeOps: true, sanitizeResources: true });
  }
  if (runtime === "bun") {
    const bunTest: BunTest = (await import("bun:test" as string)).test;
    return (name, fn, isSkipped, timeout) => isSkipped ? bunTest.skip(name, fn) : bunTest(name, fn, timeout);
  }
  const nodeTest: NodeTest = (await import("node:test" as string)).test;
  return (name, fn, skip, timeout) => void nodeTest(name, { skip, timeout }, fn);
}
