// The options that every command has: where the server is, who the client is, and how it says so.
import { parseBrokerUrl } from "../client/mod.ts";
import type { QoS } from "../codec/mod.ts";
import type { MqttOptions } from "../loop/mod.ts";
import type { Io } from "./io.ts";
import type { Log } from "./log.ts";
import { flag, integer, type OptionTable, qos, seconds, text, texts } from "./option.ts";
import { readAll } from "./read_all.ts";
import { UsageError } from "./usage_error.ts";

/** What the options of the connection become. */
export interface ConnectionValues {
  readonly broker: readonly string[];
  readonly clientId: string | undefined;
  readonly username: string | undefined;
  readonly passwordFile: string | undefined;
  readonly password: string | undefined;
  readonly keepAlive: number | undefined;
  readonly cleanSession: boolean;
  readonly noCleanSession: boolean;
  /** In milliseconds. */
  readonly connectTimeout: number | undefined;
  readonly reconnectAttempts: number | undefined;
  readonly willTopic: string | undefined;
  readonly willPayload: string | undefined;
  readonly willQos: QoS | undefined;
  readonly willRetain: boolean;
  readonly ca: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  readonly insecure: boolean;
  readonly header: readonly string[];
  readonly proxy: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The options of the connection. */
export const CONNECTION_OPTIONS: OptionTable<ConnectionValues> = {
  broker: texts(
    "URL",
    "mqtt: mqtts: ws: wss: or unix: address; more than one are tried in turn; default mqtt://localhost:1883",
    "b",
  ),
  clientId: text("ID", "the Client Identifier; a random one by default", "i"),
  username: text("NAME", "the User Name", "u"),
  passwordFile: text("FILE", "the Password; one line break at the end is none of it"),
  password: text("TEXT", "the Password, for every user of this machine to see"),
  keepAlive: integer("SECONDS", 0, 65_535, "longest silence towards the server; default 60", "k"),
  cleanSession: flag("the server forgets the session; the default"),
  noCleanSession: flag("the server keeps the session; needs --client-id"),
  connectTimeout: seconds("limit of an attempt to connect; default 5"),
  reconnectAttempts: integer(
    "N",
    0,
    Number.MAX_SAFE_INTEGER,
    "failed attempts in a row that give up a connection that was lost; 0 never reconnects; default 5 for pub, no limit for sub; bench never reconnects",
  ),
  willTopic: text("TOPIC", "topic of the Will, which is published if this client is lost"),
  willPayload: text("TEXT", "its message; empty by default"),
  willQos: qos("its QoS; default 0"),
  willRetain: flag("the server keeps it"),
  ca: texts("FILE", "PEM certificates that may sign the server's; repeatable"),
  cert: text("FILE", "PEM certificate of this client; needs --key"),
  key: text("FILE", "PEM private key of --cert"),
  serverName: text("NAME", "the name the server has to prove"),
  alpn: texts("PROTOCOL", "protocol to offer by ALPN; repeatable"),
  insecure: flag("accept any certificate: for experiments only"),
  header: texts("'NAME: VALUE'", "header of the WebSocket request; repeatable"),
  proxy: text("URL", "http:, https: or socks5: proxy on the way"),
  verbose: flag("tell of every packet on standard error"),
  quiet: flag("no warnings, no failures on standard error"),
};

/** The address if no other is given. */
const DEFAULT_BROKER = "mqtt://localhost:1883";
/** No key, certificate or password is larger. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The names of options of the client, as the command line has them. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ["broker", "--broker"],
  ["clientId", "--client-id"],
  ["username", "--username"],
  ["password", "the password"],
  ["keepAlive", "--keep-alive"],
  ["cleanSession", "--clean-session"],
  ["will.topicName", "--will-topic"],
  ["will.payload", "--will-payload"],
  ["tls", "--ca, --cert, --server-name, --alpn or --insecure"],
  ["tls.ca", "--ca"],
  ["tls.cert", "--cert"],
  ["tls.key", "--key"],
  ["tls.serverName", "--server-name"],
  ["tls.alpnProtocols", "--alpn"],
  ["tls.insecure", "--insecure"],
  ["headers", "--header"],
  ["proxy", "--proxy"],
]);

/**
 * Says a message of the client about its options with the names of the command line.
 *
 * @param message Such as `Cannot use option "keepAlive": …`.
 */
export function nameFlags(message: string): string {
  return message
    .replace(/\boption "([\w.]+)"/, (all, name) => FLAGS.get(name) ?? all)
    .replace(/\b(tls\.\w+)/g, (all, name) => FLAGS.get(name) ?? all)
    .replace('in "broker"', "in --broker")
    .replace(" (mqtts:, ssl:, tls:, wss:)", " (mqtts:, wss:)");
}

/**
 * Reads what the options, the environment and files say about the connection.
 *
 * @param io The process.
 * @param log Where dangerous options are warned of.
 * @param values The options.
 * @returns The options of a client.
 * @throws {UsageError} If they contradict each other, or a file cannot be read.
 */
export async function readConnectionOptions(io: Io, log: Log, values: ConnectionValues): Promise<MqttOptions> {
  warnOfDanger(log, values);
  const { connectTimeout } = values;
  const broker = brokersOf(io, values);
  const fromAddresses = optionsOf(broker);
  return {
    broker,
    clientId: clientIdOf(values, fromAddresses),
    cleanSession: values.noCleanSession ? false : values.cleanSession ? true : undefined,
    username: values.username ?? setting(io, "PETREL_USERNAME"),
    password: await passwordOf(io, values),
    keepAlive: values.keepAlive ?? fromAddresses.keepAlive,
    ...(connectTimeout !== undefined && { connectTimeoutMillis: connectTimeout }),
    will: willOf(values),
    tls: await tlsOf(io, values),
    headers: headersOf(values),
    proxy: values.proxy,
    // Nobody else looks at them.
    outgoingEvents: values.verbose,
    ...io.clientOptions,
  };
}

function warnOfDanger(log: Log, values: ConnectionValues): void {
  const seen = "stands in the list of processes, where every user of this machine can see it";
  if (values.password !== undefined) log.warn(`--password ${seen}; use PETREL_PASSWORD or --password-file`);
  const hasSecret = (url: string): boolean => /^[^/?#]*:\/\/[^/?#]*:[^/?#]*@/.test(url);
  if (values.broker.some(hasSecret)) log.warn(`the password in --broker ${seen}; use PETREL_BROKER`);
  if (values.proxy !== undefined && hasSecret(values.proxy)) log.warn(`the password in --proxy ${seen}`);
  if (values.insecure) log.warn("--insecure accepts any server, also one in the middle that reads all");
}

/** The address, or several; from the environment if there is none among the options. */
function brokersOf(io: Io, values: ConnectionValues): readonly string[] {
  if (values.broker.length > 0) return values.broker;
  return [setting(io, "PETREL_BROKER") ?? setting(io, "MQTT_URL") ?? DEFAULT_BROKER];
}

/** A variable of the environment; an empty one is none. */
function setting(io: Io, name: string): string | undefined {
  return io.env(name) || undefined;
}

/** The options in the queries of addresses; none if an address is not valid, which its client will say better. */
function optionsOf(brokers: readonly string[]): MqttOptions {
  try {
    return Object.assign({}, ...brokers.map((broker) => parseBrokerUrl(broker).options));
  } catch {
    return {};
  }
}

function clientIdOf(values: ConnectionValues, fromAddresses: MqttOptions): string {
  const { cleanSession, noCleanSession } = values;
  const clientId = values.clientId ?? fromAddresses.clientId;
  if (cleanSession && noCleanSession) throw new UsageError("--clean-session", "--no-clean-session says the opposite");
  const isKept = noCleanSession || (!cleanSession && fromAddresses.cleanSession === false);
  if (isKept && (clientId ?? "") === "") {
    throw new UsageError(
      noCleanSession ? "--no-clean-session" : "clean_session=false in --broker",
      "the session has no name without --client-id",
    );
  }
  return clientId ?? randomClientId();
}

/** Letters and digits, 23 at most: what every server has to accept [MQTT-3.1.3-5]. */
export function randomClientId(): string {
  const digit = (): string => Math.floor(Math.random() * 36).toString(36);
  return `petrel${Array.from({ length: 10 }, digit).join("")}`;
}

async function passwordOf(io: Io, values: ConnectionValues): Promise<string | Uint8Array | undefined> {
  const { password, passwordFile } = values;
  if (password !== undefined && passwordFile !== undefined) {
    throw new UsageError("--password", "--password-file gives another one");
  }
  if (passwordFile === undefined) return password ?? setting(io, "PETREL_PASSWORD");
  const bytes = await readAll(io.file(passwordFile), MAX_FILE_BYTES, "--password-file");
  let length = bytes.length;
  if (bytes[length - 1] === 0x0a) length--;
  if (length < bytes.length && bytes[length - 1] === 0x0d) length--;
  return bytes.subarray(0, length);
}

function willOf(values: ConnectionValues): MqttOptions["will"] {
  const { willTopic, willPayload, willQos, willRetain } = values;
  if (willTopic !== undefined) {
    return { topicName: willTopic, payload: willPayload ?? "", qos: willQos, retain: willRetain };
  }
  const stray = willPayload !== undefined ? "--will-payload" : willQos !== undefined ? "--will-qos" : "--will-retain";
  if (willPayload !== undefined || willQos !== undefined || willRetain) {
    throw new UsageError(stray, "it needs --will-topic");
  }
  return undefined;
}

async function tlsOf(io: Io, values: ConnectionValues): Promise<MqttOptions["tls"]> {
  const { ca, cert, key, alpn, insecure, serverName } = values;
  const isUsed = ca.length > 0 || cert !== undefined || key !== undefined || alpn.length > 0 || insecure ||
    serverName !== undefined;
  if (!isUsed) return undefined;
  return {
    ca: ca.length === 0
      ? undefined
      : await Promise.all(ca.map((path) => readAll(io.file(path), MAX_FILE_BYTES, "--ca"))),
    cert: cert === undefined ? undefined : await readAll(io.file(cert), MAX_FILE_BYTES, "--cert"),
    key: key === undefined ? undefined : await readAll(io.file(key), MAX_FILE_BYTES, "--key"),
    alpnProtocols: alpn.length === 0 ? undefined : alpn,
    serverName,
    insecure,
  };
}

function headersOf({ header }: ConnectionValues): MqttOptions["headers"] {
  if (header.length === 0) return undefined;
  const headers = new Map<string, string>();
  for (const line of header) {
    const colon = line.indexOf(":");
    // The line is not repeated: its value may be a secret.
    if (colon < 1) throw new UsageError("--header", "it is not written 'Name: value'");
    const name = line.slice(0, colon).trim();
    if (headers.has(name)) throw new UsageError("--header", `${JSON.stringify(name)} is given twice`);
    headers.set(name, line.slice(colon + 1).trim());
  }
  return Object.fromEntries(headers);
}
