// What the event loop knows of the network. An adapter implements this and nothing else; it knows no MQTT.

export {
  ProxyError,
  type ProxyErrorReason,
  ReceiveOverflowError,
  TlsError,
  type TlsErrorReason,
  UnsupportedOptionError,
  WebSocketError,
  type WebSocketErrorReason,
} from "./error.ts";

/** A way to reach a server over a network: the part of a broker address an adapter needs. */
export type DialTarget = TcpTarget | UnixTarget | TlsTarget | WebSocketTarget;

/** A server that listens on a TCP port. */
export interface TcpTarget {
  /** The tag of this kind of target. */
  readonly kind: "tcp";
  /** A host name or an IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** The port, 1 to 65535. */
  readonly port: number;
  /** Whether TCP_NODELAY is set, so that small packets leave at once. */
  readonly noDelay: boolean;
  /** The proxy on the way, if there is one. */
  readonly proxy?: ProxySettings | undefined;
}

/** A server on this machine that listens on a unix socket. */
export interface UnixTarget {
  /** The tag of this kind of target. */
  readonly kind: "unix";
  /** The path of the socket in the file system. */
  readonly path: string;
}

/** A server that speaks TLS on a TCP port. */
export interface TlsTarget {
  /** The tag of this kind of target. */
  readonly kind: "tls";
  /** A host name or an IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** The port, 1 to 65535. */
  readonly port: number;
  /** Whether TCP_NODELAY is set, so that small packets leave at once. */
  readonly noDelay: boolean;
  /** Who is trusted, and who this client is. */
  readonly tls: TlsSettings;
  /** The proxy on the way, if there is one. */
  readonly proxy?: ProxySettings | undefined;
}

/** A server that is reached by WebSocket, with the subprotocol `mqtt` [MQTT-6.0.0-3]. */
export interface WebSocketTarget {
  /** The tag of this kind of target. */
  readonly kind: "websocket";
  /** The URL of the upgrade request, `ws:` or `wss:`, without user information and fragment. */
  readonly url: string;
  /** The host of the URL, IPv6 without brackets. */
  readonly hostname: string;
  /** The port of the URL, 1 to 65535. */
  readonly port: number;
  /** Whether TCP_NODELAY is set, so that small packets leave at once. */
  readonly noDelay: boolean;
  /** How TLS is spoken; present if the URL is `wss:`. */
  readonly tls: TlsSettings | undefined;
  /** Gives the headers of the upgrade request besides the WebSocket's own; asked anew at each dial. */
  readonly headers: HeadersProvider | undefined;
  /** Most bytes that are held while paused where the runtime's WebSocket cannot be held back; more end the connection. */
  readonly maxBufferedBytes: number;
  /** The proxy on the way, if there is one. */
  readonly proxy?: ProxySettings | undefined;
}

/** What a provider of headers is told. */
export interface UpgradeRequest {
  /** The URL of the upgrade request. */
  readonly url: string;
  /** Aborted when the attempt ends early. */
  readonly signal: AbortSignal;
}

/** Gives the headers of one upgrade request, by name. */
export type HeadersProvider = (
  request: UpgradeRequest,
) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

/** A proxy that opens connections for its clients: HTTP CONNECT (`http`, `https`), or SOCKS version 5, which resolves host names too. */
export interface ProxySettings {
  /** How it is spoken to. */
  readonly protocol: "http" | "https" | "socks5";
  /** Its host name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** Its port, 1 to 65535. */
  readonly port: number;
  /** The user it knows, if it asks for one. */
  readonly username: string | undefined;
  /** That user's password. */
  readonly password: string | undefined;
  /** How TLS is spoken with the proxy itself; of use to `https` alone. */
  readonly tls: TlsSettings;
}

/** How TLS is spoken. Certificates and keys are PEM text. */
export interface TlsSettings {
  /** Certificates that are trusted to sign the server's; if there is none, those of the runtime or the system. */
  readonly ca: readonly string[];
  /** The client's certificate, with the chain behind it, and its private key. */
  readonly client: { readonly cert: string; readonly key: string } | undefined;
  /** The protocols offered by ALPN, the preferred one first. */
  readonly alpnProtocols: readonly string[];
  /** The name the server is asked for and must prove; by default the host of the address. */
  readonly serverName: string | undefined;
  /** Whether any certificate is accepted, for any name. */
  readonly insecure: boolean;
}

/** What a transport tells its owner. Both are called from the runtime's event loop, never from inside a call to the transport. */
export interface TransportHandlers {
  /**
   * Bytes have arrived. The receiver owns the chunk: the transport never writes to it again, so views of it may be kept.
   *
   * @param chunk At least one byte.
   */
  data(chunk: Uint8Array): void;
  /**
   * The connection is over, whoever ended it. Called exactly once for every transport that was handed out, also after `destroy`,
   * and nothing is called after it.
   *
   * @param error Why, if it did not end in order.
   */
  close(error?: Error): void;
}

/** A connected, ordered, reliable stream of bytes. Its owner takes what a method throws for the end of the connection, and its cause. */
export interface Transport {
  /**
   * Sends the first `length` bytes of `chunk`. One call at a time: the next one waits for this one's promise.
   *
   * @param chunk The bytes; they belong to the transport until the call is done.
   * @param length How many of them.
   * @returns `undefined` if all bytes were taken at once and the chunk is free again; otherwise a promise that resolves when
   * they were. It never rejects: a failed write ends the connection, which `close` tells, and then resolves. On a connection that
   * is over, or whose sending side is, it drops the bytes and resolves once `close` was told.
   */
  write(chunk: Uint8Array, length: number): Promise<void> | undefined;
  /**
   * Stops `data` until `resume`. The end of a peer waits too: `close` comes behind the bytes that are held back. Where `canPause` is
   * false the peer goes on sending: its bytes are held here, up to a bound, and more of them end the connection.
   */
  pause(): void;
  /** Lets `data` go on. */
  resume(): void;
  /**
   * Ends the sending side once all writes are done; the peer's bytes still arrive, then `close` follows. A WebSocket of a runtime drops
   * what comes from then on.
   */
  shutdown(): void;
  /** Ends both sides now. A write in flight resolves. */
  destroy(): void;
  /** Whether `pause` holds the peer back; a WebSocket of a runtime cannot. */
  readonly canPause: boolean;
}

/** What a dial is given besides its target. */
export interface DialOptions {
  /** Ends the dial: it rejects with the signal's reason, and nothing stays open. */
  readonly signal: AbortSignal;
}

/**
 * Opens a transport. Resolves once bytes can be sent and received (TLS done, upgrade answered); rejects with the runtime's error
 * otherwise. Every resource is freed if it rejects. A dial that is given to a client takes every kind of target; an adapter takes one.
 */
export type Dial<Target extends DialTarget = DialTarget> = (
  target: Target,
  handlers: TransportHandlers,
  options: DialOptions,
) => Promise<Transport>;
