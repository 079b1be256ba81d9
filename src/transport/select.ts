// The one place that knows which adapter belongs to which runtime. Adapters are loaded when they are first dialled, so
// that no runtime meets the code of another.

import { type Dial, type DialTarget, UnsupportedOptionError } from "./transport.ts";

/** The globals that tell the runtimes apart, by what an adapter needs of them. */
interface RuntimeScope {
  readonly Deno?: { readonly connect?: unknown };
  readonly Bun?: { readonly connect?: unknown };
}

/** One dial for each kind of target a runtime can reach. */
type Dials = { readonly [Kind in DialTarget["kind"]]: Dial<Extract<DialTarget, { readonly kind: Kind }>> };

const dialsOfDeno: Dials = {
  tcp: async (...args) => await (await import("./tcp_deno.ts")).dialDenoTcp(...args),
  unix: async (...args) => await (await import("./unix_deno.ts")).dialDenoUnix(...args),
  tls: async (...args) => await (await import("./tls_deno.ts")).dialDenoTls(...args),
};

const dialsOfBun: Dials = {
  tcp: async (...args) => await (await import("./tcp_bun.ts")).dialBunTcp(...args),
  unix: async (...args) => await (await import("./unix_bun.ts")).dialBunUnix(...args),
  tls: async (...args) => await (await import("./tls_bun.ts")).dialBunTls(...args),
};

/**
 * Chooses how this runtime reaches a kind of target. The choice is made now, the adapter is loaded at the first dial.
 *
 * @param kind The kind of target.
 * @param scope Where to look for the runtime's globals.
 * @returns The dial of this runtime; it takes targets of that kind only.
 * @throws {UnsupportedOptionError} If this runtime has no way to reach such a target.
 */
export function selectDial(kind: DialTarget["kind"], scope: object = globalThis): Dial {
  const dials = dialsOf(scope as RuntimeScope);
  if (dials === undefined || !Object.hasOwn(dials, kind)) {
    throw new UnsupportedOptionError("broker", `Cannot dial the broker: this runtime has no ${kind} transport`);
  }
  return dials[kind] as Dial;
}

function dialsOf({ Deno, Bun }: RuntimeScope): Dials | undefined {
  if (typeof Deno?.connect === "function") return dialsOfDeno;
  if (typeof Bun?.connect === "function") return dialsOfBun;
  return undefined;
}
