// From an address to a connection that looks after itself.
import type { MqttOptions } from "../loop/mod.ts";
import { parseBrokerUrl } from "./broker_url.ts";
import { AsyncClient } from "./client.ts";
import type { Overlaps } from "./copies.ts";
import { DrivenLoop } from "./driven_loop.ts";
import { MqttConnection } from "./mqtt_connection.ts";
import { checkInteger, checkOneOf } from "./option_value.ts";
import { resolveOptions } from "./options.ts";

/** How many bytes of messages are held beyond the capacities of their streams by default. */
const DEFAULT_READ_AHEAD_BYTES = 64 * 1024 * 1024;

/** How a driven client connects, and behaves: the options of the polled one, and a few of its own. */
export interface ConnectOptions extends Omit<MqttOptions, "broker" | "outgoingEvents"> {
  /** Ends the wait for the first connection with its reason, and the client with it. Later it means nothing. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How the server delivers a message that several filters of this client match: once (`"single"`: mosquitto, HiveMQ, aedes), or a copy
   * for each (`"copies"`: EMQX). Default `"detect"`: found out from what arrives. While it is not known, a message that equals the one
   * right before it, on a topic that several filters match, may be its copy or one more: at QoS 0 it is left out, which may lose one; at
   * QoS 1 and 2 it is delivered, which may deliver one twice. Who knows the server says it.
   */
  readonly overlaps?: Overlaps | undefined;
  /**
   * Most bytes of messages that are held beyond the capacities of their streams, when an answer of the server that somebody awaits lies
   * behind them. Default 64 MiB.
   */
  readonly maxReadAheadBytes?: number | undefined;
}

/**
 * Connects to a server, and keeps the connection up.
 *
 * What happens when the first attempt fails is for the reconnect policy to say, as for any later one: by default it is tried again until
 * a server accepts, unless one refuses what the options say (return codes 1, 2, 4 and 5). `reconnect: false` tries once, now and later;
 * `maxAttempts` limits the attempts in a row. `giveUpOn: (_, { hasConnected }) => !hasConnected` gives up at the first failure, but not
 * once there was a connection; it also sees the errors meanwhile.
 *
 * @param url The address, such as `mqtt://host:1883`; of several each is tried in turn.
 * @param options The options. `clientId` may be left out with a clean session: the server chooses one then [MQTT-3.1.3-6].
 * @returns The connection, once the server has accepted it.
 * @throws {TypeError | RangeError} If an option is unknown, missing or not valid.
 * @throws {UnsupportedOptionError} If this runtime cannot honour one.
 * @throws {ConnectionLostError | ConnectionRefusedError | MalformedPacketError | ProtocolError | TlsError} The last failure, if the
 * policy gives up.
 * @throws {unknown} The reason of the signal, if it is aborted before. Nothing is left running.
 *
 * @example
 * ```ts
 * import { connect } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // A server in memory; without `transport`, the address is dialled.
 * const network = new MemoryNetwork();
 * void new ScriptedServer(network).autoRespond();
 *
 * await using mqtt = await connect("mqtt://example.net", { clientId: "petrel", transport: network.dial });
 * const greetings = await mqtt.subscribe("hello/+", { qos: 1 });
 * await mqtt.publish("hello/petrel", "fair winds", { qos: 1 });
 * for await (const message of greetings) {
 *   assertEquals(message.text(), "fair winds");
 *   break;
 * }
 * ```
 */
export async function connect(
  url: string | URL | readonly (string | URL)[],
  options: ConnectOptions = {},
): Promise<MqttConnection> {
  const { signal, overlaps, maxReadAheadBytes, ...given } = options;
  signal?.throwIfAborted();
  for (const name of ["broker", "outgoingEvents"]) {
    if (Object.hasOwn(given, name)) {
      throw new TypeError(`Cannot use option "${name}": a driven client has no such option`);
    }
  }
  const settings = {
    overlaps: checkOneOf("overlaps", overlaps ?? "detect", ["detect", "single", "copies"]),
    maxReadAheadBytes: checkInteger(
      "maxReadAheadBytes",
      maxReadAheadBytes ?? DEFAULT_READ_AHEAD_BYTES,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
  };
  const mqttOptions: MqttOptions = { ...given, clientId: clientIdOf(url, given), broker: url, outgoingEvents: false };
  const loop = new DrivenLoop(AsyncClient.create(mqttOptions), resolveOptions(mqttOptions), settings);
  await untilOpen(loop, signal);
  return new MqttConnection(loop);
}

/** The Client Identifier of the options; without one there and in the addresses, it is for the server to choose. */
function clientIdOf(url: string | URL | readonly (string | URL)[], { clientId }: MqttOptions): string | undefined {
  if (clientId !== undefined) return clientId;
  const urls = Array.isArray(url) ? url as readonly (string | URL)[] : [url as string | URL];
  return urls.some((url) => parseBrokerUrl(url).options.clientId !== undefined) ? undefined : "";
}

/** Waits until the loop is open; if it is not to be, until it has ended. */
async function untilOpen(loop: DrivenLoop, signal: AbortSignal | undefined): Promise<void> {
  const abort = (): void => loop.eventLoop.close();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await loop.opened;
    signal?.throwIfAborted();
  } catch (error) {
    await loop.closed;
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
