// The connection's end of the events: from record to event.
import { Decoder, type Packet, type PacketType, type Publish, type QoS } from "../codec/mod.ts";
import type { ConnectionError, Event } from "../loop/mod.ts";
import { rememberDelivery } from "./delivery.ts";
import { decodeError } from "./ring/error_record.ts";
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
  THROWN,
  TOPIC,
  UNACKNOWLEDGED_FLAG,
} from "./ring/event_record.ts";
import { RingReader } from "./ring/ring_reader.ts";
import type { SharedMemory } from "./ring/shared_memory.ts";

/** What came out of the ring besides events. */
export type EventItem = Event | { readonly type: "thrown"; readonly error: unknown } | { readonly type: "end" };

/** Reads events from their ring. */
export class EventReader {
  readonly #memory: SharedMemory;
  readonly #ring: RingReader;
  readonly #topics: string[] = [];
  // A byte order mark belongs to a Topic Name.
  readonly #decoder: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /**
   * @param memory The memory whose events these are.
   */
  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.#ring = new RingReader(memory.events, memory.workBell);
  }

  /** Takes the next item; `undefined` if none is whole. */
  next(): EventItem | undefined {
    const ring = this.#ring;
    while (ring.next()) {
      const kind = ring.tag & 0xff;
      if (kind === PUBLISH) return this.#publish();
      if (kind !== TOPIC) return this.#uncommon(kind, ring.tag >>> 8 & 0xff, ring.tag >>> 16);
      this.#topics[ring.a] = this.#decoder.decode(ring.body);
    }
    return undefined;
  }

  #publish(): Event {
    const { tag, a, b, body } = this.#ring;
    const flags = tag >>> 8;
    const packet: Publish = {
      type: "publish",
      topicName: this.#topics[a]!,
      payload: body,
      qos: (flags & 3) as QoS,
      retain: (flags & RETAIN_FLAG) !== 0,
      dup: (flags & DUP_FLAG) !== 0,
      packetId: tag >>> 16,
    };
    if ((flags & UNACKNOWLEDGED_FLAG) !== 0) rememberDelivery(packet, this.#memory, b);
    return { type: "incoming", packet };
  }

  #uncommon(kind: number, flags: number, id: number): EventItem {
    switch (kind) {
      case ACKNOWLEDGEMENT:
        return { type: "incoming", packet: { type: PACKET_TYPES[flags], packetId: id } as Packet };
      case OUTGOING:
        return { type: "outgoing", packetType: PACKET_TYPES[flags] as PacketType, packetId: id };
      case CONNECTED:
        return { type: "connected", sessionPresent: flags === 1 };
      case PACKET:
        return { type: "incoming", packet: decodeOne(this.#ring.body) };
      case DISCONNECTED: {
        const { error, retryInMillis, flap }: DisconnectedBody = JSON.parse(this.#decoder.decode(this.#ring.body));
        return { type: "disconnected", error: decodeError(error) as ConnectionError, retryInMillis, flap };
      }
      case THROWN:
        return { type: "thrown", error: decodeError(this.#decoder.decode(this.#ring.body)) };
      case END:
        return { type: "end" };
      default:
        throw new Error(`Cannot read events: record ${kind} is unknown`);
    }
  }
}

/** Decodes the one packet that the bytes are. */
function decodeOne(bytes: Uint8Array): Packet {
  const decoder = new Decoder();
  decoder.push(bytes);
  const packet = decoder.next();
  if (packet === undefined) throw new Error("Cannot read events: a packet is not whole");
  return packet;
}
