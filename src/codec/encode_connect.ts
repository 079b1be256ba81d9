// CONNECT: MQTT 3.1.1 section 3.1.

import {
  beginPacket,
  judgeBinary,
  judgeBoolean,
  judgeQos,
  judgeString,
  judgeText,
  rangeFault,
  throwTextFault,
  typeFault,
  writeBinary,
} from "./encode_field.ts";
import type { Connect, Will } from "./packet.ts";
import { connectRemainingLength } from "./packet_size.ts";
import {
  CONNECT,
  CONNECT_CLEAN_SESSION,
  CONNECT_PASSWORD,
  CONNECT_USERNAME,
  CONNECT_WILL,
  CONNECT_WILL_RETAIN,
  PROTOCOL_NAME_AND_LEVEL,
} from "./protocol.ts";
import { findTopicNameFault } from "./topic.ts";
import { writeText } from "./utf8.ts";
import type { WriteBuffer } from "./write_buffer.ts";

/**
 * Encodes a CONNECT.
 *
 * @throws {TypeError} If a field has a wrong type or is not valid.
 * @throws {RangeError} If a number is out of its range, or a field is too long.
 */
export function encodeConnect(buffer: WriteBuffer, packet: Connect): void {
  judgeConnect(packet);
  const { clientId, keepAlive, will, username, password } = packet;
  const remainingLength = connectRemainingLength(packet);
  let at = beginPacket(buffer, CONNECT, remainingLength);
  const { bytes } = buffer;
  for (const byte of PROTOCOL_NAME_AND_LEVEL) bytes[at++] = byte;
  bytes[at++] = connectFlags(packet);
  bytes[at++] = keepAlive >>> 8;
  bytes[at++] = keepAlive & 0xff;
  at = writeText(bytes, at, clientId);
  if (will !== undefined) {
    at = writeText(bytes, at, will.topicName);
    at = writeBinary(bytes, at, will.payload);
  }
  if (username !== undefined) at = writeText(bytes, at, username);
  if (password !== undefined) at = writeBinary(bytes, at, password);
  buffer.length = at;
}

function connectFlags(packet: Connect): number {
  const { cleanSession, will, username, password } = packet;
  let flags = cleanSession ? CONNECT_CLEAN_SESSION : 0;
  if (will !== undefined) flags |= CONNECT_WILL | will.qos << 3 | (will.retain ? CONNECT_WILL_RETAIN : 0);
  if (username !== undefined) flags |= CONNECT_USERNAME;
  if (password !== undefined) flags |= CONNECT_PASSWORD;
  return flags;
}

function judgeConnect(packet: Connect): void {
  const { clientId, cleanSession, keepAlive, will, username, password } = packet;
  judgeBoolean(cleanSession, "CONNECT", "cleanSession", "MQTT-3.1.2.4");
  if ((keepAlive & 0xffff) !== keepAlive) {
    throw rangeFault("CONNECT", `keepAlive is ${keepAlive}, not an integer from 0 to 65535`, "MQTT-3.1.2.10");
  }
  judgeText(clientId, "CONNECT", "clientId");
  if (clientId === "" && !cleanSession) {
    throw typeFault("CONNECT", "clientId is empty without cleanSession", "MQTT-3.1.3-7");
  }
  if (will !== undefined) judgeWill(will);
  if (username !== undefined) judgeText(username, "CONNECT", "username");
  if (password === undefined) return;
  if (username === undefined) throw typeFault("CONNECT", "a password comes without a username", "MQTT-3.1.2-22");
  judgeBinary(password, "CONNECT", "password", "MQTT-3.1.3.5");
}

function judgeWill(will: Will): void {
  judgeString(will.topicName, "CONNECT", "will.topicName");
  throwTextFault(findTopicNameFault(will.topicName, "MQTT-4.7.1-1"), "CONNECT", "will.topicName");
  judgeBinary(will.payload, "CONNECT", "will.payload", "MQTT-3.1.3.3");
  judgeQos(will.qos, "CONNECT", "will.qos", "MQTT-3.1.2-14");
  judgeBoolean(will.retain, "CONNECT", "will.retain", "MQTT-3.1.2.7");
}
