// One connection as packets: chunks in, writes out, and what holds either of them back.

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { encodePacket, MalformedPacketError, type Packet, type Publish } from "../../src/codec/mod.ts";
import { Connection, type TrafficCounters } from "../../src/loop/connection.ts";
import { settle } from "../../src/testing/mod.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { message } from "./scene.ts";

const KIB = 1024;

/** A transport that writes down what it is told, and takes a write when the test says so. */
class SlowTransport implements Transport {
  readonly canPause = true;
  readonly calls: string[] = [];
  readonly written: Uint8Array[] = [];
  /** Whether writes wait for `take`. */
  isBusy = false;
  #taken: PromiseWithResolvers<void> | undefined;

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    this.written.push(chunk.slice(0, length));
    if (!this.isBusy) return undefined;
    this.#taken = Promise.withResolvers<void>();
    return this.#taken.promise;
  }

  /** Takes the write that waits. */
  async take(): Promise<void> {
    this.#taken?.resolve();
    await settle();
  }

  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  shutdown(): void {
    this.calls.push("shutdown");
  }
  destroy(): void {
    this.calls.push("destroy");
  }
}

interface Setup {
  readonly connection: Connection;
  readonly transport: SlowTransport;
  readonly counters: TrafficCounters;
  /** How many times it has woken the loop: because of bytes or the end, and because a write is done. */
  wakes(): [number, number];
}

function open(maxPacketSize = 1024 * KIB): Setup {
  const counters: TrafficCounters = { incomingBytes: 0, incomingPackets: 0, outgoingBytes: 0, outgoingPackets: 0 };
  let wakes = 0;
  let writeWakes = 0;
  const connection = new Connection(maxPacketSize, counters, () => wakes++, () => writeWakes++);
  const transport = new SlowTransport();
  connection.attach(transport);
  return { connection, transport, counters, wakes: () => [wakes, writeWakes] };
}

function publish(size: number): Publish {
  return { ...message("t"), payload: new Uint8Array(size) };
}

function allPackets(connection: Connection): Packet[] {
  const packets: Packet[] = [];
  for (let packet = connection.nextPacket(); packet !== undefined; packet = connection.nextPacket()) {
    packets.push(packet);
  }
  return packets;
}

test("packets come out as they went in, however they were cut", () => {
  const { connection, counters, wakes } = open();
  const packets: Packet[] = [message("a"), { type: "puback", packetId: 5 }, message("b", 1, 9)];
  const bytes = packets.flatMap((packet) => [...encodePacket(packet)]);
  assertFalse(connection.hasUndecoded);
  for (const byte of bytes) connection.data(Uint8Array.of(byte));
  assert(connection.hasUndecoded);
  assertEquals(allPackets(connection), packets);
  assertFalse(connection.hasUndecoded);
  assertEquals(wakes(), [bytes.length, 0]);
  assertEquals([counters.incomingBytes, counters.incomingPackets], [bytes.length, 3]);
});

test("packets before malformed bytes come out first [MQTT-4.8.0-1]", () => {
  const { connection } = open();
  connection.data(Uint8Array.of(...encodePacket({ type: "pingresp" }), 0x00, 0x00));
  assertEquals(connection.nextPacket(), { type: "pingresp" });
  assertThrows(() => connection.nextPacket(), MalformedPacketError);
});

test("bytes received are told once", () => {
  const { connection } = open();
  assertFalse(connection.takeReceived());
  connection.data(Uint8Array.of(0xd0));
  assert(connection.takeReceived());
  assertFalse(connection.takeReceived());
});

test("undecoded bytes hold the server back at 256 KiB, until half of them are decoded", () => {
  const { connection, transport } = open();
  const chunk = encodePacket(publish(32 * KIB - 6));
  assertEquals(chunk.length, 32 * KIB + 1);
  for (let i = 0; i < 7; i++) connection.data(chunk);
  assertEquals(transport.calls, []);
  connection.data(chunk);
  connection.data(chunk);
  assertEquals(transport.calls, ["pause"]);
  for (let i = 0; i < 5; i++) connection.nextPacket();
  assertEquals(transport.calls, ["pause"]);
  connection.nextPacket();
  assertEquals(transport.calls, ["pause", "resume"]);
  allPackets(connection);
  assertEquals(transport.calls, ["pause", "resume"]);
});

test("a transport that was quick enough to fill the inbox before it was known is paused when it is", () => {
  const counters: TrafficCounters = { incomingBytes: 0, incomingPackets: 0, outgoingBytes: 0, outgoingPackets: 0 };
  const connection = new Connection(1024 * KIB, counters, () => {}, () => {});
  connection.data(new Uint8Array(300 * KIB));
  const transport = new SlowTransport();
  connection.attach(transport);
  assertEquals(transport.calls, ["pause"]);
});

test("packets encoded together leave in one write", () => {
  const { connection, transport, counters } = open();
  let flushed = 0;
  for (let i = 1; i <= 3; i++) connection.encode({ type: "puback", packetId: i });
  assertFalse(connection.isFlushed);
  assertEquals(transport.written, []);
  connection.flush(() => flushed++, 0);
  assertEquals(transport.written.map((bytes) => [...bytes]), [[0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3]]);
  assert(connection.isFlushed);
  assertEquals([flushed, counters.outgoingPackets, counters.outgoingBytes], [1, 3, 12]);
  connection.flush(() => flushed++, 0);
  assertEquals([flushed, transport.written.length], [1, 1]);
});

test("while the transport takes its time, nothing can be encoded", async () => {
  const { connection, transport, wakes } = open();
  transport.isBusy = true;
  let flushed = 0;
  connection.encode({ type: "pingreq" });
  connection.flush(() => flushed++, 0);
  assertFalse(connection.canEncode);
  assertFalse(connection.isFlushed);
  assertEquals([flushed, connection.takeWritten(), wakes()], [0, false, [0, 0]]);
  await transport.take();
  assert(connection.canEncode);
  assert(connection.isFlushed);
  assertEquals([flushed, connection.takeWritten(), wakes()], [1, true, [0, 1]]);
  assertFalse(connection.takeWritten());
});

test("192 KiB are enough for one write", () => {
  const { connection } = open();
  for (let i = 0; i < 20; i++) {
    connection.encode(publish(10 * KIB));
    assertEquals(connection.canEncode, i < 19);
  }
});

test("a large payload leaves in slices, in order, each when the one before it is taken", async () => {
  const { connection, transport } = open();
  transport.isBusy = true;
  const payload = new Uint8Array(600 * KIB).map((_, i) => i % 251);
  let flushed = 0;
  connection.encode({ ...message("t"), payload });
  connection.flush(() => flushed++, 0);
  const sizes = (): number[] => transport.written.map(({ length }) => length);
  assertEquals(sizes(), [7]);
  await transport.take();
  assertEquals(sizes(), [7, 256 * KIB]);
  await transport.take();
  await transport.take();
  assertEquals(sizes(), [7, 256 * KIB, 256 * KIB, 88 * KIB]);
  assertEquals(flushed, 0);
  await transport.take();
  assertEquals(flushed, 1);
  const whole = new Uint8Array(await new Blob(transport.written.map((part) => new Uint8Array(part))).arrayBuffer());
  assertEquals(whole, encodePacket({ ...message("t"), payload }));
});

test("what was encoded is not changed by what comes after it", async () => {
  const { connection, transport } = open();
  transport.isBusy = true;
  connection.encode({ type: "puback", packetId: 1 });
  connection.flush(() => {}, 0);
  await transport.take();
  connection.encode({ type: "puback", packetId: 2 });
  connection.flush(() => {}, 0);
  assertEquals(transport.written.map((bytes) => bytes[3]), [1, 2]);
});

test("the end of the connection is told with its error", () => {
  const { connection, wakes } = open();
  assertEquals(connection.closed, undefined);
  const error = new Error("the cable was pulled");
  connection.close(error);
  assertEquals(connection.closed, { error });
  assertEquals(wakes(), [1, 0]);
});

test("a closed connection takes no packets and writes none", () => {
  const { connection, transport } = open();
  connection.encode({ type: "pingreq" });
  connection.close();
  assertFalse(connection.canEncode);
  connection.flush(() => {
    throw new Error("it was not flushed");
  }, 0);
  assertEquals(transport.written, []);
});

test("a write that resolves because the connection has ended was not taken", async () => {
  const { connection, transport } = open();
  transport.isBusy = true;
  let flushed = 0;
  connection.encode(publish(600 * KIB));
  connection.flush(() => flushed++, 0);
  connection.close();
  await transport.take();
  assertEquals([flushed, connection.takeWritten(), transport.written.length], [0, false, 1]);
});

test("shutdown() ends the sending side and lets the rest of the server go by", () => {
  const { connection, transport } = open();
  connection.data(new Uint8Array(300 * KIB));
  connection.shutdown();
  assertEquals(transport.calls, ["pause", "resume", "shutdown"]);
  assertFalse(connection.hasUndecoded);
  connection.data(encodePacket({ type: "pingresp" }));
  assertFalse(connection.hasUndecoded);
  assertEquals(connection.nextPacket(), undefined);
});

test("destroy() ends the connection, also one whose transport is still to come", () => {
  const { connection, transport } = open();
  connection.destroy();
  assertEquals(transport.calls, ["destroy"]);
  connection.data(encodePacket({ type: "pingresp" }));
  assertFalse(connection.hasUndecoded);
  const late = new SlowTransport();
  const counters: TrafficCounters = { incomingBytes: 0, incomingPackets: 0, outgoingBytes: 0, outgoingPackets: 0 };
  const unopened = new Connection(KIB, counters, () => {}, () => {});
  unopened.destroy();
  unopened.attach(late);
  assertEquals(late.calls, ["destroy"]);
});

test("writes that are taken at once pause after 256 KiB and 20 ms, until a timer has fired", () => {
  const { connection } = open();
  const write = (now: number): boolean => {
    connection.encode(publish(64 * KIB));
    connection.flush(() => {}, now);
    return connection.mustBreathe;
  };
  assertEquals([0, 10, 19].map(write), [false, false, false]);
  // 256 KiB are out, but only now the time is over too.
  assertEquals([write(19), write(20), connection.canEncode], [false, true, false]);
  connection.breathe();
  assert(connection.canEncode);
  assertEquals([100, 121, 122, 123].map(write), [false, false, false, true]);
});

test("bytes from the server, and a transport that takes its time, count as a pause", async () => {
  const { connection, transport } = open();
  const write = (now: number): boolean => {
    connection.encode(publish(64 * KIB));
    connection.flush(() => {}, now);
    return connection.mustBreathe;
  };
  for (let i = 0; i < 20; i++) {
    assertEquals(write(10 * i), false);
    connection.data(encodePacket({ type: "pingresp" }));
  }
  for (let i = 20; i < 40; i++) {
    transport.isBusy = i % 3 === 0;
    assertEquals(write(10 * i), false);
    // The header and the payload are a write each.
    await transport.take();
    await transport.take();
  }
});
