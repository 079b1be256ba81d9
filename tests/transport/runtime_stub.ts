// A runtime that connects the way a test wants, for the turns that a real network takes too rarely.

interface Runtime {
  connect?: unknown;
}

/** Calls `act` while the runtime's `connect` is another one; an adapter calls it before it first waits. */
export function withConnect<T>(name: "Deno" | "Bun", connect: unknown, act: () => T): T {
  const scope = globalThis as unknown as Record<string, Runtime | undefined>;
  const real = scope[name];
  if (real === undefined) scope[name] = { connect };
  const realConnect = real?.connect;
  if (real !== undefined) real.connect = connect;
  try {
    return act();
  } finally {
    if (real === undefined) delete scope[name];
    else real.connect = realConnect;
  }
}
