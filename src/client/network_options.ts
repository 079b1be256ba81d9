// The options of the network: what they ask for goes with each address to the adapter that dials it.
import type { MqttOptions, ProxyOptions } from "../loop/mod.ts";
import type { HeadersProvider, ProxySettings, TlsSettings } from "../transport/transport.ts";
import { checkFields, checkFlag, checkInteger, optional, optionError } from "./option_value.ts";
import { resolveTlsOptions } from "./tls_options.ts";

/** What a client's addresses share. */
export interface NetworkSettings {
  /** TCP_NODELAY; where it is left out, each address decides. */
  readonly noDelay: boolean | undefined;
  /** How TLS is spoken. */
  readonly tls: TlsSettings;
  /** The headers of WebSocket upgrade requests. */
  readonly headers: HeadersProvider | undefined;
  /** Most bytes held for a WebSocket that cannot be held back. */
  readonly maxBufferedBytes: number;
  /** The proxy on the way. */
  readonly proxy: ProxySettings | undefined;
}

/** The default of `maxBufferedBytes`. */
const DEFAULT_MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

/** The schemes of proxies, with their default ports. */
const PROXY_SCHEMES: ReadonlyMap<string, readonly [protocol: ProxySettings["protocol"], defaultPort: number]> = new Map(
  [
    ["http:", ["http", 80]],
    ["https:", ["https", 443]],
    ["socks5:", ["socks5", 1080]],
  ],
);

/** The longest user name and password that SOCKS5 can carry. */
const MAX_SOCKS5_USER_BYTES = 255;

/** Headers that the upgrade request has of its own. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "upgrade",
  "connection",
  "content-length",
  "transfer-encoding",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
]);

/**
 * Checks the options of the network and fills in what is missing.
 *
 * @param options The options.
 * @returns What the addresses share.
 * @throws {TypeError | RangeError} If one is not valid.
 */
export function resolveNetworkOptions(
  { noDelay, tls, headers, maxBufferedBytes = DEFAULT_MAX_BUFFERED_BYTES, proxy }: MqttOptions,
): NetworkSettings {
  return {
    noDelay: optional(checkFlag, "noDelay", noDelay),
    tls: resolveTlsOptions(tls),
    headers: optional(resolveHeaders, "headers", headers),
    maxBufferedBytes: checkInteger(
      "maxBufferedBytes",
      maxBufferedBytes,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    proxy: proxy === undefined ? undefined : resolveProxy(proxy),
  };
}

/**
 * Checks headers, or a function that gives them.
 *
 * @param name The option's name.
 * @param value The option.
 * @returns A provider, whose headers are checked each time.
 * @throws {TypeError} If a header is not valid, or one of the request's own.
 */
export function resolveHeaders(name: string, value: NonNullable<MqttOptions["headers"]>): HeadersProvider {
  if (typeof value === "function") return async (request) => checkHeaders(name, await value(request));
  const headers = checkHeaders(name, value);
  return () => headers;
}

function checkHeaders(name: string, headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof headers !== "object" || headers === null) {
    throw optionError(name, "it is no object of names and values");
  }
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
      throw optionError(name, `${JSON.stringify(header)} is no name of a header`);
    }
    if (OWN_HEADERS.has(header.toLowerCase())) {
      throw optionError(name, `the upgrade request has a "${header}" of its own`);
    }
    // The value is not shown: it may be a secret.
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw optionError(name, `the value of "${header}" is no text that a header can have`);
    }
  }
  return { ...headers };
}

function resolveProxy(value: string | URL | ProxyOptions): ProxySettings {
  if (typeof value === "string" || value instanceof URL) return parseProxyUrl(value, resolveTlsOptions(undefined));
  checkFields("proxy", value, ["url", "tls"]);
  const proxy = parseProxyUrl(value.url, resolveTlsOptions(value.tls));
  if (value.tls !== undefined && proxy.protocol !== "https") {
    throw optionError("proxy.tls", "the proxy does not speak TLS (https:)");
  }
  return proxy;
}

function parseProxyUrl(value: unknown, tls: TlsSettings): ProxySettings {
  const url = toUrl(value);
  const scheme = PROXY_SCHEMES.get(url.protocol);
  if (scheme === undefined) throw proxyError(`its scheme ${url.protocol} is none of http:, https:, socks5:`);
  if (url.hostname === "") throw proxyError("it has no host");
  const isBare = /^\/?$/.test(url.pathname) && url.search === "" && url.hash === "";
  if (!isBare) throw proxyError("it has more than user information, host and port");
  const [protocol, defaultPort] = scheme;
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (port === 0) throw proxyError("its port is 0");
  if (url.password !== "" && url.username === "") throw proxyError("it has a password without a user name");
  const username = decodeUser(url.username);
  const password = username === undefined ? undefined : decodeUser(url.password) ?? "";
  checkProxyUser(protocol, username ?? "", password ?? "");
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  return { protocol, hostname, port, username, password, tls };
}

/** What the protocols cannot carry, RFC 7617 and RFC 1929. */
function checkProxyUser(protocol: ProxySettings["protocol"], username: string, password: string): void {
  if (protocol !== "socks5") {
    if (username.includes(":")) throw proxyError("its user name has a colon, which ends a user name in HTTP");
    return;
  }
  for (const text of [username, password]) {
    if (new TextEncoder().encode(text).length > MAX_SOCKS5_USER_BYTES) {
      throw proxyError(`its user name or password has more than ${MAX_SOCKS5_USER_BYTES} bytes`);
    }
  }
}

function toUrl(value: unknown): URL {
  if (value instanceof URL) return value;
  // The text is not repeated in messages: it may hold a password.
  if (typeof value !== "string" || !URL.canParse(value)) {
    throw proxyError('it is no URL, such as "http://user:password@host:8080" or "socks5://host"');
  }
  return new URL(value);
}

function decodeUser(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw proxyError("its user information is not percent-encoded UTF-8");
  }
}

function proxyError(state: string): TypeError {
  return optionError("proxy", `${state}`);
}
