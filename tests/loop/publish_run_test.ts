// QoS 0 publishes that wait as bytes: each counts for the capacity and keeps its place, whatever else is asked for.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Decoder, type OutgoingPublish, type Packet } from "../../src/codec/mod.ts";
import { LoopClosedError, RequestChannelFullError } from "../../src/loop/error.ts";
import { GATHER_BYTES, type PublishRun } from "../../src/loop/publish_run.ts";
import type { RequestConsumer } from "../../src/loop/request.ts";
import { RequestChannel } from "../../src/loop/request_channel.ts";
import type { AdmissionGate } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { nameOf, publishRequest, subscribeRequest, trackedPublish } from "./requests.ts";
import { connectedScene, Scene, watch } from "./scene.ts";

const OPEN: AdmissionGate = { canPublish: () => true, canControl: () => true };
const NO_PUBLISHES: AdmissionGate = { canPublish: () => false, canControl: () => true };

/** A loop that takes runs when it is told to. */
function attachConsumer(channel: RequestChannel): { canTake: boolean; requests: number } {
  const consumer = { canTake: false, requests: 0 };
  const attached: RequestConsumer = {
    handleRequest: () => void consumer.requests++,
    handleDisconnect: () => {},
    canTake: () => consumer.canTake,
    acknowledge: () => true,
    cancel: () => {},
  };
  channel.attach(attached);
  return consumer;
}

function packet(topicName: string, payloadBytes = 1): OutgoingPublish {
  const payload = new Uint8Array(payloadBytes).fill(7);
  return { type: "publish", topicName, payload, qos: 0, retain: false, dup: false, packetId: 0 };
}

/** Adds a publish to a run; `false` if it would have to be a request. */
function tryAdd(channel: RequestChannel, topicName: string, payloadBytes?: number): boolean {
  const run = channel.findRun();
  if (run === undefined) return false;
  channel.addToRun(run, packet(topicName, payloadBytes));
  return true;
}

/** The Topic Names in a run, which is emptied. */
function takeNames(run: PublishRun): string[] {
  const decoder = new Decoder();
  for (const { bytes, length } of run.packets.take()) decoder.push(bytes.slice(0, length));
  run.reset();
  const names: string[] = [];
  for (let packet: Packet | undefined = decoder.next(); packet !== undefined; packet = decoder.next()) {
    assert(packet.type === "publish");
    names.push(packet.topicName);
  }
  return names;
}

/** What leaves the channel, as names; a run as a list of them. */
function drain(channel: RequestChannel, gate: AdmissionGate = OPEN): (string | string[] | undefined)[] {
  const taken: (string | string[] | undefined)[] = [];
  for (let request = channel.next(gate); request !== undefined; request = channel.next(gate)) {
    taken.push(request.kind === "run" ? takeNames(request) : nameOf(request));
  }
  return taken;
}

test("publishes one after another are one run, and each of them counts", () => {
  const channel = new RequestChannel(3);
  const consumer = attachConsumer(channel);
  assertEquals(["a", "b", "c", "d"].map((name) => tryAdd(channel, name)), [true, true, true, false]);
  assertEquals([channel.length, channel.hasRoom, channel.isBlocked, consumer.requests], [3, false, false, 3]);
  assertEquals(channel.diagnostics(), { publishes: 3, controls: 0 });
  assertEquals(drain(channel), [["a", "b", "c"]]);
  assertEquals([channel.isEmpty, channel.hasRoom], [true, true]);
});

test("what is not valid is not added", () => {
  const channel = new RequestChannel(3);
  tryAdd(channel, "a");
  const run = channel.findRun()!;
  assertThrows(() => channel.addToRun(run, packet("#")), TypeError);
  tryAdd(channel, "b");
  assertEquals([channel.length, drain(channel)], [2, [["a", "b"]]]);
});

test("a publish at another level or with a notice ends a run, and another begins behind it", () => {
  const channel = new RequestChannel(10);
  tryAdd(channel, "a");
  channel.trySend(publishRequest("b", 1));
  // A run behind it would not be worth being made, until there is one to be used again.
  assertEquals(tryAdd(channel, "c"), false);
  assertEquals(drain(channel), [["a"], "b"]);
  tryAdd(channel, "d");
  channel.trySend(trackedPublish("e", 0));
  assertEquals([tryAdd(channel, "f"), tryAdd(channel, "g")], [false, false]);
  assertEquals(drain(channel), [["d"], "e"]);
  channel.trySend(publishRequest("h", 1));
  assertEquals([tryAdd(channel, "i"), tryAdd(channel, "j")], [true, true]);
  channel.trySend(publishRequest("k", 2));
  assertEquals(drain(channel), ["h", ["i", "j"], "k"]);
});

test("publishes before and behind a control request stay there", () => {
  const channel = new RequestChannel(10);
  tryAdd(channel, "a");
  channel.trySend(subscribeRequest("s"));
  tryAdd(channel, "b");
  tryAdd(channel, "c");
  assertEquals(drain(channel), [["a"], "s", ["b", "c"]]);
  tryAdd(channel, "d");
  channel.trySend(subscribeRequest("s"));
  assertEquals(drain(channel, NO_PUBLISHES), ["s"]);
  assertEquals(drain(channel), [["d"]]);
});

test("a run ends with what one write carries", () => {
  const channel = new RequestChannel(1000);
  for (let i = 0; i < 600; i++) tryAdd(channel, `${i}`, 1000);
  const runs = drain(channel);
  assertEquals(runs.length, 4);
  assertEquals(runs.flat(), Array.from({ length: 600 }, (_, i) => `${i}`));
});

test("callers that waited join a run when there is room for them", async () => {
  const channel = new RequestChannel(2);
  tryAdd(channel, "a");
  tryAdd(channel, "b");
  assertEquals(tryAdd(channel, "c"), false);
  const waiting = ["c", "d", "e"].map((name) => watch(channel.send(publishRequest(name, 0))));
  const tracked = watch(channel.send(trackedPublish("f", 0)));
  await settle();
  assertEquals([waiting.map(({ state }) => state), channel.isBlocked], [["pending", "pending", "pending"], true]);
  const first = channel.next(OPEN);
  assert(first?.kind === "run");
  assertEquals(takeNames(first), ["a", "b"]);
  await settle();
  assertEquals(waiting.map(({ state }) => state), ["fulfilled", "fulfilled", "pending"]);
  assertEquals(drain(channel), [["c", "d"], ["e"], "f"]);
  await settle();
  assertEquals([tracked.state, channel.isEmpty], ["fulfilled", true]);
});

test("a run may be longer than the capacity while the loop would take it at once, up to what one write carries", () => {
  const channel = new RequestChannel(2);
  const consumer = attachConsumer(channel);
  consumer.canTake = true;
  let count = 0;
  while (tryAdd(channel, "a", 1000)) count++;
  assertEquals(count, Math.ceil(GATHER_BYTES / 1006));
  assertThrows(() => channel.trySend(publishRequest("b")), RequestChannelFullError);
  const [run] = drain(channel);
  assertEquals(run?.length, count);
  for (let i = 0; i < 5; i++) tryAdd(channel, "a");
  consumer.canTake = false;
  assertEquals(tryAdd(channel, "a"), false);
});

test("capacity 0 has no runs", () => {
  const channel = new RequestChannel(0);
  attachConsumer(channel).canTake = true;
  assertEquals(tryAdd(channel, "a"), false);
  void channel.send(publishRequest("b", 0));
  assertEquals(drain(channel), ["b"]);
});

test("a run that was taken is used again, and then empty", () => {
  const channel = new RequestChannel(10);
  tryAdd(channel, "a");
  const run = channel.next(OPEN);
  assert(run?.kind === "run");
  assertEquals([run.order, run.count, takeNames(run)], [0, 1, ["a"]]);
  assertStrictEquals(channel.findRun(), run);
  tryAdd(channel, "b");
  assertEquals([run.order, run.count], [1, 1]);
});

test("a closed channel has no runs, and forgets those it had", () => {
  const channel = new RequestChannel(10);
  tryAdd(channel, "a");
  channel.trySend(publishRequest("b"));
  assertEquals(channel.close().map(nameOf), ["b"]);
  assertEquals([channel.isEmpty, channel.findRun(), drain(channel)], [true, undefined, []]);
});

test("publishes of the client leave in the order of the calls, whatever their level", async () => {
  const { scene, server } = await connectedScene();
  const { client } = scene;
  for (let i = 0; i < 60; i++) {
    if (i % 7 === 3) client.tryPublish(`${i}`, "x", { qos: 1 });
    else if (i % 7 === 5) client.tryPublishTracked(`${i}`, "x");
    else client.tryPublish(`${i}`, "x");
  }
  await settle();
  const names = server.take().map((packet) => packet.type === "publish" ? packet.topicName : packet.type);
  assertEquals(names, Array.from({ length: 60 }, (_, i) => `${i}`));
  scene.eventLoop.close();
});

test("a payload may be changed as soon as the call returns; text and large payloads arrive too", async () => {
  const { scene, server } = await connectedScene();
  const payload = Uint8Array.of(1, 2, 3);
  scene.client.tryPublish("bytes", payload, { retain: true });
  payload.fill(9);
  scene.client.tryPublish("text", "größer");
  scene.client.tryPublish("long text", "ü".repeat(9000));
  scene.client.tryPublish("large", new Uint8Array(20_000).fill(5));
  await settle();
  const encoder = new TextEncoder();
  const seen = server.take().map((packet) => packet.type === "publish" && [packet.payload, packet.retain]);
  assertEquals(seen, [
    [Uint8Array.of(1, 2, 3), true],
    [encoder.encode("größer"), false],
    [encoder.encode("ü".repeat(9000)), false],
    [new Uint8Array(20_000).fill(5), false],
  ]);
  scene.eventLoop.close();
});

test("every publish of a run is told and counted", async () => {
  const { scene, run } = await connectedScene();
  for (let i = 0; i < 3; i++) scene.client.tryPublish("a", "x");
  await settle();
  const told = run.events.filter((event) => event.type === "outgoing" && event.packetType === "publish");
  assertEquals(told, Array(3).fill({ type: "outgoing", packetType: "publish", packetId: 0 }));
  assertEquals(scene.eventLoop.diagnostics().counters.outgoingPackets, 1 + 3);
  scene.eventLoop.close();
});

test("a run that was not written survives the loss of the connection", async () => {
  const scene = new Scene({ outgoingEvents: false });
  for (let i = 0; i < 3; i++) scene.client.tryPublish(`${i}`, "x");
  const run = scene.run();
  await (await scene.accept()).cut();
  assertEquals(run.events.map(({ type }) => type), ["disconnected"]);
  await scene.passDelay();
  const server = await scene.acceptConnect();
  assertEquals(server.take().map((packet) => packet.type === "publish" && packet.topicName), ["0", "1", "2"]);
  scene.eventLoop.close();
});

test("an ordered disconnect leaves behind the runs before it", async () => {
  const { scene, run, server } = await connectedScene({ outgoingEvents: false });
  for (let i = 0; i < 3; i++) scene.client.tryPublish("a", "x");
  await scene.client.disconnect();
  assertThrows(() => scene.client.tryPublish("a", "x"), LoopClosedError);
  await settle();
  assertEquals(server.takeWords(), ["publish", "publish", "publish", "disconnect"]);
  await server.close();
  assertEquals(run.end.state, "fulfilled");
});
