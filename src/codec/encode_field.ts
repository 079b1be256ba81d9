// What the encoder refuses, for the fields that packets share. The rules are the decoder's; the fault is the caller's.

import { MAX_PACKET_ID, MAX_PACKET_SIZE, MAX_REMAINING_LENGTH, MAX_STRING_BYTES } from "./protocol.ts";
import { MAX_FIXED_HEADER_SIZE, remainingLengthSize, writeFixedHeader } from "./remaining_length.ts";
import { findTextFault, type TextFault } from "./utf8.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/** Makes the error for a value of a wrong type or content. */
export function typeFault(packet: string, state: string, rule: string): TypeError {
  return new TypeError(`Cannot encode ${packet}: ${state} [${rule}]`);
}

/** Makes the error for a number out of its range. */
export function rangeFault(packet: string, state: string, rule: string): RangeError {
  return new RangeError(`Cannot encode ${packet}: ${state} [${rule}]`);
}

/** Refuses what is no Packet Identifier from 1 to 65535. */
export function judgePacketId(packetId: number, packet: string): void {
  // Whatever is no integer, or out of range, is changed by the mask.
  if ((packetId & MAX_PACKET_ID) === packetId && packetId !== 0) return;
  throw rangeFault(packet, `packetId is ${packetId}, not an integer from 1 to ${MAX_PACKET_ID}`, "MQTT-2.3.1-1");
}

/** Refuses what is no boolean. */
export function judgeBoolean(value: boolean, packet: string, field: string, rule: string): void {
  if (value !== true && value !== false) throw typeFault(packet, `${field} is ${value}, not a boolean`, rule);
}

/** Refuses what is no QoS. */
export function judgeQos(qos: number, packet: string, field: string, rule: string): void {
  if (qos !== 0 && qos !== 1 && qos !== 2) throw rangeFault(packet, `${field} is ${qos}, not 0, 1 or 2`, rule);
}

/** Refuses what is no UTF-8 encoded string. */
export function judgeText(text: string, packet: string, field: string): void {
  judgeString(text, packet, field);
  throwTextFault(findTextFault(text, "MQTT-1.5.3"), packet, field);
}

/** Refuses what is no string. */
export function judgeString(text: string, packet: string, field: string): void {
  if (typeof text !== "string") throw typeFault(packet, `${field} is not a string`, "MQTT-1.5.3");
}

/** Throws a fault that was found in a text, if one was. */
export function throwTextFault(fault: TextFault | undefined, packet: string, field: string): void {
  if (fault !== undefined) throw typeFault(packet, `${field} ${fault.state}`, fault.rule);
}

/** Refuses what is no binary field of up to 65,535 bytes. */
export function judgeBinary(bytes: Uint8Array, packet: string, field: string, section: string): void {
  if (!(bytes instanceof Uint8Array)) throw typeFault(packet, `${field} is not a Uint8Array`, section);
  if (bytes.length > MAX_STRING_BYTES) {
    throw rangeFault(packet, `${field} has ${bytes.length} bytes, more than ${MAX_STRING_BYTES}`, section);
  }
}

/** Refuses a packet whose Remaining Length four bytes cannot say. */
export function judgeRemainingLength(remainingLength: number, packet: string): void {
  if (remainingLength <= MAX_REMAINING_LENGTH) return;
  const size = 1 + remainingLengthSize(remainingLength) + remainingLength;
  throw rangeFault(packet, `it has ${size} bytes, more than ${MAX_PACKET_SIZE}`, "MQTT-2.2.3");
}

/**
 * Makes room for a packet and writes its fixed header.
 *
 * @returns The index after it.
 */
export function beginPacket(buffer: WriteBuffer, firstByte: number, remainingLength: number): number {
  buffer.reserve(MAX_FIXED_HEADER_SIZE + remainingLength);
  return writeFixedHeader(buffer.bytes, buffer.length, firstByte, remainingLength);
}

/**
 * Writes a Packet Identifier.
 *
 * @returns The index after it.
 */
export function writePacketId(bytes: Uint8Array, at: number, packetId: number): number {
  bytes[at] = packetId >>> 8;
  bytes[at + 1] = packetId & 0xff;
  return at + 2;
}

/**
 * Writes a binary field with its two bytes of length.
 *
 * @returns The index after it.
 */
export function writeBinary(bytes: Uint8Array, at: number, field: Uint8Array): number {
  bytes[at] = field.length >>> 8;
  bytes[at + 1] = field.length & 0xff;
  bytes.set(field, at + 2);
  return at + 2 + field.length;
}
