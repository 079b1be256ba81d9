// Nobody is flooded: a server that sends too much is held back, and so is an application that publishes too much.

import { assert, assertEquals } from "@std/assert";
import { encodePacket, type Packet } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, ServerSide, watch, words } from "./scene.ts";

const KIB = 1024;

function bytesOf(packet: Packet, times: number): Uint8Array {
  const one = encodePacket(packet);
  const bytes = new Uint8Array(one.length * times);
  for (let i = 0; i < times; i++) bytes.set(one, i * one.length);
  return bytes;
}

test("nobody polls: reading stops, and the server's writes wait", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  const flood = bytesOf({ ...message("a"), payload: new Uint8Array(1000) }, 10_000);
  const sending = watch(server.connection.sendBytes(flood));
  await settle();
  const taken = scene.eventLoop.diagnostics().counters.incomingBytes;
  // 256 KiB and the chunk that filled them; a chunk of this network is at most 64 KiB.
  assert(taken >= 256 * KIB && taken <= 320 * KIB, `${taken}`);
  assertEquals(sending.state, "pending");
  // Time changes nothing.
  await scene.clock.advance(30_000);
  assertEquals(scene.eventLoop.diagnostics().counters.incomingBytes, taken);
  // Taking the events lets it go on, to the last one.
  let messages = 0;
  while (messages < 10_000) {
    for (const event of await scene.eventLoop.pollBatch()) if (event.type === "incoming") messages++;
  }
  await settle();
  assertEquals([messages, sending.state], [10_000, "fulfilled"]);
  scene.eventLoop.close();
});

test("everything that came before a loss is delivered before it, however much it is", async () => {
  const { scene, run, server } = await connectedScene({ outgoingEvents: false });
  const iterated = (): number => run.events.filter((event) => event.type === "incoming").length;
  void server.connection.sendBytes(bytesOf(message("a"), 20_000));
  server.connection.close();
  await settle();
  assertEquals([iterated(), words(run.events).at(-1)], [20_000, "disconnected"]);
  scene.eventLoop.close();
});

test("everything that came before a loss while nobody polled is delivered before it", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  await server.sendBytes(...bytesOf(message("a"), 10_000));
  await server.close();
  const run = scene.run();
  await settle();
  assertEquals([run.events.length, words(run.events).at(-1)], [10_001, "disconnected"]);
  scene.eventLoop.close();
});

test("events are not taken: decoding stops at 1024 of them", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  void server.connection.sendBytes(bytesOf(message("a"), 100_000));
  await settle();
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  const { events, counters } = scene.eventLoop.diagnostics();
  assertEquals([events, counters.incomingPackets], [1023, 1025]);
  scene.eventLoop.close();
});

test("a slow application gets every message, in order", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const seen: number[] = [];
  const iteration = watch((async () => {
    for await (const event of scene.eventLoop) {
      if (event.type !== "incoming" || event.packet.type !== "publish") continue;
      seen.push(Number(event.packet.topicName));
      if (seen.length % 500 === 0) await settle();
    }
  })());
  const server = await scene.acceptConnect();
  const packets = Array.from(
    { length: 20_000 },
    (_, i) => message(`${i}`, i % 2 === 0 ? 0 : 1, i % 2 === 0 ? 0 : 1 + i),
  );
  await server.send(...packets);
  while (seen.length < 20_000) await settle();
  assertEquals(seen, [...packets.keys()]);
  assertEquals(server.takeWords().length, 10_000);
  assertEquals(iteration.state, "pending");
  scene.eventLoop.close();
});

test("a slow application does not lose a healthy server, which cannot answer while it is held back", async () => {
  const scene = new Scene({ keepAlive: 10, outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  // More than is read ahead: the answers to PINGREQ are behind it.
  void server.connection.sendBytes(bytesOf(message("a"), 100_000));
  for (let i = 0; i < 100; i++) {
    assertEquals((await scene.eventLoop.poll())?.type, "incoming");
    await scene.clock.advance(1000);
    void server.connection.send(...server.take().map((): Packet => ({ type: "pingresp" })));
  }
  const { session, counters } = scene.eventLoop.diagnostics();
  assertEquals([session.phase, counters.failures], ["connected", 0]);
  assertEquals(counters.outgoingPackets, 1 + 9);
  scene.eventLoop.close();
});

test("a server that does not read: publish() waits, and what is held is bounded", async () => {
  const { scene, server } = await connectedScene({ capacity: 10, keepAlive: 0 });
  server.connection.pause();
  const calls = Array.from({ length: 500 }, () => watch(scene.client.publish("a", new Uint8Array(1000))));
  await settle();
  await scene.clock.advance(60_000);
  const admitted = calls.filter(({ state }) => state === "fulfilled").length;
  const { counters, requests } = scene.eventLoop.diagnostics();
  // What the network holds and one write of 192 KiB more, besides the channel.
  assert(counters.outgoingBytes <= 64 * KIB + 194 * KIB, `${counters.outgoingBytes}`);
  assertEquals(admitted, counters.outgoingPackets - 1 + 10);
  assertEquals(requests.publishes, 500 - admitted + 10);
  server.connection.resume();
  await settle();
  assertEquals(calls.every(({ state }) => state === "fulfilled"), true);
  assertEquals(server.takeWords().length, 500);
  scene.eventLoop.close();
});

test("a server that does not read acknowledgements is not read from for ever", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const run = scene.run();
  const connection = await scene.server.accept();
  await connection.acceptConnect();
  const sending = watch(connection.sendBytes(bytesOf(message("a", 1, 1), 200_000)));
  await settle();
  // As many as there are Packet Identifiers may wait for their answer, besides those that left while the network had room.
  const { counters } = scene.eventLoop.diagnostics();
  assert(counters.incomingPackets <= 65_535 + 3 * 16_384 + 1024, `${counters.incomingPackets}`);
  assertEquals(sending.state, "pending");
  const server = new ServerSide(connection);
  await settle();
  await settle();
  assertEquals([sending.state, server.take().length, run.events.length], ["fulfilled", 200_000, 200_001]);
  scene.eventLoop.close();
});

test("messages that want no answer are read from a server that reads nothing", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const run = scene.run();
  const connection = await scene.server.accept();
  await connection.acceptConnect();
  scene.client.tryPublish("a", new Uint8Array(1_000_000));
  await settle();
  await connection.sendBytes(bytesOf(message("a"), 200_000));
  await settle();
  assertEquals(run.events.length, 200_001);
  scene.eventLoop.close();
});

test("a server that reads nothing and sends on and on is given up within one and a half Keep Alive", async () => {
  const scene = new Scene({ outgoingEvents: false, keepAlive: 10 });
  const run = scene.run();
  const connection = await scene.server.accept();
  await connection.acceptConnect();
  void connection.sendBytes(bytesOf(message("a", 1, 1), 500_000));
  await settle();
  await scene.clock.advance(14_999);
  assertEquals(words(run.events).includes("disconnected"), false);
  await scene.clock.advance(1);
  assertEquals(words(run.events).includes("disconnected"), true);
  scene.eventLoop.close();
});

test("a server that does not read acknowledgements and then closes has its messages delivered", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const run = scene.run();
  const connection = await scene.server.accept();
  await connection.acceptConnect();
  void connection.sendBytes(bytesOf(message("a", 1, 1), 100_000));
  connection.close();
  await settle();
  assertEquals([run.events.length, words(run.events).at(-1)], [100_002, "disconnected"]);
  scene.eventLoop.close();
});

for (const chunkSizes of [[1], [1, 2, 3], [7, 1]]) {
  test(`bytes that come in chunks of ${chunkSizes} make the same packets`, async () => {
    const { scene, run, server } = await connectedScene({ outgoingEvents: false }, { chunkSizes });
    const notice = await scene.client.publishTracked("a", "x", { qos: 2 });
    await settle();
    await server.send({ type: "pubrec", packetId: 1 }, message("b", 1, 5), { type: "pubcomp", packetId: 1 });
    assertEquals((await notice.wait()).type, "qos2-completed");
    await server.send({ ...message("c"), payload: new Uint8Array(2000).fill(7) });
    assertEquals(words(run.events), [
      "connected",
      "incoming pubrec",
      "incoming publish",
      "incoming pubcomp",
      "incoming publish",
    ]);
    assertEquals(server.takeWords(), ["publish 1", "pubrel 1", "puback 5"]);
    scene.eventLoop.close();
  });
}

test("a large message arrives whole through a small network", async () => {
  const { scene, run, server } = await connectedScene({ outgoingEvents: false }, { bufferBytes: 1000 });
  const payload = new Uint8Array(300_000).map((_, i) => i % 251);
  await server.send({ ...message("a"), payload });
  const event = run.events.at(-1);
  assert(event?.type === "incoming" && event.packet.type === "publish");
  assertEquals(event.packet.payload, payload);
  scene.client.tryPublish("b", payload);
  await settle();
  const [publish] = server.take();
  assert(publish?.type === "publish");
  assertEquals(publish.payload, payload);
  scene.eventLoop.close();
});

test("a replay that the server does not read waits for it without burning time", async () => {
  const scene = new Scene({ cleanSession: false, keepAlive: 0, outgoingEvents: false }, { bufferBytes: 1000 });
  scene.run();
  const server = await scene.acceptConnect();
  for (let i = 0; i < 50; i++) scene.client.tryPublish("a", new Uint8Array(5000), { qos: 1 });
  await settle();
  assertEquals(server.take().length, 50);
  await server.cut();
  await scene.passDelay();
  const connection = await scene.server.accept();
  await connection.acceptConnect({ sessionPresent: true });
  await settle();
  let timers = 0;
  const { schedule } = scene.clock;
  scene.clock.schedule = (callback, delayMillis) => {
    if (++timers > 100) throw new Error("timers are set again and again");
    return schedule.call(scene.clock, callback, delayMillis);
  };
  await scene.clock.advance(60_000);
  assert(timers < 5, `${timers}`);
  for (let i = 0; i < 50; i++) assertEquals((await connection.expect("publish")).dup, true);
  scene.eventLoop.close();
});
