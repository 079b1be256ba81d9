// From what a user gives to what the event loop goes by. Everything that can be wrong is found here, once, with a name.
import {
  describeStringFault,
  describeTopicNameFault,
  MAX_PACKET_SIZE,
  MAX_STRING_BYTES,
  type Will,
} from "../codec/mod.ts";
import {
  type BrokerAddress,
  type Credentials,
  type MqttOptions,
  type ReconnectOptions,
  type ResolvedCredentials,
  type ResolvedOptions,
  systemClock,
  type WillOptions,
} from "../loop/mod.ts";
import { selectDial } from "../transport/select.ts";
import type { Dial } from "../transport/transport.ts";
import { parseBrokerUrl } from "./broker_url.ts";

/** The default reconnect policy. */
const DEFAULT_RECONNECT: ReconnectOptions = {
  minDelayMillis: 100,
  maxDelayMillis: 30_000,
  factor: 2,
  jitter: "full",
  maxAttempts: Infinity,
  resetAfterMillis: 5_000,
  // Refused for what the user configured, before it ever worked: trying again would change nothing.
  giveUpOn: (error, { hasConnected }) =>
    !hasConnected && error.name === "ConnectionRefusedError" && "returnCode" in error && error.returnCode !== 3,
};

/** Every option with its default; `undefined` where there is none. A name that is not here is a mistake. */
const DEFAULTS: { readonly [K in keyof Required<MqttOptions>]: MqttOptions[K] } = {
  clientId: undefined,
  broker: undefined,
  keepAlive: 60,
  cleanSession: true,
  username: undefined,
  password: undefined,
  credentials: undefined,
  will: undefined,
  maxIncomingPacketSize: 16 * 1024 * 1024,
  maxOutgoingPacketSize: MAX_PACKET_SIZE,
  capacity: 100,
  inflight: 100,
  inflightQos2: 20,
  ackMode: "automatic",
  connectTimeoutMillis: 5000,
  reconnect: undefined,
  resubscribe: true,
  onSessionLost: undefined,
  pendingThrottleMillis: 0,
  outgoingEvents: true,
  noDelay: true,
  transport: undefined,
  clock: undefined,
  random: undefined,
};

/**
 * Checks options and fills in what is missing.
 *
 * @param options The options.
 * @returns The options the event loop goes by.
 * @throws {TypeError | RangeError} If an option is unknown, missing or not valid; the message names it, its value and the rule.
 * @throws {UnsupportedOptionError} If this runtime cannot honour one.
 */
export function resolveOptions(options: MqttOptions): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`Cannot use option "${name}": there is no such option`);
  }
  const noDelay = flag("noDelay", options.noDelay ?? true);
  const addresses = brokerUrls(options.broker).map((broker) => parseBrokerUrl(broker, noDelay));
  const given = mergeOptions(addresses.map((address) => address.options), options);
  const value = { ...DEFAULTS, ...given };
  const cleanSession = flag("cleanSession", value.cleanSession);
  const username = value.username === undefined ? undefined : text("username", value.username);
  const password = passwordBytes(value.password);
  if (password !== undefined && username === undefined) {
    throw new TypeError('Cannot use option "password": it needs a username [MQTT-3.1.2-22]');
  }
  return {
    clientId: clientId(value.clientId, cleanSession),
    brokers: addresses.map(({ address }) => checkedAddress(address)),
    keepAlive: integer("keepAlive", value.keepAlive, 0, 65_535),
    cleanSession,
    username,
    password,
    credentials: credentialsProvider(value.credentials, noDelay),
    will: value.will === undefined ? undefined : will(value.will),
    maxIncomingPacketSize: integer("maxIncomingPacketSize", value.maxIncomingPacketSize, 2, MAX_PACKET_SIZE),
    maxOutgoingPacketSize: integer("maxOutgoingPacketSize", value.maxOutgoingPacketSize, 2, MAX_PACKET_SIZE),
    capacity: value.capacity === Infinity ? Infinity : integer("capacity", value.capacity, 0, Number.MAX_SAFE_INTEGER),
    inflight: integer("inflight", value.inflight, 1, 65_535),
    inflightQos2: integer("inflightQos2", value.inflightQos2, 1, 65_535),
    ackMode: oneOf("ackMode", value.ackMode, ["automatic", "manual"]),
    connectTimeoutMillis: millis("connectTimeoutMillis", value.connectTimeoutMillis, 1),
    reconnect: reconnect(value.reconnect),
    resubscribe: flag("resubscribe", value.resubscribe),
    onSessionLost: onSessionLost(value.onSessionLost),
    pendingThrottleMillis: millis("pendingThrottleMillis", value.pendingThrottleMillis, 0),
    outgoingEvents: flag("outgoingEvents", value.outgoingEvents),
    dial: value.transport === undefined
      ? dialByRuntime(addresses.map(({ address }) => address))
      : callable("transport", value.transport),
    clock: value.clock ?? systemClock,
    random: value.random === undefined ? Math.random : callable("random", value.random),
  };
}

function brokerUrls(broker: MqttOptions["broker"]): readonly (string | URL)[] {
  if (broker === undefined) throw new TypeError('Cannot use option "broker": it is required');
  const urls = Array.isArray(broker) ? broker as readonly (string | URL)[] : [broker as string | URL];
  if (urls.length === 0) throw new TypeError('Cannot use option "broker": the list is empty');
  return urls;
}

/** The options of the addresses, which must agree, under those that were given outright. */
function mergeOptions(fromAddresses: readonly MqttOptions[], options: MqttOptions): MqttOptions {
  const merged: Record<string, unknown> = {};
  for (const source of fromAddresses) {
    for (const [name, value] of Object.entries(source)) {
      if (Object.hasOwn(merged, name) && merged[name] !== value) {
        throw new TypeError(`Cannot use option "broker": the addresses do not agree on "${name}"`);
      }
      merged[name] = value;
    }
  }
  for (const [name, value] of Object.entries(options)) if (value !== undefined) merged[name] = value;
  return merged as MqttOptions;
}

function clientId(value: unknown, cleanSession: boolean): string {
  if (value === undefined) throw new TypeError('Cannot use option "clientId": it is required');
  const id = text("clientId", value);
  if (id === "" && !cleanSession) {
    throw new TypeError('Cannot use option "clientId": "" needs cleanSession true [MQTT-3.1.3-7]');
  }
  return id;
}

function checkedAddress(address: BrokerAddress): BrokerAddress {
  if (address.password !== undefined && address.username === undefined) {
    throw new TypeError(
      `Cannot use option "broker": it has a password without a user name [MQTT-3.1.2-22] (${address.label})`,
    );
  }
  return address;
}

function passwordBytes(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  if (!(bytes instanceof Uint8Array)) throw new TypeError('Cannot use option "password": it is neither text nor bytes');
  if (bytes.length > MAX_STRING_BYTES) {
    throw new RangeError(`Cannot use option "password": ${bytes.length} bytes are more than ${MAX_STRING_BYTES}`);
  }
  return bytes;
}

function will(value: WillOptions): Will {
  const { topicName, payload, qos = 0, retain = false } = value;
  const fault = describeTopicNameFault(topicName);
  if (fault !== undefined) throw new TypeError(`Cannot use option "will": topicName ${fault}`);
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError('Cannot use option "will": payload is neither text nor bytes');
  }
  if (bytes.length > MAX_STRING_BYTES) {
    throw new RangeError(
      `Cannot use option "will": a payload of ${bytes.length} bytes is more than ${MAX_STRING_BYTES}`,
    );
  }
  return { topicName, payload: bytes, qos: oneOf("will.qos", qos, [0, 1, 2]), retain: flag("will.retain", retain) };
}

function credentialsProvider(value: MqttOptions["credentials"], noDelay: boolean): ResolvedOptions["credentials"] {
  if (value === undefined) return undefined;
  const provide = callable("credentials", value);
  return async (request) => resolveCredentials(await provide(request), noDelay);
}

function resolveCredentials(credentials: Credentials, noDelay: boolean): ResolvedCredentials {
  const { username, password, broker } = credentials;
  return {
    username: username === undefined ? undefined : text("credentials.username", username),
    password: passwordBytes(password),
    broker: broker === undefined ? undefined : parseBrokerUrl(broker, noDelay).address,
  };
}

function reconnect(value: MqttOptions["reconnect"]): ReconnectOptions | false {
  if (value === false) return false;
  const given = Object.entries(value ?? {}).filter(([, setting]) => setting !== undefined);
  for (const [name] of given) {
    if (!Object.hasOwn(DEFAULT_RECONNECT, name)) {
      throw new TypeError(`Cannot use option "reconnect.${name}": there is no such option`);
    }
  }
  const policy = { ...DEFAULT_RECONNECT, ...Object.fromEntries(given) };
  const minDelayMillis = millis("reconnect.minDelayMillis", policy.minDelayMillis, 0);
  return {
    minDelayMillis,
    maxDelayMillis: millis("reconnect.maxDelayMillis", policy.maxDelayMillis, minDelayMillis),
    factor: number("reconnect.factor", policy.factor, 1, Number.MAX_VALUE),
    jitter: oneOf("reconnect.jitter", policy.jitter, ["full", "none"]),
    maxAttempts: policy.maxAttempts === Infinity
      ? Infinity
      : integer("reconnect.maxAttempts", policy.maxAttempts, 1, Number.MAX_SAFE_INTEGER),
    resetAfterMillis: millis("reconnect.resetAfterMillis", policy.resetAfterMillis, 0),
    giveUpOn: callable("reconnect.giveUpOn", policy.giveUpOn),
  };
}

function onSessionLost(value: MqttOptions["onSessionLost"]): ResolvedOptions["onSessionLost"] {
  for (const name of Object.keys(value ?? {})) {
    if (name !== "qos1" && name !== "qos2") {
      throw new TypeError(`Cannot use option "onSessionLost.${name}": there is no such option`);
    }
  }
  return {
    qos1: oneOf("onSessionLost.qos1", value?.qos1 ?? "resend", ["resend", "fail"]),
    qos2: oneOf("onSessionLost.qos2", value?.qos2 ?? "fail", ["resend", "fail"]),
  };
}

/** Chooses the runtime's own transport for each kind of address, at once, so that what it cannot do is found here. */
function dialByRuntime(addresses: readonly BrokerAddress[]): Dial {
  for (const { target } of addresses) selectDial(target.kind);
  return (target, handlers, options) => selectDial(target.kind)(target, handlers, options);
}

function text(name: string, value: unknown): string {
  const fault = describeStringFault(value);
  if (fault !== undefined) throw new TypeError(`Cannot use option "${name}": it ${fault}`);
  return value as string;
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw new TypeError(`Cannot use option "${name}": ${shown(value)} is neither true nor false`);
  }
  return value;
}

function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number") throw new TypeError(`Cannot use option "${name}": ${shown(value)} is no number`);
  if (!(value >= least && value <= most)) {
    throw new RangeError(`Cannot use option "${name}": ${value} is not from ${least} to ${most}`);
  }
  return value;
}

function integer(name: string, value: unknown, least: number, most: number): number {
  const checked = number(name, value, least, most);
  if (!Number.isInteger(checked)) throw new RangeError(`Cannot use option "${name}": ${checked} is no whole number`);
  return checked;
}

/** A span of time that a timer can hold: at most 2^31 - 1 milliseconds, some 25 days. */
function millis(name: string, value: unknown, least: number): number {
  return number(name, value, least, 0x7fff_ffff);
}

function oneOf<const T extends string | number>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new TypeError(`Cannot use option "${name}": ${shown(value)} is none of ${allowed.map(shown).join(", ")}`);
  }
  return found;
}

// deno-lint-ignore ban-types
function callable<T extends Function>(name: string, value: T): T {
  if (typeof value !== "function") throw new TypeError(`Cannot use option "${name}": ${shown(value)} is no function`);
  return value;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
