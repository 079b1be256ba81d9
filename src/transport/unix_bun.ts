// Unix sockets on Bun.

import { openBunTransport } from "./bun_transport.ts";
import type { Dial, DialOptions, Transport, TransportHandlers, UnixTarget } from "./transport.ts";
import { describeUnixFailure } from "./unix_failure.ts";

/**
 * Opens a connection to a unix socket with `Bun.connect`.
 *
 * @param target The path.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: what is wrong with the path, with Bun's error as its cause, or the signal's reason.
 */
export const dialBunUnix: Dial<UnixTarget> = async (
  target: UnixTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { signal } = options;
  try {
    return await openBunTransport({ unix: target.path }, true, handlers, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw await describeUnixFailure(target.path, error);
  }
};
