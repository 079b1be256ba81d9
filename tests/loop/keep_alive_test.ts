// Keep Alive through the loop: when pings leave, what proves life, and when a server is given up. MQTT 3.1.1 section 3.1.2.10.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Clock, ConnectionLostError } from "../../src/loop/mod.ts";
import { KeepAliveTimeoutError } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, type Run, Scene, START_MILLIS, words } from "./scene.ts";

const TEN_SECONDS = { keepAlive: 10 };

function isLost(run: Run): boolean {
  return words(run.events).includes("disconnected");
}

test("an idle connection is pinged after each Keep Alive, to the millisecond [MQTT-3.1.2-23]", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  for (let i = 0; i < 5; i++) {
    await scene.clock.advance(9999);
    assertEquals(server.takeWords(), []);
    await scene.clock.advance(1);
    assertEquals(server.takeWords(), ["pingreq"]);
    await server.send({ type: "pingresp" });
  }
  scene.eventLoop.close();
});

test("Keep Alive 0 pings never", async () => {
  const { scene, run, server } = await connectedScene({ keepAlive: 0 });
  await scene.clock.advance(1e9);
  assertEquals([server.takeWords(), isLost(run), scene.clock.pendingTimers], [[], false, 0]);
  scene.eventLoop.close();
});

test("what is sent postpones the ping, as long as something is received too", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  for (let i = 1; i <= 10; i++) {
    await scene.clock.advance(6000);
    scene.client.tryPublish("a", "x", { qos: 1 });
    await server.send({ type: "puback", packetId: i });
  }
  assertEquals(server.takeWords().filter((word) => word === "pingreq"), []);
  scene.eventLoop.close();
});

test("what is received alone does not postpone it", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  for (let i = 0; i < 10; i++) {
    await server.send(message("a"));
    await scene.clock.advance(1000);
  }
  assertEquals(server.takeWords(), ["pingreq"]);
  scene.eventLoop.close();
});

test("automatic acknowledgements postpone it", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  for (let packetId = 1; packetId <= 10; packetId++) {
    await scene.clock.advance(6000);
    await server.send(message("a", 1, packetId));
  }
  assertEquals(server.takeWords().filter((word) => word === "pingreq"), []);
  scene.eventLoop.close();
});

test("a dead server is given up at one and a half Keep Alive", async () => {
  const { scene, run, server } = await connectedScene(TEN_SECONDS);
  await scene.clock.advance(14_999);
  assertEquals([server.takeWords(), isLost(run)], [["pingreq"], false]);
  await scene.clock.advance(1);
  const lost = run.events.find((event) => event.type === "disconnected");
  assertInstanceOf(lost?.error, ConnectionLostError);
  assertEquals(lost.error.reason, "keep-alive-timeout");
  assertInstanceOf(lost.error.cause, KeepAliveTimeoutError);
  assert(server.isOver);
  scene.eventLoop.close();
});

test("steady writes do not keep a dead server", async () => {
  const { scene, run } = await connectedScene(TEN_SECONDS);
  for (let i = 0; i < 15; i++) {
    assertEquals(isLost(run), false);
    scene.client.tryPublish("a", "x");
    await scene.clock.advance(1000);
  }
  assertEquals(isLost(run), true);
  scene.eventLoop.close();
});

test("any byte proves life, half a packet too", async () => {
  const { scene, run, server } = await connectedScene(TEN_SECONDS);
  await scene.clock.advance(14_000);
  await server.sendBytes(0xd0);
  await scene.clock.advance(10_999);
  await server.sendBytes(0x00);
  assertEquals([isLost(run), words(run.events).at(-1)], [false, "incoming pingresp"]);
  scene.eventLoop.close();
});

test("a flood of messages does not delay a ping, however slowly they are taken", async () => {
  const scene = new Scene({ keepAlive: 10, outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  await server.send(...Array.from({ length: 1000 }, () => message("a")));
  const pingedAt: number[] = [];
  for (let i = 0; i < 1000; i++) {
    assertEquals((await scene.eventLoop.poll())?.type, "incoming");
    await scene.clock.advance(100);
    for (const packet of server.take()) {
      assertEquals(packet, { type: "pingreq" });
      pingedAt.push(scene.clock.now() - START_MILLIS);
      await server.send({ type: "pingresp" });
    }
  }
  // Within the poll that follows the tenth second, each time.
  assertEquals(pingedAt, Array.from({ length: 9 }, (_, i) => 10_100 + 10_000 * i));
  scene.eventLoop.close();
});

test("a steady stream of messages does not delay a ping", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  const pingedAt: number[] = [];
  for (let i = 0; i < 300; i++) {
    await server.send(...Array.from({ length: 20 }, () => message("a")));
    await scene.clock.advance(100);
    for (const _ping of server.take()) pingedAt.push(scene.clock.now() - START_MILLIS);
  }
  assertEquals(pingedAt, [10_000, 20_000, 30_000]);
  scene.eventLoop.close();
});

test("time in which nobody polls does not count against a healthy server", async () => {
  const scene = new Scene({ keepAlive: 10, outgoingEvents: false });
  const connecting = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await connecting;
  await scene.clock.advance(1_000_000);
  const run = scene.run();
  await settle();
  assertEquals([server.takeWords(), run.events], [["pingreq"], []]);
  await server.send({ type: "pingresp" });
  await scene.clock.advance(9999);
  assertEquals([words(run.events), server.takeWords()], [["incoming pingresp"], []]);
  scene.eventLoop.close();
});

test("a process that slept reads before it judges", async () => {
  let slept = 0;
  const clocks: { clock?: Clock } = {};
  const sleepy: Clock = {
    now: () => clocks.clock!.now() + slept,
    schedule: (callback, delayMillis) => clocks.clock!.schedule(callback, delayMillis),
  };
  const probe = new Scene({ keepAlive: 10, outgoingEvents: false, clock: sleepy });
  clocks.clock = probe.clock;
  const run = probe.run();
  const server = await probe.acceptConnect();
  for (let i = 0; i < 5; i++) {
    await probe.clock.advance(10_000);
    assertEquals(server.takeWords(), ["pingreq"]);
    // With this ping out an hour passes in which no timer fires, and the answer waits in the network.
    slept += 3_600_000;
    await probe.clock.advance(4000);
    assertEquals(isLost(run), false);
    await server.send({ type: "pingresp" });
    // Nothing was sent for an hour: the next ping is due at once.
    assertEquals(server.takeWords(), ["pingreq"]);
    await server.send({ type: "pingresp" });
  }
  probe.eventLoop.close();
});

test("the round trip of the last ping is in the diagnostics", async () => {
  const { scene, server } = await connectedScene(TEN_SECONDS);
  assertEquals(scene.eventLoop.diagnostics().session.roundTripMillis, undefined);
  await scene.clock.advance(10_250);
  await server.send({ type: "pingresp" });
  assertEquals(scene.eventLoop.diagnostics().session.roundTripMillis, 250);
  scene.eventLoop.close();
});

test("a ping that a busy transport holds up is not held against a server that goes on reading", async () => {
  const scene = new Scene({ keepAlive: 10, outgoingEvents: false }, { bufferBytes: 1000 });
  const run = scene.run();
  const peer = await scene.network.accept();
  await peer.read();
  await peer.write(Uint8Array.of(0x20, 2, 0, 0));
  await settle();
  scene.client.tryPublish("a", new Uint8Array(10_000_000));
  // The server reads a slice of 256 KiB every few seconds.
  for (let i = 0; i < 30; i++) {
    for (let bytes = 0; bytes < 256 * 1024;) bytes += (await peer.read())!.length;
    await scene.clock.advance(4000);
    assertEquals(isLost(run), false);
  }
  scene.eventLoop.close();
});

test("a server that stops reading is given up within one and a half Keep Alive", async () => {
  const { scene, run, server } = await connectedScene(TEN_SECONDS, { bufferBytes: 1000 });
  server.connection.pause();
  scene.client.tryPublish("a", new Uint8Array(100_000));
  await scene.clock.advance(14_999);
  assertEquals(isLost(run), false);
  await scene.clock.advance(1);
  assertEquals(isLost(run), true);
  scene.eventLoop.close();
});

test("the Keep Alive of a connection begins anew with it", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 10, outgoingEvents: false });
  await scene.clock.advance(4000);
  await server.cut();
  await scene.passDelay();
  const next = await scene.acceptConnect();
  await scene.clock.advance(9999);
  assertEquals(next.takeWords(), []);
  await scene.clock.advance(1);
  assertEquals(next.takeWords(), ["pingreq"]);
  scene.eventLoop.close();
});
