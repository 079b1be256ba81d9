// The worker's end of the events: from event to record.
import { encodePacket, type Packet, type PacketType, type Publish } from "../../codec/mod.ts";
import type { Event } from "../../loop/mod.ts";
import { encodeError } from "../ring/error_record.ts";
import {
  ACKNOWLEDGEMENT,
  CONNECTED,
  DISCONNECTED,
  type DisconnectedBody,
  DUP_FLAG,
  END,
  OUTGOING,
  PACKET,
  PACKET_TYPES,
  PUBLISH,
  RETAIN_FLAG,
  tagOf,
  THROWN,
  TOPIC,
  UNACKNOWLEDGED_FLAG,
} from "../ring/event_record.ts";
import type { RingWriter } from "../ring/ring_writer.ts";
import { TopicNumbers } from "../ring/topic_numbers.ts";

const TYPE_NUMBERS: ReadonlyMap<PacketType, number> = new Map(PACKET_TYPES.map((type, number) => [type, number]));

/** Writes events to their ring. Each call says whether the event is whole; if it is not, `advance` goes on with it. */
export class EventWriter {
  readonly #ring: RingWriter;
  readonly #topics: TopicNumbers = new TopicNumbers();
  readonly #encoder: TextEncoder = new TextEncoder();
  /** A message that waits until the number of its topic is told, and the number of its delivery. */
  #next: { readonly packet: Publish; readonly delivery: number } | undefined;

  /**
   * @param ring The ring of events.
   */
  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  /**
   * Writes an event.
   *
   * @param event The event.
   * @param delivery The number of the delivery if it is a message that awaits acknowledgement; otherwise 0.
   * @returns Whether it is whole.
   */
  write(event: Event, delivery: number): boolean {
    switch (event.type) {
      case "incoming":
        return event.packet.type === "publish"
          ? this.#writePublish(event.packet, delivery)
          : this.#writePacket(event.packet);
      case "outgoing":
        return this.#ring.write(tagOf(OUTGOING, TYPE_NUMBERS.get(event.packetType)!, event.packetId), 0, 0);
      case "connected":
        return this.#ring.write(tagOf(CONNECTED, event.sessionPresent ? 1 : 0, 0), 0, 0);
      case "disconnected": {
        const { error, retryInMillis, flap } = event;
        const body: DisconnectedBody = { error: encodeError(error), retryInMillis, flap };
        return this.#writeText(DISCONNECTED, JSON.stringify(body));
      }
    }
  }

  /** Writes what the loop threw. @returns Whether it is whole. */
  writeThrown(error: unknown): boolean {
    return this.#writeText(THROWN, encodeError(error));
  }

  /** Writes that nothing follows. @returns Whether it is whole. */
  writeEnd(): boolean {
    return this.#ring.write(END, 0, 0);
  }

  /** Goes on with what is not whole. @returns Whether it is whole now; if not, there is no room. */
  advance(): boolean {
    if (!this.#ring.advance()) return false;
    const next = this.#next;
    if (next === undefined) return true;
    this.#next = undefined;
    return this.#writePublish(next.packet, next.delivery);
  }

  #writePublish(packet: Publish, delivery: number): boolean {
    const { topicName, payload, qos, retain, dup, packetId } = packet;
    let topic = this.#topics.find(topicName);
    if (topic === undefined) {
      topic = this.#topics.add(topicName);
      if (!this.#ring.write(TOPIC, topic, 0, this.#encoder.encode(topicName))) {
        this.#next = { packet, delivery };
        return false;
      }
    }
    const flags = qos | (retain ? RETAIN_FLAG : 0) | (dup ? DUP_FLAG : 0) | (delivery === 0 ? 0 : UNACKNOWLEDGED_FLAG);
    return this.#ring.write(tagOf(PUBLISH, flags, packetId), topic, delivery, payload);
  }

  #writePacket(packet: Exclude<Packet, Publish>): boolean {
    switch (packet.type) {
      case "puback":
      case "pubrec":
      case "pubrel":
      case "pubcomp":
      case "unsuback":
        return this.#ring.write(tagOf(ACKNOWLEDGEMENT, TYPE_NUMBERS.get(packet.type)!, packet.packetId), 0, 0);
      default:
        return this.#ring.write(PACKET, 0, 0, encodePacket(packet));
    }
  }

  #writeText(kind: number, text: string): boolean {
    return this.#ring.write(kind, 0, 0, this.#encoder.encode(text));
  }
}
