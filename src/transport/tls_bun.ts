// TLS on Bun, whose promise resolves before the handshake, and whose `handshake` tells a failure only to who looks at it.

import { type BunTlsSocket, openBunTransport } from "./bun_transport.ts";
import { describeHandshakeFailure, describeTlsEnd } from "./tls_failure.ts";
import { findNameFault } from "./tls_identity.ts";
import type { Dial, DialOptions, TlsSettings, TlsTarget, Transport, TransportHandlers } from "./transport.ts";

/** Codes of a handshake that has failed, rather than of a certificate that is not trusted. */
const BROKEN_HANDSHAKE = /^(EPROTO|ECONNRESET|EPIPE|ECONNABORTED)$/;

/** The `tls` option of `Bun.connect`. */
interface BunTlsOptions {
  /** Always given: an empty object would mean no TLS at all. */
  readonly rejectUnauthorized: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly ALPNProtocols?: Uint8Array;
}

/**
 * Opens a TLS connection with `Bun.connect`.
 *
 * Given authorities are trusted in place of Bun's own. As with TCP, an attempt that the server's host does not answer at all lives
 * on behind an abort until the kernel gives it up; one that hangs in the handshake ends with the abort.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt, the handshake included.
 * @returns The open transport.
 * @throws {TlsError} If the handshake fails.
 * @throws {Error} If the server cannot be reached: Bun's own error, or the signal's reason.
 */
export const dialBunTls: Dial<TlsTarget> = async (
  target: TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  const { hostname, port, noDelay, tls } = target;
  const security = {
    tls: bunTlsOptions(tls),
    judge: (socket: BunTlsSocket, isSecure: boolean, error: Error | null): Error | undefined => {
      const fault = findFault(target, socket, isSecure, error);
      return fault === undefined ? undefined : describeHandshakeFailure(target, fault);
    },
    explainHandshake: (error: Error | undefined): Error => describeHandshakeFailure(target, error),
    explainEnd: (error: Error): Error => describeTlsEnd(target, error),
  };
  try {
    return await openBunTransport({ hostname, port }, noDelay, handlers, options.signal, security);
  } catch (error) {
    options.signal.throwIfAborted();
    throw isUnusableOption(error) ? describeHandshakeFailure(target, error) : error;
  }
};

/** Bun is not believed in one word: the flag, the error, the socket's own state and the certificate's names must agree. */
function findFault(target: TlsTarget, socket: BunTlsSocket, isSecure: boolean, error: Error | null): unknown {
  if (target.tls.insecure) {
    const { code } = (error ?? {}) as { readonly code?: unknown };
    // The flag does not tell whether the handshake or only the verification has failed.
    const isBroken = error !== null && (typeof code !== "string" || BROKEN_HANDSHAKE.test(code));
    return isBroken ? error : undefined;
  }
  if (error !== null) return error;
  if (!isSecure || !socket.authorized) return "the runtime has not verified the server";
  return findNameFault(target, socket.getPeerCertificate());
}

function bunTlsOptions({ ca, client, alpnProtocols, serverName, insecure }: TlsSettings): BunTlsOptions {
  return {
    rejectUnauthorized: !insecure,
    ...(ca.length > 0 && { ca }),
    ...(client !== undefined && { cert: client.cert, key: client.key }),
    ...(serverName !== undefined && { serverName }),
    ...(alpnProtocols.length > 0 && { ALPNProtocols: encodeAlpn(alpnProtocols) }),
  };
}

/** The list as ALPN puts it on the wire, each name behind its length: anything else Bun takes and does not negotiate. */
function encodeAlpn(protocols: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(protocols.flatMap((protocol) => {
    const name = encoder.encode(protocol);
    return [name.length, ...name];
  }));
}

/** Whether Bun refused a certificate or a key before it connected. */
function isUnusableOption(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^ERR_(BORINGSSL|OSSL|SSL)/.test(code);
}
