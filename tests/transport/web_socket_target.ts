// A WebSocket target for tests, also for those that run where there is no server.

import type { WebSocketTarget } from "../../src/transport/transport.ts";

/** A target with nothing that differs from the default. */
export function webSocketTarget(hostname: string, port: number): WebSocketTarget {
  return {
    kind: "websocket",
    url: `ws://${hostname}:${port}/mqtt?token=secret`,
    hostname,
    port,
    noDelay: true,
    tls: undefined,
    headers: undefined,
    maxBufferedBytes: 64 << 20,
  };
}
