// What the event loop knows of the network. An adapter implements this and nothing else; it knows no MQTT.

/** A way to reach a server over a network: the part of a broker address an adapter needs. */
export type DialTarget = TcpTarget | UnixTarget | TlsTarget;

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

/** A connected, ordered, reliable stream of bytes. */
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
   * false it does nothing.
   */
  pause(): void;
  /** Lets `data` go on. */
  resume(): void;
  /** Ends the sending side once all writes are done; the peer's bytes still arrive, then `close` follows. */
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

/** An option that this runtime, or this transport, cannot honour. It is never ignored instead. */
export class UnsupportedOptionError extends Error {
  /** The name of the class. */
  override readonly name: string = "UnsupportedOptionError";
  /** The option's name. */
  readonly option: string;

  /**
   * Makes the error.
   *
   * @param option The option's name.
   * @param message What cannot be done, and where.
   */
  constructor(option: string, message: string) {
    super(message);
    this.option = option;
  }
}

/** Why TLS failed. */
export type TlsErrorReason =
  /** Nobody who is trusted has signed the server's certificate. */
  | "unknown-ca"
  /** The server's certificate is signed by itself, or is the certificate of an authority. */
  | "self-signed"
  /** The server's certificate is for other names; only its subject alternative names count, for IP addresses too. */
  | "host-mismatch"
  /** The server's certificate has expired. */
  | "expired"
  /** The server's certificate is not valid yet. */
  | "not-yet-valid"
  /** The server demands a client certificate, and was given none. */
  | "client-certificate-required"
  /** The server does not accept the client certificate it was given. */
  | "client-certificate-refused"
  /** The client certificate or its key cannot be used. */
  | "client-certificate-unusable"
  /** The server knows none of the protocols that were offered by ALPN. */
  | "alpn"
  /** The server speaks no version of TLS that this runtime accepts. */
  | "protocol-version"
  /** The server answers with something that is not TLS. */
  | "not-tls"
  /** The server ended the connection during the handshake: a port without TLS does, and a server that refuses the client. */
  | "closed-in-handshake"
  /** Anything else; the message has the runtime's words. */
  | "handshake-failed";

/** A secure connection cannot be made, or the server ended it by a TLS alert. Nothing was sent in the clear. */
export class TlsError extends Error {
  /** The name of the class. */
  override readonly name: string = "TlsError";
  /** Why. */
  readonly reason: TlsErrorReason;

  /**
   * Makes the error.
   *
   * @param reason Why.
   * @param message The action, and its state.
   * @param cause The runtime's error, if there is one.
   */
  constructor(reason: TlsErrorReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
