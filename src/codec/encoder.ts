// The encoder of both roles: the one of a client, and the packets that only a server sends.

import {
  ClientPacketEncoder,
  encodeAcknowledgement,
  encodeEmpty,
  refusePacket,
  type ServerPacket,
} from "./client_packet_encoder.ts";
import { beginPacket, judgeBoolean, rangeFault, typeFault } from "./encode_field.ts";
import type { OutgoingPublish } from "./encode_publish.ts";
import { encodeSuback } from "./encode_subscribe.ts";
import type { Connack, Packet } from "./packet.ts";
import { CONNACK, PINGRESP, UNSUBACK } from "./protocol.ts";
import { type EncodedPart, WriteBuffer } from "./write_buffer.ts";

/** The encoder of `encodePacket`. */
let single: Encoder | undefined;
/** Where a packet of a server is written before it is copied behind the others. */
let scratch: WriteBuffer | undefined;

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
export class Encoder extends ClientPacketEncoder {
  /** Makes an encoder that holds nothing. */
  constructor() {
    super(encodeServerPacket);
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

function encodeServerPacket(packet: ServerPacket): Uint8Array {
  const buffer = scratch ??= new WriteBuffer();
  buffer.reset();
  writeServerPacket(buffer, packet);
  return buffer.bytes.subarray(0, buffer.length);
}

function writeServerPacket(buffer: WriteBuffer, packet: ServerPacket): void {
  switch (packet.type) {
    case "connack":
      return encodeConnack(buffer, packet);
    case "suback":
      return encodeSuback(buffer, packet);
    case "unsuback":
      return encodeAcknowledgement(buffer, UNSUBACK, packet.packetId, "UNSUBACK");
    case "pingresp":
      return encodeEmpty(buffer, PINGRESP);
    default:
      refusePacket(packet);
  }
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
