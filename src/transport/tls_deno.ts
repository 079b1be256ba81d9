// TLS on Deno. `Deno.startTls` behind a TCP connection, since `Deno.connectTls` leaves Nagle's algorithm on, ignores the signal and
// knows no other server name. What `startTls` cannot do, a client certificate or no verification, goes by `node:tls`, upon
// a connection of Deno that can be held back.

import { type DenoConn, startDenoTransport } from "./deno_transport.ts";
import { connectDenoTcp, type DenoTcpConn, dialDenoTcp } from "./tcp_deno.ts";
import { describeHandshakeFailure, describeTlsEnd } from "./tls_failure.ts";
import { dialTlsOver } from "./tls_over.ts";
import {
  type Dial,
  type DialOptions,
  TlsError,
  type TlsTarget,
  type Transport,
  type TransportHandlers,
} from "./transport.ts";

/** What is used of a `Deno.TlsConn` besides what every connection has. */
interface DenoTlsConn extends DenoConn {
  handshake(): Promise<unknown>;
}

/** What is used of Deno's global scope. */
interface DenoScope {
  readonly Deno: {
    startTls(
      conn: DenoTcpConn,
      options: { hostname: string; caCerts?: string[]; alpnProtocols?: string[] },
    ): Promise<DenoTlsConn>;
  };
}

/**
 * Opens a TLS connection. It needs `--allow-net` for the host as it is written in the target.
 *
 * Deno trusts the given authorities besides its own, and does not accept the certificate of an authority as a server's. It cannot
 * close a connection before the handshake is over: an abort rejects at once, but the socket stays until the server ends it.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt, the handshake included.
 * @returns The open transport.
 * @throws {TlsError} If the handshake fails.
 * @throws {Error} If the server cannot be reached: Deno's own error, or the signal's reason.
 */
export const dialDenoTls: Dial<TlsTarget> = async (
  target: TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => {
  if (target.tls.insecure) return await dialByNode(target, handlers, options);
  if (target.tls.client !== undefined) return await dialWithClientCertificate(target, handlers, options);
  const conn = await shakeHands(target, options.signal);
  return startDenoTransport(conn, handlers, (error) => describeTlsEnd(target, error));
};

const dialByNode: Dial<TlsTarget> = dialTlsOver(dialDenoTcp);

async function dialWithClientCertificate(
  target: TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> {
  try {
    return await dialByNode(target, handlers, options);
  } catch (error) {
    if (!(error instanceof TlsError && error.reason === "unknown-ca")) throw error;
    throw await diagnoseDates(target, options.signal) ?? error;
  }
}

/** Deno's `node:tls` calls every certificate unknown that it cannot verify, also one whose time is not now; `startTls` knows better. */
async function diagnoseDates(target: TlsTarget, signal: AbortSignal): Promise<TlsError | undefined> {
  try {
    (await shakeHands(target, signal)).close();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const isDate = error instanceof TlsError && (error.reason === "expired" || error.reason === "not-yet-valid");
    return isDate ? error : undefined;
  }
}

async function shakeHands(target: TlsTarget, signal: AbortSignal): Promise<DenoTlsConn> {
  const conn = await connectDenoTcp(target, signal);
  const secured = await startTls(target, conn);
  const abort = (): void => secured.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) secured.close();
    // Without this the handshake waits for the first read, and its failure with it.
    await secured.handshake();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    secured.close();
    throw describeHandshakeFailure(target, error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
  // The abort has closed it, as the handshake ended.
  signal.throwIfAborted();
  return secured;
}

async function startTls(target: TlsTarget, conn: DenoTcpConn): Promise<DenoTlsConn> {
  const { Deno } = globalThis as unknown as DenoScope;
  const { ca, alpnProtocols, serverName } = target.tls;
  try {
    return await Deno.startTls(conn, {
      hostname: serverName ?? target.hostname,
      caCerts: [...ca],
      alpnProtocols: [...alpnProtocols],
    });
  } catch (error) {
    try {
      conn.close();
    } catch {
      // It was handed over before it failed, and is closed.
    }
    throw describeHandshakeFailure(target, error);
  }
}
