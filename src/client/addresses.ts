// From the addresses a user gives to what the event loop dials, with the options that their queries hold.
import type { BrokerAddress, Credentials, MqttOptions, ResolvedCredentials, ResolvedOptions } from "../loop/mod.ts";
import { selectDial } from "../transport/select.ts";
import type { Dial } from "../transport/transport.ts";
import { parseAddress, parseAttemptUrl } from "./broker_url.ts";
import { type NetworkSettings, resolveHeaders } from "./network_options.ts";
import { checkBytes, checkFields, checkFunction, checkText, optional, optionError } from "./option_value.ts";

/** The addresses of a client. */
export interface ResolvedAddresses {
  /** At least one. */
  readonly brokers: readonly BrokerAddress[];
  /** The options that were given, over those of the queries. */
  readonly options: MqttOptions;
}

/**
 * Parses the addresses of a client.
 *
 * @param options The options.
 * @param network What the addresses share.
 * @returns The addresses, and the options with those of their queries.
 * @throws {TypeError} If there is no address, one is not valid, or none has a use for an option of the network.
 */
export function resolveAddresses(options: MqttOptions, network: NetworkSettings): ResolvedAddresses {
  const parsed = brokerUrls(options.broker).map((broker) => parseAddress(broker, network));
  const brokers = parsed.map(({ address }) => checkedAddress(address));
  // The address that a credentials provider gives may be another.
  if (options.credentials === undefined) checkUse(options, brokers);
  return { brokers, options: mergeOptions(parsed.map((url) => url.options), options) };
}

/** An option that no address has a use for is a mistake. */
function checkUse(
  { tls, headers, maxBufferedBytes, proxy, noDelay }: MqttOptions,
  brokers: readonly BrokerAddress[],
): void {
  const targets = brokers.map(({ target }) => target);
  const hasHost = targets.some(({ kind }) => kind !== "unix");
  const isWebSocket = targets.some(({ kind }) => kind === "websocket");
  const uses: readonly (readonly [name: string, value: unknown, isUsed: boolean, need: string])[] = [
    [
      "tls",
      tls,
      targets.some((target) => "tls" in target && target.tls !== undefined),
      "speaks TLS (mqtts:, ssl:, tls:, wss:)",
    ],
    ["headers", headers, isWebSocket, "speaks WebSocket (ws:, wss:)"],
    ["maxBufferedBytes", maxBufferedBytes, isWebSocket, "speaks WebSocket (ws:, wss:)"],
    ["proxy", proxy, hasHost, "has a host"],
    ["noDelay", noDelay, hasHost, "has a host"],
  ];
  for (const [name, value, isUsed, need] of uses) {
    if (value === undefined || isUsed) continue;
    throw optionError(name, `no address in "broker" ${need}`);
  }
}

function brokerUrls(broker: MqttOptions["broker"]): readonly (string | URL)[] {
  if (broker === undefined) throw optionError("broker", "it is required");
  const urls = Array.isArray(broker) ? broker as readonly (string | URL)[] : [broker as string | URL];
  if (urls.length === 0) throw optionError("broker", "the list is empty");
  return urls;
}

/** The options of the addresses, which must agree, under those that were given outright. */
function mergeOptions(fromAddresses: readonly MqttOptions[], options: MqttOptions): MqttOptions {
  const merged: Record<string, unknown> = {};
  for (const source of fromAddresses) {
    for (const [name, value] of Object.entries(source)) {
      // Each address has this one for itself.
      if (name === "noDelay") continue;
      if (Object.hasOwn(merged, name) && merged[name] !== value) {
        throw optionError("broker", `the addresses do not agree on "${name}"`);
      }
      merged[name] = value;
    }
  }
  for (const [name, value] of Object.entries(options)) if (value !== undefined) merged[name] = value;
  return merged as MqttOptions;
}

function checkedAddress(address: BrokerAddress): BrokerAddress {
  if (address.password !== undefined && address.username === undefined) {
    throw optionError("broker", `it has a password without a user name [MQTT-3.1.2-22] (${address.label})`);
  }
  return address;
}

/**
 * Checks what a `credentials` provider gives, each time it does.
 *
 * @param value The provider.
 * @param network What addresses share.
 * @returns The provider the event loop goes by.
 * @throws {TypeError} If it is no function.
 */
export function resolveCredentialsProvider(
  value: NonNullable<MqttOptions["credentials"]>,
  network: NetworkSettings,
): ResolvedOptions["credentials"] {
  const provide = checkFunction("credentials", value);
  return async (request) => resolveCredentials(await provide(request), network);
}

function resolveCredentials(credentials: Credentials, network: NetworkSettings): ResolvedCredentials {
  checkFields("credentials", credentials, ["username", "password", "broker", "headers"]);
  const { username, password, broker, headers } = credentials;
  return {
    username: optional(checkText, "credentials.username", username),
    password: optional(checkBytes, "credentials.password", password),
    broker: broker === undefined ? undefined : parseAttemptUrl(broker, network),
    headers: optional(resolveHeaders, "credentials.headers", headers),
  };
}

/**
 * Chooses the runtime's own transport for each address, at once, so that what it cannot do is found here.
 *
 * @param addresses The addresses.
 * @returns What dials them, and others of the same runtime.
 * @throws {UnsupportedOptionError} If this runtime cannot reach one, or cannot do what it asks for.
 */
export function dialByRuntime(addresses: readonly BrokerAddress[]): Dial {
  for (const { target } of addresses) selectDial(target);
  return (target, handlers, options) => selectDial(target)(target, handlers, options);
}
