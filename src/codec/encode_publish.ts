// PUBLISH: MQTT 3.1.1 section 3.3.

import { copyBytes } from "./copy_bytes.ts";
import {
  judgeBoolean,
  judgePacketId,
  judgeRemainingLength,
  judgeString,
  rangeFault,
  throwTextFault,
  typeFault,
} from "./encode_field.ts";
import type { Publish } from "./packet.ts";
import { type PreparedTopic, preparedTopicBytes } from "./prepared_topic.ts";
import { PUBLISH, PUBLISH_DUP, PUBLISH_RETAIN } from "./protocol.ts";
import { MAX_FIXED_HEADER_SIZE, writeFixedHeader } from "./remaining_length.ts";
import { findTopicNameFault } from "./topic.ts";
import type { TopicCache } from "./topic_cache.ts";
import { encodeInto } from "./utf8.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/** Payloads of this many bytes or more are not copied by an {@linkcode Encoder}: they go to the transport as a part of their own. */
export const PAYLOAD_REFERENCE_THRESHOLD = 16_384;

/** Up to this length a loop encodes an ASCII Topic Name in less time than `encodeInto`, which costs its call and some checks. */
const LOOP_LENGTH = 56;

/** A PUBLISH to be encoded, whose Topic Name may have been prepared. */
export interface OutgoingPublish extends Publish {
  /** The Topic Name, prepared; of the same text as `topicName`. */
  readonly preparedTopic?: PreparedTopic | undefined;
}

/**
 * Encodes a PUBLISH.
 *
 * @throws {TypeError} If a field has a wrong type, or the Topic Name is not valid.
 * @throws {RangeError} If a number is out of its range, or the packet is too large.
 */
export function encodePublish(buffer: WriteBuffer, packet: OutgoingPublish, topics: TopicCache): void {
  const { topicName, payload, packetId, preparedTopic } = packet;
  const firstByte = publishFirstByte(packet);
  if (!(payload instanceof Uint8Array)) throw typeFault("PUBLISH", "payload is not a Uint8Array", "MQTT-3.3.3");
  judgeString(topicName, "PUBLISH", "topicName");
  const payloadLength = payload.length;
  const isReferenced = payloadLength >= PAYLOAD_REFERENCE_THRESHOLD;
  // What follows the topic: in the packet, and in the buffer.
  const rest = packetId === 0 ? payloadLength : payloadLength + 2;
  const restInBuffer = isReferenced ? 2 : rest;

  const topic = preparedTopic ?? topics.find(topicName);
  let at = topic === undefined
    ? writeNewTopic(buffer, firstByte, topicName, rest, restInBuffer)
    : writeKnownTopic(buffer, firstByte, matchingBytes(topic, topicName), rest, restInBuffer);
  const { bytes } = buffer;
  if (packetId !== 0) {
    bytes[at++] = packetId >>> 8;
    bytes[at++] = packetId & 0xff;
  }
  if (isReferenced) {
    buffer.length = at;
    buffer.refer(payload);
  } else {
    copyBytes(bytes, at, payload, 0, payloadLength);
    buffer.length = at + payloadLength;
  }
}

function publishFirstByte(packet: Publish): number {
  const { qos, dup, retain, packetId } = packet;
  judgeBoolean(dup, "PUBLISH", "dup", "MQTT-3.3.1.1");
  judgeBoolean(retain, "PUBLISH", "retain", "MQTT-3.3.1.3");
  if (qos === 0) {
    if (packetId !== 0) throw rangeFault("PUBLISH", `packetId is ${packetId} at QoS 0`, "MQTT-2.3.1-5");
    if (dup) throw typeFault("PUBLISH", "dup is true at QoS 0", "MQTT-3.3.1-2");
  } else {
    if (qos !== 1 && qos !== 2) throw rangeFault("PUBLISH", `qos is ${qos}, not 0, 1 or 2`, "MQTT-3.3.1-4");
    judgePacketId(packetId, "PUBLISH");
  }
  return PUBLISH | qos << 1 | (dup ? PUBLISH_DUP : 0) | (retain ? PUBLISH_RETAIN : 0);
}

function matchingBytes(preparedTopic: PreparedTopic, topicName: string): Uint8Array {
  if (preparedTopic.topicName === topicName) return preparedTopicBytes(preparedTopic);
  throw typeFault("PUBLISH", "preparedTopic is not that of topicName", "MQTT-3.3.2-1");
}

/** Writes the fixed header and a topic that is encoded already; returns the index after it. */
function writeKnownTopic(
  buffer: WriteBuffer,
  firstByte: number,
  topic: Uint8Array,
  rest: number,
  restInBuffer: number,
): number {
  const { length } = topic;
  judgeRemainingLength(length + rest, "PUBLISH");
  buffer.reserve(MAX_FIXED_HEADER_SIZE + length + restInBuffer);
  const at = writeFixedHeader(buffer.bytes, buffer.length, firstByte, length + rest);
  copyBytes(buffer.bytes, at, topic, 0, length);
  return at + length;
}

/** Writes the fixed header and encodes the topic, in one pass if it is short and ASCII; returns the index after it. */
function writeNewTopic(
  buffer: WriteBuffer,
  firstByte: number,
  topicName: string,
  rest: number,
  restInBuffer: number,
): number {
  const { length } = topicName;
  if (length === 0 || length > LOOP_LENGTH) return writeUncommonTopic(buffer, firstByte, topicName, rest, restInBuffer);
  judgeRemainingLength(2 + length + rest, "PUBLISH");
  buffer.reserve(MAX_FIXED_HEADER_SIZE + 2 + length + restInBuffer);
  const { bytes } = buffer;
  const at = writeFixedHeader(bytes, buffer.length, firstByte, 2 + length + rest) + 2;
  bytes[at - 2] = 0;
  bytes[at - 1] = length;
  for (let i = 0; i < length; i++) {
    const unit = topicName.charCodeAt(i);
    // "+" is 0x2b and "#" is 0x23: most characters of a name lie above both.
    if (unit > 0x2b ? unit > 0x7f : unit === 0x2b || unit === 0x23 || unit === 0) {
      return writeUncommonTopic(buffer, firstByte, topicName, rest, restInBuffer);
    }
    bytes[at + i] = unit;
  }
  return at + length;
}

/** Does the same for a topic that is long, not ASCII, or not valid. */
function writeUncommonTopic(
  buffer: WriteBuffer,
  firstByte: number,
  topicName: string,
  rest: number,
  restInBuffer: number,
): number {
  throwTextFault(findTopicNameFault(topicName, "MQTT-3.3.2-2"), "PUBLISH", "topicName");
  buffer.reserve(MAX_FIXED_HEADER_SIZE + 2 + topicName.length * 3 + restInBuffer);
  const { bytes } = buffer;
  // The text goes where the longest fixed header would leave it, and is moved up to the one it gets.
  const textAt = buffer.length + MAX_FIXED_HEADER_SIZE + 2;
  const length = encodeInto(bytes, textAt, topicName);
  judgeRemainingLength(2 + length + rest, "PUBLISH");
  const at = writeFixedHeader(bytes, buffer.length, firstByte, 2 + length + rest);
  bytes[at] = length >>> 8;
  bytes[at + 1] = length & 0xff;
  bytes.copyWithin(at + 2, textAt, textAt + length);
  return at + 2 + length;
}
