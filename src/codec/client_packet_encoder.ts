// Packets to bytes: those that a client sends, and the life of the buffer they are written to.

import { encodeConnect } from "./encode_connect.ts";
import { beginPacket, judgePacketId, typeFault, writePacketId } from "./encode_field.ts";
import { encodePublish, type OutgoingPublish } from "./encode_publish.ts";
import { encodeSubscribe, encodeUnsubscribe } from "./encode_subscribe.ts";
import type { Packet } from "./packet.ts";
import { DISCONNECT, PINGREQ, PUBACK, PUBCOMP, PUBREC, PUBREL } from "./protocol.ts";
import { sharedTopicCache, type TopicCache } from "./topic_cache.ts";
import { type EncodedPart, WriteBuffer } from "./write_buffer.ts";

/** A packet that is not sent for every message. */
type UncommonPacket = Extract<Packet, { type: "connect" | "subscribe" | "unsubscribe" | "pingreq" | "disconnect" }>;

/** A packet that only a server sends. */
export type ServerPacket = Extract<Packet, { type: "connack" | "suback" | "unsuback" | "pingresp" }>;

/**
 * Encodes a packet that only a server sends, or refuses it by throwing.
 *
 * @param packet The packet.
 * @returns Its bytes, which are copied.
 */
export type ServerPacketEncoding = (packet: ServerPacket) => Uint8Array;

/**
 * Encodes what a client sends. It is an {@linkcode Encoder} that does not know the packets only a server sends.
 *
 * @example
 * ```ts
 * import { ClientPacketEncoder } from "@petrel/mqtt/codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const encoder = new ClientPacketEncoder();
 * encoder.encode({ type: "pingreq" });
 * assertEquals(encoder.length, 2);
 * assertThrows(() => encoder.encode({ type: "pingresp" }), TypeError, "type is pingresp");
 * ```
 */
export class ClientPacketEncoder {
  readonly #buffer = new WriteBuffer();
  readonly #topics: TopicCache = sharedTopicCache();
  readonly #encodeServerPacket: ServerPacketEncoding;

  /**
   * Makes an encoder that holds nothing.
   *
   * @param encodeServerPacket Encodes what is left; if it is not given, that is refused with a `TypeError`.
   */
  constructor(encodeServerPacket: ServerPacketEncoding = refusePacket) {
    this.#encodeServerPacket = encodeServerPacket;
  }

  /** How many bytes were encoded since the last `reset`, large payloads included. */
  get length(): number {
    return this.#buffer.totalLength;
  }

  /**
   * Encodes a packet behind those before it. If it throws, nothing was encoded, and those before it are as they were.
   *
   * @param packet The packet; a PUBLISH may have its Topic Name prepared.
   * @throws {TypeError} If a field has a wrong type, or its content breaks a rule; or if it is a packet that the encoder does not know.
   * @throws {RangeError} If a number is out of its range, or the packet or a field is too long.
   * @throws {Error} If the parts were taken, and `reset` was not called since.
   */
  encode(packet: Packet | OutgoingPublish): void {
    const { type } = packet;
    if (type === "publish") encodePublish(this.#buffer, packet, this.#topics);
    else if (type === "puback") encodeAcknowledgement(this.#buffer, PUBACK, packet.packetId, "PUBACK");
    else if (type === "pubrec") encodeAcknowledgement(this.#buffer, PUBREC, packet.packetId, "PUBREC");
    else if (type === "pubrel") encodeAcknowledgement(this.#buffer, PUBREL, packet.packetId, "PUBREL");
    else if (type === "pubcomp") encodeAcknowledgement(this.#buffer, PUBCOMP, packet.packetId, "PUBCOMP");
    else this.#encodeUncommon(packet);
  }

  /**
   * Takes over what another encoder holds, behind what this one holds, and lets that one begin anew.
   *
   * @param other The other encoder; its parts must not be taken.
   * @throws {Error} If the parts of this one were taken, and `reset` was not called since.
   *
   * @example
   * ```ts
   * import { Encoder } from "@petrel/mqtt/codec";
   * import { assertEquals } from "@std/assert";
   *
   * const gathered = new Encoder();
   * gathered.encode({ type: "puback", packetId: 1 });
   * const later = new Encoder();
   * later.encode({ type: "puback", packetId: 2 });
   * gathered.append(later);
   * assertEquals([gathered.length, later.length], [8, 0]);
   * ```
   */
  append(other: ClientPacketEncoder): void {
    this.#buffer.append(other.#buffer);
  }

  /**
   * Lists what was encoded since the last `reset`, to be sent in this order. Nothing can be encoded until `reset`.
   *
   * @returns The parts: none if nothing was encoded, and one unless there are large payloads. The list and its parts belong to the
   * encoder: they mean nothing after `reset`.
   */
  take(): readonly EncodedPart[] {
    return this.#buffer.take();
  }

  /** Begins anew. Call it when the last part is sent, or is not going to be. */
  reset(): void {
    this.#buffer.reset();
  }

  #encodeUncommon(packet: UncommonPacket | ServerPacket): void {
    const buffer = this.#buffer;
    switch (packet.type) {
      case "connect":
        return encodeConnect(buffer, packet);
      case "subscribe":
        return encodeSubscribe(buffer, packet);
      case "unsubscribe":
        return encodeUnsubscribe(buffer, packet);
      case "pingreq":
        return encodeEmpty(buffer, PINGREQ);
      case "disconnect":
        return encodeEmpty(buffer, DISCONNECT);
      default:
        this.#append(this.#encodeServerPacket(packet));
    }
  }

  #append(bytes: Uint8Array): void {
    const buffer = this.#buffer;
    buffer.reserve(bytes.length);
    buffer.bytes.set(bytes, buffer.length);
    buffer.length += bytes.length;
  }
}

/** What the encoder of a client says to a packet it does not send, and every encoder to what is no packet. */
export function refusePacket(packet: { readonly type: unknown }): never {
  throw typeFault("packet", `type is ${packet.type}`, "MQTT-2.2.1");
}

/**
 * Writes a packet that holds nothing but a Packet Identifier.
 *
 * @throws {RangeError} If that is none.
 */
export function encodeAcknowledgement(buffer: WriteBuffer, firstByte: number, packetId: number, packet: string): void {
  judgePacketId(packetId, packet);
  const at = beginPacket(buffer, firstByte, 2);
  buffer.length = writePacketId(buffer.bytes, at, packetId);
}

/** Writes a packet of a fixed header alone. */
export function encodeEmpty(buffer: WriteBuffer, firstByte: number): void {
  buffer.length = beginPacket(buffer, firstByte, 0);
}
