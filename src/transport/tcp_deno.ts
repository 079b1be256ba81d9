// TCP on Deno.

import { type DenoConn, startDenoTransport } from "./deno_transport.ts";
import type { Dial, DialOptions, TcpTarget, Transport, TransportHandlers } from "./transport.ts";

/** What is used of a `Deno.TcpConn` besides what every connection has. */
export interface DenoTcpConn extends DenoConn {
  /** Sets TCP_NODELAY. */
  setNoDelay(noDelay: boolean): void;
}

/** What is used of Deno's global scope. */
interface DenoScope {
  readonly Deno: {
    connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<DenoTcpConn>;
  };
}

/**
 * Opens a TCP connection with `Deno.connect`, which needs `--allow-net` for the host as it is written in the target.
 * No handler is called before the promise has resolved and its owner has gone on.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Deno's own error, the flag to give if the permission is missing, or the signal's reason.
 */
export const dialDenoTcp: Dial<TcpTarget> = async (
  target: TcpTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => startDenoTransport(await connectDenoTcp(target, options.signal), handlers);

/**
 * Connects, without a transport yet.
 *
 * @param target The host, the port and TCP_NODELAY.
 * @param signal Ends the attempt.
 * @returns The connection, which the caller closes.
 */
export async function connectDenoTcp(target: Omit<TcpTarget, "kind">, signal: AbortSignal): Promise<DenoTcpConn> {
  signal.throwIfAborted();
  const { Deno } = globalThis as unknown as DenoScope;
  const { hostname, port } = target;
  const conn = await Deno.connect({ hostname, port, signal }).catch((error) => {
    throw isPermissionMissing(error) ? describeMissingPermission(hostname, port, error) : error;
  });
  try {
    signal.throwIfAborted();
    // Deno leaves Nagle's algorithm on: two small writes in a row would wait 40 ms for a delayed ACK.
    conn.setNoDelay(target.noDelay);
  } catch (error) {
    conn.close();
    throw error;
  }
  return conn;
}

function isPermissionMissing(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

/** Permissions are compared with the host as it is written, so that the flag is told in that form. */
function describeMissingPermission(hostname: string, port: number, cause: unknown): Error {
  const host = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  return new Error(`Cannot dial ${host}: Deno was not given --allow-net=${host}`, { cause });
}
