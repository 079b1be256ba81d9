// SUBSCRIBE, SUBACK, UNSUBSCRIBE: MQTT 3.1.1 sections 3.8 to 3.10.

import {
  beginPacket,
  judgePacketId,
  judgeQos,
  judgeRemainingLength,
  judgeString,
  rangeFault,
  throwTextFault,
  typeFault,
  writePacketId,
} from "./encode_field.ts";
import type { Suback, Subscribe, Unsubscribe } from "./packet.ts";
import { subackRemainingLength, subscribeRemainingLength, unsubscribeRemainingLength } from "./packet_size.ts";
import { SUBACK, SUBSCRIBE, UNSUBSCRIBE } from "./protocol.ts";
import { findTopicFilterFault } from "./topic.ts";
import { writeText } from "./utf8.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/**
 * Encodes a SUBSCRIBE.
 *
 * @throws {TypeError} If there is no subscription, or a Topic Filter is not valid.
 * @throws {RangeError} If a number is out of its range, or the packet is too large.
 */
export function encodeSubscribe(buffer: WriteBuffer, packet: Subscribe): void {
  const { packetId, subscriptions } = packet;
  judgePacketId(packetId, "SUBSCRIBE");
  if (subscriptions.length === 0) throw typeFault("SUBSCRIBE", "subscriptions is empty", "MQTT-3.8.3-3");
  for (const { topicFilter, qos } of subscriptions) {
    judgeTopicFilter(topicFilter, "SUBSCRIBE");
    judgeQos(qos, "SUBSCRIBE", "qos", "MQTT-3.8.3-4");
  }
  const remainingLength = subscribeRemainingLength(packet);
  judgeRemainingLength(remainingLength, "SUBSCRIBE");
  let at = beginPacket(buffer, SUBSCRIBE, remainingLength);
  const { bytes } = buffer;
  at = writePacketId(bytes, at, packetId);
  for (const { topicFilter, qos } of subscriptions) {
    at = writeText(bytes, at, topicFilter);
    bytes[at++] = qos;
  }
  buffer.length = at;
}

/**
 * Encodes a SUBACK.
 *
 * @throws {TypeError} If there is no return code.
 * @throws {RangeError} If a number is out of its range, or the packet is too large.
 */
export function encodeSuback(buffer: WriteBuffer, packet: Suback): void {
  const { packetId, returnCodes } = packet;
  judgePacketId(packetId, "SUBACK");
  if (returnCodes.length === 0) throw typeFault("SUBACK", "returnCodes is empty", "MQTT-3.8.4-5");
  for (const code of returnCodes) {
    if (code !== 0 && code !== 1 && code !== 2 && code !== 0x80) {
      throw rangeFault("SUBACK", `a return code is ${code}, not 0, 1, 2 or 128`, "MQTT-3.9.3-2");
    }
  }
  const remainingLength = subackRemainingLength(packet);
  judgeRemainingLength(remainingLength, "SUBACK");
  let at = beginPacket(buffer, SUBACK, remainingLength);
  const { bytes } = buffer;
  at = writePacketId(bytes, at, packetId);
  for (const code of returnCodes) bytes[at++] = code;
  buffer.length = at;
}

/**
 * Encodes an UNSUBSCRIBE.
 *
 * @throws {TypeError} If there is no Topic Filter, or one is not valid.
 * @throws {RangeError} If a number is out of its range, or the packet is too large.
 */
export function encodeUnsubscribe(buffer: WriteBuffer, packet: Unsubscribe): void {
  const { packetId, topicFilters } = packet;
  judgePacketId(packetId, "UNSUBSCRIBE");
  if (topicFilters.length === 0) throw typeFault("UNSUBSCRIBE", "topicFilters is empty", "MQTT-3.10.3-2");
  for (const topicFilter of topicFilters) judgeTopicFilter(topicFilter, "UNSUBSCRIBE");
  const remainingLength = unsubscribeRemainingLength(packet);
  judgeRemainingLength(remainingLength, "UNSUBSCRIBE");
  let at = beginPacket(buffer, UNSUBSCRIBE, remainingLength);
  const { bytes } = buffer;
  at = writePacketId(bytes, at, packetId);
  for (const topicFilter of topicFilters) at = writeText(bytes, at, topicFilter);
  buffer.length = at;
}

function judgeTopicFilter(topicFilter: string, packet: string): void {
  judgeString(topicFilter, packet, "topicFilter");
  throwTextFault(findTopicFilterFault(topicFilter), packet, "topicFilter");
}
