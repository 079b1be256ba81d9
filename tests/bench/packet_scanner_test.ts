// The framing of the load peer: it must lose no packet, however the stream is cut.

import { assertEquals } from "@std/assert";
import { PacketScanner } from "../../bench/e2e/packet_scanner.ts";
import { rawConnect, rawPublish } from "../../bench/e2e/raw_packets.ts";
import { encodePacket } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";

const PACKETS = [
  encodePacket({ type: "pingreq" }),
  rawPublish("a/b", 0, 0, 0),
  rawPublish("a/b", 200, 1, 258),
  encodePacket({ type: "puback", packetId: 515 }),
  rawPublish("a/longer/topic", 130, 2, 65_535),
  encodePacket({ type: "pubrel", packetId: 7 }),
  encodePacket({ type: "subscribe", packetId: 9, subscriptions: [{ topicFilter: "a/#", qos: 1 }] }),
];
/** First byte, and Packet Identifier where there is one. */
const SEEN = [[0xc0], [0x30], [0x32, 258], [0x40, 515], [0x34, 65_535], [0x62, 7], [0x82, 9]];
const STREAM = join(PACKETS);

test("the scanner finds every packet, wherever the stream is cut in two", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    assertEquals(scan([STREAM.subarray(0, cut), STREAM.subarray(cut)]), SEEN, `cut at ${cut}`);
  }
});

test("the scanner finds every packet in pieces of any size", () => {
  for (let size = 1; size < 40; size++) {
    const pieces = Array.from(
      { length: Math.ceil(STREAM.length / size) },
      (_, i) => STREAM.subarray(i * size, (i + 1) * size),
    );
    assertEquals(scan(pieces), SEEN, `pieces of ${size}`);
  }
});

test("the scanner tells a packet with its last byte, not before", () => {
  const seen: number[] = [];
  const scanner = new PacketScanner((firstByte) => seen.push(firstByte));
  const packet = rawPublish("a", 1000, 1, 1);
  scanner.scan(packet.subarray(0, packet.length - 1));
  assertEquals(seen, []);
  scanner.scan(packet.subarray(packet.length - 1));
  assertEquals(seen, [0x32]);
});

test("the load peer's packets are those of the codec", () => {
  const payload = new Uint8Array(300).fill(0x2a);
  const publish = { type: "publish", topicName: "a/b", payload, retain: false, dup: false } as const;
  assertEquals(rawPublish("a/b", 300, 0, 0), encodePacket({ ...publish, qos: 0, packetId: 0 }));
  assertEquals(rawPublish("a/b", 300, 2, 777), encodePacket({ ...publish, qos: 2, packetId: 777 }));
  const connect = { type: "connect", clientId: "bare", cleanSession: true, keepAlive: 60 } as const;
  const nobody = { will: undefined, username: undefined, password: undefined };
  assertEquals(rawConnect("bare"), encodePacket({ ...connect, ...nobody }));
});

function scan(chunks: readonly Uint8Array[]): number[][] {
  const seen: number[][] = [];
  const scanner = new PacketScanner((firstByte, packetId) => {
    const hasId = firstByte !== 0xc0 && firstByte !== 0x30;
    seen.push(hasId ? [firstByte, packetId] : [firstByte]);
  });
  for (const chunk of chunks) scanner.scan(chunk);
  return seen;
}

function join(packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => [...packet]));
}
