// The codec of a client: what it decodes and encodes is what the one of both roles does, and the rest is refused.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ClientPacketEncoder,
  type ClientPacketType,
  Decoder,
  encodePacket,
  type Packet,
  ServerPacketDecoder,
} from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { cutEvery, drain } from "./collect.ts";
import { concat, hex } from "./hex.ts";
import { vectors } from "./vectors.ts";

const onlyClients: readonly string[] = ["connect", "subscribe", "unsubscribe"] satisfies ClientPacketType[];
const onlyServers: readonly string[] = ["connack", "suback", "unsuback", "pingresp"];

test("the decoder of a client gives what the one of both roles gives, but for packets of clients with a body", () => {
  const theirs = vectors.filter(({ packet }) => !onlyClients.includes(packet.type));
  assert(theirs.length > 20);
  const stream = concat(...theirs.map(({ bytes }) => bytes));
  for (const size of [stream.length, 1000, 7]) {
    const both = new Decoder();
    const decoder = new ServerPacketDecoder({}, (type) => {
      throw new Error(`${type} was left to its owner`);
    });
    for (const chunk of cutEvery(stream, size)) {
      decoder.push(chunk);
      both.push(chunk);
    }
    assertEquals(drain(decoder), drain(both));
  }
});

for (const { packet, bytes } of vectors.filter(({ packet }) => onlyClients.includes(packet.type)).slice(0, 12)) {
  test(`the decoder of a client leaves ${packet.type} of ${bytes.length} bytes to its owner, wherever it is cut`, () => {
    const before = hex("40 02 00 01");
    for (const size of [before.length + bytes.length, 3, 1]) {
      const refusal = new Error("refused");
      const told: [type: ClientPacketType, bytes: Uint8Array, offset: number][] = [];
      const decoder = new ServerPacketDecoder({}, (type, memory, at, end, origin) => {
        told.push([type, memory.slice(at, end), origin + at]);
        throw refusal;
      });
      for (const chunk of cutEvery(concat(before, bytes), size)) decoder.push(chunk);
      assertEquals(decoder.next(), { type: "puback", packetId: 1 });
      for (let i = 0; i < 2; i++) assertStrictEquals(assertThrows(() => decoder.next()), refusal);
      assertEquals(told, [[packet.type as ClientPacketType, bytes, before.length]]);
    }
  });
}

for (const { name, packet, bytes } of vectors.filter(({ packet }) => packet.type !== "publish")) {
  test(`the encoder of a client and ${name}`, () => {
    const encoder = new ClientPacketEncoder();
    encoder.encode({ type: "pingreq" });
    if (onlyServers.includes(packet.type)) {
      assertThrows(() => encoder.encode(packet), TypeError, `Cannot encode packet: type is ${packet.type}`);
      assertEquals(encoder.length, 2);
    } else {
      encoder.encode(packet);
      const encoded = concat(...encoder.take().map((part) => part.bytes.subarray(0, part.length)));
      assertEquals(encoded, concat(hex("c0 00"), bytes));
    }
  });
}

test("what is no packet is refused by either encoder", () => {
  const packet = { type: "auth" } as unknown as Packet;
  assertThrows(() => new ClientPacketEncoder().encode(packet), TypeError, "type is auth [MQTT-2.2.1]");
  assertThrows(() => encodePacket(packet), TypeError, "type is auth [MQTT-2.2.1]");
});
