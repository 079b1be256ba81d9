// Ways to a WebSocket server of this process, for the tests of the client that dials it.

import { selectDial } from "../../src/transport/select.ts";
import type { Dial, TlsSettings, WebSocketTarget } from "../../src/transport/transport.ts";
import { makeCertificates } from "../support/certificates.ts";
import { runtime } from "../support/test.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { listenDenoTls } from "./loopback_deno.ts";
import {
  listenWebSocketOver,
  noDial,
  readHead,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "./loopback_websocket.ts";
import { webSocketTarget } from "./web_socket_target.ts";

/** The dial of this runtime. */
export const dialWebSocket: Dial<WebSocketTarget> = (target, handlers, options) =>
  selectDial(target)(target, handlers, options);

/** Listens without TLS. */
export async function listenWs(options: WebSocketServerOptions = {}): Promise<WebSocketServer> {
  return listenWebSocketOver(dialWebSocket, await listenLoopback(noDial), undefined, options);
}

/** Listens with TLS, for clients that trust its authority. */
export async function listenWss(settings: Partial<TlsSettings> = {}): Promise<WebSocketServer> {
  const { ca, server } = await makeCertificates();
  const tls = { ...plainTls, ca: [ca], ...settings };
  const lower = runtime === "deno" ? listenDenoTls(noDial, server, tls) : await listenTls(noDial, server, tls);
  return listenWebSocketOver(dialWebSocket, lower, tls);
}

/** The target of a WebSocket over a server that does not speak it by itself. */
export function targetUpon(lower: ContractServer, changes: Partial<WebSocketTarget> = {}): WebSocketTarget {
  const { target } = lower;
  if (target.kind !== "tcp") throw new Error("There is no WebSocket over this");
  const { hostname, port } = target;
  return { ...webSocketTarget(hostname, port), url: `ws://${hostname}:${port}/mqtt`, ...changes };
}

/** Accepts the next stream, and reads the head of its request. */
export async function acceptRequest(
  lower: ContractServer,
): Promise<{ readonly stream: ContractPeer; readonly head: string }> {
  const stream = await lower.accept();
  const request = await readHead(stream);
  if (request === undefined) throw new Error("The stream has ended without a request");
  return { stream, head: request.head };
}
