// Addresses of servers as URLs, with options in their query.
import { describeStringFault } from "../codec/mod.ts";
import type { BrokerAddress, MqttOptions } from "../loop/mod.ts";
import type { DialTarget } from "../transport/transport.ts";
import { type NetworkSettings, resolveNetworkOptions } from "./network_options.ts";
import { checkBytes, optional, optionError } from "./option_value.ts";

/** An address, and the options its query holds. */
export interface ParsedBrokerUrl {
  /** Where the server is. */
  readonly address: BrokerAddress;
  /** The options of the query; the range of each is checked with the other options. */
  readonly options: MqttOptions;
}

/** How the schemes of a host and a port are spoken, and at which port if none is given. */
const SCHEMES: ReadonlyMap<string, readonly [kind: "tcp" | "tls" | "websocket", defaultPort: number]> = new Map([
  ["mqtt:", ["tcp", 1883]],
  ["tcp:", ["tcp", 1883]],
  ["mqtts:", ["tls", 8883]],
  ["ssl:", ["tls", 8883]],
  ["tls:", ["tls", 8883]],
  ["ws:", ["websocket", 80]],
  ["wss:", ["websocket", 443]],
]);

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
 * Parses the address of a server: `mqtt://` or `tcp://`, with TLS `mqtts://`, `ssl://` or `tls://`; by WebSocket `ws://` or `wss://`,
 * with the path of the upgrade request; user information (decoded), host and port (1883, 8883, 80 or 443 if there is none); or
 * `unix://` and the absolute path of a unix socket (decoded). Options stand in the query and are not sent: `client_id`, `keep_alive`,
 * `clean_session`, `connect_timeout_millis`, `max_incoming_packet_size`, `max_outgoing_packet_size`, `capacity`, `inflight`,
 * `inflight_qos2`, `ack_mode`, `resubscribe`, `pending_throttle_millis`, `outgoing_events`, `no_delay`. A query that a WebSocket server
 * is to see, such as a signature, is given with its address by a `credentials` provider.
 *
 * @param broker The address.
 * @returns The address and the options.
 * @throws {TypeError} If it is no such address, or has an option that is unknown, doubled or not what it must be.
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
export function parseBrokerUrl(broker: string | URL): ParsedBrokerUrl {
  return parseAddress(broker, resolveNetworkOptions({}));
}

/**
 * Parses an address of a client, which has options of the network too.
 *
 * @param broker The address.
 * @param network What else the dial needs.
 * @returns The address and the options.
 * @throws {TypeError} As `parseBrokerUrl`.
 */
export function parseAddress(broker: string | URL, network: NetworkSettings): ParsedBrokerUrl {
  const url = toUrl(broker);
  const place = placeOf(url);
  const options = parseQuery(place.label, url.searchParams);
  if (place.kind === "unix" && options.noDelay !== undefined) {
    throw brokerError(place.label, '"no_delay" in its query means nothing to a unix socket');
  }
  const noDelay = network.noDelay ?? options.noDelay ?? true;
  return { address: addressOf(url, place, { ...network, noDelay }, ""), options };
}

/**
 * Parses the address that a `credentials` provider gives for one attempt. It is too late for options of the client in it; the query of
 * a WebSocket's is sent as it is.
 *
 * @param broker The address.
 * @param network What else the dial needs.
 * @returns The address.
 * @throws {TypeError} If it is no address, or has an option.
 */
export function parseAttemptUrl(broker: string | URL, network: NetworkSettings): BrokerAddress {
  const url = toUrl(broker);
  const place = placeOf(url);
  if (place.kind === "websocket") {
    return addressOf(url, place, { ...network, noDelay: network.noDelay ?? true }, url.search);
  }
  const { address, options } = parseAddress(url, network);
  const name = Object.keys(options).find((option) => option !== "noDelay");
  if (name === undefined) return address;
  throw optionError("credentials.broker", `its query has "${name}", which one attempt cannot change`);
}

/** Where a URL points to. */
type Place =
  | { readonly kind: "unix"; readonly label: string; readonly path: string }
  | {
    readonly kind: "tcp" | "tls" | "websocket";
    readonly label: string;
    readonly hostname: string;
    readonly port: number;
  };

function placeOf(url: URL): Place {
  const place = url.protocol === "unix:" ? unixPlace(url) : networkPlace(url);
  if (url.hash !== "") throw brokerError(place.label, "it has a fragment");
  return place;
}

function addressOf(
  url: URL,
  place: Place,
  network: NetworkSettings & { readonly noDelay: boolean },
  search: string,
): BrokerAddress {
  const username = decodeText(place.label, "user information", url.username);
  const fault = username === undefined ? undefined : describeStringFault(username);
  if (fault !== undefined) throw brokerError(place.label, `its user name ${fault}`);
  const password = decodeText(place.label, "user information", url.password);
  return {
    label: place.label,
    target: targetOf(url, place, network, search),
    username,
    password: optional(checkBytes, "broker", password),
  };
}

function targetOf(
  url: URL,
  place: Place,
  { noDelay, tls, headers, maxBufferedBytes, proxy }: NetworkSettings & { readonly noDelay: boolean },
  search: string,
): DialTarget {
  if (place.kind === "unix") return { kind: "unix", path: place.path };
  const { kind, hostname, port } = place;
  const route = { hostname, port, noDelay, ...(proxy !== undefined && { proxy }) };
  if (kind === "tcp") return { kind, ...route };
  if (kind === "tls") return { kind, ...route, tls };
  return {
    kind,
    ...route,
    url: `${url.protocol}//${url.host}${url.pathname}${search}`,
    tls: url.protocol === "wss:" ? tls : undefined,
    headers,
    maxBufferedBytes,
  };
}

function networkPlace(url: URL): Place {
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    throw brokerError(url.protocol, "its scheme is none of mqtt:, tcp:, mqtts:, ssl:, tls:, ws:, wss:, unix:");
  }
  const [kind, defaultPort] = scheme;
  const path = kind === "websocket" ? url.pathname : "";
  const label = `${url.protocol}//${url.hostname}:${url.port === "" ? defaultPort : url.port}${path}`;
  if (url.hostname === "") throw brokerError(url.protocol, "it has no host");
  if (kind !== "websocket" && url.pathname !== "" && url.pathname !== "/") throw brokerError(label, "it has a path");
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
  if (typeof broker !== "string") throw optionError("broker", `${typeof broker} is no URL`);
  try {
    return new URL(broker);
  } catch {
    throw optionError("broker", 'it is no URL, such as "mqtt://host:1883"');
  }
}

function brokerError(label: string, state: string): TypeError {
  return optionError("broker", `${state} (${label})`);
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
