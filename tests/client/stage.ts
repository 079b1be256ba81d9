// The stage of the driven client's tests: a connection that drives itself, and a network, a server and a clock that a test moves.

import {
  connect,
  type ConnectOptions,
  type Message,
  type MqttConnection,
  type Subscription,
} from "../../src/client/mod.ts";
import type { Packet, Publish, QoS } from "../../src/codec/mod.ts";
import { ManualClock, MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";
import { type Outcome, ServerSide, START_MILLIS, watch } from "../loop/scene.ts";

/** A stage with nobody on it. */
export class Stage {
  readonly clock: ManualClock = new ManualClock(START_MILLIS);
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly server: ScriptedServer = new ScriptedServer(this.network);

  /** Begins to connect, and tells how that goes. */
  connect(
    options: ConnectOptions = {},
    url: string | readonly string[] = "mqtt://broker.test",
  ): Outcome<MqttConnection> {
    return watch(connect(url, {
      clientId: "tern",
      transport: this.network.dial,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    }));
  }

  /** Lets the server accept the next connection and its CONNECT. */
  async accept(sessionPresent = false): Promise<ServerSide> {
    const connection = await this.server.accept();
    await connection.acceptConnect({ sessionPresent });
    const side = new ServerSide(connection);
    await settle();
    return side;
  }

  /** Lets the delay before the next dial pass, and the server accept it. */
  async reconnect(sessionPresent = false): Promise<ServerSide> {
    const { dialCount } = this.network;
    while (this.network.dialCount === dialCount) {
      await settle();
      const next = this.clock.nextDeadline;
      if (next === undefined) throw new Error("Cannot pass the delay: nothing waits for time");
      await this.clock.advance(next - this.clock.now());
    }
    return await this.accept(sessionPresent);
  }
}

/** A stage with a connection that the server has accepted. */
export async function openStage(
  options: ConnectOptions = {},
  sessionPresent = false,
): Promise<{ stage: Stage; mqtt: MqttConnection; server: ServerSide }> {
  const stage = new Stage();
  const connecting = stage.connect(options);
  const server = await stage.accept(sessionPresent);
  if (connecting.value === undefined) {
    throw new Error("Cannot begin: the client has not connected", { cause: connecting });
  }
  return { stage, mqtt: connecting.value, server };
}

/** Subscribes, lets the server grant it, and gives the stream. */
export async function subscribe(
  mqtt: MqttConnection,
  server: ServerSide,
  topicFilter: string,
  options: Parameters<MqttConnection["subscribe"]>[1] = {},
): Promise<Subscription> {
  const subscribing = watch(mqtt.subscribe(topicFilter, options));
  await settle();
  await grant(server);
  if (subscribing.value === undefined) throw new Error("Cannot begin: not subscribed", { cause: subscribing });
  return subscribing.value;
}

/** Lets the server answer every SUBSCRIBE and UNSUBSCRIBE that has come. @returns What came, as short words with their filters. */
export async function grant(server: ServerSide): Promise<string[]> {
  const packets = server.take();
  for (const packet of packets) {
    const { type } = packet;
    if (type === "subscribe") {
      const returnCodes = packet.subscriptions.map(({ qos }) => qos);
      await server.send({ type: "suback", packetId: packet.packetId, returnCodes });
    } else if (type === "unsubscribe") {
      await server.send({ type: "unsuback", packetId: packet.packetId });
    }
  }
  return packets.map(describe);
}

/** A packet in short words: `subscribe a/b 1`, `unsubscribe a/b`, `publish 1`. */
export function describe(packet: Packet): string {
  if (packet.type === "subscribe") {
    return `subscribe ${packet.subscriptions.map(({ topicFilter, qos }) => `${topicFilter} ${qos}`).join(", ")}`;
  }
  if (packet.type === "unsubscribe") return `unsubscribe ${packet.topicFilters.join(", ")}`;
  return "packetId" in packet && packet.packetId !== 0 ? `${packet.type} ${packet.packetId}` : packet.type;
}

/** A message with a text, as a server sends it. */
export function text(
  topicName: string,
  payload: string,
  { qos = 0, packetId = qos === 0 ? 0 : 1, retain = false, dup = false }: {
    qos?: QoS;
    packetId?: number;
    retain?: boolean;
    dup?: boolean;
  } = {},
): Publish {
  return { type: "publish", topicName, payload: new TextEncoder().encode(payload), qos, retain, dup, packetId };
}

/** Takes the next message, which has to come. */
export async function take(stream: Subscription): Promise<Message> {
  const { value } = await stream.next();
  if (value === undefined) throw new Error("Cannot take a message: the stream has ended");
  return value;
}

/** Reads a stream in the background. */
export interface Reading {
  /** The texts of what it has got. */
  readonly texts: string[];
  /** How it ended. */
  readonly end: Outcome<void>;
}

/** Reads a stream until it ends. */
export function read(stream: AsyncIterable<Message>, handle?: (message: Message) => Promise<unknown> | void): Reading {
  const texts: string[] = [];
  const iterate = async (): Promise<void> => {
    for await (const message of stream) {
      texts.push(message.text());
      await handle?.(message);
    }
  };
  return { texts, end: watch(iterate()) };
}
