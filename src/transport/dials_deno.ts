// All dials of Deno, which `select.ts` loads at the first of them. TCP comes along, the others when they are needed.

import { type StreamDials, withWebSocketAndProxies } from "./stream_dials.ts";
import { dialDenoTcp } from "./tcp_deno.ts";

/** A dial for each kind of target. */
export const dials: StreamDials = withWebSocketAndProxies({
  tcp: dialDenoTcp,
  unix: async (...args) => await (await import("./unix_deno.ts")).dialDenoUnix(...args),
  tls: async (...args) => await (await import("./tls_deno.ts")).dialDenoTls(...args),
});
