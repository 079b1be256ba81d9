// What the handshakes with proxies have in common: bytes in, bytes out. No I/O, no clock.

import type { ProxySettings } from "./transport.ts";

/** A handshake with a proxy. It holds no more than one answer of a bounded size, and throws a `ProxyError` if it fails. */
export interface ProxyHandshake {
  /** What is sent first. */
  readonly greeting: Uint8Array;
  /**
   * Takes the next bytes of the proxy. Not to be called again once the connection is open, or after an error.
   *
   * @param chunk At least one byte.
   * @returns What to do now.
   */
  push(chunk: Uint8Array): HandshakeStep;
}

/** What a handshake asks for: more bytes, that something is sent, or nothing more. */
export type HandshakeStep =
  | { readonly type: "wait" }
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** The proxy has opened the connection; `rest` followed its answer, and comes from the server already. */
  | { readonly type: "open"; readonly rest: Uint8Array };

/** The server a proxy is asked for. */
export interface ProxyDestination {
  /** Its host name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** The user a proxy is told. */
export interface ProxyUser {
  /** The name. */
  readonly username: string;
  /** The password, which may be empty. */
  readonly password: string;
}

/**
 * Tells who the user is.
 *
 * @param proxy The proxy.
 * @returns The user, if there is one.
 */
export function userOf({ username, password = "" }: ProxySettings): ProxyUser | undefined {
  return username === undefined ? undefined : { username, password };
}

/**
 * Writes host and port as messages and HTTP have them.
 *
 * @param destination The host and the port.
 * @returns IPv6 in brackets, a colon, the port.
 */
export function formatHost({ hostname, port }: ProxyDestination): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Puts what has come behind what was there.
 *
 * @param held What was there.
 * @param chunk What has come.
 * @returns Both; `chunk` itself if nothing was there.
 */
export function joinBytes(held: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (held.length === 0) return chunk;
  const joined = new Uint8Array(held.length + chunk.length);
  joined.set(held);
  joined.set(chunk, held.length);
  return joined;
}
