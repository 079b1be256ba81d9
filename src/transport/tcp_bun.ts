// TCP on Bun.

import { openBunTransport } from "./bun_transport.ts";
import type { Dial, DialOptions, TcpTarget, Transport, TransportHandlers } from "./transport.ts";

/**
 * Opens a TCP connection with `Bun.connect`.
 *
 * Bun cannot cancel an attempt. Aborting rejects at once, and a connection that opens later is closed in that moment; but
 * while the server does not answer at all, the attempt lives on, and keeps the process alive, until the kernel gives it up.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Bun's own error, or the signal's reason.
 */
export const dialBunTcp: Dial<TcpTarget> = (
  target: TcpTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> =>
  openBunTransport({ hostname: target.hostname, port: target.port }, target.noDelay, handlers, options.signal);
