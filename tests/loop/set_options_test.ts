// Options that change while a client lives: the next attempt goes by them, and none is taken and ignored.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type MqttOptions, RequestFailedError } from "../../src/loop/mod.ts";
import { ManualClock, settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, type ServerSide, words } from "./scene.ts";

/** Cuts the connection and lets the client come back. */
async function reconnect(scene: Scene, server: ServerSide): Promise<ServerSide> {
  await server.cut();
  await scene.passDelay();
  return await scene.accept();
}

test("a change goes into the next CONNECT, not before", async () => {
  const { scene, server } = await connectedScene();
  scene.eventLoop.setOptions({
    username: "ann",
    password: "fresh",
    keepAlive: 7,
    will: { topicName: "a", payload: "" },
  });
  await scene.clock.advance(4000);
  assertEquals(server.takeWords(), []);
  const [connect] = (await reconnect(scene, server)).take();
  assert(connect?.type === "connect");
  assertEquals([connect.username, connect.keepAlive, connect.will?.topicName], ["ann", 7, "a"]);
  scene.eventLoop.close();
});

test("changes add up, and undefined brings back the default", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 30 });
  scene.eventLoop.setOptions({ username: "ann" });
  scene.eventLoop.setOptions({ keepAlive: undefined });
  const [connect] = (await reconnect(scene, server)).take();
  assert(connect?.type === "connect");
  assertEquals([connect.username, connect.keepAlive, connect.clientId], ["ann", 60, "tern"]);
  scene.eventLoop.close();
});

test("another clientId is another session: the old one counts as lost", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  const notice = scene.client.tryPublishTracked("a", "x", { qos: 2 });
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  scene.eventLoop.setOptions({ clientId: "another" });
  const next = await reconnect(scene, server);
  const error = await assertRejects(() => notice.wait(), RequestFailedError);
  assertEquals([error.reason, error.mayHaveBeenDelivered], ["session-lost", true]);
  await next.send({ type: "connack", sessionPresent: true, returnCode: 0 });
  assertEquals(next.takeWords(), ["connect"]);
  scene.eventLoop.close();
});

test("another address is dialled next", async () => {
  const { scene, server } = await connectedScene();
  scene.eventLoop.setOptions({ broker: "mqtt://other.test:1999" });
  await reconnect(scene, server);
  assertEquals(scene.network.targets.at(-1), { kind: "tcp", hostname: "other.test", port: 1999, noDelay: true });
  scene.eventLoop.close();
});

test("another ackMode counts from the next connection on", async () => {
  const { scene, server } = await connectedScene();
  scene.eventLoop.setOptions({ ackMode: "manual" });
  await server.send(message("a", 1, 1));
  assertEquals(server.takeWords(), ["puback 1"]);
  const next = await reconnect(scene, server);
  await next.send({ type: "connack", sessionPresent: false, returnCode: 0 }, message("a", 1, 2));
  assertEquals(next.takeWords(), ["connect"]);
  scene.eventLoop.close();
});

test("another window counts from the next connection on", async () => {
  const { scene, server } = await connectedScene({ inflight: 1 });
  scene.eventLoop.setOptions({ inflight: 2 });
  for (let i = 0; i < 3; i++) scene.client.tryPublish("a", "x", { qos: 1 });
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  const next = await reconnect(scene, server);
  await next.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  assertEquals(next.takeWords(), ["connect", "publish 1", "publish 2"]);
  scene.eventLoop.close();
});

test("another maxIncomingPacketSize counts from the next connection on", async () => {
  const { scene, run, server } = await connectedScene();
  scene.eventLoop.setOptions({ maxIncomingPacketSize: 10 });
  await server.send({ ...message("a"), payload: new Uint8Array(100) });
  assertEquals(words(run.events).at(-1), "incoming publish");
  const next = await reconnect(scene, server);
  await next.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  await next.send({ ...message("a"), payload: new Uint8Array(100) });
  assertEquals(words(run.events).at(-1), "disconnected");
  scene.eventLoop.close();
});

test("another maxOutgoingPacketSize counts from the next call on", () => {
  const scene = new Scene();
  scene.client.tryPublish("a", new Uint8Array(100));
  scene.eventLoop.setOptions({ maxOutgoingPacketSize: 50 });
  assertThrows(() => scene.client.tryPublish("a", new Uint8Array(100)), RangeError, "more than the 50 allowed");
  scene.eventLoop.setOptions({ maxOutgoingPacketSize: 500 });
  scene.client.tryPublish("a", new Uint8Array(100));
  scene.eventLoop.close();
});

test("another policy counts for the next loss", async () => {
  const { scene, run, server } = await connectedScene();
  scene.eventLoop.setOptions({ reconnect: false });
  await server.cut();
  assertEquals(run.end.state, "rejected");
});

test("the back-off goes on over a change of other options", async () => {
  const scene = new Scene({ reconnect: { jitter: "none" } });
  scene.network.refuse(new Error("nobody listens"), Infinity);
  const run = scene.run();
  await settle();
  scene.eventLoop.setOptions({ keepAlive: 7 });
  await scene.clock.advance(1000);
  const delays = run.events.flatMap((event) => event.type === "disconnected" ? [event.retryInMillis] : []);
  assertEquals(delays, [100, 200, 400, 800]);
  scene.eventLoop.close();
});

test("an option that is not valid changes nothing", async () => {
  const { scene, server } = await connectedScene();
  assertThrows(() => scene.eventLoop.setOptions({ username: "ann", keepAlive: -1 }), RangeError, '"keepAlive": -1');
  assertThrows(() => scene.eventLoop.setOptions({ keepalive: 5 } as MqttOptions), TypeError, '"keepalive"');
  const [connect] = (await reconnect(scene, server)).take();
  assert(connect?.type === "connect");
  assertEquals([connect.username, connect.keepAlive], [undefined, 60]);
  scene.eventLoop.setOptions({ keepAlive: 5 });
  scene.eventLoop.close();
});

const FIXED: [string, MqttOptions][] = [
  ["capacity", { capacity: 5 }],
  ["clock", { clock: new ManualClock() }],
  ["random", { random: () => 0 }],
];
for (const [name, change] of FIXED) {
  test(`${name} cannot change, and says so`, () => {
    const scene = new Scene();
    const error = assertThrows(() => scene.eventLoop.setOptions(change), TypeError);
    assertEquals(error.message, `Cannot change option "${name}": it is fixed when the client is made`);
    scene.eventLoop.close();
  });
}

test("what is fixed may be repeated", () => {
  const random = (): number => 0;
  const scene = new Scene({ capacity: 7, random });
  scene.eventLoop.setOptions({ capacity: 7, clock: scene.clock, random, keepAlive: 5 });
  scene.eventLoop.close();
});
