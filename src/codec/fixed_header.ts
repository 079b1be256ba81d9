// The fixed header: what can be refused before the rest of a packet arrives. MQTT 3.1.1 section 2.2.

import { PacketTooLargeError } from "./error.ts";
import type { IncomingBytes } from "./incoming_bytes.ts";
import { PUBLISH } from "./protocol.ts";
import { MAX_FIXED_HEADER_SIZE } from "./remaining_length.ts";

interface PacketLayout {
  readonly name: string;
  /** The flags in the low half of the first byte; PUBLISH alone has no fixed ones. */
  readonly flags: number;
  readonly flagsRule: string;
  /** The Remaining Length, where every packet of the type has the same. */
  readonly remainingLength?: number;
  /** The section that says so. */
  readonly section?: string;
}

const RESERVED_FLAGS = "MQTT-2.2.2-2";

/** The layouts by packet type; 0 and 15 are reserved. Tables 2.1 and 2.2. */
const LAYOUTS: readonly (PacketLayout | undefined)[] = [
  undefined,
  { name: "CONNECT", flags: 0, flagsRule: RESERVED_FLAGS },
  { name: "CONNACK", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 2, section: "MQTT-3.2.1" },
  { name: "PUBLISH", flags: 0, flagsRule: RESERVED_FLAGS },
  { name: "PUBACK", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 2, section: "MQTT-3.4.1" },
  { name: "PUBREC", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 2, section: "MQTT-3.5.1" },
  { name: "PUBREL", flags: 2, flagsRule: "MQTT-3.6.1-1", remainingLength: 2, section: "MQTT-3.6.1" },
  { name: "PUBCOMP", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 2, section: "MQTT-3.7.1" },
  { name: "SUBSCRIBE", flags: 2, flagsRule: "MQTT-3.8.1-1" },
  { name: "SUBACK", flags: 0, flagsRule: RESERVED_FLAGS },
  { name: "UNSUBSCRIBE", flags: 2, flagsRule: "MQTT-3.10.1-1" },
  { name: "UNSUBACK", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 2, section: "MQTT-3.11.1" },
  { name: "PINGREQ", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 0, section: "MQTT-3.12.1" },
  { name: "PINGRESP", flags: 0, flagsRule: RESERVED_FLAGS, remainingLength: 0, section: "MQTT-3.13.1" },
  { name: "DISCONNECT", flags: 0, flagsRule: "MQTT-3.14.1-1", remainingLength: 0, section: "MQTT-3.14.1" },
  undefined,
];

/**
 * Judges a fixed header, in the order in which its bytes arrive: type and flags, Remaining Length, size.
 *
 * @param source The bytes that hold it.
 * @param at Where it begins.
 * @param end Where the bytes end that have arrived; at least one has.
 * @param maxPacketSize The largest packet to accept.
 * @returns The size of the whole packet, or 0 if the fixed header is not whole yet.
 * @throws {MalformedPacketError} If no packet may begin like this.
 */
export function judgeFixedHeader(source: IncomingBytes, at: number, end: number, maxPacketSize: number): number {
  const { bytes } = source;
  const layout = judgeFirstByte(source, at);
  let remainingLength = 0;
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i]!;
    remainingLength |= (byte & 0x7f) << 7 * (i - at - 1);
    if (byte < 0x80) {
      return judgeSize(source, layout, at, i + 1 - at, remainingLength, maxPacketSize);
    }
    if (i - at === MAX_FIXED_HEADER_SIZE - 1) {
      throw source.fault(layout.name, "Remaining Length has more than four bytes", "MQTT-2.2.3", i);
    }
  }
  return 0;
}

/** Tells where the body of a packet begins whose fixed header was judged. */
export function bodyStart(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (bytes[end]! > 0x7f) end++;
  return end + 1;
}

function judgeFirstByte(source: IncomingBytes, at: number): PacketLayout {
  const firstByte = source.bytes[at]!;
  const layout = LAYOUTS[firstByte >> 4];
  if (layout === undefined) {
    throw source.fault("packet", `packet type ${firstByte >> 4} is reserved`, "MQTT-2.2.1", at);
  }
  const flags = firstByte & 0x0f;
  if ((firstByte & 0xf0) === PUBLISH) {
    const qos = flags >> 1 & 3;
    if (qos === 3) throw source.fault("PUBLISH", "QoS is 3", "MQTT-3.3.1-4", at);
    if (qos === 0 && flags > 7) throw source.fault("PUBLISH", "DUP is set at QoS 0", "MQTT-3.3.1-2", at);
  } else if (flags !== layout.flags) {
    const shown = `flags are ${bits(flags)} instead of ${bits(layout.flags)}`;
    throw source.fault(layout.name, shown, layout.flagsRule, at);
  }
  return layout;
}

function judgeSize(
  source: IncomingBytes,
  layout: PacketLayout,
  at: number,
  headerSize: number,
  remainingLength: number,
  maxPacketSize: number,
): number {
  const expected = layout.remainingLength;
  if (expected !== undefined && remainingLength !== expected) {
    const shown = `Remaining Length is ${remainingLength} instead of ${expected}`;
    throw source.fault(layout.name, shown, layout.section!, at + 1);
  }
  const size = headerSize + remainingLength;
  if (size > maxPacketSize) throw new PacketTooLargeError(size, maxPacketSize, source.origin + at + 1);
  return size;
}

function bits(flags: number): string {
  return flags.toString(2).padStart(4, "0");
}
