// TLS by `node:tls` upon the transport of another dial.

import { openNodeTls } from "./tls_node.ts";
import { openTransportCarrier } from "./transport_carrier.ts";
import type { Dial, DialOptions, TcpTarget, TlsTarget, Transport, TransportHandlers } from "./transport.ts";

/**
 * Makes a dial of TLS out of one of TCP, the same on every runtime that has `node:tls`. Given authorities are trusted in place of the
 * runtime's own.
 *
 * @param dial Opens what TLS is put upon. It is given the host, the port and whatever else the target says of the way.
 * @returns The dial. It rejects with a `TlsError` if the handshake fails, with what `dial` rejects with, or with the signal's reason.
 */
export function dialTlsOver(dial: Dial<TcpTarget>): Dial<TlsTarget> {
  return async (target: TlsTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> => {
    const { hostname, port, noDelay, proxy } = target;
    const carrier = await openTransportCarrier((carried) =>
      dial({ kind: "tcp", hostname, port, noDelay, proxy }, carried, options)
    );
    return await openNodeTls(target, handlers, options, carrier);
  };
}
