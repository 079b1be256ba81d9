// The one place that knows which adapter belongs to which runtime, and what no adapter of a runtime can do. Adapters are loaded when
// they are first dialled, so that no runtime meets the code of another. That of browsers is here from the start: what the others load
// from a disk, or have in their one file, would cost a browser another request before it can connect.

import { lacksHeaders, lacksNagle, lacksProxy, lacksTlsSettings, type Limit } from "./limits.ts";
import type { StreamDials } from "./stream_dials.ts";
import { dialNativeWebSocket } from "./websocket_native.ts";
import { type Dial, type DialTarget, UnsupportedOptionError } from "./transport.ts";

/** The globals that tell the runtimes apart, by what an adapter needs of them. */
interface RuntimeScope {
  readonly Deno?: { readonly connect?: unknown };
  readonly Bun?: { readonly connect?: unknown };
  readonly process?: { readonly versions?: { readonly node?: unknown }; readonly getBuiltinModule?: unknown };
  readonly navigator?: { readonly userAgent?: unknown };
  readonly WebSocketPair?: unknown;
  readonly WebSocket?: unknown;
}

/** One dial for each kind of target a runtime can reach. */
type Dials = Partial<StreamDials>;

/** What a runtime can do. */
interface Runtime {
  /** Its name, for messages. */
  readonly name: string;
  /** How it reaches the kinds of target it can reach. */
  readonly dials: Dials;
  /** What it cannot do for a target of a kind it can reach. */
  readonly limits?: readonly Limit[];
}

// A bundler may leave these out for an application that dials nothing.
const deno: Runtime = /* @__PURE__ */ withStreams("Deno", () => import("./dials_deno.ts"));
const bun: Runtime = /* @__PURE__ */ withStreams("Bun", () => import("./dials_bun.ts"));
const node: Runtime = /* @__PURE__ */ withStreams("Node", () => import("./dials_node.ts"));

const dialWebSocketInWorker: StreamDials["websocket"] = async (...args) =>
  await (await import("./websocket_workerd.ts")).dialWorkerdWebSocket(...args);

/** Cloudflare Workers without `cloudflare:sockets`: it is found by `process.getBuiltinModule`, which a worker must ask for. */
const workerdWithoutSockets: Runtime = {
  name: 'a worker without the compatibility flag "nodejs_compat" (the default since 2026-08-04)',
  dials: { websocket: dialWebSocketInWorker },
  limits: [lacksTlsSettings, lacksNagle, lacksProxy],
};

const workerd: Runtime = {
  name: "a worker",
  dials: {
    websocket: dialWebSocketInWorker,
    tcp: async (...args) => await (await import("./sockets_workerd.ts")).dialWorkerdSocket(...args),
    tls: async (...args) => await (await import("./sockets_workerd.ts")).dialWorkerdSocket(...args),
  },
  limits: [lacksTlsSettings, lacksNagle, lacksProxy],
};

/** Browsers, and whatever else has the WebSocket of browsers. */
const browser: Runtime = {
  name: "a browser",
  dials: {
    websocket: dialNativeWebSocket,
  },
  limits: [lacksTlsSettings, lacksHeaders, lacksNagle, lacksProxy],
};

/** A runtime that offers nothing an adapter could use. */
const unknown: Runtime = { name: "this runtime", dials: {} };

/**
 * Chooses how this runtime reaches a target. The choice is made now, the adapter is loaded at the first dial.
 *
 * @param target The target.
 * @param scope Where to look for the runtime's globals.
 * @returns The dial of this runtime; it takes targets of that kind only.
 * @throws {UnsupportedOptionError} If this runtime has no way to reach such a target, or cannot do what it asks for.
 */
export function selectDial(target: DialTarget, scope: object = globalThis): Dial {
  const { name, dials, limits = [] } = runtimeOf(scope as RuntimeScope);
  const { kind } = target;
  if (!Object.hasOwn(dials, kind)) {
    throw new UnsupportedOptionError("broker", `Cannot dial the broker: ${name} has no ${kind} transport`);
  }
  for (const findUnsupported of limits) {
    const error = findUnsupported(target, name);
    if (error !== undefined) throw error;
  }
  return dials[kind] as Dial;
}

/** A runtime that has streams reaches every kind of target; its module has the dials. */
function withStreams(name: string, load: () => Promise<{ readonly dials: StreamDials }>): Runtime {
  return {
    name,
    dials: {
      tcp: async (...args) => await (await load()).dials.tcp(...args),
      unix: async (...args) => await (await load()).dials.unix(...args),
      tls: async (...args) => await (await load()).dials.tls(...args),
      websocket: async (...args) => await (await load()).dials.websocket(...args),
    },
  };
}

function runtimeOf(scope: RuntimeScope): Runtime {
  const { Deno, Bun, process } = scope;
  if (typeof Deno?.connect === "function") return deno;
  if (typeof Bun?.connect === "function") return bun;
  const hasModules = typeof process?.getBuiltinModule === "function";
  // workerd plays Node as well, but its sockets live by other rules.
  if (isWorkerd(scope)) return hasModules ? workerd : workerdWithoutSockets;
  if (process?.versions?.node !== undefined && hasModules) return node;
  if (typeof scope.WebSocket === "function") return browser;
  return unknown;
}

function isWorkerd({ navigator, WebSocketPair }: RuntimeScope): boolean {
  return navigator?.userAgent === "Cloudflare-Workers" || WebSocketPair !== undefined;
}
