// All dials of Bun, which `select.ts` loads at the first of them. TCP comes along, the others when they are needed.

import { type StreamDials, withWebSocketAndProxies } from "./stream_dials.ts";
import { dialBunTcp } from "./tcp_bun.ts";

/** A dial for each kind of target. */
export const dials: StreamDials = withWebSocketAndProxies({
  tcp: dialBunTcp,
  unix: async (...args) => await (await import("./unix_bun.ts")).dialBunUnix(...args),
  tls: async (...args) => await (await import("./tls_bun.ts")).dialBunTls(...args),
});
