// PUBLISH: MQTT 3.1.1 section 3.3.

import type { IncomingBytes } from "./incoming_bytes.ts";
import type { Publish, QoS } from "./packet.ts";
import { PUBLISH_DUP, PUBLISH_RETAIN } from "./protocol.ts";
import type { TopicInterner } from "./topic_interner.ts";

/**
 * Decodes a PUBLISH whose fixed header was judged.
 *
 * @param source The bytes that hold it.
 * @param at Where the packet begins.
 * @param body Where its variable header begins.
 * @param end Where it ends.
 * @param topics Where Topic Names are looked up.
 */
export function decodePublish(
  source: IncomingBytes,
  at: number,
  body: number,
  end: number,
  topics: TopicInterner,
): Publish {
  const { bytes } = source;
  const flags = bytes[at]!;
  const qos = (flags >> 1 & 3) as QoS;
  const topicEnd = body + 2 + (bytes[body]! << 8 | bytes[body + 1]!);
  const payloadStart = qos === 0 ? topicEnd : topicEnd + 2;
  if (payloadStart > end || topicEnd === body + 2) throw layoutFault(source, body, topicEnd, end);
  const topicName = topics.decode(source, body + 2, topicEnd);
  let packetId = 0;
  if (qos !== 0) {
    packetId = bytes[topicEnd]! << 8 | bytes[topicEnd + 1]!;
    if (packetId === 0) throw source.fault("PUBLISH", "packetId is 0", "MQTT-2.3.1-1", topicEnd);
  }
  return {
    type: "publish",
    topicName,
    payload: source.view(payloadStart, end),
    qos,
    retain: (flags & PUBLISH_RETAIN) !== 0,
    dup: (flags & PUBLISH_DUP) !== 0,
    packetId,
  };
}

function layoutFault(source: IncomingBytes, body: number, topicEnd: number, end: number): Error {
  if (topicEnd > end || body + 2 > end) {
    return source.fault("PUBLISH", "topicName goes beyond the packet", "MQTT-3.3.2-1", body);
  }
  return topicEnd === body + 2
    ? source.fault("PUBLISH", "topicName is empty", "MQTT-4.7.3-1", body)
    : source.fault("PUBLISH", "packetId is missing", "MQTT-2.3.1-1", topicEnd);
}
