// A second codec, as plain as it can be: DataView, one allocation for every field, no state. It is the oracle of the property tests and a
// baseline of the benchmarks. It shares nothing with src/codec but the type of a packet.

import type { ConnectReturnCode, Packet, QoS, SubackReturnCode } from "../../src/codec/mod.ts";

const NAMES = [
  "",
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
] as const;

/** What a whole stream holds: its packets, and how it ends after them. */
export interface NaiveResult {
  /** The packets before the end. */
  readonly packets: Packet[];
  /** Whether the bytes after the packets are none, the beginning of a packet, or malformed. */
  readonly ending: "clean" | "incomplete" | "malformed";
}

class Malformed extends Error {}

/** Encodes a valid packet. */
export function encodeNaive(packet: Packet): Uint8Array {
  const type = NAMES.indexOf(packet.type);
  let flags = type === 6 || type === 8 || type === 10 ? 2 : 0;
  if (packet.type === "publish") flags = (packet.dup ? 8 : 0) + packet.qos * 2 + (packet.retain ? 1 : 0);
  const body = concat(bodyParts(packet));
  const header = [type * 16 + flags];
  let rest = body.length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    header.push(rest > 0 ? digit + 128 : digit);
  } while (rest > 0);
  return concat([Uint8Array.from(header), body]);
}

/** Decodes a whole stream. */
export function decodeNaive(stream: Uint8Array): NaiveResult {
  const packets: Packet[] = [];
  let rest = stream;
  try {
    while (rest.length > 0) {
      const header = decodeHeader(rest);
      if (header === undefined || rest.length < header.size) return { packets, ending: "incomplete" };
      packets.push(decodeBody(rest[0]!, rest.slice(header.bodyAt, header.size)));
      rest = rest.slice(header.size);
    }
    return { packets, ending: "clean" };
  } catch (error) {
    if (error instanceof Malformed) return { packets, ending: "malformed" };
    throw error;
  }
}

function bodyParts(packet: Packet): Uint8Array[] {
  switch (packet.type) {
    case "connect": {
      const { clientId, cleanSession, keepAlive, will, username, password } = packet;
      const flags = (username === undefined ? 0 : 128) + (password === undefined ? 0 : 64) + (will?.retain ? 32 : 0) +
        (will === undefined ? 0 : 4 + will.qos * 8) + (cleanSession ? 2 : 0);
      const parts = [text("MQTT"), Uint8Array.of(4, flags), uint16(keepAlive), text(clientId)];
      if (will !== undefined) parts.push(text(will.topicName), uint16(will.payload.length), will.payload);
      if (username !== undefined) parts.push(text(username));
      if (password !== undefined) parts.push(uint16(password.length), password);
      return parts;
    }
    case "connack":
      return [Uint8Array.of(packet.sessionPresent ? 1 : 0, packet.returnCode)];
    case "publish": {
      const id = packet.qos === 0 ? [] : [uint16(packet.packetId)];
      return [text(packet.topicName), ...id, packet.payload];
    }
    case "subscribe":
      return [
        uint16(packet.packetId),
        ...packet.subscriptions.flatMap(({ topicFilter, qos }) => [text(topicFilter), Uint8Array.of(qos)]),
      ];
    case "suback":
      return [uint16(packet.packetId), Uint8Array.from(packet.returnCodes)];
    case "unsubscribe":
      return [uint16(packet.packetId), ...packet.topicFilters.map(text)];
    case "pingreq":
    case "pingresp":
    case "disconnect":
      return [];
    default:
      return [uint16(packet.packetId)];
  }
}

function decodeHeader(stream: Uint8Array): { bodyAt: number; size: number } | undefined {
  const type = stream[0]! >> 4;
  const flags = stream[0]! & 15;
  demand(type >= 1 && type <= 14);
  if (type === 3) demand((flags & 6) !== 6 && ((flags & 6) !== 0 || (flags & 8) === 0));
  else demand(flags === (type === 6 || type === 8 || type === 10 ? 2 : 0));
  let length = 0;
  for (let i = 1; i < stream.length; i++) {
    length += (stream[i]! % 128) * 128 ** (i - 1);
    if (stream[i]! < 128) {
      if ([2, 4, 5, 6, 7, 11].includes(type)) demand(length === 2);
      if (type >= 12) demand(length === 0);
      return { bodyAt: i + 1, size: i + 1 + length };
    }
    demand(i < 4);
  }
  return undefined;
}

/** Reads one field after another from a body. */
class Fields {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#view = new DataView(body.buffer);
  }

  get isDone(): boolean {
    return this.#at === this.#body.length;
  }

  byte(): number {
    demand(this.#at < this.#body.length);
    return this.#view.getUint8(this.#at++);
  }

  uint16(): number {
    demand(this.#at + 2 <= this.#body.length);
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  packetId(): number {
    const packetId = this.uint16();
    demand(packetId !== 0);
    return packetId;
  }

  binary(): Uint8Array {
    const length = this.uint16();
    demand(this.#at + length <= this.#body.length);
    this.#at += length;
    return this.#body.slice(this.#at - length, this.#at);
  }

  text(): string {
    const bytes = this.binary();
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Malformed();
    }
    demand(!text.includes("\0"));
    return text;
  }

  topicName(): string {
    const topicName = this.text();
    demand(/^[^+#]+$/s.test(topicName));
    return topicName;
  }

  topicFilter(): string {
    const topicFilter = this.text();
    demand(topicFilter !== "");
    topicFilter.split("/").forEach((level, index, levels) => {
      demand(!/[+#]/.test(level) || level === "+" || (level === "#" && index === levels.length - 1));
    });
    return topicFilter;
  }

  rest(): Uint8Array {
    const rest = this.#body.slice(this.#at);
    this.#at = this.#body.length;
    return rest;
  }
}

function decodeBody(firstByte: number, body: Uint8Array): Packet {
  const type = NAMES[firstByte >> 4]!;
  const fields = new Fields(body);
  const packet = decodeFields(type, firstByte & 15, fields);
  demand(fields.isDone);
  return packet;
}

function decodeFields(type: (typeof NAMES)[number], flags: number, fields: Fields): Packet {
  switch (type) {
    case "connect":
      return decodeConnect(fields);
    case "connack": {
      const acknowledgeFlags = fields.byte();
      const returnCode = fields.byte();
      demand(acknowledgeFlags <= 1 && returnCode <= 5 && (acknowledgeFlags === 0 || returnCode === 0));
      return { type, sessionPresent: acknowledgeFlags === 1, returnCode: returnCode as ConnectReturnCode };
    }
    case "publish": {
      const qos = (flags >> 1 & 3) as QoS;
      const topicName = fields.topicName();
      const packetId = qos === 0 ? 0 : fields.packetId();
      return { type, topicName, payload: fields.rest(), qos, retain: (flags & 1) > 0, dup: (flags & 8) > 0, packetId };
    }
    case "subscribe": {
      const packetId = fields.packetId();
      const subscriptions = some(fields, () => ({ topicFilter: fields.topicFilter(), qos: qosOf(fields.byte()) }));
      return { type, packetId, subscriptions };
    }
    case "suback": {
      const packetId = fields.packetId();
      const returnCodes = some(fields, () => {
        const code = fields.byte();
        demand([0, 1, 2, 128].includes(code));
        return code as SubackReturnCode;
      });
      return { type, packetId, returnCodes };
    }
    case "unsubscribe":
      return { type, packetId: fields.packetId(), topicFilters: some(fields, () => fields.topicFilter()) };
    case "pingreq":
    case "pingresp":
    case "disconnect":
      return { type };
    case "":
      throw new Malformed();
    default:
      return { type, packetId: fields.packetId() };
  }
}

function decodeConnect(fields: Fields): Packet {
  demand(fields.text() === "MQTT" && fields.byte() === 4);
  const flags = fields.byte();
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const willQos = flags >> 3 & 3;
  demand(!has(1) && (has(4) ? willQos < 3 : willQos === 0 && !has(32)) && (has(128) || !has(64)));
  const keepAlive = fields.uint16();
  const clientId = fields.text();
  demand(clientId !== "" || has(2));
  const will = has(4)
    ? { topicName: fields.topicName(), payload: fields.binary(), qos: qosOf(willQos), retain: has(32) }
    : undefined;
  const username = has(128) ? fields.text() : undefined;
  const password = has(64) ? fields.binary() : undefined;
  return { type: "connect", clientId, cleanSession: has(2), keepAlive, will, username, password };
}

function some<T>(fields: Fields, decode: () => T): T[] {
  const items = [decode()];
  while (!fields.isDone) items.push(decode());
  return items;
}

function qosOf(value: number): QoS {
  demand(value <= 2);
  return value as QoS;
}

function demand(condition: boolean): void {
  if (!condition) throw new Malformed();
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return concat([uint16(bytes.length), bytes]);
}

function uint16(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, value);
  return new Uint8Array(view.buffer);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
