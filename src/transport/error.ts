// The errors of transports, by what went wrong on the way to a server.

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

/** Why a WebSocket could not be opened, or ended. */
export type WebSocketErrorReason =
  /** It could not be opened; a browser does not say why: the server may be out of reach, refuse the upgrade, or fail to prove its name. */
  | "not-opened"
  /** The server answered the upgrade request with something else than an upgrade; `status` says with what, if it is known. */
  | "upgrade-refused"
  /** The server has not chosen the subprotocol `mqtt` [MQTT-6.0.0-4]. */
  | "subprotocol"
  /** The server sent a text frame [MQTT-6.0.0-1]. */
  | "text-frame"
  /** The server broke a rule of WebSocket itself. */
  | "protocol"
  /** The server ended it with a close code that is not 1000, or without any. */
  | "closed";

/** A WebSocket could not be opened, or ended out of order. */
export class WebSocketError extends Error {
  /** The name of the class. */
  override readonly name: string = "WebSocketError";
  /** Why. */
  readonly reason: WebSocketErrorReason;
  /** The status of the server's answer to the upgrade request, where the runtime tells it. */
  readonly status: number | undefined;
  /** The code the server closed with; 1005 if its Close frame had none, 1006 if there was no Close frame. */
  readonly closeCode: number | undefined;

  /**
   * Makes the error.
   *
   * @param reason Why.
   * @param message The action, and its state.
   * @param details Numbers of the server, and the runtime's error, as far as there are any.
   */
  constructor(
    reason: WebSocketErrorReason,
    message: string,
    details: { readonly status?: number; readonly closeCode?: number; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.closeCode = details.closeCode;
  }
}

/** Why a proxy opened no connection. */
export type ProxyErrorReason =
  /** The proxy cannot be reached, or the TLS with it fails; `cause` is the error. */
  | "unreachable"
  /** The proxy asks for credentials, or for others. */
  | "authentication"
  /** The proxy does not open this connection. */
  | "refused"
  /** The proxy answers with something that is not its protocol, or ends the connection. */
  | "protocol";

/** A proxy opened no connection to the server. */
export class ProxyError extends Error {
  /** The name of the class. */
  override readonly name: string = "ProxyError";
  /** Why. */
  readonly reason: ProxyErrorReason;

  /**
   * Makes the error.
   *
   * @param reason Why.
   * @param message The action, and its state.
   * @param cause The error behind it, if there is one.
   */
  constructor(reason: ProxyErrorReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/**
 * The server sent more than `maxBufferedBytes` while events were not taken, over a WebSocket of the runtime, which cannot be held
 * back. The connection is closed.
 */
export class ReceiveOverflowError extends Error {
  /** The name of the class. */
  override readonly name: string = "ReceiveOverflowError";
  /** The limit that was passed, in bytes. */
  readonly maxBufferedBytes: number;

  /**
   * Makes the error.
   *
   * @param maxBufferedBytes The limit that was passed.
   */
  constructor(maxBufferedBytes: number) {
    super(`Cannot hold what the server sends: more than ${maxBufferedBytes} bytes wait for events to be taken`);
    this.maxBufferedBytes = maxBufferedBytes;
  }
}
