// The codec beside mqtt-packet: wherever both accept, they agree, in both directions.

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import { encodePacket, type Packet } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import * as arbitrary from "./arbitraries.ts";
import { collect } from "./collect.ts";
import { concat } from "./hex.ts";
import { vectors } from "./vectors.ts";

test("every vector is encoded by mqtt-packet to the same bytes", () => {
  let compared = 0;
  for (const { name, packet, bytes } of vectors) {
    if (!canGenerate(packet)) continue;
    assertEquals(generate(packet), bytes, name);
    compared++;
  }
  assert(compared >= vectors.length - 4, `${compared} of ${vectors.length}`);
});

test("every vector is decoded by mqtt-packet to the same packet", () => {
  for (const { name, packet, bytes } of vectors) assertEquals(parse(bytes, 2), [packet], name);
});

test("any packet is encoded to the bytes of mqtt-packet", () => {
  let compared = 0;
  fc.assert(
    fc.property(arbitrary.packet, (packet) => {
      if (!canGenerate(packet)) return;
      assertEquals(encodePacket(packet), generate(packet));
      compared++;
    }),
    { numRuns: 2000 },
  );
  assert(compared >= 1500, `only ${compared} packets were compared`);
});

test("any bytes that are packets to this codec are the same packets to mqtt-packet", () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.oneof(arbitrary.anyBytes, fc.array(arbitrary.packet, { maxLength: 5 }).map(join)), (bytes) => {
      const { packets } = collect([bytes]);
      // It goes on where this codec has called the bytes malformed: that is compared no more.
      assertEquals(parse(bytes, packets.length), packets);
      compared += packets.length;
    }),
    { numRuns: 4000 },
  );
  assert(compared >= 4000, `only ${compared} packets were compared`);
});

/** mqtt-packet takes an empty username and an empty password for none, and refuses an empty Will Message. */
function canGenerate(packet: Packet): boolean {
  if (packet.type !== "connect") return true;
  return packet.username !== "" && packet.password?.length !== 0 && packet.will?.payload.length !== 0;
}

function generate(packet: Packet): Uint8Array {
  return new Uint8Array(mqttPacket.generate(toTheirs(packet)));
}

/** Decodes up to `count` packets. */
function parse(bytes: Uint8Array, count: number): Packet[] {
  const packets: mqttPacket.Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", () => {});
  parser.parse(Buffer.from(bytes));
  return packets.slice(0, count).map(toOurs);
}

function join(packets: readonly Packet[]): Uint8Array {
  return concat(...packets.map((packet) => encodePacket(packet)));
}

function toTheirs(packet: Packet): mqttPacket.Packet {
  switch (packet.type) {
    case "connect": {
      const { clientId, cleanSession: clean, keepAlive: keepalive, will, username, password } = packet;
      return {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clientId,
        clean,
        keepalive,
        ...(will && { will: { ...will, topic: will.topicName, payload: Buffer.from(will.payload) } }),
        ...(username !== undefined && { username }),
        ...(password && { password: Buffer.from(password) }),
      };
    }
    case "connack":
      return { cmd: "connack", sessionPresent: packet.sessionPresent, returnCode: packet.returnCode };
    case "publish": {
      const { topicName: topic, payload, qos, retain, dup, packetId: messageId } = packet;
      return { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup, messageId };
    }
    case "subscribe": {
      const subscriptions = packet.subscriptions.map(({ topicFilter: topic, qos }) => ({ topic, qos }));
      return { cmd: "subscribe", messageId: packet.packetId, subscriptions };
    }
    case "suback":
      return { cmd: "suback", messageId: packet.packetId, granted: [...packet.returnCodes] };
    case "unsubscribe":
      return { cmd: "unsubscribe", messageId: packet.packetId, unsubscriptions: [...packet.topicFilters] };
    case "pingreq":
    case "pingresp":
    case "disconnect":
      return { cmd: packet.type };
    default:
      return { cmd: packet.type, messageId: packet.packetId } as mqttPacket.Packet;
  }
}

function toOurs(packet: mqttPacket.Packet): Packet {
  const packetId = packet.messageId ?? 0;
  switch (packet.cmd) {
    case "connect": {
      const { will } = packet;
      return {
        type: "connect",
        clientId: packet.clientId,
        cleanSession: packet.clean!,
        keepAlive: packet.keepalive!,
        will: will && {
          topicName: will.topic,
          payload: new Uint8Array(will.payload as Buffer),
          qos: will.qos!,
          retain: will.retain!,
        },
        username: packet.username,
        password: packet.password && new Uint8Array(packet.password),
      };
    }
    case "connack":
      return {
        type: "connack",
        sessionPresent: packet.sessionPresent,
        returnCode: packet.returnCode as 0,
      };
    case "publish": {
      const { topic: topicName, payload, qos, retain, dup } = packet;
      return { type: "publish", topicName, payload: new Uint8Array(payload as Buffer), qos, retain, dup, packetId };
    }
    case "subscribe":
      return {
        type: "subscribe",
        packetId,
        subscriptions: packet.subscriptions.map(({ topic, qos }) => ({ topicFilter: topic, qos })),
      };
    case "suback":
      return { type: "suback", packetId, returnCodes: packet.granted as 0[] };
    case "unsubscribe":
      return { type: "unsubscribe", packetId, topicFilters: packet.unsubscriptions };
    case "pingreq":
    case "pingresp":
    case "disconnect":
      return { type: packet.cmd };
    case "auth":
      throw new Error("MQTT 3.1.1 has no AUTH");
    default:
      return { type: packet.cmd, packetId };
  }
}
