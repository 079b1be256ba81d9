// A server small enough to be read at a glance: it answers every packet as the specification asks, and hands messages to whoever has
// subscribed. It keeps nothing across connections, neither sessions nor retained messages.

import { MAX_PACKET_ID, type Packet, type PacketId, type Publish, type QoS, topicMatches } from "../codec/mod.ts";
import { ScriptError } from "./script_error.ts";

/** The connection of one client, as far as it matters here. */
export interface ClientConnection {
  /** The client's next packet; `undefined` at the end. */
  receive(): Promise<Packet | undefined>;
  /** Sends packets to the client. */
  send(...packets: Packet[]): Promise<void>;
  /** Ends the connection. */
  close(): void;
}

/** What is remembered of a client while it is connected. */
interface Client {
  readonly connection: ClientConnection;
  readonly subscriptions: Map<string, QoS>;
  /** Incoming QoS 2 messages that were handed on and await their PUBREL. */
  readonly unreleased: Set<PacketId>;
  lastPacketId: PacketId;
}

/** Answers any number of clients, and passes messages between them. */
export class AutoResponder {
  readonly #clients = new Set<Client>();

  /** Serves one client until its connection is over. */
  async serve(connection: ClientConnection): Promise<void> {
    const client: Client = { connection, subscriptions: new Map(), unreleased: new Set(), lastPacketId: 0 };
    this.#clients.add(client);
    try {
      for (let packet = await connection.receive(); packet !== undefined; packet = await connection.receive()) {
        await this.#answer(client, packet);
      }
    } finally {
      this.#clients.delete(client);
    }
  }

  /** Resolves when the client has the answer: a client that does not read is not read from. */
  #answer(client: Client, packet: Packet): Promise<void> {
    const { connection, subscriptions } = client;
    switch (packet.type) {
      case "connect":
        return connection.send({ type: "connack", sessionPresent: false, returnCode: 0 });
      case "publish":
        return this.#handlePublish(client, packet);
      case "pubrec":
        return connection.send({ type: "pubrel", packetId: packet.packetId });
      case "pubrel":
        client.unreleased.delete(packet.packetId);
        return connection.send({ type: "pubcomp", packetId: packet.packetId });
      case "subscribe":
        for (const { topicFilter, qos } of packet.subscriptions) subscriptions.set(topicFilter, qos);
        return connection.send({
          type: "suback",
          packetId: packet.packetId,
          returnCodes: packet.subscriptions.map(({ qos }) => qos),
        });
      case "unsubscribe":
        for (const topicFilter of packet.topicFilters) subscriptions.delete(topicFilter);
        return connection.send({ type: "unsuback", packetId: packet.packetId });
      case "pingreq":
        return connection.send({ type: "pingresp" });
      case "disconnect":
        connection.close();
        return Promise.resolve();
      case "puback":
      case "pubcomp":
        return Promise.resolve();
      default:
        throw new ScriptError(
          "unexpected-packet",
          `Cannot answer the client: it sent ${packet.type.toUpperCase()}, which only a server sends`,
          { packet },
        );
    }
  }

  #handlePublish(client: Client, publish: Publish): Promise<void> {
    const { packetId } = publish;
    const isRepeated = client.unreleased.has(packetId);
    if (publish.qos === 2) client.unreleased.add(packetId);
    const answers: Packet[] = [];
    if (publish.qos === 1) answers.push({ type: "puback", packetId });
    if (publish.qos === 2) answers.push({ type: "pubrec", packetId });
    const answered = answers.length === 0 ? Promise.resolve() : client.connection.send(...answers);
    if (publish.qos !== 2 || !isRepeated) this.#route(publish);
    return answered;
  }

  /** Hands a message on, at once per client, at the highest QoS of its matching subscriptions. Waits for none of them. */
  #route(publish: Publish): void {
    for (const client of this.#clients) {
      let granted: QoS | undefined;
      for (const [topicFilter, qos] of client.subscriptions) {
        if (topicMatches(publish.topicName, topicFilter) && (granted === undefined || qos > granted)) granted = qos;
      }
      if (granted === undefined) continue;
      const qos = granted < publish.qos ? granted : publish.qos;
      if (qos > 0) client.lastPacketId = client.lastPacketId % MAX_PACKET_ID + 1;
      const packetId = qos > 0 ? client.lastPacketId : 0;
      void client.connection.send({ ...publish, qos, packetId, dup: false, retain: false });
    }
  }
}
