// The few packets of the load peer and of the bare client, as bytes. No codec is behind them: what is measured must not prove itself.

import type { QoS } from "../../mod.ts";

/** Where the messages of every workload go. */
export const TOPIC = "bench/topic/number/1";
/** Where a sink tells that a phase is done. */
export const DONE_TOPIC = "bench/done";

/** The first byte of each packet the peer looks at; of PUBLISH without flags. */
export const FIRST_BYTE = {
  connect: 0x10,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  pingreq: 0xc0,
} as const;

/** CONNACK: accepted, no session. */
export const CONNACK: Uint8Array = Uint8Array.of(0x20, 2, 0, 0);
/** PINGRESP. */
export const PINGRESP: Uint8Array = Uint8Array.of(0xd0, 0);

/** CONNECT with a clean session and Keep Alive 60. */
export function rawConnect(clientId: string): Uint8Array {
  const protocol = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60];
  return rawPacket(FIRST_BYTE.connect, [...protocol, ...rawString(clientId)]);
}

/** SUBACK that grants one Topic Filter. */
export function rawSuback(packetId: number, qos: QoS): Uint8Array {
  return Uint8Array.of(0x90, 3, packetId >>> 8, packetId & 0xff, qos);
}

/** PUBLISH with a payload of the given size; `packetId` counts only above QoS 0. */
export function rawPublish(topicName: string, payloadBytes: number, qos: QoS, packetId: number): Uint8Array {
  const head = rawString(topicName);
  if (qos > 0) head.push(packetId >>> 8, packetId & 0xff);
  return rawPacket(FIRST_BYTE.publish | qos << 1, head, payloadBytes);
}

/** The same PUBLISH again and again, one after another, with Packet Identifiers from 1 on. */
export function rawPublishes(count: number, payloadBytes: number, qos: QoS): Uint8Array {
  const first = rawPublish(TOPIC, payloadBytes, qos, 1);
  const bytes = new Uint8Array(count * first.length);
  for (let i = 0; i < count; i++) bytes.set(rawPublish(TOPIC, payloadBytes, qos, i + 1), i * first.length);
  return bytes;
}

function rawPacket(firstByte: number, head: readonly number[], payloadBytes = 0): Uint8Array {
  const start = [firstByte];
  let rest = head.length + payloadBytes;
  do {
    start.push(rest & 0x7f | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  const packet = new Uint8Array(start.length + head.length + payloadBytes).fill(0x2a);
  packet.set(start);
  packet.set(head, start.length);
  return packet;
}

function rawString(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length >>> 8, bytes.length & 0xff, ...bytes];
}
