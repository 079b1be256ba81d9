// Unix sockets on Deno.

import { type DenoConn, startDenoTransport } from "./deno_transport.ts";
import type { Dial, DialOptions, Transport, TransportHandlers, UnixTarget } from "./transport.ts";
import { describeUnixFailure } from "./unix_failure.ts";

/** What is used of Deno's global scope. */
interface DenoScope {
  readonly Deno: {
    connect(options: { transport: "unix"; path: string; signal: AbortSignal }): Promise<DenoConn>;
  };
}

/**
 * Opens a connection to a unix socket with `Deno.connect`. It needs three permissions: `--allow-read` and `--allow-write` of the
 * path, and `--allow-net=unix:PATH`.
 *
 * @param target The path.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: what is wrong with the path, with Deno's error as its cause, or the signal's reason.
 */
export const dialDenoUnix: Dial<UnixTarget> = async (
  target: UnixTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { path } = target;
  const { signal } = options;
  signal.throwIfAborted();
  const { Deno } = globalThis as unknown as DenoScope;
  let conn: DenoConn;
  try {
    conn = await Deno.connect({ transport: "unix", path, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw await describeUnixFailure(path, error);
  }
  if (signal.aborted) {
    conn.close();
    throw signal.reason;
  }
  return startDenoTransport(conn, handlers);
};
