// All dials of Node, which `select.ts` loads at the first of them. TCP comes along, the others when they are needed.

import { type StreamDials, withWebSocketAndProxies } from "./stream_dials.ts";
import { dialNodeTcp } from "./tcp_node.ts";

/** A dial for each kind of target. */
export const dials: StreamDials = withWebSocketAndProxies({
  tcp: dialNodeTcp,
  unix: async (...args) => await (await import("./unix_node.ts")).dialNodeUnix(...args),
  tls: async (...args) => await (await import("./tls_node.ts")).dialNodeTls(...args),
});
