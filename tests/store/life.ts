// A process whose session is in a store, and stores that others have left.

import { assertEquals } from "@std/assert";
import type { Packet } from "../../src/codec/mod.ts";
import type { Event, LogRecord, MqttOptions } from "../../src/loop/mod.ts";
import { MemorySessionStore } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { Scene, type ServerSide } from "../loop/scene.ts";

/** A process: a client with a store that outlives it. */
export class Life {
  readonly scene: Scene;
  readonly events: readonly Event[];
  readonly log: LogRecord[] = [];

  constructor(store: MemorySessionStore, options: MqttOptions = {}) {
    this.scene = new Scene({
      cleanSession: false,
      keepAlive: 0,
      sessionStore: store,
      onLog: (record) => this.log.push(record),
      ...options,
    });
    this.events = this.scene.run().events;
  }

  /** The server accepts the client. @returns The server's side; CONNECT is taken. */
  async accepted(sessionPresent: boolean): Promise<ServerSide> {
    const server = await this.scene.accept();
    await server.send({ type: "connack", sessionPresent, returnCode: 0 });
    await settle();
    return server;
  }

  /** It is killed: nothing more of it reaches anything. */
  die(): void {
    this.scene.eventLoop.close();
  }
}

/** A store in which another process has left a session. */
export async function left(
  run: (life: Life, server: ServerSide) => Promise<void>,
  options: MqttOptions = {},
): Promise<MemorySessionStore> {
  const store = new MemorySessionStore();
  const life = new Life(store, options);
  const server = await life.accepted(false);
  server.take();
  await run(life, server);
  life.die();
  await settle();
  return store;
}

/** The packets that a test looks at, as short words. */
export function publishes(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) => {
    if (packet.type === "publish") {
      return `${packet.topicName} qos ${packet.qos} id ${packet.packetId}${packet.dup ? " dup" : ""}`;
    }
    return "packetId" in packet ? `${packet.type} ${packet.packetId}` : [];
  });
}

/** One publish of each kind: sent at QoS 1 and 2, received at QoS 2, and held back by the window. */
export const unfinished = (): Promise<MemorySessionStore> =>
  left(async ({ scene: { client } }, server) => {
    await client.publish("a", "1", { qos: 2 });
    await client.publish("b", "2", { qos: 1 });
    await client.publish("c", "3", { qos: 2, retain: true });
    await client.publish("d", "4", { qos: 1 });
    await client.publish("e", "5", { qos: 2 });
    await settle();
    assertEquals(publishes(server.take()), ["a qos 2 id 1", "b qos 1 id 2", "c qos 2 id 3"]);
    await server.send({ type: "pubrec", packetId: 1 });
  }, { inflight: 3 });

/** Two live subscriptions. */
export const subscribed = (): Promise<MemorySessionStore> =>
  left(async ({ scene: { client } }, server) => {
    await client.subscribeMany([{ topicFilter: "a/#", qos: 1 }, { topicFilter: "b", qos: 2 }, {
      topicFilter: "c",
      qos: 0,
    }]);
    await settle();
    await server.send({ type: "suback", packetId: 1, returnCodes: [1, 2, 0] });
    await client.unsubscribe("b");
    await settle();
    await server.send({ type: "unsuback", packetId: 2 });
  });
