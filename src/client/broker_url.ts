// Addresses of servers as URLs, with options in their query.
import type { BrokerAddress, MqttOptions } from "../loop/mod.ts";
import { UnsupportedOptionError } from "../transport/transport.ts";

/** An address, and the options its query holds. */
export interface ParsedBrokerUrl {
  /** Where the server is. */
  readonly address: BrokerAddress;
  /** The options of the query; the range of each is checked with the other options. */
  readonly options: MqttOptions;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "tcp:": 1883 };
/** Schemes of transports that this version does not have. */
const OTHER_SCHEMES: ReadonlySet<string> = new Set(["mqtts:", "ssl:", "tls:", "ws:", "wss:", "unix:"]);

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
 * Parses the address of a server: `mqtt://` or `tcp://`, user information (decoded), host, port (1883 if there is none), and options
 * in the query: `client_id`, `keep_alive`, `clean_session`, `connect_timeout_millis`, `max_incoming_packet_size`,
 * `max_outgoing_packet_size`, `capacity`, `inflight`, `inflight_qos2`, `ack_mode`, `resubscribe`, `pending_throttle_millis`,
 * `outgoing_events`, `no_delay`.
 *
 * @param broker The address.
 * @param noDelay Whether TCP_NODELAY is set; the query may say otherwise.
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
export function parseBrokerUrl(broker: string | URL, noDelay = true): ParsedBrokerUrl {
  const url = toUrl(broker);
  const defaultPort = DEFAULT_PORTS[url.protocol];
  if (defaultPort === undefined) throw schemeError(url.protocol);
  const label = `${url.protocol}//${url.hostname}:${url.port === "" ? defaultPort : url.port}`;
  if (url.hostname === "") throw brokerError(url.protocol, "it has no host");
  if (url.pathname !== "" && url.pathname !== "/") throw brokerError(label, "it has a path");
  if (url.hash !== "") throw brokerError(label, "it has a fragment");
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (port === 0) throw brokerError(label, "its port is 0");
  const options = parseQuery(label, url.searchParams);
  const password = decodeUserInfo(label, url.password);
  return {
    address: {
      label,
      target: { kind: "tcp", hostname: hostnameOf(url), port, noDelay: options.noDelay ?? noDelay },
      username: decodeUserInfo(label, url.username),
      password: password === undefined ? undefined : new TextEncoder().encode(password),
    },
    options,
  };
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
  return brokerError(protocol, "its scheme is neither mqtt: nor tcp:");
}

function brokerError(label: string, state: string): TypeError {
  return new TypeError(`Cannot use option "broker": ${state} (${label})`);
}

/** The host as sockets take it: an IPv6 address without brackets. */
function hostnameOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

function decodeUserInfo(label: string, text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw brokerError(label, "its user information is not percent-encoded UTF-8");
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
