// WebSocket in Cloudflare Workers: opened by `fetch`, which takes headers and tells how a server refuses, which `new WebSocket` does not.

import type { Dial, DialOptions, Transport, TransportHandlers, WebSocketTarget } from "./transport.ts";
import { describeSubprotocol, openFailure, SUBPROTOCOL } from "./websocket_failure.ts";
import { type NativeWebSocket, startNativeTransport } from "./websocket_native.ts";

/** What is used of a WebSocket that `fetch` opened. */
interface WorkerdWebSocket extends NativeWebSocket {
  /** Starts the events. */
  accept(): void;
}

/** What is used of a `Response`. */
interface UpgradeResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly webSocket: WorkerdWebSocket | null;
  readonly body: { cancel(): Promise<void> } | null;
}

/** What is used of the global scope. */
interface WorkerdScope {
  fetch(
    url: string,
    init: { headers: Record<string, string>; signal: AbortSignal; redirect: "manual" },
  ): Promise<UpgradeResponse>;
}

/**
 * Opens a connection with an upgrade request by `fetch`. It belongs to the request, or to the Durable Object, in which it is dialled.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {WebSocketError | Error} If the server does not upgrade; if it cannot be reached, the runtime's own error; or the signal's reason.
 */
export const dialWorkerdWebSocket: Dial<WebSocketTarget> = async (
  target: WebSocketTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { signal } = options;
  signal.throwIfAborted();
  const headers = await target.headers?.({ url: target.url, signal }) ?? {};
  signal.throwIfAborted();
  // The signal of a fetch would end the WebSocket too, however late it is aborted.
  const attempt = new AbortController();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(signal.reason);
    attempt.abort();
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    const opening = openWebSocket(target, headers, attempt.signal);
    opening.then((socket) => signal.aborted && closeUnused(socket), () => {});
    const socket = await Promise.race([opening, aborted.promise]);
    const transport = startNativeTransport(socket, handlers, target);
    socket.accept();
    return transport;
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

async function openWebSocket(
  target: WebSocketTarget,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<WorkerdWebSocket> {
  const { fetch } = globalThis as unknown as WorkerdScope;
  // fetch knows the schemes of HTTP alone.
  const response = await fetch(target.url.replace(/^ws/, "http"), {
    headers: { ...headers, "Upgrade": "websocket", "Sec-WebSocket-Protocol": SUBPROTOCOL },
    signal,
    redirect: "manual",
  });
  const { webSocket, status } = response;
  if (webSocket === null) {
    await response.body?.cancel();
    throw openFailure(target, "upgrade-refused", `the server answered with status ${status}`, { status });
  }
  // The WebSocket itself does not say what was chosen.
  const protocol = response.headers.get("Sec-WebSocket-Protocol") ?? "";
  if (protocol === SUBPROTOCOL) return webSocket;
  closeUnused(webSocket);
  throw describeSubprotocol(target, protocol);
}

function closeUnused(socket: WorkerdWebSocket): void {
  socket.accept();
  socket.close();
}
