// The work the codec benchmarks measure, each piece in three hands: ours, mqtt-packet's, and the naive codec's.

import { Buffer } from "node:buffer";
import mqttPacket from "mqtt-packet";
import { Decoder, encodePacket, Encoder, type Packet } from "../../src/codec/mod.ts";
import { decodeNaive, encodeNaive } from "../../tests/codec/naive.ts";

/** One piece of work. Each function does all of it once. */
export interface Scenario {
  /** What is done. */
  readonly name: string;
  /** How many packets each function encodes or decodes. */
  readonly packetCount: number;
  /** With this codec. */
  readonly petrel: () => void;
  /** With mqtt-packet: `generate`, or a parser fed with Buffers. */
  readonly mqttPacket: () => void;
  /** With the naive codec of the tests; left out where it would take quadratic time. */
  readonly naive?: () => void;
}

/** How many packets are encoded between two writes. */
const BATCH = 64;
const CHUNK_SIZE = 65_536;
const COUNT = 2048;

/** Makes all scenarios. */
export function codecScenarios(): Scenario[] {
  const random = lcg(7);
  const small0 = publishes(random, { qos: 0, payloadLength: 16, topicCount: 64 });
  const small1 = publishes(random, { qos: 1, payloadLength: 16, topicCount: 64 });
  const unique = publishes(random, { qos: 1, payloadLength: 16, topicCount: COUNT * 8 });
  const medium = publishes(random, { qos: 1, payloadLength: 1024, topicCount: 64 });
  const large = publishes(random, { qos: 1, payloadLength: 65_536, topicCount: 64 }).slice(0, BATCH);
  const pubacks = Array.from({ length: COUNT }, (_, i): Packet => ({ type: "puback", packetId: i + 1 }));
  const chunks = (packets: Packet[]): Uint8Array[] => cut(join(packets), () => CHUNK_SIZE);
  const fragments = (packets: Packet[]): Uint8Array[] => cut(join(packets), () => 1 + Math.floor(random() * 1500));
  return [
    encoding("encode PUBLISH QoS 0, 16 B", small0),
    encoding("encode PUBLISH QoS 1, 16 B", small1),
    encoding("encode PUBLISH QoS 1, 16 B, topics never seen", unique),
    encoding("encode PUBLISH QoS 1, 1 KiB", medium),
    encoding("encode PUBLISH QoS 1, 64 KiB", large),
    encoding("encode PUBACK", pubacks),
    encoding("encode CONNECT", Array(BATCH).fill(connect())),
    encoding("encode SUBSCRIBE, 5 filters", Array(BATCH).fill(subscribe())),
    encodingAlone("encodePacket PUBLISH QoS 0, 16 B", small0),
    decoding("decode 64 KiB chunks, PUBLISH QoS 0, 16 B", small0, chunks(small0)),
    decoding("decode 64 KiB chunks, PUBLISH QoS 1, 16 B", small1, chunks(small1)),
    decoding("decode 64 KiB chunks, PUBLISH QoS 1, 16 B, topics never seen", unique, chunks(unique)),
    decoding("decode 64 KiB chunks, PUBLISH QoS 1, 1 KiB", medium, chunks(medium)),
    decoding("decode 64 KiB chunks, PUBACK", pubacks, chunks(pubacks)),
    decoding("decode one per buffer, PUBLISH QoS 1, 16 B", small1, small1.map((packet) => encodePacket(packet))),
    decoding("decode one per buffer, PUBLISH QoS 1, 1 KiB", medium, medium.map((packet) => encodePacket(packet))),
    decoding("decode one per buffer, PUBACK", pubacks, pubacks.map((packet) => encodePacket(packet))),
    decoding("decode fragments of 1..1500 B, PUBLISH QoS 1, 16 B", small1, fragments(small1)),
    decoding("decode fragments of 1..1500 B, PUBLISH QoS 1, 1 KiB", medium, fragments(medium)),
    decoding("decode fragments of 1..1500 B, PUBACK", pubacks, fragments(pubacks)),
    decoding("decode one per buffer, CONNECT", [connect()], Array(BATCH).fill(encodePacket(connect())), BATCH),
    decoding(
      "decode one per buffer, SUBSCRIBE, 5 filters",
      [subscribe()],
      Array(BATCH).fill(encodePacket(subscribe())),
      BATCH,
    ),
  ];
}

function encoding(name: string, packets: readonly Packet[]): Scenario {
  const encoder = new Encoder();
  const theirs = packets.map(toMqttPacket);
  return {
    name,
    packetCount: packets.length,
    petrel: () => {
      for (let i = 0; i < packets.length; i++) {
        encoder.encode(packets[i]!);
        if (i % BATCH === BATCH - 1) {
          keep(encoder.take().length);
          encoder.reset();
        }
      }
      encoder.reset();
    },
    mqttPacket: () => {
      for (const packet of theirs) keep(mqttPacket.generate(packet).length);
    },
    naive: () => {
      for (const packet of packets) keep(encodeNaive(packet).length);
    },
  };
}

function encodingAlone(name: string, packets: readonly Packet[]): Scenario {
  return {
    ...encoding(name, packets),
    petrel: () => {
      for (const packet of packets) keep(encodePacket(packet).length);
    },
  };
}

function decoding(
  name: string,
  packets: readonly Packet[],
  chunks: readonly Uint8Array[],
  packetCount: number = packets.length,
): Scenario {
  const decoder = new Decoder();
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  let parsed = 0;
  parser.on("packet", (packet) => {
    parsed += packet.cmd === "publish" ? packet.topic.length + packet.payload.length : 1;
  });
  const buffers = chunks.map((chunk) => Buffer.from(chunk));
  const arePacketsWhole = chunks.length === packetCount || chunks.length === 1;
  const scenario = {
    name,
    packetCount,
    petrel: () => {
      let sum = 0;
      for (const chunk of chunks) {
        decoder.push(chunk);
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          sum += packet.type === "publish" ? packet.topicName.length + packet.payload.length : 1;
        }
      }
      keep(sum);
    },
    mqttPacket: () => {
      for (const buffer of buffers) parser.parse(buffer);
      keep(parsed);
    },
  };
  if (!arePacketsWhole) return scenario;
  return {
    ...scenario,
    naive: () => {
      for (const chunk of chunks) keep(decodeNaive(chunk).packets.length);
    },
  };
}

function publishes(
  random: () => number,
  { qos, payloadLength, topicCount }: { qos: 0 | 1; payloadLength: number; topicCount: number },
): Packet[] {
  const topicNames = Array.from({ length: topicCount }, (_, i) => `site/${String(i).padStart(6, "0")}/reading`);
  const payload = new Uint8Array(payloadLength).fill(0x2a);
  return Array.from({ length: Math.max(COUNT, topicCount) }, (_, i): Packet => ({
    type: "publish",
    topicName: topicNames[topicCount > COUNT ? i : Math.floor(random() * topicCount)]!,
    payload,
    qos,
    retain: false,
    dup: false,
    packetId: qos === 0 ? 0 : 1 + i % 65_535,
  }));
}

function connect(): Packet {
  return {
    type: "connect",
    clientId: "device-000417",
    cleanSession: true,
    keepAlive: 60,
    will: undefined,
    username: "reader",
    password: new TextEncoder().encode("correct horse battery"),
  };
}

function subscribe(): Packet {
  const topicFilters = ["site/+/reading", "site/000417/#", "$SYS/broker/load/+", "alarm/#", "site/000417/command/set"];
  return {
    type: "subscribe",
    packetId: 10,
    subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, qos: 1 })),
  };
}

function join(packets: readonly Packet[]): Uint8Array {
  return new Uint8Array(Buffer.concat(packets.map((packet) => encodePacket(packet))));
}

function cut(stream: Uint8Array, size: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length;) {
    const end = at + size();
    chunks.push(stream.slice(at, end));
    at = end;
  }
  return chunks;
}

function toMqttPacket(packet: Packet): mqttPacket.Packet {
  switch (packet.type) {
    case "publish": {
      const { topicName: topic, payload, qos, retain, dup, packetId: messageId } = packet;
      return { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup, messageId };
    }
    case "puback":
      return { cmd: "puback", messageId: packet.packetId };
    case "connect": {
      const { clientId, cleanSession: clean, keepAlive: keepalive, username, password } = packet;
      const login = { username: username!, password: Buffer.from(password!) };
      return { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId, clean, keepalive, ...login };
    }
    case "subscribe": {
      const subscriptions = packet.subscriptions.map(({ topicFilter: topic, qos }) => ({ topic, qos }));
      return { cmd: "subscribe", messageId: packet.packetId, subscriptions };
    }
    default:
      throw new Error(`No scenario has a ${packet.type}`);
  }
}

let kept = 0;

/** Keeps a result from being optimised away. */
function keep(value: number): void {
  kept = (kept + value) | 0;
}

/** A linear congruential generator: the same numbers on every run. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return state / 2 ** 32;
  };
}
