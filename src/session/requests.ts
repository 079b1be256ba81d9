// Requests that were admitted and not handed out yet. They outlive connections and sessions: no server knows of them.
import type { OutgoingPublish, PacketId, Publish, Subscribe, Subscription, Unsubscribe } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import type { Token } from "./event.ts";
import type { PublishRequest } from "./options.ts";
import type { OutgoingExchanges } from "./outgoing.ts";

/** The admitted requests of one session, as packets in their order. Each has its Packet Identifier and its exchange from the start. */
export class AdmittedRequests {
  readonly #outgoing: OutgoingExchanges;
  readonly #waiting: Fifo<Publish | Subscribe | Unsubscribe> = new Fifo();

  /**
   * @param outgoing Where their exchanges are opened.
   */
  constructor(outgoing: OutgoingExchanges) {
    this.#outgoing = outgoing;
  }

  /** How many wait to be handed out. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a message; at QoS 1 and 2 a Packet Identifier must be free.
   *
   * @returns The Packet Identifier; 0 at QoS 0.
   */
  publish(request: PublishRequest, token: Token): PacketId {
    const { topicName, preparedTopic, payload, qos, retain } = request;
    const packetId = qos === 0 ? 0 : this.#outgoing.allocatePacketId();
    const packet: OutgoingPublish = preparedTopic === undefined
      ? { type: "publish", topicName, payload, qos, retain, dup: false, packetId }
      : { type: "publish", topicName, payload, qos, retain, dup: false, packetId, preparedTopic };
    if (qos > 0) this.#outgoing.openPublish(packet, token);
    this.#waiting.push(packet);
    return packetId;
  }

  /** Adds a SUBSCRIBE; a Packet Identifier must be free. */
  subscribe(subscriptions: readonly Subscription[], token: Token): PacketId {
    const packetId = this.#outgoing.allocatePacketId();
    const packet: Subscribe = { type: "subscribe", packetId, subscriptions };
    this.#outgoing.openSubscribe(packet, token);
    this.#waiting.push(packet);
    return packetId;
  }

  /** Adds an UNSUBSCRIBE; a Packet Identifier must be free. */
  unsubscribe(topicFilters: readonly string[], token: Token): PacketId {
    const packetId = this.#outgoing.allocatePacketId();
    const packet: Unsubscribe = { type: "unsubscribe", packetId, topicFilters };
    this.#outgoing.openUnsubscribe(packet, token);
    this.#waiting.push(packet);
    return packetId;
  }

  /** Takes the next packet to be handed out: from here on the server may know of it. */
  takeNext(): Publish | Subscribe | Unsubscribe | undefined {
    const packet = this.#waiting.shift();
    if (packet !== undefined && packet.packetId !== 0) this.#outgoing.handleTransmit(packet.packetId);
    return packet;
  }
}
