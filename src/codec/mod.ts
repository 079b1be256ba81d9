/**
 * The codec of MQTT 3.1.1: bytes to packets and packets to bytes, for both roles, and the rules of Topic Names and Topic Filters.
 *
 * It is pure: no I/O, no clock, no dependency. It is strict: every rule about the form of a packet is enforced in both directions.
 *
 * @example Sending a message through a wire made of memory
 * ```ts
 * import { Decoder, Encoder, type Packet } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const publish: Packet = {
 *   type: "publish",
 *   topicName: "sensors/7/temperature",
 *   payload: new TextEncoder().encode("21.5"),
 *   qos: 1,
 *   retain: false,
 *   dup: false,
 *   packetId: 1,
 * };
 * const encoder = new Encoder();
 * encoder.encode(publish);
 * const wire = encoder.take().map(({ bytes, length }) => bytes.slice(0, length));
 * encoder.reset();
 *
 * const decoder = new Decoder();
 * for (const chunk of wire) decoder.push(chunk);
 * assertEquals(decoder.next(), publish);
 * assertEquals(decoder.next(), undefined);
 * ```
 *
 * @module
 */

export { ClientPacketEncoder, type ServerPacket, type ServerPacketEncoding } from "./client_packet_encoder.ts";
export type { ClientPacketDecoding, ClientPacketType } from "./decode_packet.ts";
export { Decoder } from "./decoder.ts";
export { encodePacket, Encoder } from "./encoder.ts";
export { type OutgoingPublish, PAYLOAD_REFERENCE_THRESHOLD } from "./encode_publish.ts";
export { MalformedPacketError, PacketTooLargeError } from "./error.ts";
export type {
  Connack,
  Connect,
  ConnectReturnCode,
  Disconnect,
  Packet,
  PacketId,
  PacketType,
  Pingreq,
  Pingresp,
  Puback,
  Pubcomp,
  Publish,
  Pubrec,
  Pubrel,
  QoS,
  Suback,
  SubackReturnCode,
  Subscribe,
  Subscription,
  Unsuback,
  Unsubscribe,
  Will,
} from "./packet.ts";
export { packetSize, publishSize } from "./packet_size.ts";
export { PreparedTopic } from "./prepared_topic.ts";
export { findPreparedTopic } from "./topic_cache.ts";
export { type DecoderOptions, ServerPacketDecoder } from "./server_packet_decoder.ts";
export { MAX_PACKET_ID, MAX_PACKET_SIZE, MAX_STRING_BYTES } from "./protocol.ts";
export {
  describeStringFault,
  describeTopicFilterFault,
  describeTopicNameFault,
  isTopicFilter,
  isTopicName,
  topicMatches,
} from "./topic.ts";
export type { EncodedPart } from "./write_buffer.ts";
