// How many bytes a packet takes on the wire.

import type { Connect, Packet, QoS, Suback, Subscribe, Unsubscribe } from "./packet.ts";
import { PreparedTopic, preparedTopicBytes } from "./prepared_topic.ts";
import { PROTOCOL_NAME_AND_LEVEL } from "./protocol.ts";
import { remainingLengthSize } from "./remaining_length.ts";
import { utf8Length } from "./utf8.ts";

/**
 * Counts the bytes of an encoded packet, the fixed header included, without encoding it.
 *
 * The packet is not judged: for one that cannot be encoded the number means nothing.
 *
 * @param packet The packet.
 * @returns Its size in bytes.
 *
 * @example
 * ```ts
 * import { encodePacket, packetSize, type Packet } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const packet: Packet = { type: "unsubscribe", packetId: 1, topicFilters: ["a/+", "b/#"] };
 * assertEquals(packetSize(packet), encodePacket(packet).length);
 * ```
 */
export function packetSize(packet: Packet): number {
  return wholeSize(remainingLength(packet));
}

/**
 * Counts the bytes of a PUBLISH, the fixed header included, before there is one.
 *
 * @param topicName Its Topic Name; with a prepared one nothing has to be counted.
 * @param payloadLength The length of its payload in bytes.
 * @param qos Its QoS: above 0 it has a Packet Identifier.
 * @returns The size in bytes.
 */
export function publishSize(topicName: string | PreparedTopic, payloadLength: number, qos: QoS): number {
  const topicSize = topicName instanceof PreparedTopic ? preparedTopicBytes(topicName).length : textSize(topicName);
  return wholeSize(topicSize + (qos === 0 ? 0 : 2) + payloadLength);
}

/** The Remaining Length of a CONNECT. */
export function connectRemainingLength(packet: Connect): number {
  const { clientId, will, username, password } = packet;
  let length = PROTOCOL_NAME_AND_LEVEL.length + 3 + textSize(clientId);
  if (will !== undefined) length += textSize(will.topicName) + 2 + will.payload.length;
  if (username !== undefined) length += textSize(username);
  if (password !== undefined) length += 2 + password.length;
  return length;
}

/** The Remaining Length of a SUBSCRIBE. */
export function subscribeRemainingLength(packet: Subscribe): number {
  let length = 2;
  for (const { topicFilter } of packet.subscriptions) length += textSize(topicFilter) + 1;
  return length;
}

/** The Remaining Length of a SUBACK. */
export function subackRemainingLength(packet: Suback): number {
  return 2 + packet.returnCodes.length;
}

/** The Remaining Length of an UNSUBSCRIBE. */
export function unsubscribeRemainingLength(packet: Unsubscribe): number {
  let length = 2;
  for (const topicFilter of packet.topicFilters) length += textSize(topicFilter);
  return length;
}

function remainingLength(packet: Packet): number {
  switch (packet.type) {
    case "publish":
      return textSize(packet.topicName) + (packet.qos === 0 ? 0 : 2) + packet.payload.length;
    case "connect":
      return connectRemainingLength(packet);
    case "subscribe":
      return subscribeRemainingLength(packet);
    case "suback":
      return subackRemainingLength(packet);
    case "unsubscribe":
      return unsubscribeRemainingLength(packet);
    case "pingreq":
    case "pingresp":
    case "disconnect":
      return 0;
    default:
      // CONNACK has two bytes of its own, all others a Packet Identifier.
      return 2;
  }
}

function wholeSize(length: number): number {
  return 1 + remainingLengthSize(length) + length;
}

function textSize(text: string): number {
  return 2 + utf8Length(text);
}
