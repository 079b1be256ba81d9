// One whole packet whose fixed header was judged: the fields by packet type.

import { decodePacketId } from "./decode_field.ts";
import { decodePublish } from "./decode_publish.ts";
import { decodeSuback } from "./decode_subscribe.ts";
import { bodyStart } from "./fixed_header.ts";
import type { IncomingBytes } from "./incoming_bytes.ts";
import type { Connack, ConnectReturnCode, Packet, Puback, Pubcomp, Pubrec, Pubrel, Unsuback } from "./packet.ts";
import * as code from "./protocol.ts";
import type { TopicInterner } from "./topic_interner.ts";

/** A packet that holds nothing but a Packet Identifier. */
type Acknowledgement = Puback | Pubrec | Pubrel | Pubcomp | Unsuback;

/** The packets with a body that only a client sends. */
export type ClientPacketType = "connect" | "subscribe" | "unsubscribe";

/**
 * Decodes a packet that only a client sends, or refuses it by throwing. Its fixed header was judged.
 *
 * @param type The type of the packet.
 * @param bytes The memory that holds it.
 * @param at Where it begins there.
 * @param end Where it ends.
 * @param origin The offset in the stream of `bytes[0]`, for errors.
 * @returns The packet.
 */
export type ClientPacketDecoding = (
  type: ClientPacketType,
  bytes: Uint8Array,
  at: number,
  end: number,
  origin: number,
) => Packet;

/**
 * Decodes the packet from `at` to `end`.
 *
 * @throws {MalformedPacketError} If its body breaks a rule.
 */
export function decodePacket(
  source: IncomingBytes,
  at: number,
  end: number,
  topics: TopicInterner,
  decodeClientPacket: ClientPacketDecoding,
): Packet {
  const firstByte = source.bytes[at]!;
  const body = bodyStart(source.bytes, at);
  switch (firstByte) {
    case code.CONNECT:
      return decodeClientPacket("connect", source.bytes, at, end, source.origin);
    case code.CONNACK:
      return decodeConnack(source, body);
    case code.PUBACK:
      return acknowledgement(firstByte, decodePacketId(source, body, end, "PUBACK"))!;
    case code.PUBREC:
      return acknowledgement(firstByte, decodePacketId(source, body, end, "PUBREC"))!;
    case code.PUBREL:
      return acknowledgement(firstByte, decodePacketId(source, body, end, "PUBREL"))!;
    case code.PUBCOMP:
      return acknowledgement(firstByte, decodePacketId(source, body, end, "PUBCOMP"))!;
    case code.SUBSCRIBE:
      return decodeClientPacket("subscribe", source.bytes, at, end, source.origin);
    case code.SUBACK:
      return decodeSuback(source, body, end);
    case code.UNSUBSCRIBE:
      return decodeClientPacket("unsubscribe", source.bytes, at, end, source.origin);
    case code.UNSUBACK:
      return acknowledgement(firstByte, decodePacketId(source, body, end, "UNSUBACK"))!;
    case code.PINGREQ:
      return { type: "pingreq" };
    case code.PINGRESP:
      return { type: "pingresp" };
    case code.DISCONNECT:
      return { type: "disconnect" };
    default:
      return decodePublish(source, at, body, end, topics);
  }
}

/** Makes the packet of a type that holds nothing but a Packet Identifier; `undefined` for any other first byte. */
export function acknowledgement(firstByte: number, packetId: number): Acknowledgement | undefined {
  switch (firstByte) {
    case code.PUBACK:
      return { type: "puback", packetId };
    case code.PUBREC:
      return { type: "pubrec", packetId };
    case code.PUBREL:
      return { type: "pubrel", packetId };
    case code.PUBCOMP:
      return { type: "pubcomp", packetId };
    case code.UNSUBACK:
      return { type: "unsuback", packetId };
    default:
      return undefined;
  }
}

function decodeConnack(source: IncomingBytes, body: number): Connack {
  const flags = source.bytes[body]!;
  const returnCode = source.bytes[body + 1]!;
  if (flags > 1) throw source.fault("CONNACK", "a reserved flag is set", "MQTT-3.2.2.1", body);
  if (returnCode > 5) {
    throw source.fault("CONNACK", `return code ${returnCode} is reserved`, "MQTT-3.2.2.3", body + 1);
  }
  if (flags === 1 && returnCode !== 0) {
    throw source.fault("CONNACK", `sessionPresent is set with return code ${returnCode}`, "MQTT-3.2.2-4", body);
  }
  return { type: "connack", sessionPresent: flags === 1, returnCode: returnCode as ConnectReturnCode };
}
