// CONNECT: MQTT 3.1.1 section 3.1.

import { decodeWillTopic, fieldEnd } from "./decode_field.ts";
import type { IncomingBytes } from "./incoming_bytes.ts";
import type { Connect, QoS, Will } from "./packet.ts";
import {
  CONNECT_CLEAN_SESSION,
  CONNECT_PASSWORD,
  CONNECT_RESERVED,
  CONNECT_USERNAME,
  CONNECT_WILL,
  CONNECT_WILL_RETAIN,
  PROTOCOL_NAME_AND_LEVEL,
} from "./protocol.ts";
import { decodeText } from "./utf8.ts";

/** Decodes a CONNECT whose variable header begins at `body`. */
export function decodeConnect(source: IncomingBytes, body: number, end: number): Connect {
  judgeProtocol(source, body, end);
  const { bytes } = source;
  const flagsAt = body + PROTOCOL_NAME_AND_LEVEL.length;
  const clientIdAt = flagsAt + 3;
  if (clientIdAt > end) throw source.fault("CONNECT", "the variable header is cut short", "MQTT-3.1.2", end);
  const flags = bytes[flagsAt]!;
  judgeConnectFlags(source, flags, flagsAt);
  const cleanSession = (flags & CONNECT_CLEAN_SESSION) !== 0;
  const keepAlive = bytes[flagsAt + 1]! << 8 | bytes[flagsAt + 2]!;

  let at = fieldEnd(source, clientIdAt, end, "CONNECT", "clientId", "MQTT-3.1.3-3");
  const clientId = decodeText(source, clientIdAt + 2, at, "CONNECT", "clientId");
  if (clientId === "" && !cleanSession) {
    throw source.fault("CONNECT", "clientId is empty without cleanSession", "MQTT-3.1.3-7", clientIdAt);
  }
  let will: Will | undefined;
  if ((flags & CONNECT_WILL) !== 0) {
    const topicEnd = fieldEnd(source, at, end, "CONNECT", "will.topicName", "MQTT-3.1.2-9");
    const topicName = decodeWillTopic(source, at + 2, topicEnd);
    at = fieldEnd(source, topicEnd, end, "CONNECT", "will.payload", "MQTT-3.1.2-9");
    const payload = source.view(topicEnd + 2, at);
    will = { topicName, payload, qos: (flags >> 3 & 3) as QoS, retain: (flags & CONNECT_WILL_RETAIN) !== 0 };
  }
  let username: string | undefined;
  if ((flags & CONNECT_USERNAME) !== 0) {
    const start = at + 2;
    at = fieldEnd(source, at, end, "CONNECT", "username", "MQTT-3.1.2-19");
    username = decodeText(source, start, at, "CONNECT", "username");
  }
  let password: Uint8Array | undefined;
  if ((flags & CONNECT_PASSWORD) !== 0) {
    const start = at + 2;
    at = fieldEnd(source, at, end, "CONNECT", "password", "MQTT-3.1.2-21");
    password = source.view(start, at);
  }
  if (at !== end) throw source.fault("CONNECT", `${end - at} bytes follow the last field`, "MQTT-3.1.3-1", at);
  return { type: "connect", clientId, cleanSession, keepAlive, will, username, password };
}

function judgeProtocol(source: IncomingBytes, body: number, end: number): void {
  const levelAt = body + PROTOCOL_NAME_AND_LEVEL.length - 1;
  for (let at = body; at <= levelAt; at++) {
    if (at < end && source.bytes[at] === PROTOCOL_NAME_AND_LEVEL[at - body]) continue;
    throw at === levelAt
      ? source.fault("CONNECT", "the protocol level is not 4", "MQTT-3.1.2-2", at)
      : source.fault("CONNECT", 'the protocol name is not "MQTT"', "MQTT-3.1.2-1", at);
  }
}

function judgeConnectFlags(source: IncomingBytes, flags: number, at: number): void {
  const fault = (state: string, rule: string): Error => source.fault("CONNECT", state, rule, at);
  if ((flags & CONNECT_RESERVED) !== 0) throw fault("the reserved flag is set", "MQTT-3.1.2-3");
  const willQos = flags >> 3 & 3;
  if ((flags & CONNECT_WILL) === 0) {
    if (willQos !== 0) throw fault(`Will QoS is ${willQos} without a will`, "MQTT-3.1.2-13");
    if ((flags & CONNECT_WILL_RETAIN) !== 0) throw fault("Will Retain is set without a will", "MQTT-3.1.2-15");
  } else if (willQos === 3) {
    throw fault("Will QoS is 3", "MQTT-3.1.2-14");
  }
  if ((flags & CONNECT_PASSWORD) !== 0 && (flags & CONNECT_USERNAME) === 0) {
    throw fault("a password comes without a username", "MQTT-3.1.2-22");
  }
}
