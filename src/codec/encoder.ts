// Packets to bytes: the packet types, and the life of the buffer they are written to.

import { encodeConnect } from "./encode_connect.ts";
import { beginPacket, judgeBoolean, judgePacketId, rangeFault, typeFault, writePacketId } from "./encode_field.ts";
import { encodePublish, type OutgoingPublish } from "./encode_publish.ts";
import { encodeSuback, encodeSubscribe, encodeUnsubscribe } from "./encode_subscribe.ts";
import type { Connack, Packet } from "./packet.ts";
import { CONNACK, DISCONNECT, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBREC, PUBREL, UNSUBACK } from "./protocol.ts";
import { sharedTopicCache, type TopicCache } from "./topic_cache.ts";
import { type EncodedPart, WriteBuffer } from "./write_buffer.ts";

/** The encoder of `encodePacket`. */
let single: Encoder | undefined;

/**
 * Encodes packets one after another into a buffer that is used again and again.
 *
 * Encode as many packets as one write is to carry, `take` the parts, send them in order, and `reset` once the last of them is sent:
 * until then the buffer belongs to whoever sends it. Payloads of 16 KiB or more are not copied; they are parts of their own, and must
 * not change before `reset` either. Every rule of MQTT 3.1.1 about the form of a packet is enforced, as the decoder does.
 *
 * @example
 * ```ts
 * import { Decoder, Encoder } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const encoder = new Encoder();
 * encoder.encode({ type: "puback", packetId: 1 });
 * encoder.encode({ type: "pingreq" });
 * assertEquals(encoder.length, 6);
 *
 * const decoder = new Decoder();
 * for (const { bytes, length } of encoder.take()) decoder.push(bytes.slice(0, length));
 * encoder.reset();
 *
 * assertEquals(decoder.next(), { type: "puback", packetId: 1 });
 * assertEquals(decoder.next(), { type: "pingreq" });
 * ```
 */
export class Encoder {
  readonly #buffer = new WriteBuffer();
  readonly #topics: TopicCache = sharedTopicCache();

  /** How many bytes were encoded since the last `reset`, large payloads included. */
  get length(): number {
    return this.#buffer.totalLength;
  }

  /**
   * Encodes a packet behind those before it. If it throws, nothing was encoded, and those before it are as they were.
   *
   * @param packet The packet; a PUBLISH may have its Topic Name prepared.
   * @throws {TypeError} If a field has a wrong type, or its content breaks a rule.
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
    else encodeUncommon(this.#buffer, packet);
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
  append(other: Encoder): void {
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
}

/**
 * Encodes one packet.
 *
 * @param packet The packet.
 * @returns Its bytes in memory of their own.
 * @throws {TypeError} If a field has a wrong type, or its content breaks a rule.
 * @throws {RangeError} If a number is out of its range, or the packet or a field is too long.
 *
 * @example
 * ```ts
 * import { encodePacket } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodePacket({ type: "puback", packetId: 258 }), Uint8Array.of(0x40, 0x02, 0x01, 0x02));
 * ```
 */
export function encodePacket(packet: Packet | OutgoingPublish): Uint8Array {
  const encoder = single ??= new Encoder();
  try {
    encoder.encode(packet);
    return join(encoder.take(), encoder.length);
  } finally {
    encoder.reset();
  }
}

function join(parts: readonly EncodedPart[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!.bytes.slice(0, length);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part.bytes.subarray(0, part.length), at);
    at += part.length;
  }
  return joined;
}

/** A packet that is not sent for every message. */
type UncommonPacket = Exclude<Packet, { type: "publish" | "puback" | "pubrec" | "pubrel" | "pubcomp" }>;

function encodeUncommon(buffer: WriteBuffer, packet: UncommonPacket): void {
  switch (packet.type) {
    case "connect":
      return encodeConnect(buffer, packet);
    case "connack":
      return encodeConnack(buffer, packet);
    case "subscribe":
      return encodeSubscribe(buffer, packet);
    case "suback":
      return encodeSuback(buffer, packet);
    case "unsubscribe":
      return encodeUnsubscribe(buffer, packet);
    case "unsuback":
      return encodeAcknowledgement(buffer, UNSUBACK, packet.packetId, "UNSUBACK");
    case "pingreq":
      return encodeEmpty(buffer, PINGREQ);
    case "pingresp":
      return encodeEmpty(buffer, PINGRESP);
    case "disconnect":
      return encodeEmpty(buffer, DISCONNECT);
    default:
      throw typeFault("packet", `type is ${(packet as { type: unknown }).type}`, "MQTT-2.2.1");
  }
}

function encodeAcknowledgement(buffer: WriteBuffer, firstByte: number, packetId: number, packet: string): void {
  judgePacketId(packetId, packet);
  const at = beginPacket(buffer, firstByte, 2);
  buffer.length = writePacketId(buffer.bytes, at, packetId);
}

function encodeConnack(buffer: WriteBuffer, packet: Connack): void {
  const { sessionPresent, returnCode } = packet;
  judgeBoolean(sessionPresent, "CONNACK", "sessionPresent", "MQTT-3.2.2.2");
  if (!Number.isInteger(returnCode) || returnCode < 0 || returnCode > 5) {
    throw rangeFault("CONNACK", `returnCode is ${returnCode}, not an integer from 0 to 5`, "MQTT-3.2.2.3");
  }
  if (sessionPresent && returnCode !== 0) {
    throw typeFault("CONNACK", `sessionPresent is true with returnCode ${returnCode}`, "MQTT-3.2.2-4");
  }
  const at = beginPacket(buffer, CONNACK, 2);
  buffer.bytes[at] = sessionPresent ? 1 : 0;
  buffer.bytes[at + 1] = returnCode;
  buffer.length = at + 2;
}

function encodeEmpty(buffer: WriteBuffer, firstByte: number): void {
  buffer.length = beginPacket(buffer, firstByte, 0);
}
