// TLS by `node:tls`, which Deno has too: there it serves what Deno's own TLS cannot do.

import { explainAttempts } from "./node_connect.ts";
import { type NodeCarrier, type NodeSocket, startNodeTransport } from "./node_transport.ts";
import { describeHandshakeFailure, describeTlsEnd } from "./tls_failure.ts";
import { findNameFault, type PeerCertificate, requestedName } from "./tls_identity.ts";
import type { Dial, DialOptions, TlsTarget, Transport, TransportHandlers } from "./transport.ts";

/** What is used of a `tls.TLSSocket`. */
interface NodeTlsSocket extends NodeSocket {
  readonly authorized: boolean;
  setNoDelay(noDelay: boolean): void;
  once(event: "connect" | "secureConnect", listener: () => void): unknown;
}

/** What is used of `node:tls`. */
interface NodeTls {
  connect(options: {
    readonly host: string;
    readonly port: number;
    readonly socket: object | undefined;
    readonly ca: readonly string[] | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly servername: string;
    checkServerIdentity(name: string, certificate: PeerCertificate): Error | undefined;
    readonly ALPNProtocols: readonly string[] | undefined;
    readonly rejectUnauthorized: boolean;
    readonly allowHalfOpen: boolean;
  }): NodeTlsSocket;
}

/** The part of the global scope that leads to `node:tls` without an import, which a bundle for browsers would have to resolve. */
interface NodeScope {
  readonly process: { getBuiltinModule(name: "node:tls"): NodeTls };
}

/**
 * Opens a TLS connection with `node:tls`. Given authorities are trusted in place of the runtime's own.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt, the handshake included.
 * @returns The open transport.
 * @throws {TlsError} If the handshake fails.
 * @throws {Error} If the server cannot be reached: the runtime's own error, or the signal's reason.
 */
export const dialNodeTls: Dial<TlsTarget> = (
  target: TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
): Promise<Transport> => openNodeTls(target, handlers, options, undefined);

/**
 * Opens a TLS connection with `node:tls`, upon a connection that is open already if there is one.
 *
 * @param target The server.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt, the handshake included.
 * @param carrier The open connection; it belongs to the transport from now on.
 * @returns The open transport.
 * @throws {TlsError | Error} As `dialNodeTls`.
 */
export async function openNodeTls(
  target: TlsTarget,
  handlers: TransportHandlers,
  options: DialOptions,
  carrier: NodeCarrier | undefined,
): Promise<Transport> {
  const { signal } = options;
  try {
    signal.throwIfAborted();
    return await shakeHands(openSocket(target, carrier), target, handlers, signal, carrier);
  } catch (error) {
    carrier?.destroy();
    throw error;
  }
}

async function shakeHands(
  socket: NodeTlsSocket,
  target: TlsTarget,
  handlers: TransportHandlers,
  signal: AbortSignal,
  carrier: NodeCarrier | undefined,
): Promise<Transport> {
  const opened = Promise.withResolvers<Transport>();
  const abort = (): void => {
    opened.reject(signal.reason);
    socket.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  const explain = (error: Error): Error => describeTlsEnd(target, error);
  let isConnected = carrier !== undefined;
  socket.once("connect", () => isConnected = true);
  // An event may follow in the same turn, so the transport listens before this dial goes on.
  socket.once("secureConnect", () => {
    signal.removeEventListener("abort", abort);
    if (signal.aborted) return;
    if (socket.authorized || target.tls.insecure) {
      opened.resolve(startNodeTransport(socket, handlers, { explain, carrier }));
    } else {
      opened.reject(describeHandshakeFailure(target, "the runtime has not verified the server"));
      socket.destroy();
    }
  });
  socket.on(
    "error",
    (error) => opened.reject(isConnected ? describeHandshakeFailure(target, error) : explainAttempts(error)),
  );
  socket.on("close", () => opened.reject(describeHandshakeFailure(target, undefined)));
  try {
    return await opened.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function openSocket(target: TlsTarget, carrier: NodeCarrier | undefined): NodeTlsSocket {
  const { ca, client, alpnProtocols, insecure } = target.tls;
  const { process } = globalThis as unknown as NodeScope;
  try {
    const socket = process.getBuiltinModule("node:tls").connect({
      host: target.hostname,
      port: target.port,
      socket: carrier?.stream,
      ca: ca.length === 0 ? undefined : ca,
      cert: client?.cert,
      key: client?.key,
      servername: requestedName(target),
      checkServerIdentity: (_name, certificate) => findNameFault(target, certificate),
      ALPNProtocols: alpnProtocols.length === 0 ? undefined : alpnProtocols,
      rejectUnauthorized: !insecure,
      allowHalfOpen: true,
    });
    if (carrier === undefined) socket.setNoDelay(target.noDelay);
    return socket;
  } catch (error) {
    throw describeHandshakeFailure(target, error);
  }
}
