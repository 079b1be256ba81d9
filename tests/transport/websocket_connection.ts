// An open WebSocket as a test sees it, from both ends.

import { assertEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { connect, type Connection, readAll } from "./contract_connection.ts";
import type { WebSocketPeer, WebSocketServerOptions } from "./loopback_websocket.ts";
import { encodeServerFrame } from "./websocket_codec.ts";
import { listenWs } from "./websocket_dials.ts";

/** A connection whose peer speaks WebSocket. */
export type WebSocketConnection = Connection & { readonly peer: WebSocketPeer };

/** Opens a WebSocket for one test, and sees it end. */
export async function withConnection(
  body: (connection: WebSocketConnection) => Promise<void>,
  options: WebSocketServerOptions = {},
): Promise<void> {
  await using server = await listenWs(options);
  const connection = await connect(server) as WebSocketConnection;
  const { owner, call } = connection;
  try {
    await body(connection);
  } finally {
    call((transport) => transport.destroy());
    await owner.closed;
  }
  await delay(5);
  assertEquals([owner.breaches, owner.closeCount], [[], 1]);
}

/** A Close frame of the server. */
export function closeFrame(code: number | undefined, reason = ""): Uint8Array {
  const head = code === undefined ? [] : [code >> 8, code & 255];
  return encodeServerFrame({ opcode: 8, payload: Uint8Array.of(...head, ...new TextEncoder().encode(reason)) });
}

/** Reads until the client's Close frame or the end. @returns The code in it; `undefined` without one, or without a frame. */
export async function closeCodeOf(peer: WebSocketPeer): Promise<number | undefined> {
  await deadline(readAll(peer, () => {}), 5000);
  return peer.closeCode;
}
