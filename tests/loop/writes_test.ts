// What leaves in one write: the publishes of a turn, and the acknowledgements of a read, before the application sees its messages.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Decoder, type Packet } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import type { Clock } from "../../src/loop/mod.ts";
import type { Dial } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, packetWord, Scene, watch } from "./scene.ts";

/** What each write held, as short words. */
function packetsOf(writes: readonly Uint8Array[]): string[][] {
  return writes.map((bytes) => {
    const decoder = new Decoder();
    decoder.push(bytes);
    const packets: Packet[] = [];
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) packets.push(packet);
    return packets.map(packetWord);
  });
}

test("publishes of one moment leave in one write", async () => {
  const { scene } = await connectedScene();
  for (let i = 0; i < 5; i++) scene.client.tryPublish("a", "x", { qos: 1 });
  await settle();
  assertEquals(packetsOf(scene.writes), [
    ["connect"],
    ["publish 1", "publish 2", "publish 3", "publish 4", "publish 5"],
  ]);
  scene.eventLoop.close();
});

test("publishes that are awaited one after another leave in one write", async () => {
  const { scene } = await connectedScene();
  const { client } = scene;
  for (let i = 0; i < 50; i++) await client.publish("a", "x");
  await client.publishTracked("a", "x");
  await client.subscribe("a");
  await settle();
  assertEquals(packetsOf(scene.writes).map((packets) => packets.length), [1, 52]);
  scene.eventLoop.close();
});

test("work that waited for the connection leaves in one write", async () => {
  const scene = new Scene();
  for (let i = 0; i < 5; i++) await scene.client.publish("a", "x");
  await scene.client.subscribe("a");
  scene.run();
  await scene.acceptConnect();
  assertEquals(packetsOf(scene.writes).map((packets) => packets.length), [1, 6]);
  scene.eventLoop.close();
});

test("acknowledgements of one read leave in one write, before the application sees the first message", async () => {
  const scene = new Scene({ outgoingEvents: false });
  let writesAtFirstMessage: string[][] | undefined;
  const iteration = (async () => {
    for await (const event of scene.eventLoop) {
      if (event.type === "incoming") writesAtFirstMessage ??= packetsOf(scene.writes);
    }
  })();
  const server = await scene.acceptConnect();
  await server.send(message("a", 1, 1), message("b", 2, 2), message("c", 1, 3), { type: "pubrel", packetId: 2 });
  assertEquals(writesAtFirstMessage, [["connect"], ["puback 1", "pubrec 2", "puback 3", "pubcomp 2"]]);
  scene.eventLoop.close();
  await iteration;
});

test("acknowledgements and new publishes of one turn share a write, acknowledgements first", async () => {
  const { scene, server } = await connectedScene({ inflight: 1 });
  scene.client.tryPublish("a", "x", { qos: 1 });
  scene.client.tryPublish("b", "x", { qos: 1 });
  await settle();
  await server.send({ type: "puback", packetId: 1 }, message("c", 1, 9));
  assertEquals(packetsOf(scene.writes).slice(1), [["publish 1"], ["puback 9", "publish 2"]]);
  scene.eventLoop.close();
});

test("what comes while a write is under way leaves in one write after it", async () => {
  const { scene, server } = await connectedScene({}, { bufferBytes: 1000 });
  server.connection.pause();
  scene.client.tryPublish("large", new Uint8Array(5000));
  await settle();
  for (let i = 0; i < 5; i++) {
    scene.client.tryPublish("small", "x");
    await settle();
  }
  assertEquals(scene.writes.length, 2);
  server.connection.resume();
  await settle();
  assertEquals(packetsOf(scene.writes).map((packets) => packets.length), [1, 1, 5]);
  scene.eventLoop.close();
});

test("a write is not much larger than 192 KiB, however much waits", async () => {
  const { scene, server } = await connectedScene({ capacity: 1000 }, { bufferBytes: 10_000_000 });
  for (let i = 0; i < 900; i++) scene.client.tryPublish("a", new Uint8Array(1000));
  await settle();
  const sizes = scene.writes.map(({ length }) => length);
  assert(Math.max(...sizes) < 192 * 1024 + 1010, `${Math.max(...sizes)}`);
  assert(sizes.length < 9, `${sizes.length}`);
  assertEquals(server.takeWords().length, 900);
  scene.eventLoop.close();
});

test("a payload of 16 KiB shares a write with its header, one of 128 KiB is handed to the transport as it is", async () => {
  const chunks: Uint8Array[] = [];
  const scene = new Scene();
  const { dial } = scene.network;
  const watching: Dial = async (...args) => {
    const transport = await dial(...args);
    return Object.assign(Object.create(transport), {
      write: (chunk: Uint8Array, length: number) => {
        chunks.push(chunk);
        return transport.write(chunk, length);
      },
      pause: () => transport.pause(),
      resume: () => transport.resume(),
      shutdown: () => transport.shutdown(),
      destroy: () => transport.destroy(),
    });
  };
  scene.eventLoop.setOptions({ transport: watching });
  scene.run();
  const server = await scene.acceptConnect();
  const payload = new Uint8Array(128 * 1024).fill(7);
  for (const [sent, writes] of [[payload.subarray(0, 16 * 1024), 1], [payload, 2]] as const) {
    chunks.length = 0;
    await scene.client.publish("a", sent);
    await settle();
    assertEquals(chunks.length, writes);
    const [publish] = server.take();
    assert(publish?.type === "publish");
    assertEquals(publish.payload, sent);
  }
  assertStrictEquals(chunks.at(-1), payload);
  scene.eventLoop.close();
});

test("requests keep coming while the loop gathers: the turn does not wait for the last of them", async () => {
  const { scene } = await connectedScene({ capacity: Infinity, outgoingEvents: false });
  let isPublishing = true;
  const publishing = (async () => {
    for (let i = 0; isPublishing && i < 100_000; i++) {
      await scene.client.publish("a", "x");
      if (scene.writes.length > 3) isPublishing = false;
    }
  })();
  await publishing;
  assertEquals(isPublishing, false);
  scene.eventLoop.close();
});

test("a publisher that never rests leaves a turn to timers and sockets", async () => {
  // Each look at this clock takes some milliseconds, as if the work before it did.
  let worked = 0;
  let pauses = 0;
  const clocks: { manual?: Clock } = {};
  const working: Clock = {
    now: () => clocks.manual!.now() + (worked += 3),
    schedule: (callback, delayMillis) => {
      if (delayMillis === 0) pauses++;
      return clocks.manual!.schedule(callback, delayMillis);
    },
  };
  const scene = new Scene({ clock: working, outgoingEvents: false }, { bufferBytes: 100_000_000 });
  clocks.manual = scene.clock;
  scene.run();
  const server = await scene.acceptConnect();
  server.connection.pause();
  let published = 0;
  const end = watch((async () => {
    for (; published < 10_000; published++) await scene.client.publish("a", new Uint8Array(1000));
  })());
  await settle();
  // It waits for a timer, so this macrotask has had its turn.
  assertEquals([end.state, pauses], ["pending", 1]);
  assert(published < 5000, `${published}`);
  await scene.clock.advance();
  assertEquals([end.state, published], ["fulfilled", 10_000]);
  // Not more often than every 256 KiB: a pause costs about a millisecond.
  assert(pauses >= 3 && pauses <= 10_000_000 / (256 * 1024), `${pauses}`);
  scene.eventLoop.close();
});

test("what comes from the server is a turn too: then nothing pauses", async () => {
  const { scene, server } = await connectedScene({ outgoingEvents: false }, { bufferBytes: 100_000_000 });
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < 10; j++) scene.client.tryPublish("a", new Uint8Array(10_000));
    await server.send(message("b"));
    scene.clock.tick(5);
  }
  await settle();
  assertEquals(server.takeWords().length, 1000);
  scene.eventLoop.close();
});
