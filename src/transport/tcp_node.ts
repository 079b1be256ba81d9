// TCP on Node.

import { openNodeTransport } from "./node_connect.ts";
import type { Dial, DialOptions, TcpTarget, Transport, TransportHandlers } from "./transport.ts";

/**
 * Opens a TCP connection with `node:net`.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Node's own error, or the signal's reason.
 */
export const dialNodeTcp: Dial<TcpTarget> = (
  { hostname, port, noDelay }: TcpTarget,
  handlers: TransportHandlers,
  { signal }: DialOptions,
): Promise<Transport> => openNodeTransport({ host: hostname, port, noDelay }, handlers, signal);
