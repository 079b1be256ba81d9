// Events through their ring: what the loop tells in the worker is what the connection gives.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { Event, Packet, Publish, QoS } from "../../mod.ts";
import { ConnectionLostError, TlsError } from "../../mod.ts";
import { findDelivery } from "../../src/sync/delivery.ts";
import { EventReader } from "../../src/sync/event_reader.ts";
import { RingWriter } from "../../src/sync/ring/ring_writer.ts";
import { SharedMemory } from "../../src/sync/ring/shared_memory.ts";
import { EventWriter } from "../../src/sync/worker/event_writer.ts";
import { test } from "../support/test.ts";

interface Rig {
  readonly memory: SharedMemory;
  readonly writer: EventWriter;
  readonly reader: EventReader;
}

function openRig(ringBytes = 4096): Rig {
  const memory = SharedMemory.allocate(ringBytes);
  return { memory, writer: new EventWriter(new RingWriter(memory.events)), reader: new EventReader(memory) };
}

/** Sends an event through a ring that may be smaller than it. */
function cross({ writer, reader }: Rig, event: Event, delivery = 0): Event {
  let isWritten = writer.write(event, delivery);
  for (let rounds = 0; rounds < 1000; rounds++) {
    const item = reader.next();
    if (item !== undefined) {
      assert(isWritten || writer.advance());
      assert(item.type !== "thrown" && item.type !== "end");
      return item;
    }
    isWritten ||= writer.advance();
  }
  throw new Error("it does not come through");
}

function publish(topicName: string, payload: Uint8Array, qos: QoS = 0): Publish {
  return { type: "publish", topicName, payload, qos, retain: false, dup: false, packetId: qos === 0 ? 0 : 65_535 };
}

const packets: readonly Packet[] = [
  publish("a", new Uint8Array(0)),
  publish("a/b", Uint8Array.of(1, 2, 3), 1),
  { ...publish("grüße/日本/🐦", Uint8Array.of(0)), retain: true },
  { ...publish("\uFEFFbom", Uint8Array.of(0), 2), dup: true },
  publish("\u0001control", Uint8Array.of(0)),
  publish("large", new Uint8Array(100_000).map((_, i) => i)),
  { type: "puback", packetId: 1 },
  { type: "pubrec", packetId: 256 },
  { type: "pubrel", packetId: 32_768 },
  { type: "pubcomp", packetId: 65_535 },
  { type: "suback", packetId: 9, returnCodes: [0, 1, 2, 0x80] },
  { type: "unsuback", packetId: 10 },
  { type: "pingresp" },
  { type: "connack", sessionPresent: true, returnCode: 0 },
];

for (const packet of packets) {
  const name = packet.type === "publish" ? `PUBLISH on ${JSON.stringify(packet.topicName)}` : packet.type.toUpperCase();
  test(`an incoming ${name} crosses`, () => {
    const rig = openRig();
    // Twice: the second time the name of the topic is known.
    for (let i = 0; i < 2; i++) assertEquals(cross(rig, { type: "incoming", packet }), { type: "incoming", packet });
  });
}

test("connected and outgoing events cross", () => {
  const rig = openRig();
  const events: readonly Event[] = [
    { type: "connected", sessionPresent: true },
    { type: "connected", sessionPresent: false },
    { type: "outgoing", packetType: "connect", packetId: 0 },
    { type: "outgoing", packetType: "publish", packetId: 65_535 },
    { type: "outgoing", packetType: "disconnect", packetId: 0 },
  ];
  for (const event of events) assertEquals(cross(rig, event), event);
});

test("a disconnected event crosses with its error, its delay and its flap", () => {
  const rig = openRig();
  const cause = new TlsError("expired", "Cannot connect: too old");
  const error = new ConnectionLostError("transport-failed", "Cannot keep the connection: gone", cause);
  const flap = { losses: 3, likelyCause: "client-id-in-use" } as const;
  const event = cross(rig, { type: "disconnected", error, retryInMillis: 12.5, flap });
  assert(event.type === "disconnected");
  assertInstanceOf(event.error, ConnectionLostError);
  assertInstanceOf(event.error.cause, TlsError);
  assertEquals([event.retryInMillis, event.flap], [12.5, flap]);
  const next = cross(rig, { type: "disconnected", error, retryInMillis: 0, flap: undefined });
  assert(next.type === "disconnected" && next.flap === undefined);
});

test("what the loop threw and its end cross", () => {
  const { writer, reader } = openRig();
  assert(writer.writeThrown(new RangeError("thrown")) && writer.writeEnd());
  const thrown = reader.next();
  assert(thrown?.type === "thrown");
  assertInstanceOf(thrown.error, RangeError);
  assertEquals(reader.next(), { type: "end" });
});

test("more Topic Names than there are numbers for cross, old ones again and again", () => {
  const rig = openRig();
  for (let i = 0; i < 3000; i++) {
    const name = i % 3 === 0 ? `often/${i % 7}` : `once/${i}`;
    const event = cross(rig, { type: "incoming", packet: publish(name, Uint8Array.of(i)) });
    assert(event.type === "incoming" && event.packet.type === "publish");
    assertEquals([event.packet.topicName, event.packet.payload[0]], [name, i & 0xff]);
  }
});

test("a message whose topic alone fills the ring crosses with all of its payload", () => {
  const rig = openRig(1024);
  const packet = publish("t".repeat(5000), new Uint8Array(3000).fill(7), 1);
  assertEquals(cross(rig, { type: "incoming", packet }), { type: "incoming", packet });
});

test("a message that awaits acknowledgement is known by its number, to its own client alone", () => {
  const rig = openRig();
  const event = cross(rig, { type: "incoming", packet: publish("a", Uint8Array.of(1), 1) }, 42);
  assert(event.type === "incoming" && event.packet.type === "publish");
  assertEquals(findDelivery(event.packet, rig.memory)?.number, 42);
  assertEquals(findDelivery({ ...event.packet }, rig.memory), undefined);
  assertEquals(findDelivery(event.packet, SharedMemory.allocate(1024)), undefined);
  const other = cross(rig, { type: "incoming", packet: publish("a", Uint8Array.of(1), 1) });
  assert(other.type === "incoming" && other.packet.type === "publish");
  assertEquals(findDelivery(other.packet, rig.memory), undefined);
});
