// The load peer keeps the rules it measures others by: acknowledgements of one read in one write, and a window.

import { assertEquals, assertThrows } from "@std/assert";
import { openPeerConnection, type PeerConnection } from "../../bench/e2e/peer_connection.ts";
import type { PeerPlan } from "../../bench/e2e/plan.ts";
import { DONE_TOPIC, rawPublish, rawPublishes } from "../../bench/e2e/raw_packets.ts";
import { encodePacket, type Packet } from "../../src/codec/mod.ts";
import { collect } from "../codec/collect.ts";
import { test } from "../support/test.ts";

/** A socket that takes a limited number of bytes at a time, and keeps what it took, write by write. */
class RecordingSocket {
  readonly writes: Uint8Array[] = [];
  /** How many bytes it takes before it has to drain. */
  room = Infinity;

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.room);
    this.room -= taken;
    if (taken > 0) this.writes.push(bytes.slice(offset, offset + taken));
    return taken;
  }

  /** What was written since this was last called, as packets. */
  takePackets(): Packet[] {
    const bytes = Uint8Array.from(this.writes.splice(0).flatMap((write) => [...write]));
    const { packets, error } = collect([bytes]);
    assertEquals(error, undefined);
    return packets;
  }
}

function open(plan: PeerPlan): { readonly socket: RecordingSocket; readonly peer: PeerConnection } {
  const socket = new RecordingSocket();
  return { socket, peer: openPeerConnection(socket, plan) };
}

function acks(type: "puback" | "pubrec" | "pubrel" | "pubcomp", from: number, count: number): Uint8Array {
  return Uint8Array.from(
    Array.from({ length: count }, (_, i) => [...encodePacket({ type, packetId: from + i })]).flat(),
  );
}

const SUBSCRIBE = encodePacket({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "#", qos: 2 }] });

test("a sink acknowledges one read with one write, and says when a phase is done", () => {
  const { socket, peer } = open({ mode: "sink", network: "tcp", qos: 1, payloadBytes: 16, phases: [3, 2] });
  peer.handleData(rawPublishes(2, 16, 1));
  assertEquals(socket.writes.length, 1);
  assertEquals(socket.takePackets(), [{ type: "puback", packetId: 1 }, { type: "puback", packetId: 2 }]);
  peer.handleData(rawPublish("a", 16, 1, 3));
  assertEquals(socket.takePackets().map(describe), ["puback", DONE_TOPIC]);
  peer.handleData(rawPublishes(2, 16, 1));
  assertEquals(socket.takePackets().map(describe), ["puback", "puback", DONE_TOPIC]);
});

test("a sink counts a QoS 2 message when it is released", () => {
  const { socket, peer } = open({ mode: "sink", network: "tcp", qos: 2, payloadBytes: 16, phases: [2] });
  peer.handleData(rawPublishes(2, 16, 2));
  assertEquals(socket.takePackets().map(describe), ["pubrec", "pubrec"]);
  peer.handleData(acks("pubrel", 1, 2));
  assertEquals(socket.takePackets().map(describe), ["pubcomp", "pubcomp", DONE_TOPIC]);
});

test("a flood never has more than a window unacknowledged, and sends all of a phase", () => {
  const { socket, peer } = open({ mode: "flood", network: "tcp", qos: 1, payloadBytes: 16, phases: [250] });
  peer.handleData(SUBSCRIBE);
  assertEquals(socket.takePackets().map(describe), ["suback", ...Array(100).fill("bench/topic/number/1")]);
  peer.handleData(acks("puback", 1, 40));
  assertEquals(socket.takePackets().length, 40);
  peer.handleData(acks("puback", 41, 100));
  assertEquals(socket.takePackets().length, 100);
  peer.handleData(acks("puback", 141, 60));
  assertEquals(socket.takePackets().length, 10);
});

test("a flood goes on where a full socket stopped it, and tears no packet", () => {
  const { socket, peer } = open({ mode: "flood", network: "tcp", qos: 0, payloadBytes: 16, phases: [20_000] });
  socket.room = 1001;
  peer.handleData(SUBSCRIBE);
  // An answer must wait behind the packet that has left in part.
  socket.room = 50;
  peer.handleData(encodePacket({ type: "pingreq" }));
  for (let drains = 0; drains < 20; drains++) {
    socket.room = 50_001;
    peer.handleDrain();
  }
  const packets = socket.takePackets().map(describe);
  assertEquals(packets.filter((name) => name === "pingresp"), ["pingresp"]);
  assertEquals(packets.length, 20_002);
});

test("a flood gives up on a client that acknowledges out of order", () => {
  const { peer } = open({ mode: "flood", network: "tcp", qos: 2, payloadBytes: 16, phases: [10] });
  peer.handleData(SUBSCRIBE);
  assertThrows(() => peer.handleData(acks("pubcomp", 2, 1)), Error, "2 completed, and 1 was due");
});

test("bytes are counted and sent without a look at them", () => {
  const packetBytes = rawPublishes(1, 16, 0).length;
  const sink = open({ mode: "bytes-sink", network: "tcp", qos: 0, payloadBytes: 16, phases: [2] });
  sink.peer.handleData(new Uint8Array(packetBytes));
  assertEquals(sink.socket.writes.length, 0);
  sink.peer.handleData(new Uint8Array(packetBytes));
  assertEquals(sink.socket.writes.length, 1);
  const flood = open({ mode: "bytes-flood", network: "tcp", qos: 0, payloadBytes: 16, phases: [10_000] });
  flood.peer.handleData(Uint8Array.of(1));
  const sent = flood.socket.writes.reduce((length, write) => length + write.length, 0);
  assertEquals(sent, 10_000 * packetBytes);
});

function describe(packet: Packet): string {
  return packet.type === "publish" ? packet.topicName : packet.type;
}
