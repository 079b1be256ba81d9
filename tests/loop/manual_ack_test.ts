// Acknowledging by hand: in any order, as often as one likes, and never on the wrong connection.

import { assert, assertEquals, assertFalse } from "@std/assert";
import type { Publish } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, type Run, watch } from "./scene.ts";
import { settle } from "../../src/testing/mod.ts";

/** The messages a run has seen. */
function messages(run: Run): Publish[] {
  return run.events.flatMap((event) =>
    event.type === "incoming" && event.packet.type === "publish" ? [event.packet] : []
  );
}

test("messages are acknowledged when the application says so, in any order", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual" });
  await server.send(message("a", 1, 1), message("b", 2, 2), message("c", 1, 3));
  assertEquals(server.takeWords(), []);
  assertEquals(scene.eventLoop.diagnostics().session.unacknowledged, 3);
  const [a, b, c] = messages(run);
  assert(await scene.client.ack(c!));
  assert(await scene.client.ack(b!));
  await settle();
  assertEquals(server.takeWords(), ["puback 3", "pubrec 2"]);
  assert(scene.client.tryAck(a!));
  await settle();
  assertEquals(server.takeWords(), ["puback 1"]);
  await server.send({ type: "pubrel", packetId: 2 });
  assertEquals(server.takeWords(), ["pubcomp 2"]);
  scene.eventLoop.close();
});

test("acknowledging twice is harmless, and still true", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual" });
  await server.send(message("a", 1, 1));
  const [a] = messages(run);
  assert(await scene.client.ack(a!));
  assert(await scene.client.ack(a!));
  await settle();
  assert(await scene.client.ack(a!));
  await settle();
  assertEquals([server.takeWords(), run.end.state], [["puback 1"], "pending"]);
  scene.eventLoop.close();
});

test("an acknowledgement for a connection that is gone is false, sends nothing and harms nothing", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual", cleanSession: false });
  await server.send(message("a", 1, 1));
  await server.cut();
  assertFalse(await scene.client.ack(messages(run)[0]!));
  await scene.clock.advance(1000);
  const next = await scene.acceptConnect({ sessionPresent: true });
  // The server repeats it under the same identifier: the old delivery must not acknowledge the new one.
  await next.send({ ...message("a", 1, 1), dup: true });
  const [old, repeated] = messages(run);
  assertFalse(await scene.client.ack(old!));
  await settle();
  assertEquals(next.takeWords(), []);
  assert(await scene.client.ack(repeated!));
  await settle();
  assertEquals([next.takeWords(), run.end.state], [["puback 1"], "pending"]);
  scene.eventLoop.close();
});

test("QoS 0 needs no acknowledgement", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual" });
  await server.send(message("a"));
  assert(await scene.client.ack(messages(run)[0]!));
  await settle();
  assertEquals(server.takeWords(), []);
  scene.eventLoop.close();
});

test("an acknowledgement needs no room: not in the channel, not in the window", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual", inflight: 1, capacity: 1 });
  for (let i = 0; i < 3; i++) watch(scene.client.publish("t", "x", { qos: 1 }));
  await server.send(message("a", 1, 9));
  assertEquals(server.takeWords(), ["publish 1"]);
  assert(scene.client.tryAck(messages(run)[0]!));
  await settle();
  assertEquals(server.takeWords(), ["puback 9"]);
  scene.eventLoop.close();
});

test("acknowledgements of one moment leave in one write", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual" });
  await server.send(...[1, 2, 3, 4, 5].map((packetId) => message("a", 1, packetId)));
  const before = scene.writes.length;
  for (const publish of messages(run)) assert(scene.client.tryAck(publish));
  await settle();
  assertEquals([server.takeWords().length, scene.writes.length - before], [5, 1]);
  scene.eventLoop.close();
});

test("an acknowledgement after the loop is done is false", async () => {
  const { scene, run, server } = await connectedScene({ ackMode: "manual" });
  await server.send(message("a", 1, 1));
  scene.eventLoop.close();
  assertFalse(await scene.client.ack(messages(run)[0]!));
});
