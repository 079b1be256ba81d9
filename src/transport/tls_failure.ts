// Why TLS failed, out of what the runtimes say: codes of OpenSSL and BoringSSL, prose of rustls.

import { TlsError, type TlsErrorReason, type TlsTarget } from "./transport.ts";

/** What code and message of a runtime's error stand for; the first row that fits holds. */
const REASONS: readonly (readonly [pattern: RegExp, reason: TlsErrorReason])[] = [
  [/ALTNAME_INVALID|certificate not valid for/, "host-mismatch"],
  [/CERT_HAS_EXPIRED|certificate expired/, "expired"],
  [/CERT_NOT_YET_VALID|certificate not valid yet/, "not-yet-valid"],
  [/DEPTH_ZERO_SELF_SIGNED_CERT|CaUsedAsEndEntity/, "self-signed"],
  [/UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|SELF_SIGNED_CERT_IN_CHAIN|UnknownIssuer/, "unknown-ca"],
  [/CERTIFICATE_REQUIRED|CertificateRequired/, "client-certificate-required"],
  [
    /ALERT_(UNKNOWN_CA|ACCESS_DENIED|(BAD_)?CERTIFICATE_)|alert: (UnknownCA|AccessDenied)/,
    "client-certificate-refused",
  ],
  [/ALERT_(BAD|UNSUPPORTED)_CERTIFICATE|alert: (\w+)?Certificate/, "client-certificate-refused"],
  [/KEY_VALUES_MISMATCH|ERR_OSSL_PEM|PEM_R|[Ii]nvalid (key|certificate|private)/, "client-certificate-unusable"],
  [/NO_APPLICATION_PROTOCOL|NoApplicationProtocol/, "alpn"],
  [/ALERT_PROTOCOL_VERSION|alert: ProtocolVersion/, "protocol-version"],
  [/WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|corrupt message|unexpected handshake message/, "not-tls"],
  [/ECONNRESET|EPIPE|ConnectionReset|UnexpectedEof|end of file|socket disconnected/, "closed-in-handshake"],
];

/** What the reasons mean, for messages. */
const STATES: Readonly<Record<TlsErrorReason, string>> = {
  "unknown-ca": "nobody who is trusted has signed the server's certificate",
  "self-signed": "the server's certificate is self-signed, or that of an authority",
  "host-mismatch": "the server's certificate is not for this name",
  "expired": "the server's certificate has expired",
  "not-yet-valid": "the server's certificate is not valid yet",
  "client-certificate-required": "the server demands a client certificate",
  "client-certificate-refused": "the server does not accept the client certificate",
  "client-certificate-unusable": "the client certificate or its key cannot be used",
  "alpn": "the server knows none of the ALPN protocols",
  "protocol-version": "the server speaks no TLS version that is accepted here",
  "not-tls": "the server does not speak TLS on this port",
  "closed-in-handshake":
    "the server ended the connection during the handshake; it may not speak TLS on this port, or refuse this client",
  "handshake-failed": "the handshake failed",
};

/**
 * Describes a handshake that failed.
 *
 * @param target The server.
 * @param cause The runtime's error; `undefined` if the connection just ended.
 * @returns The error to reject with.
 */
export function describeHandshakeFailure(target: TlsTarget, cause: unknown): TlsError {
  const reason = cause === undefined ? "closed-in-handshake" : reasonOf(cause) ?? "handshake-failed";
  return makeError(`Cannot secure the connection to ${nameOf(target)}`, reason, cause);
}

/**
 * Describes what ended a connection after the handshake, which is where a server refuses a client in TLS 1.3.
 *
 * @param target The server.
 * @param cause The runtime's error.
 * @returns A {@linkcode TlsError} if it is about TLS, otherwise the error itself.
 */
export function describeTlsEnd(target: TlsTarget, cause: Error): Error {
  const isTls = cause.name === "InvalidData" || /^(EPROTO$|ERR_SSL_)/.test(codeOf(cause));
  if (!isTls) return cause;
  return makeError(`Cannot keep the connection to ${nameOf(target)}`, reasonOf(cause) ?? "handshake-failed", cause);
}

/** The name a server must prove, for messages: with the address, if they differ. */
function nameOf({ hostname, port, tls }: TlsTarget): string {
  const address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  return tls.serverName === undefined ? address : `${address} as ${tls.serverName}`;
}

function makeError(action: string, reason: TlsErrorReason, cause: unknown): TlsError {
  const text = cause instanceof Error ? cause.message.trim() : String(cause ?? "");
  const words = text === "" ? "" : ` (${text})`;
  return new TlsError(reason, `${action}: ${STATES[reason]} [${reason}]${words}`, cause);
}

function reasonOf(cause: unknown): TlsErrorReason | undefined {
  const text = cause instanceof Error ? `${cause.name} ${codeOf(cause)} ${cause.message}` : String(cause);
  return REASONS.find(([pattern]) => pattern.test(text))?.[1];
}

function codeOf(cause: Error): string {
  const { code } = cause as Error & { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}
