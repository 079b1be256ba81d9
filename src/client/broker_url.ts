// Addresses of servers as URLs, with options in their query.
import { describeStringFault } from "../codec/mod.ts";
import type { BrokerAddress, MqttOptions } from "../loop/mod.ts";
import { type DialTarget, type TlsSettings, UnsupportedOptionError } from "../transport/transport.ts";
import { checkBytes } from "./option_value.ts";
import { resolveTlsOptions } from "./tls_options.ts";

/** An address, and the options its query holds. */
export interface ParsedBrokerUrl {
  /** Where the server is. */
  readonly address: BrokerAddress;
  /** The options of the query; the range of each is checked with the other options. */
  readonly options: MqttOptions;
}

/** How the schemes of a host and a port are spoken, and at which port if none is given. */
const SCHEMES: ReadonlyMap<string, readonly [kind: "tcp" | "tls", defaultPort: number]> = new Map([
  ["mqtt:", ["tcp", 1883]],
  ["tcp:", ["tcp", 1883]],
  ["mqtts:", ["tls", 8883]],
  ["ssl:", ["tls", 8883]],
  ["tls:", ["tls", 8883]],
]);
/** Schemes of transports that this version does not have. */
const OTHER_SCHEMES: ReadonlySet<string> = new Set(["ws:", "wss:"]);

type QueryParser = (text: string) => string | number | boolean | undefined;

const parseText: QueryParser = (text) => text;
const parseNumber: QueryParser = (text) => /^\d+$/.test(text) ? Number(text) : undefined;
const parseFlag: QueryParser = (text) =>
  text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined;

/** The options a query may hold: name there, name here, what it must be, how it is read. */
const QUERY_OPTIONS: ReadonlyMap<string, readonly [keyof MqttOptions & string, string, QueryParser]> = new Map([
  ["client_id", ["clientId", "text", parseText]],
  ["keep_alive", ["keepAlive", "a number", parseNumber]],
  ["clean_session", ["cleanSession", "true or false", parseFlag]],
  ["connect_timeout_millis", ["connectTimeoutMillis", "a number", parseNumber]],
  ["max_incoming_packet_size", ["maxIncomingPacketSize", "a number", parseNumber]],
  ["max_outgoing_packet_size", ["maxOutgoingPacketSize", "a number", parseNumber]],
  ["capacity", ["capacity", "a number", parseNumber]],
  ["inflight", ["inflight", "a number", parseNumber]],
  ["inflight_qos2", ["inflightQos2", "a number", parseNumber]],
  ["ack_mode", ["ackMode", "automatic or manual", parseText]],
  ["resubscribe", ["resubscribe", "true or false", parseFlag]],
  ["pending_throttle_millis", ["pendingThrottleMillis", "a number", parseNumber]],
  ["outgoing_events", ["outgoingEvents", "true or false", parseFlag]],
  ["no_delay", ["noDelay", "true or false", parseFlag]],
]);

/**
 * Parses the address of a server: `mqtt://` or `tcp://`, with TLS `mqtts://`, `ssl://` or `tls://`, user information (decoded), host,
 * port (1883 if there is none, 8883 with TLS); or `unix://` and the absolute path of a unix socket (decoded). Options stand in the query: `client_id`, `keep_alive`, `clean_session`,
 * `connect_timeout_millis`, `max_incoming_packet_size`, `max_outgoing_packet_size`, `capacity`, `inflight`, `inflight_qos2`,
 * `ack_mode`, `resubscribe`, `pending_throttle_millis`, `outgoing_events`, `no_delay`.
 *
 * @param broker The address.
 * @param noDelay Whether TCP_NODELAY is set, whatever the query says; if it is left out, the query decides, and `true` is the default.
 * @param tls How TLS is spoken, if it is; by default the server is verified against the authorities of the runtime.
 * @returns The address and the options.
 * @throws {TypeError} If it is no such address, or has an option that is unknown, doubled or not what it must be.
 * @throws {UnsupportedOptionError} If there is no transport for its scheme.
 *
 * @example
 * ```ts
 * import { parseBrokerUrl } from "@petrel/mqtt";
 * import { assertEquals } from "@std/assert";
 *
 * const { address, options } = parseBrokerUrl("mqtt://ann:pass%20word@localhost?client_id=hall&keep_alive=30");
 * assertEquals(address.label, "mqtt://localhost:1883");
 * assertEquals(address.username, "ann");
 * assertEquals(options, { clientId: "hall", keepAlive: 30 });
 * ```
 */
export function parseBrokerUrl(
  broker: string | URL,
  noDelay?: boolean,
  tls: TlsSettings = resolveTlsOptions(undefined),
): ParsedBrokerUrl {
  const url = toUrl(broker);
  const place = url.protocol === "unix:" ? unixPlace(url) : networkPlace(url);
  if (url.hash !== "") throw brokerError(place.label, "it has a fragment");
  const options = parseQuery(place.label, url.searchParams);
  if (place.kind === "unix" && options.noDelay !== undefined) {
    throw brokerError(place.label, '"no_delay" in its query means nothing to a unix socket');
  }
  const username = decodeText(place.label, "user information", url.username);
  const fault = username === undefined ? undefined : describeStringFault(username);
  if (fault !== undefined) throw brokerError(place.label, `its user name ${fault}`);
  const password = decodeText(place.label, "user information", url.password);
  return {
    address: {
      label: place.label,
      target: targetOf(place, noDelay ?? options.noDelay ?? true, tls),
      username,
      password: password === undefined ? undefined : checkBytes("broker", password),
    },
    options,
  };
}

/** Where a URL points to. */
type Place =
  | { readonly kind: "unix"; readonly label: string; readonly path: string }
  | { readonly kind: "tcp" | "tls"; readonly label: string; readonly hostname: string; readonly port: number };

function targetOf(place: Place, noDelay: boolean, tls: TlsSettings): DialTarget {
  if (place.kind === "unix") return { kind: "unix", path: place.path };
  const { kind, hostname, port } = place;
  return kind === "tcp" ? { kind, hostname, port, noDelay } : { kind, hostname, port, noDelay, tls };
}

function networkPlace(url: URL): Place {
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) throw schemeError(url.protocol);
  const [kind, defaultPort] = scheme;
  const label = `${url.protocol}//${url.hostname}:${url.port === "" ? defaultPort : url.port}`;
  if (url.hostname === "") throw brokerError(url.protocol, "it has no host");
  if (url.pathname !== "" && url.pathname !== "/") throw brokerError(label, "it has a path");
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (port === 0) throw brokerError(label, "its port is 0");
  return { kind, label, hostname: hostnameOf(url), port };
}

function unixPlace(url: URL): Place {
  if (url.host !== "") throw brokerError("unix:", "it has a host; the path follows three slashes: unix:///path");
  const label = url.pathname.startsWith("/") ? `unix://${url.pathname}` : `unix:${url.pathname}`;
  if (!url.pathname.startsWith("/")) throw brokerError(label, "its path is not absolute, as in unix:///path");
  const path = decodeText(label, "path", url.pathname)!;
  if (path.endsWith("/")) throw brokerError(label, "its path names no file");
  if (path.includes("\0")) throw brokerError(label, "its path contains U+0000");
  return { kind: "unix", label, path };
}

function toUrl(broker: string | URL): URL {
  if (broker instanceof URL) return broker;
  // The text is not repeated in messages: it may hold a password.
  if (typeof broker !== "string") throw new TypeError(`Cannot use option "broker": ${typeof broker} is no URL`);
  try {
    return new URL(broker);
  } catch {
    throw new TypeError('Cannot use option "broker": it is no URL, such as "mqtt://host:1883"');
  }
}

function schemeError(protocol: string): Error {
  if (OTHER_SCHEMES.has(protocol)) {
    return new UnsupportedOptionError(
      "broker",
      `Cannot use option "broker": this version has no transport for ${protocol}`,
    );
  }
  return brokerError(protocol, "its scheme is none of mqtt:, tcp:, mqtts:, ssl:, tls:, unix:");
}

function brokerError(label: string, state: string): TypeError {
  return new TypeError(`Cannot use option "broker": ${state} (${label})`);
}

/** The host as sockets take it: an IPv6 address without brackets. */
function hostnameOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

function decodeText(label: string, part: string, text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw brokerError(label, `its ${part} is not percent-encoded UTF-8`);
  }
}

function parseQuery(label: string, query: URLSearchParams): MqttOptions {
  const options: Record<string, string | number | boolean> = {};
  for (const [name, text] of query) {
    const known = QUERY_OPTIONS.get(name);
    if (known === undefined) throw brokerError(label, `its query has the unknown option "${name}"`);
    const [field, expected, parse] = known;
    if (field in options) throw brokerError(label, `its query has "${name}" twice`);
    const value = parse(text);
    if (value === undefined) throw brokerError(label, `"${name}" in its query is "${text}", not ${expected}`);
    options[field] = value;
  }
  return options as MqttOptions;
}
