// The option `throttle`: so many publishes leave per time, in their order, and nothing else waits for them.

import { assertEquals, assertThrows } from "@std/assert";
import type { QoS } from "../../src/codec/mod.ts";
import { DisconnectTimeoutError, type MqttOptions, RequestChannelFullError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { test } from "../support/test.ts";
import { connectedScene, type Scene, type ServerSide, START_MILLIS, watch } from "./scene.ts";

/** One every 100 ms, three at once. */
const TEN: MqttOptions = { keepAlive: 0, throttle: { messagesPerSecond: 10, burst: 3 } };

/** Asks for publishes to topics `0`, `1` and so on. */
async function publish(scene: Scene, count: number, qos: QoS = 0, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) scene.client.tryPublish(`${i}`, "x", { qos });
  await settle();
}

/** The topics of the publishes that have come, and other packets by their type; a repetition has a `+`. */
function takeNames(server: ServerSide): string[] {
  return server.take().map((packet) => {
    return packet.type === "publish" ? `${packet.topicName}${packet.dup ? "+" : ""}` : packet.type;
  });
}

for (const qos of [0, 1, 2] as const) {
  test(`at QoS ${qos} a burst leaves at once, the rest at the rate, in order`, async () => {
    const { scene, server } = await connectedScene({ ...TEN, inflight: 100, inflightQos2: 100 });
    await publish(scene, 6, qos);
    assertEquals(takeNames(server), ["0", "1", "2"]);
    await scene.clock.advance(99);
    assertEquals(takeNames(server), []);
    await scene.clock.advance(1);
    assertEquals(takeNames(server), ["3"]);
    await scene.clock.advance(200);
    assertEquals(takeNames(server), ["4", "5"]);
    scene.eventLoop.close();
  });
}

test("a pause fills the bucket again, and no further than it holds", async () => {
  const { scene, server } = await connectedScene(TEN);
  await publish(scene, 3);
  await scene.clock.advance(150);
  await publish(scene, 2);
  assertEquals(takeNames(server), ["0", "1", "2", "0"]);
  await scene.clock.advance(50);
  assertEquals(takeNames(server), ["1"]);
  await scene.clock.advance(60_000);
  await publish(scene, 5);
  assertEquals(takeNames(server), ["0", "1", "2"]);
  scene.eventLoop.close();
});

test("without a burst, a tenth of a second's worth leaves at once", async () => {
  for (const [messagesPerSecond, burst] of [[40, 4], [0.5, 1]] as const) {
    const { scene, server } = await connectedScene({ ...TEN, throttle: { messagesPerSecond } });
    await publish(scene, 10);
    assertEquals(takeNames(server).length, burst);
    scene.eventLoop.close();
  }
});

test("time wakes the loop while a publish waits for the limit, and only then", async () => {
  const { scene, server } = await connectedScene({ ...TEN, inflight: 4 });
  assertEquals(scene.clock.nextDeadline, undefined);
  await publish(scene, 3, 1);
  assertEquals(scene.clock.nextDeadline, undefined);
  await publish(scene, 1, 1, 3);
  assertEquals(scene.clock.nextDeadline, START_MILLIS + 100);
  await scene.clock.advance(100);
  // The window holds the next one back: its end is an answer of the server, not a moment.
  await publish(scene, 1, 1, 4);
  assertEquals(scene.clock.nextDeadline, undefined);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([takeNames(server), scene.clock.nextDeadline], [["0", "1", "2", "3"], START_MILLIS + 200]);
  await scene.clock.advance(100);
  assertEquals([takeNames(server), scene.clock.nextDeadline], [["4"], undefined]);
  scene.eventLoop.close();
});

test("a publish that is due while the transport is busy leaves with the next write, and no timer fires meanwhile", async () => {
  const { scene, server } = await connectedScene({ ...TEN, outgoingEvents: false }, { bufferBytes: 1000 });
  await publish(scene, 4);
  server.connection.pause();
  scene.client.trySubscribe("x".repeat(5000));
  await settle();
  await scene.clock.advance(1000);
  assertEquals(scene.clock.nextDeadline, undefined);
  server.connection.resume();
  await settle();
  assertEquals(takeNames(server), ["0", "1", "2", "subscribe", "3"]);
  scene.eventLoop.close();
});

test("control requests, acknowledgements and pings pass publishes that wait", async () => {
  const { scene, server } = await connectedScene({
    ...TEN,
    keepAlive: 1,
    throttle: { messagesPerSecond: 0.1, burst: 1 },
  });
  await publish(scene, 2);
  scene.client.trySubscribe("a");
  scene.client.tryUnsubscribe("b");
  await settle();
  assertEquals(takeNames(server), ["0", "subscribe", "unsubscribe"]);
  const payload = new Uint8Array(1);
  await server.send({ type: "publish", topicName: "a", payload, qos: 1, retain: false, dup: false, packetId: 7 });
  assertEquals(takeNames(server), ["puback"]);
  await scene.clock.advance(1000);
  assertEquals(takeNames(server), ["pingreq"]);
  scene.eventLoop.close();
});

test("publishes that wait fill the channel: publish() waits, tryPublish() throws", async () => {
  const { scene } = await connectedScene({ ...TEN, capacity: 2, throttle: { messagesPerSecond: 10, burst: 1 } });
  const calls = Array.from({ length: 4 }, (_, i) => watch(scene.client.publish(`${i}`, "x")));
  await settle();
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "fulfilled", "pending"]);
  assertThrows(() => scene.client.tryPublish("t", "x"), RequestChannelFullError);
  await scene.clock.advance(100);
  assertEquals(calls.map(({ state }) => state), Array(4).fill("fulfilled"));
  scene.eventLoop.close();
});

test("capacity 0: tryPublish() goes through when the limit lets it", async () => {
  const { scene, server } = await connectedScene({
    ...TEN,
    capacity: 0,
    throttle: { messagesPerSecond: 10, burst: 1 },
  });
  await publish(scene, 1);
  assertThrows(() => scene.client.tryPublish("1", "x"), RequestChannelFullError, "full at capacity 0");
  await scene.clock.advance(100);
  await publish(scene, 1, 0, 1);
  assertEquals(takeNames(server), ["0", "1"]);
  scene.eventLoop.close();
});

test("disconnect() sends what waits at the rate, and then DISCONNECT", async () => {
  const { scene, run, server } = await connectedScene(TEN);
  await publish(scene, 5);
  await scene.client.disconnect();
  await settle();
  assertEquals(takeNames(server), ["0", "1", "2"]);
  await scene.clock.advance(100);
  assertEquals(takeNames(server), ["3"]);
  await scene.clock.advance(100);
  assertEquals(takeNames(server), ["4", "disconnect"]);
  await server.close();
  assertEquals(run.end.state, "fulfilled");
});

test("disconnectWithTimeout() does not wait longer than it is told, disconnectNow() not at all", async () => {
  const { scene, run, server } = await connectedScene(TEN);
  await publish(scene, 5);
  await scene.client.disconnectWithTimeout(150);
  await scene.clock.advance(150);
  assertEquals([takeNames(server), run.end.error instanceof DisconnectTimeoutError], [["0", "1", "2", "3"], true]);
  const other = await connectedScene(TEN);
  await publish(other.scene, 5);
  await other.scene.client.disconnectNow();
  await settle();
  assertEquals(takeNames(other.server), ["0", "1", "2", "disconnect"]);
  await other.server.close();
});

test("what a reconnect repeats counts, waits in its order, and lets PUBREL pass", async () => {
  const { scene, server } = await connectedScene({ ...TEN, cleanSession: false });
  await publish(scene, 1, 2);
  await server.send({ type: "pubrec", packetId: 1 });
  await publish(scene, 2, 1, 1);
  await scene.clock.advance(300);
  await publish(scene, 2, 1, 3);
  assertEquals(takeNames(server), ["0", "pubrel", "1", "2", "3", "4"]);
  await server.cut();
  await scene.passDelay();
  const passed = scene.clock.now() - START_MILLIS - 300;
  const next = await scene.acceptConnect({ sessionPresent: true });
  await publish(scene, 1, 0, 5);
  assertEquals([takeNames(next), passed], [["1+"], 50]);
  await scene.clock.advance(49);
  assertEquals(takeNames(next), []);
  await scene.clock.advance(1);
  assertEquals(takeNames(next), ["2+"]);
  await scene.clock.advance(200);
  // PUBREL takes nothing of the limit, and the new publish waits for it behind what is repeated.
  assertEquals(takeNames(next), ["3+", "4+", "pubrel"]);
  await scene.clock.advance(100);
  assertEquals([takeNames(next), scene.clock.nextDeadline], [["5"], undefined]);
  scene.eventLoop.close();
});

test("a repetition that is due while the transport is busy leaves with the next write, and no timer fires meanwhile", async () => {
  const throttle = { messagesPerSecond: 10, burst: 1 };
  const { scene, server } = await connectedScene({ ...TEN, cleanSession: false, throttle }, { bufferBytes: 1000 });
  for (const topic of ["0", "1", "2"]) scene.client.tryPublish(topic, new Uint8Array(5000), { qos: 1 });
  await scene.clock.advance(200);
  assertEquals(takeNames(server), ["0", "1", "2"]);
  await server.cut();
  await scene.clock.advance(1000);
  const next = await scene.accept();
  next.connection.pause();
  void next.connection.send({ type: "connack", sessionPresent: true, returnCode: 0 });
  await settle();
  await scene.clock.advance(99);
  assertEquals(scene.clock.nextDeadline, START_MILLIS + 1300);
  await scene.clock.advance(1000);
  assertEquals(scene.clock.nextDeadline, undefined);
  next.connection.resume();
  await settle();
  assertEquals(takeNames(next), ["connect", "0+", "1+"]);
  await scene.clock.advance(100);
  assertEquals([takeNames(next), scene.clock.nextDeadline], [["2+"], undefined]);
  scene.eventLoop.close();
});

test("a limit that is lifted frees what a reconnect repeats", async () => {
  const { scene, server } = await connectedScene({ ...TEN, cleanSession: false });
  await publish(scene, 3, 1);
  await server.cut();
  await scene.passDelay();
  const next = await scene.acceptConnect({ sessionPresent: true });
  assertEquals(takeNames(next), []);
  scene.eventLoop.setOptions({ throttle: undefined });
  await settle();
  assertEquals([takeNames(next), scene.clock.nextDeadline], [["0+", "1+", "2+"], undefined]);
  scene.eventLoop.close();
});

test("another limit holds at once, for publishes that wait too: faster, slower, none, and one again", async () => {
  const { scene, server } = await connectedScene(TEN);
  await publish(scene, 30);
  assertEquals(takeNames(server).length, 3);
  scene.eventLoop.setOptions({ throttle: { messagesPerSecond: 100, burst: 3 } });
  await scene.clock.advance(50);
  assertEquals(takeNames(server).length, 5);
  scene.eventLoop.setOptions({ throttle: { messagesPerSecond: 1, burst: 3 } });
  await scene.clock.advance(2000);
  assertEquals(takeNames(server).length, 2);
  scene.eventLoop.setOptions({ throttle: undefined });
  await settle();
  assertEquals(takeNames(server).length, 20);
  scene.eventLoop.setOptions({ throttle: { messagesPerSecond: 1, burst: 1 } });
  await publish(scene, 3);
  assertEquals(takeNames(server), ["0"]);
  scene.eventLoop.close();
});

test("a change of other options leaves the bucket as it is", async () => {
  const { scene, server } = await connectedScene(TEN);
  await publish(scene, 5);
  scene.eventLoop.setOptions({ username: "ann" });
  await settle();
  assertEquals(takeNames(server), ["0", "1", "2"]);
  scene.eventLoop.close();
});

test("QoS 0 publishes that wait as bytes when a limit comes are counted one by one, and keep their place", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 0, outgoingEvents: false }, { bufferBytes: 1000 });
  server.connection.pause();
  scene.client.tryPublish("large", new Uint8Array(20_000));
  await settle();
  const payload = new Uint8Array(20_000).fill(7);
  for (const topic of ["0", "1"]) scene.client.tryPublish(topic, "x", { retain: topic === "1" });
  scene.client.tryPublish("2", payload);
  scene.client.trySubscribe("a");
  scene.client.tryPublish("3", "x");
  scene.client.tryPublish("4", "x", { qos: 1 });
  scene.eventLoop.setOptions({ throttle: { messagesPerSecond: 10, burst: 2 } });
  scene.client.tryPublish("5", "x");
  assertEquals(scene.eventLoop.diagnostics().requests, { publishes: 6, controls: 1 });
  server.connection.resume();
  await settle();
  const packets = server.take();
  assertEquals(packets.map((packet) => packet.type === "publish" ? packet.topicName : packet.type), [
    ...["large", "0", "1", "subscribe"],
  ]);
  assertEquals(packets.map((packet) => packet.type === "publish" && packet.retain), [false, false, true, false]);
  await scene.clock.advance(100);
  const [large] = server.take();
  assertEquals(large?.type === "publish" && [large.topicName, large.payload], ["2", payload]);
  await scene.clock.advance(300);
  assertEquals(takeNames(server), ["3", "4", "5"]);
  scene.eventLoop.close();
});

/** Rates whose intervals, and the moments that follow from changes, are told apart by a microsecond. */
const RATES = [1, 2, 5, 7, 10, 30, 100, 250, 500];

/** The naive way: a bucket that is filled up each millisecond, in thousandths of a token. */
class NaiveBucket {
  #rate = 0;
  #burst = Infinity;
  #level = Infinity;
  waiting = 0;
  left = 0;

  configure(throttle: MqttOptions["throttle"]): void {
    const { messagesPerSecond = 0, burst = Infinity } = throttle ?? {};
    this.#rate = messagesPerSecond;
    this.#burst = burst;
    this.#level = Math.min(throttle === undefined ? Infinity : this.#level, burst * 1000);
  }

  leave(): void {
    for (; this.waiting > 0 && this.#level >= 1000; this.waiting--, this.left++) this.#level -= 1000;
  }

  passMillisecond(): void {
    // What waits leaves before the bucket is full, within the millisecond.
    this.#level += this.#rate;
    this.leave();
    this.#level = Math.min(this.#level, this.#burst * 1000);
  }
}

test("against the naive way, with limits that change all the time: as many publishes have left at each millisecond", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const { scene, server } = await connectedScene({
      keepAlive: 0,
      capacity: Infinity,
      inflight: 65_535,
      outgoingEvents: false,
    });
    const model = new NaiveBucket();
    const names: string[] = [];
    let asked = 0;
    for (let millisecond = 1; millisecond <= 500; millisecond++) {
      if (random.next() < 0.02) {
        const throttle = random.next() < 0.1
          ? undefined
          : { messagesPerSecond: random.pick(RATES), burst: random.integer(1, 8) };
        scene.eventLoop.setOptions({ throttle });
        model.configure(throttle);
      }
      if (random.next() < 0.05) {
        for (let i = random.integer(1, 6); i > 0; i--, model.waiting++) {
          scene.client.tryPublish(`${asked++}`, "x", { qos: random.pick([0, 0, 1]) });
        }
      }
      model.leave();
      await scene.clock.advance(0.001);
      names.push(...takeNames(server));
      assertEquals(names.length, model.left, `seed ${seed}, millisecond ${millisecond}`);
      await scene.clock.advance(START_MILLIS + millisecond - scene.clock.now());
      model.passMillisecond();
    }
    assertEquals(names, Array.from({ length: names.length }, (_, i) => `${i}`), `seed ${seed}`);
    scene.eventLoop.close();
  }
});
