// From what a user gives to what the event loop goes by. Everything that can be wrong is found here, once, with a name.
import { describeTopicNameFault, MAX_PACKET_SIZE, type Will } from "../codec/mod.ts";
import {
  type BrokerAddress,
  type Clock,
  type MqttOptions,
  type ReconnectOptions,
  type ResolvedOptions,
  type SessionStore,
  systemClock,
  type ThrottleOptions,
  type WillOptions,
} from "../loop/mod.ts";
import { dialByRuntime, resolveAddresses, resolveCredentialsProvider } from "./addresses.ts";
import { resolveNetworkOptions } from "./network_options.ts";
import {
  checkBytes,
  checkFields,
  checkFlag,
  checkFunction,
  checkInteger,
  checkIntegerOrInfinity,
  checkMillis,
  checkNumber,
  checkOneOf,
  checkText,
  optional,
  optionError,
} from "./option_value.ts";

/** The default reconnect policy. */
const DEFAULT_RECONNECT: ReconnectOptions = {
  minDelayMillis: 100,
  maxDelayMillis: 30_000,
  factor: 2,
  jitter: "full",
  maxAttempts: Infinity,
  resetAfterMillis: 5_000,
  // Refused for what the user configured, before it ever worked: trying again would change nothing, unless another server may say yes.
  giveUpOn: (error, { hasConnected, untriedBrokers }) =>
    !hasConnected && untriedBrokers === 0 && error.name === "ConnectionRefusedError" && "returnCode" in error &&
    error.returnCode !== 3,
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
  throttle: undefined,
  outgoingEvents: true,
  noDelay: true,
  tls: undefined,
  headers: undefined,
  proxy: undefined,
  maxBufferedBytes: undefined,
  onPacket: undefined,
  onLog: undefined,
  sessionStore: undefined,
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
  if (typeof options !== "object" || options === null) throw new TypeError("Cannot use options: they are no object");
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw optionError(name, "there is no such option");
  }
  const network = resolveNetworkOptions(options);
  const addresses = resolveAddresses(options, network);
  const { brokers } = addresses;
  const value = { ...DEFAULTS, ...addresses.options };
  const cleanSession = checkFlag("cleanSession", value.cleanSession);
  const id = clientId(value.clientId, cleanSession);
  return {
    clientId: id,
    brokers,
    keepAlive: checkInteger("keepAlive", value.keepAlive, 0, 65_535),
    cleanSession,
    username: optional(checkText, "username", value.username),
    password: value.password === undefined ? undefined : password(value, brokers),
    credentials: value.credentials === undefined ? undefined : resolveCredentialsProvider(value.credentials, network),
    will: value.will === undefined ? undefined : will(value.will),
    maxIncomingPacketSize: checkInteger("maxIncomingPacketSize", value.maxIncomingPacketSize, 2, MAX_PACKET_SIZE),
    maxOutgoingPacketSize: checkInteger("maxOutgoingPacketSize", value.maxOutgoingPacketSize, 2, MAX_PACKET_SIZE),
    capacity: checkIntegerOrInfinity("capacity", value.capacity, 0),
    inflight: checkInteger("inflight", value.inflight, 1, 65_535),
    inflightQos2: checkInteger("inflightQos2", value.inflightQos2, 1, 65_535),
    ackMode: checkOneOf("ackMode", value.ackMode, ["automatic", "manual"]),
    connectTimeoutMillis: checkMillis("connectTimeoutMillis", value.connectTimeoutMillis, 1),
    reconnect: value.reconnect === false ? false : reconnect(value.reconnect),
    resubscribe: checkFlag("resubscribe", value.resubscribe),
    onSessionLost: onSessionLost(value.onSessionLost),
    pendingThrottleMillis: checkMillis("pendingThrottleMillis", value.pendingThrottleMillis, 0),
    throttle: value.throttle === undefined ? undefined : throttle(value.throttle),
    outgoingEvents: checkFlag("outgoingEvents", value.outgoingEvents),
    onPacket: optional(checkFunction<typeof value.onPacket & object>, "onPacket", value.onPacket),
    onLog: optional(checkFunction<typeof value.onLog & object>, "onLog", value.onLog),
    sessionStore: value.sessionStore === undefined ? undefined : sessionStore(value.sessionStore, id),
    dial: value.transport === undefined ? dialByRuntime(brokers) : checkFunction("transport", value.transport),
    clock: value.clock === undefined ? systemClock : clock(value.clock),
    random: value.random === undefined ? Math.random : checkFunction("random", value.random),
  };
}

function clientId(value: unknown, cleanSession: boolean): string {
  if (value === undefined) throw optionError("clientId", "it is required");
  const id = checkText("clientId", value);
  if (id === "" && !cleanSession) {
    throw optionError("clientId", '"" needs cleanSession true [MQTT-3.1.3-7]');
  }
  return id;
}

function password({ username, password, credentials }: MqttOptions, brokers: readonly BrokerAddress[]): Uint8Array {
  const isNamed = username !== undefined || credentials !== undefined ||
    brokers.every((address) => address.username !== undefined);
  if (!isNamed) throw optionError("password", "it needs a username [MQTT-3.1.2-22]");
  return checkBytes("password", password);
}

function will(value: WillOptions): Will {
  checkFields("will", value, ["topicName", "payload", "qos", "retain"]);
  const { topicName, payload, qos = 0, retain = false } = value;
  const fault = describeTopicNameFault(topicName);
  if (fault !== undefined) throw optionError("will.topicName", `it ${fault}`);
  return {
    topicName,
    payload: checkBytes("will.payload", payload),
    qos: checkOneOf("will.qos", qos, [0, 1, 2]),
    retain: checkFlag("will.retain", retain),
  };
}

function reconnect(value: Exclude<MqttOptions["reconnect"], false>): ReconnectOptions {
  const given = definedFields("reconnect", value, Object.keys(DEFAULT_RECONNECT));
  const policy: ReconnectOptions = { ...DEFAULT_RECONNECT, ...given };
  const minDelayMillis = checkMillis("reconnect.minDelayMillis", policy.minDelayMillis, 0);
  return {
    minDelayMillis,
    maxDelayMillis: checkMillis("reconnect.maxDelayMillis", policy.maxDelayMillis, minDelayMillis),
    factor: checkNumber("reconnect.factor", policy.factor, 1, Number.MAX_VALUE),
    jitter: checkOneOf("reconnect.jitter", policy.jitter, ["full", "none"]),
    maxAttempts: checkIntegerOrInfinity("reconnect.maxAttempts", policy.maxAttempts, 1),
    resetAfterMillis: checkMillis("reconnect.resetAfterMillis", policy.resetAfterMillis, 0),
    giveUpOn: checkFunction("reconnect.giveUpOn", policy.giveUpOn),
  };
}

function onSessionLost(value: MqttOptions["onSessionLost"]): ResolvedOptions["onSessionLost"] {
  const policy = { qos1: "resend", qos2: "fail", ...definedFields("onSessionLost", value, ["qos1", "qos2"]) };
  return {
    qos1: checkOneOf("onSessionLost.qos1", policy.qos1, ["resend", "fail"]),
    qos2: checkOneOf("onSessionLost.qos2", policy.qos2, ["resend", "fail"]),
  };
}

function throttle(value: ThrottleOptions): ResolvedOptions["throttle"] {
  checkFields("throttle", value, ["messagesPerSecond", "burst"]);
  const messagesPerSecond = checkNumber("throttle.messagesPerSecond", value.messagesPerSecond, 1e-6, 1e6);
  const { burst = Math.ceil(messagesPerSecond / 10) } = value;
  return { messagesPerSecond, burst: checkInteger("throttle.burst", burst, 1, 1e6) };
}

/** The fields of an option that are given; `undefined` stands for the default. */
function definedFields<T extends object>(name: string, value: T | undefined, fields: readonly string[]): Defined<T> {
  if (value === undefined) return {};
  checkFields(name, value, fields);
  return Object.fromEntries(Object.entries(value).filter(([, setting]) => setting !== undefined)) as Defined<T>;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function sessionStore(value: SessionStore, clientId: string): SessionStore {
  const isStore = [value?.load, value?.commit, value?.clear].every((method) => typeof method === "function");
  if (!isStore) {
    throw optionError("sessionStore", 'it has no functions "load", "commit" and "clear"');
  }
  if (clientId === "") {
    throw optionError("sessionStore", "it needs a clientId, under which the session is kept");
  }
  return value;
}

function clock(value: Clock): Clock {
  if (typeof value?.now !== "function" || typeof value.schedule !== "function") {
    throw optionError("clock", 'it has no functions "now" and "schedule"');
  }
  return value;
}
