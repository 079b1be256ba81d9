// The fields that packets other than PUBLISH are made of.

import type { IncomingBytes } from "./incoming_bytes.ts";
import { findFilterSyntaxFault, findNameSyntaxFault } from "./topic.ts";
import { decodeText, type TextFault, utf8Length } from "./utf8.ts";

/**
 * Finds the end of a field that begins with two bytes of length.
 *
 * @throws {MalformedPacketError} If it goes beyond the packet.
 */
export function fieldEnd(
  source: IncomingBytes,
  at: number,
  end: number,
  packet: string,
  field: string,
  rule: string,
): number {
  if (at === end) throw source.fault(packet, `${field} is missing`, rule, at);
  const { bytes } = source;
  const after = at + 2 > end ? end + 1 : at + 2 + (bytes[at]! << 8 | bytes[at + 1]!);
  if (after > end) throw source.fault(packet, `${field} goes beyond the packet`, rule, at);
  return after;
}

/**
 * Decodes the Packet Identifier that the variable header begins with.
 *
 * @throws {MalformedPacketError} If it is missing or 0.
 */
export function decodePacketId(source: IncomingBytes, at: number, end: number, packet: string): number {
  if (at + 2 > end) throw source.fault(packet, "packetId is missing", "MQTT-2.3.1-1", at);
  const packetId = source.bytes[at]! << 8 | source.bytes[at + 1]!;
  if (packetId === 0) throw source.fault(packet, "packetId is 0", "MQTT-2.3.1-1", at);
  return packetId;
}

/**
 * Decodes the Topic Filter from `start` to `end`.
 *
 * @throws {MalformedPacketError} If it is not a valid one.
 */
export function decodeTopicFilter(source: IncomingBytes, start: number, end: number, packet: string): string {
  const topicFilter = decodeText(source, start, end, packet, "topicFilter");
  const fault = findFilterSyntaxFault(topicFilter);
  if (fault !== undefined) throw topicFault(source, start, packet, "topicFilter", topicFilter, fault);
  return topicFilter;
}

/**
 * Decodes the Will Topic from `start` to `end`.
 *
 * @throws {MalformedPacketError} If it is not a valid Topic Name.
 */
export function decodeWillTopic(source: IncomingBytes, start: number, end: number): string {
  const topicName = decodeText(source, start, end, "CONNECT", "will.topicName");
  const fault = findNameSyntaxFault(topicName, "MQTT-4.7.1-1");
  if (fault !== undefined) throw topicFault(source, start, "CONNECT", "will.topicName", topicName, fault);
  return topicName;
}

function topicFault(
  source: IncomingBytes,
  start: number,
  packet: string,
  field: string,
  topic: string,
  fault: TextFault,
): Error {
  // An empty topic has no byte at fault but those that say its length.
  const index = topic.length === 0 ? start - 2 : start + utf8Length(topic.slice(0, fault.index));
  return source.fault(packet, `${field} ${fault.state}`, fault.rule, index);
}
