// SUBSCRIBE, SUBACK, UNSUBSCRIBE: MQTT 3.1.1 sections 3.8 to 3.10.

import { decodePacketId, decodeTopicFilter, fieldEnd } from "./decode_field.ts";
import type { IncomingBytes } from "./incoming_bytes.ts";
import type { QoS, Suback, SubackReturnCode, Subscribe, Subscription, Unsubscribe } from "./packet.ts";

/** Decodes a SUBSCRIBE whose variable header begins at `body`. */
export function decodeSubscribe(source: IncomingBytes, body: number, end: number): Subscribe {
  const packetId = decodePacketId(source, body, end, "SUBSCRIBE");
  let at = body + 2;
  if (at === end) throw source.fault("SUBSCRIBE", "it has no Topic Filter", "MQTT-3.8.3-3", at);
  const subscriptions: Subscription[] = [];
  while (at < end) {
    const filterEnd = fieldEnd(source, at, end, "SUBSCRIBE", "topicFilter", "MQTT-3.8.3-1");
    const topicFilter = decodeTopicFilter(source, at + 2, filterEnd, "SUBSCRIBE");
    // The specification prints the id of this statement as MQTT-3-8.3-4.
    if (filterEnd === end) throw source.fault("SUBSCRIBE", "the requested QoS is missing", "MQTT-3.8.3-4", end);
    const qos = source.bytes[filterEnd]!;
    if (qos > 2) {
      const shown = `the byte of the requested QoS is 0x${qos.toString(16)}`;
      throw source.fault("SUBSCRIBE", shown, "MQTT-3.8.3-4", filterEnd);
    }
    subscriptions.push({ topicFilter, qos: qos as QoS });
    at = filterEnd + 1;
  }
  return { type: "subscribe", packetId, subscriptions };
}

/** Decodes a SUBACK whose variable header begins at `body`. */
export function decodeSuback(source: IncomingBytes, body: number, end: number): Suback {
  const packetId = decodePacketId(source, body, end, "SUBACK");
  if (body + 2 === end) throw source.fault("SUBACK", "it has no return code", "MQTT-3.8.4-5", end);
  const returnCodes: SubackReturnCode[] = [];
  for (let at = body + 2; at < end; at++) {
    const code = source.bytes[at]!;
    if (code > 2 && code !== 0x80) {
      throw source.fault("SUBACK", `return code 0x${code.toString(16)} is reserved`, "MQTT-3.9.3-2", at);
    }
    returnCodes.push(code as SubackReturnCode);
  }
  return { type: "suback", packetId, returnCodes };
}

/** Decodes an UNSUBSCRIBE whose variable header begins at `body`. */
export function decodeUnsubscribe(source: IncomingBytes, body: number, end: number): Unsubscribe {
  const packetId = decodePacketId(source, body, end, "UNSUBSCRIBE");
  let at = body + 2;
  if (at === end) throw source.fault("UNSUBSCRIBE", "it has no Topic Filter", "MQTT-3.10.3-2", at);
  const topicFilters: string[] = [];
  while (at < end) {
    const filterEnd = fieldEnd(source, at, end, "UNSUBSCRIBE", "topicFilter", "MQTT-3.10.3-1");
    topicFilters.push(decodeTopicFilter(source, at + 2, filterEnd, "UNSUBSCRIBE"));
    at = filterEnd;
  }
  return { type: "unsubscribe", packetId, topicFilters };
}
