// The one place that knows which adapter belongs to which runtime, and what no adapter of a runtime can do. Adapters are loaded when
// they are first dialled, so that no runtime meets the code of another.

import { lacksHeaders, lacksNagle, lacksProxy, lacksTlsSettings, type Limit } from "./limits.ts";
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
type Dials = { readonly [Kind in DialTarget["kind"]]?: Dial<Extract<DialTarget, { readonly kind: Kind }>> };

/** The dials of a runtime that has streams. */
type StreamDials = Dials & Required<Pick<Dials, "tcp" | "tls">>;

/** What a runtime can do. */
interface Runtime {
  /** Its name, for messages. */
  readonly name: string;
  /** How it reaches the kinds of target it can reach. */
  readonly dials: Dials;
  /** What it cannot do for a target of a kind it can reach. */
  readonly limits?: readonly Limit[];
}

const deno: Runtime = {
  name: "Deno",
  dials: withWebSocket(withProxies({
    tcp: async (...args) => await (await import("./tcp_deno.ts")).dialDenoTcp(...args),
    unix: async (...args) => await (await import("./unix_deno.ts")).dialDenoUnix(...args),
    tls: async (...args) => await (await import("./tls_deno.ts")).dialDenoTls(...args),
  })),
};

const bun: Runtime = {
  name: "Bun",
  dials: withWebSocket(withProxies({
    tcp: async (...args) => await (await import("./tcp_bun.ts")).dialBunTcp(...args),
    unix: async (...args) => await (await import("./unix_bun.ts")).dialBunUnix(...args),
    tls: async (...args) => await (await import("./tls_bun.ts")).dialBunTls(...args),
  })),
};

const node: Runtime = {
  name: "Node",
  dials: withWebSocket(withProxies({
    tcp: async (...args) => await (await import("./tcp_node.ts")).dialNodeTcp(...args),
    unix: async (...args) => await (await import("./unix_node.ts")).dialNodeUnix(...args),
    tls: async (...args) => await (await import("./tls_node.ts")).dialNodeTls(...args),
  })),
};

/** Cloudflare Workers without `cloudflare:sockets`: it is found by `process.getBuiltinModule`, which a worker must ask for. */
const workerdWithoutSockets: Runtime = {
  name: 'a worker without the compatibility flag "nodejs_compat" (the default since 2026-08-04)',
  dials: {
    websocket: async (...args) => await (await import("./websocket_workerd.ts")).dialWorkerdWebSocket(...args),
  },
  limits: [lacksTlsSettings, lacksNagle, lacksProxy],
};

const workerd: Runtime = {
  name: "a worker",
  dials: {
    ...workerdWithoutSockets.dials,
    tcp: async (...args) => await (await import("./sockets_workerd.ts")).dialWorkerdSocket(...args),
    tls: async (...args) => await (await import("./sockets_workerd.ts")).dialWorkerdSocket(...args),
  },
  limits: [lacksTlsSettings, lacksNagle, lacksProxy],
};

/** Browsers, and whatever else has the WebSocket of browsers. */
const browser: Runtime = {
  name: "a browser",
  dials: {
    websocket: async (...args) => await (await import("./websocket_native.ts")).dialNativeWebSocket(...args),
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

/** Adds WebSocket, which our own client speaks over the streams of a runtime. */
function withWebSocket(dials: StreamDials): Dials {
  const { tcp, tls } = dials;
  return {
    ...dials,
    websocket: async (...args) => await (await import("./websocket_stream.ts")).dialWebSocketOver(tcp, tls)(...args),
  };
}

/** Lets TCP and TLS go through the proxy of a target that has one. */
function withProxies(dials: StreamDials): StreamDials {
  const { tcp, tls } = dials;
  return {
    ...dials,
    tcp: async (target, ...rest) =>
      target.proxy === undefined
        ? await tcp(target, ...rest)
        : await (await import("./proxy_dial.ts")).dialTcpThroughProxy({ tcp, tls })(target, ...rest),
    tls: async (target, ...rest) =>
      target.proxy === undefined
        ? await tls(target, ...rest)
        : await (await import("./proxy_dial.ts")).dialTlsThroughProxy({ tcp, tls })(target, ...rest),
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
