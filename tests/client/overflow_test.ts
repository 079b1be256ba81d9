// Streams that are full: what waits, what is dropped, what ends, and that nobody who awaits an answer is kept from it.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { encodePacket, type Packet, type Publish } from "../../src/codec/mod.ts";
import { ReadAheadError, StreamOverflowError } from "../../src/client/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { grant, openStage, read, subscribe, take, text } from "./stage.ts";

/** Numbered messages at QoS 0. */
function numbered(topicName: string, count: number, from = 0): Publish[] {
  return Array.from({ length: count }, (_, i) => text(topicName, `${from + i}`));
}

function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${from + i}`);
}

test("wait: the stream holds its capacity, the server is held back, and nothing is lost", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 3 });
  const flood: Packet[] = numbered("a", 50_000).map((packet) => ({ ...packet, payload: packet.payload }));
  const sending = watch(server.connection.send(...flood));
  await settle();
  assertEquals([sending.state, stream.queued], ["pending", 3]);
  const { streams, counters, events } = mqtt.diagnostics();
  // What one turn decodes waits besides; the rest is in the socket.
  assert(streams.waiting <= 4096, `${streams.waiting}`);
  assertEquals([streams.waiting + 3 + 1, streams.ahead, events], [counters.incomingPackets - 1, 0, 0]);
  const reading = read(stream);
  while (reading.texts.length < 50_000) await settle();
  assertEquals([reading.texts, stream.dropped, sending.state], [numbers(50_000), 0, "fulfilled"]);
  await mqtt.disconnect();
});

test("wait: pings go on for as long as the consumer takes, and the connection stays", async () => {
  const { stage, mqtt, server } = await openStage({ keepAlive: 10 });
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  await server.send(...numbered("a", 10));
  for (let i = 0; i < 10; i++) {
    for (let ping = 0; ping < 6; ping++) {
      await stage.clock.advance(10_000);
      assertEquals(server.takeWords(), ["pingreq"]);
      await server.send({ type: "pingresp" });
    }
    assertEquals((await take(stream)).text(), `${i}`);
  }
  assertEquals(mqtt.diagnostics().counters.failures, 0);
  await mqtt.disconnect();
});

test("wait: a full stream does not keep publishes from leaving", async () => {
  const { mqtt, server } = await openStage();
  await subscribe(mqtt, server, "a", { capacity: 1 });
  await server.send(...numbered("a", 10));
  assertEquals((await mqtt.publish("b", "x")).type, "qos0-flushed");
  assertEquals(server.takeWords(), ["publish"]);
  await mqtt.disconnect();
});

test("wait: publishes at QoS 0 need no answer, so they do not open what is held", async () => {
  const { stage, mqtt, server } = await openStage({ keepAlive: 0 });
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  const sending = watch(server.connection.send(...numbered("a", 50_000)));
  await settle();
  for (let i = 0; i < 100; i++) await mqtt.publish("b", `${i}`);
  await settle();
  const { ahead, waiting } = mqtt.diagnostics().streams;
  assertEquals([sending.state, stream.queued, stream.dropped, ahead, waiting <= 4096], ["pending", 1, 0, 0, true]);
  assertEquals([server.takeWords().length, stage.clock.pendingTimers], [100, 0]);
  await mqtt.disconnectNow();
});

test("wait: a publish at QoS 0 that does not get out, since the server reads nothing either, is let out in time", async () => {
  const { stage, mqtt, server } = await openStage({ keepAlive: 0 });
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  // Like a server of one thread: it reads again once what it writes is taken.
  server.connection.pause();
  const sending = watch(server.connection.send(...numbered("a", 50_000)).then(() => server.connection.resume()));
  const publishing = watch(mqtt.publish("b", new Uint8Array(1_000_000)));
  await settle();
  await stage.clock.advance(99);
  assertEquals([sending.state, publishing.state], ["pending", "pending"]);
  await stage.clock.advance(1);
  assertEquals([sending.state, publishing.state, stage.clock.pendingTimers], ["fulfilled", "fulfilled", 0]);
  assertEquals(stream.queued, 1 + 4096);
  await mqtt.disconnectNow();
});

test("drop-oldest keeps the latest, and counts", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 3, overflow: "drop-oldest" });
  await server.send(...numbered("a", 10));
  assertEquals([stream.queued, stream.dropped], [3, 7]);
  await mqtt.disconnect();
  const reading = read(stream);
  await settle();
  assertEquals(reading.texts, ["7", "8", "9"]);
});

test("drop-newest keeps the first, and counts", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 3, overflow: "drop-newest" });
  await server.send(...numbered("a", 10));
  assertEquals([stream.queued, stream.dropped], [3, 7]);
  assertEquals((await take(stream)).text(), "0");
  await server.send(text("a", "later"));
  await mqtt.disconnect();
  const reading = read(stream);
  await settle();
  assertEquals(reading.texts, ["1", "2", "later"]);
});

test("error ends the stream behind what it holds, unsubscribes, and touches no other", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 3, overflow: "error" });
  const other = read(await subscribe(mqtt, server, "b"));
  await server.send(...numbered("a", 10), text("b", "x"));
  assertEquals(await grant(server), ["unsubscribe a"]);
  const reading = read(stream);
  await settle();
  assertInstanceOf(reading.end.error, StreamOverflowError);
  assertEquals([reading.end.error.topicFilter, reading.end.error.capacity], ["a", 3]);
  assertEquals([reading.texts, other.texts, other.end.state], [["0", "1", "2"], ["x"], "pending"]);
  await mqtt.disconnect();
});

for (const overflow of ["drop-oldest", "drop-newest", "error"] as const) {
  test(`${overflow}: a consumer that keeps up loses nothing, however large a batch`, async () => {
    const { mqtt, server } = await openStage();
    const stream = await subscribe(mqtt, server, "a", { capacity: 2, overflow });
    const reading = read(stream, async () => {
      await undefined;
      await undefined;
    });
    await server.send(...numbered("a", 5000));
    while (reading.texts.length < 5000) {
      await settle();
      assertEquals([stream.dropped, reading.end.state], [0, "pending"]);
    }
    assertEquals(reading.texts, numbers(5000));
    await mqtt.disconnect();
  });
}

test("a stream that drops does not hold back one that waits, nor the server", async () => {
  const { mqtt, server } = await openStage();
  const lazy = await subscribe(mqtt, server, "a", { capacity: 1, overflow: "drop-newest" });
  const reading = read(await subscribe(mqtt, server, "b", { capacity: 1 }));
  await server.send(...numbered("a", 20_000).flatMap((packet, i) => [packet, text("b", `${i}`)]));
  while (reading.texts.length < 20_000) await settle();
  assertEquals([lazy.queued, lazy.dropped, reading.texts], [1, 19_999, numbers(20_000)]);
  await mqtt.disconnect();
});

test("a publish awaited by the consumer of a full stream is completed, behind whatever lies before its answer", async () => {
  for (const qos of [1, 2] as const) {
    const { mqtt, server } = await openStage();
    const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
    await server.send(...numbered("a", 4000));
    const reading = read(stream, () => mqtt.publish("b", "x", { qos }));
    await settle();
    const [publish] = server.take();
    assert(publish?.type === "publish");
    const { packetId } = publish;
    const answer: Packet = qos === 1 ? { type: "puback", packetId } : { type: "pubrec", packetId };
    await server.send(...numbered("a", 8000, 4000), answer);
    if (qos === 2) {
      assertEquals(server.takeWords(), [`pubrel ${packetId}`]);
      await server.send(...numbered("a", 10), { type: "pubcomp", packetId });
    }
    // The consumer is at its second message.
    assertEquals(reading.texts.length, 2);
    await mqtt.disconnectNow();
  }
});

test("QoS 0 beyond thousands of messages is dropped and counted, only while somebody awaits an answer", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 10 });
  const publishing = watch(mqtt.publish("b", "x", { qos: 1 }));
  await settle();
  server.take();
  await server.send(...numbered("a", 30_000), { type: "puback", packetId: 2 });
  const { ahead, waiting } = mqtt.diagnostics().streams;
  assertEquals([publishing.state, stream.queued, ahead], ["fulfilled", 10 + 4096, 4096]);
  // What the last batch held is not dropped any more: its answer had been read.
  const dropped = 30_000 - 10 - 4096 - waiting;
  assertEquals([stream.dropped, waiting < 4096], [dropped, true]);
  // Now that nobody waits, reading is held.
  const sending = watch(server.connection.send(...numbered("a", 100_000)));
  await settle();
  assertEquals([sending.state, stream.dropped], ["pending", dropped]);
  const reading = read(stream);
  while (sending.state === "pending") await settle();
  assertEquals(reading.texts.slice(0, 4106), numbers(4106));
  assertEquals(mqtt.diagnostics().streams.ahead, 0);
  await mqtt.disconnect();
});

test("QoS 1 and 2 beyond the capacity are not acknowledged until the consumer has caught up, and never dropped", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 2, qos: 2 });
  const other = await subscribe(mqtt, server, "b", { qos: 1 });
  const publishing = watch(mqtt.publish("c", "x", { qos: 1 }));
  await settle();
  server.take();
  const first = numbered("a", 5).map((packet, i): Publish => ({ ...packet, qos: 1, packetId: 10 + i }));
  await server.send(...first);
  // One batch is acknowledged as it comes; nobody could know that it was too much.
  assertEquals(server.takeWords(), ["puback 10", "puback 11", "puback 12", "puback 13", "puback 14"]);
  await server.send(text("a", "5", { qos: 1, packetId: 15 }), text("b", "x", { qos: 1, packetId: 16 }));
  await server.send(text("a", "6", { qos: 2, packetId: 17 }));
  assertEquals([server.takeWords(), (await take(other)).text(), stream.queued], [[], "x", 7]);
  await server.send({ type: "puback", packetId: 3 });
  assertEquals(publishing.state, "fulfilled");
  for (let i = 0; i < 4; i++) assertEquals((await take(stream)).text(), `${i}`);
  await settle();
  assertEquals(server.takeWords(), []);
  assertEquals((await take(stream)).text(), "4");
  await settle();
  assertEquals(server.takeWords(), ["puback 15", "puback 16", "pubrec 17"]);
  assertEquals([(await take(stream)).text(), (await take(stream)).text(), stream.dropped], ["5", "6", 0]);
  await mqtt.disconnect();
});

test("a server that minds no window cannot fill the memory: whoever waits is told, and nothing is lost", async () => {
  const { mqtt, server } = await openStage({ maxReadAheadBytes: 100_000 });
  const stream = await subscribe(mqtt, server, "a", { capacity: 1, qos: 1 });
  const calls = [mqtt.publish("b", "x", { qos: 1 }), mqtt.publish("b", "y", { qos: 1 })].map((call) => watch(call));
  await settle();
  server.take();
  const flood = numbered("a", 1000).map((packet, i): Publish => ({ ...packet, qos: 1, packetId: 1 + i }));
  const sending = watch(server.connection.send(...flood.slice(0, 300)));
  await settle();
  assertEquals(calls.map(({ state }) => state), ["pending", "pending"]);
  for (const packet of flood.slice(300)) void server.connection.send(packet);
  await settle();
  for (const { error } of calls) {
    assertInstanceOf(error, ReadAheadError);
    assert(error.mayHaveBeenDelivered);
  }
  assertEquals(sending.state, "fulfilled");
  assert(mqtt.diagnostics().streams.ahead < 1000);
  const reading = read(stream);
  await server.send({ type: "puback", packetId: 2 }, { type: "puback", packetId: 3 });
  while (reading.texts.length < 1000) await settle();
  assertEquals([reading.texts, mqtt.diagnostics().session.inflight], [numbers(1000), 0]);
  await mqtt.disconnect();
});

test("the consumer of a full stream may wait for a message of another stream", async () => {
  const { mqtt, server } = await openStage();
  const jobs = await subscribe(mqtt, server, "jobs", { capacity: 1 });
  const replies = await subscribe(mqtt, server, "replies", { capacity: 1 });
  await server.send(...numbered("jobs", 100));
  const reading = read(jobs, async () => assertEquals((await take(replies)).text(), "reply"));
  for (let i = 0; i < 200; i++) await server.send(text("replies", "reply"), text("jobs", `${100 + i}`));
  while (reading.texts.length < 200) await settle();
  assertEquals([reading.texts.slice(0, 200), jobs.dropped], [numbers(200), 0]);
  await mqtt.disconnectNow();
});

test("while another consumer waits, a full stream takes thousands of messages more, and then holds the server", async () => {
  const { mqtt, server } = await openStage();
  const lazy = await subscribe(mqtt, server, "a", { capacity: 1 });
  const hungry = watch((await subscribe(mqtt, server, "b")).next());
  const sending = watch(server.connection.send(...numbered("a", 100_000), text("b", "x")));
  await settle();
  assertEquals([sending.state, hungry.state, lazy.queued, lazy.dropped], ["pending", "pending", 1 + 4096, 0]);
  const reading = read(lazy);
  while (reading.texts.length < 100_000) await settle();
  assertEquals([hungry.state, reading.texts.at(-1)], ["fulfilled", "99999"]);
  await mqtt.disconnect();
});

test("subscribing and disconnecting from inside a loop over a full stream goes through", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  await server.send(...numbered("a", 5000));
  const inner = watch((async () => {
    for await (const _message of stream) {
      await using _inner = await mqtt.subscribe("b");
      await mqtt.publish("c", "x", { qos: 1 });
      break;
    }
    for await (const _message of await mqtt.subscribe("a", { capacity: 1 })) {
      await mqtt.disconnect();
      return "done";
    }
    return "empty";
  })());
  for (let i = 0; inner.state === "pending" && i < 20; i++) {
    for (const packet of server.take()) {
      if (packet.type === "subscribe") {
        await server.send(...numbered("a", 5000), { type: "suback", packetId: packet.packetId, returnCodes: [0] });
      } else if (packet.type === "publish") {
        await server.send(...numbered("a", 5000), { type: "puback", packetId: packet.packetId });
      } else if (packet.type === "unsubscribe") {
        await server.send(...numbered("a", 5000), { type: "unsuback", packetId: packet.packetId });
      }
    }
    await settle();
  }
  assertEquals(inner.value, "done");
});

test("leaving a full stream lets the others go on", async () => {
  const { mqtt, server } = await openStage();
  const full = await subscribe(mqtt, server, "a", { capacity: 1 });
  const stream = await subscribe(mqtt, server, "b", { capacity: 1 });
  await server.send(...numbered("a", 100), text("b", "x"));
  assertEquals(mqtt.diagnostics().streams.waiting, 100);
  await full.return();
  assertEquals([(await take(stream)).text(), mqtt.diagnostics().streams.waiting], ["x", 0]);
  await settle();
  assertEquals(await grant(server), ["unsubscribe a"]);
  await mqtt.disconnect();
});

test("the length of a message does not change what is held: large ones stay in the socket", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  const large = encodePacket({ ...text("a", ""), payload: new Uint8Array(100_000) });
  const flood = new Uint8Array(large.length * 100);
  for (let i = 0; i < 100; i++) flood.set(large, i * large.length);
  const sending = watch(server.connection.sendBytes(flood));
  await settle();
  const { incomingBytes } = mqtt.diagnostics().counters;
  assert(incomingBytes <= 700_000, `${incomingBytes}`);
  assertEquals([sending.state, stream.queued], ["pending", 1]);
  await mqtt.disconnectNow();
});
