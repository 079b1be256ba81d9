// Dials through a proxy, made out of a runtime's own.

import { ProxyError, TlsError } from "./error.ts";
import { ProxiedTransport } from "./proxied_transport.ts";
import { formatHost, type ProxyHandshake, userOf } from "./proxy_handshake.ts";
import { HttpConnectHandshake } from "./proxy_http.ts";
import { Socks5Handshake } from "./proxy_socks5.ts";
import { dialTlsOver } from "./tls_over.ts";
import type {
  Dial,
  DialOptions,
  ProxySettings,
  TcpTarget,
  TlsTarget,
  Transport,
  TransportHandlers,
} from "./transport.ts";

/** The dials of a runtime that a proxy is reached by. */
export interface ProxyDials {
  /** Of TCP. */
  readonly tcp: Dial<TcpTarget>;
  /** Of TLS. */
  readonly tls: Dial<TlsTarget>;
}

/** What is used of the global scope. */
interface Scope {
  setImmediate(callback: () => void): unknown;
}

/**
 * Makes the dial of TCP through a proxy. It rejects with a `ProxyError` if the proxy opens no connection, or with the signal's reason.
 *
 * @param dials How the proxy is reached.
 * @returns The dial; its targets have a proxy.
 */
export function dialTcpThroughProxy(dials: ProxyDials): Dial<TcpTarget> {
  return async (target: TcpTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> => {
    const proxy = target.proxy!;
    const action = `Cannot go through the proxy ${proxy.protocol}://${formatHost(proxy)}`;
    const transport = new ProxiedTransport(makeHandshake(proxy, target, action), handlers, action);
    await transport.open(await reachProxy(dials, target, proxy, transport, options, action), options.signal);
    (globalThis as unknown as Scope).setImmediate(() => transport.start());
    return transport;
  };
}

/**
 * Makes the dial of TLS through a proxy. It rejects with a `TlsError` if the handshake with the server fails, and otherwise as that of TCP.
 *
 * @param dials How the proxy is reached.
 * @returns The dial; its targets have a proxy.
 */
export function dialTlsThroughProxy(dials: ProxyDials): Dial<TlsTarget> {
  const dial = dialTlsOver(dialTcpThroughProxy(dials));
  return async (target: TlsTarget, handlers: TransportHandlers, options: DialOptions): Promise<Transport> => {
    try {
      return await dial(target, handlers, options);
    } catch (error) {
      throw completeOnDeno(error);
    }
  };
}

/** Deno's `node:tls` says of every certificate that it cannot verify that it is unknown; `startTls` knows better, but needs a socket. */
function completeOnDeno(error: unknown): unknown {
  if (!("Deno" in globalThis && error instanceof TlsError && error.reason === "unknown-ca")) return error;
  const addition = "through a proxy Deno says so too of a certificate that is not valid today";
  return new TlsError(error.reason, `${error.message}; ${addition}`, error.cause);
}

function makeHandshake(proxy: ProxySettings, target: TcpTarget, action: string): ProxyHandshake {
  const Handshake = proxy.protocol === "socks5" ? Socks5Handshake : HttpConnectHandshake;
  return new Handshake(target, userOf(proxy), action);
}

async function reachProxy(
  { tcp, tls }: ProxyDials,
  { noDelay }: TcpTarget,
  proxy: ProxySettings,
  handlers: TransportHandlers,
  options: DialOptions,
  action: string,
): Promise<Transport> {
  const { hostname, port } = proxy;
  try {
    return proxy.protocol === "https"
      ? await tls({ kind: "tls", hostname, port, noDelay, tls: proxy.tls }, handlers, options)
      : await tcp({ kind: "tcp", hostname, port, noDelay }, handlers, options);
  } catch (error) {
    options.signal.throwIfAborted();
    const state = error instanceof Error ? error.message : String(error);
    throw new ProxyError("unreachable", `${action}: ${state}`, error);
  }
}
