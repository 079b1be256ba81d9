// The decoder of both roles: the one of a client, and the packets that only a client sends.

import { decodeConnect } from "./decode_connect.ts";
import { decodeSubscribe, decodeUnsubscribe } from "./decode_subscribe.ts";
import { bodyStart } from "./fixed_header.ts";
import { IncomingBytes } from "./incoming_bytes.ts";
import type { Packet } from "./packet.ts";
import { type DecoderOptions, ServerPacketDecoder } from "./server_packet_decoder.ts";
import type { ClientPacketType } from "./decode_packet.ts";

/**
 * Decodes a stream of bytes into packets, whatever chunks it comes in. Every rule of MQTT 3.1.1 about the form of a packet is enforced.
 *
 * Payloads are views of the chunks, so whoever pushes a chunk gives its memory away: it must never be written again. A payload that is
 * kept keeps its chunk; `payload.slice()` is a copy of its own. Equal Topic Names are mostly the very same string.
 *
 * @example
 * ```ts
 * import { Decoder, encodePacket } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodePacket({ type: "puback", packetId: 7 });
 * const decoder = new Decoder({ maxPacketSize: 65_536 });
 *
 * decoder.push(bytes.subarray(0, 3));
 * assertEquals(decoder.next(), undefined);
 *
 * decoder.push(bytes.subarray(3));
 * assertEquals(decoder.next(), { type: "puback", packetId: 7 });
 * assertEquals(decoder.next(), undefined);
 * ```
 */
export class Decoder extends ServerPacketDecoder {
  /**
   * Makes a decoder at the beginning of a stream.
   *
   * @param options The largest packet to accept.
   * @throws {RangeError} If `maxPacketSize` is not an integer from 2 to 268,435,460.
   */
  constructor(options: DecoderOptions = {}) {
    super(options, decodeClientPacket);
  }
}

function decodeClientPacket(
  type: ClientPacketType,
  bytes: Uint8Array,
  at: number,
  end: number,
  origin: number,
): Packet {
  const source = new IncomingBytes(bytes, origin);
  const body = bodyStart(bytes, at);
  if (type === "connect") return decodeConnect(source, body, end);
  return type === "subscribe" ? decodeSubscribe(source, body, end) : decodeUnsubscribe(source, body, end);
}
