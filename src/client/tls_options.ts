// The `tls` option. What the runtimes would take without a word and fail on later, or never, is refused here.
import type { TlsOptions } from "../loop/mod.ts";
import type { TlsSettings } from "../transport/transport.ts";
import { checkFields, checkFlag, optional, optionError } from "./option_value.ts";

/** The longest name that ALPN can carry. */
const MAX_ALPN_BYTES = 255;
/** What every DER structure of a certificate begins with. */
const DER_SEQUENCE = 0x30;

/**
 * Checks the `tls` option and fills in what is missing. Messages never show certificates or keys.
 *
 * @param value The option, if it is given.
 * @returns How TLS is spoken.
 * @throws {TypeError} If a field is unknown or not valid.
 */
export function resolveTlsOptions(value: TlsOptions | undefined): TlsSettings {
  if (value === undefined) {
    return { ca: [], client: undefined, alpnProtocols: [], serverName: undefined, insecure: false };
  }
  checkFields("tls", value, ["ca", "cert", "key", "alpnProtocols", "serverName", "insecure"]);
  const { ca, alpnProtocols, serverName, insecure = false } = value;
  return {
    ca: ca === undefined ? [] : listOf(ca).map((pem) => certificates("tls.ca", pem)),
    client: client(value),
    alpnProtocols: optional(checkAlpn, "tls.alpnProtocols", alpnProtocols) ?? [],
    serverName: optional(checkServerName, "tls.serverName", serverName),
    insecure: checkFlag("tls.insecure", insecure),
  };
}

function listOf(ca: NonNullable<TlsOptions["ca"]>): readonly (string | Uint8Array)[] {
  if (!Array.isArray(ca)) return [ca as string | Uint8Array];
  if (ca.length === 0) throw optionError("tls.ca", "the list is empty");
  return ca;
}

function client({ cert, key }: TlsOptions): TlsSettings["client"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw optionError("tls.key", "it needs tls.cert");
  if (key === undefined) throw optionError("tls.cert", "it needs tls.key");
  return { cert: certificates("tls.cert", cert), key: privateKey(key) };
}

function certificates(name: string, value: string | Uint8Array): string {
  const text = pemText(name, value);
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g)];
  if (blocks.length === 0) throw optionError(name, 'it has no "-----BEGIN CERTIFICATE-----"');
  for (const [index, [, base64]] of blocks.entries()) {
    // The runtimes leave out what they cannot read, and then trust nobody.
    if (!isDer(base64!)) throw optionError(name, `certificate ${index + 1} in it is not readable`);
  }
  return text;
}

function privateKey(value: string | Uint8Array): string {
  const text = pemText("tls.key", value);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw optionError("tls.key", "it is encrypted; decrypt it first");
  }
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text)) {
    throw optionError("tls.key", 'it has no "-----BEGIN PRIVATE KEY-----"');
  }
  return text;
}

function pemText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  throw optionError(name, "it is neither PEM text nor its bytes");
}

function isDer(base64: string): boolean {
  try {
    return atob(base64.replace(/\s/g, "")).charCodeAt(0) === DER_SEQUENCE;
  } catch {
    return false;
  }
}

function checkAlpn(name: string, protocols: unknown): readonly string[] {
  if (!Array.isArray(protocols) || protocols.length === 0) {
    throw optionError(name, "it is no list of names");
  }
  for (const protocol of protocols) {
    const length = typeof protocol === "string" ? new TextEncoder().encode(protocol).length : 0;
    if (length === 0 || length > MAX_ALPN_BYTES) {
      throw optionError(name, `a name in it has not from 1 to ${MAX_ALPN_BYTES} bytes`);
    }
  }
  return [...protocols];
}

function checkServerName(name: string, host: unknown): string {
  if (typeof host === "string" && /^[^\s/:@]+$/.test(host)) return host;
  throw optionError(name, "it is no host name");
}
