// The one place that knows which adapter belongs to which runtime. Adapters are loaded when they are first dialled, so
// that no runtime meets the code of another.

import {
  type Dial,
  type DialOptions,
  type DialTarget,
  type Transport,
  type TransportHandlers,
  UnsupportedOptionError,
} from "./transport.ts";

/** The globals that tell the runtimes apart, by what an adapter needs of them. */
interface RuntimeScope {
  readonly Deno?: { readonly connect?: unknown };
  readonly Bun?: { readonly connect?: unknown };
}

/**
 * Chooses how this runtime reaches a kind of target. The choice is made now, the adapter is loaded at the first dial.
 *
 * @param kind The kind of target.
 * @param scope Where to look for the runtime's globals.
 * @returns The dial of this runtime.
 * @throws {UnsupportedOptionError} If this runtime has no way to reach such a target.
 */
export function selectDial(kind: DialTarget["kind"], scope: object = globalThis): Dial {
  const { Deno, Bun } = scope as RuntimeScope;
  if (kind === "tcp") {
    if (typeof Deno?.connect === "function") return dialTcpOnDeno;
    if (typeof Bun?.connect === "function") return dialTcpOnBun;
  }
  throw new UnsupportedOptionError("broker", `Cannot dial the broker: this runtime has no ${kind} transport`);
}

async function dialTcpOnDeno(
  target: DialTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> {
  const { dialDenoTcp } = await import("./tcp_deno.ts");
  return await dialDenoTcp(target, handlers, options);
}

async function dialTcpOnBun(target: DialTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> {
  const { dialBunTcp } = await import("./tcp_bun.ts");
  return await dialBunTcp(target, handlers, options);
}
