// The dials of the runtimes that have streams: WebSocket and proxies come upon their TCP and TLS.

import type { Dial, DialTarget } from "./transport.ts";

/** A dial for targets of one kind. */
export type DialOf<Kind extends DialTarget["kind"]> = Dial<Extract<DialTarget, { readonly kind: Kind }>>;

/** A dial for each kind of target. */
export type StreamDials = { readonly [Kind in DialTarget["kind"]]: DialOf<Kind> };

/**
 * Adds to the dials of a runtime's streams that of WebSocket, which our own client speaks over them, and the way through a proxy, for
 * targets that have one. Both are loaded when they are first needed.
 *
 * @param streams The dials of the runtime.
 * @returns A dial for each kind of target.
 */
export function withWebSocketAndProxies(streams: Omit<StreamDials, "websocket">): StreamDials {
  const tcp: DialOf<"tcp"> = async (target, ...rest) =>
    target.proxy === undefined
      ? await streams.tcp(target, ...rest)
      : await (await import("./proxy_dial.ts")).dialTcpThroughProxy(streams)(target, ...rest);
  const tls: DialOf<"tls"> = async (target, ...rest) =>
    target.proxy === undefined
      ? await streams.tls(target, ...rest)
      : await (await import("./proxy_dial.ts")).dialTlsThroughProxy(streams)(target, ...rest);
  return {
    tcp,
    unix: streams.unix,
    tls,
    websocket: async (...args) => await (await import("./websocket_stream.ts")).dialWebSocketOver(tcp, tls)(...args),
  };
}
