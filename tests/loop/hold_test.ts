// A loop that is polled and takes nothing in: the server is held back, and everything else goes on.

import { assert, assertEquals } from "@std/assert";
import type { Event } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, watch, words } from "./scene.ts";

const QUIET = { outgoingEvents: false };

test("held: what arrives waits, and comes in order once it is released", async () => {
  const { scene, run, server } = await connectedScene(QUIET);
  scene.eventLoop.holdIncoming();
  await server.send(message("a", 1, 1), message("b", 1, 2));
  assertEquals([words(run.events), server.takeWords()], [["connected"], []]);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals(words(run.events), ["connected", "incoming publish", "incoming publish"]);
  assertEquals(server.takeWords(), ["puback 1", "puback 2"]);
  scene.eventLoop.close();
});

test("held: requests and pings leave, and a silent server is given up in time", async () => {
  const { scene, run, server } = await connectedScene({ ...QUIET, keepAlive: 10 });
  scene.eventLoop.holdIncoming();
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.clock.advance(10_000);
  assertEquals(server.takeWords(), ["publish 1", "pingreq"]);
  // An answer proves life, undecoded as it is.
  await server.send({ type: "pingresp" });
  await scene.clock.advance(10_000);
  assertEquals([server.takeWords(), words(run.events)], [["pingreq"], ["connected"]]);
  await scene.clock.advance(5000);
  assertEquals(words(run.events), ["connected"].concat("disconnected"));
  scene.eventLoop.close();
});

test("held: a server that is stopped by it is not given up", async () => {
  const { scene, run, server } = await connectedScene({ ...QUIET, keepAlive: 10 });
  scene.eventLoop.holdIncoming();
  const flood = Array.from({ length: 500 }, () => ({ ...message("a"), payload: new Uint8Array(1000) }));
  const sending = watch(server.connection.send(...flood));
  await scene.clock.advance(60_000);
  assertEquals([sending.state, words(run.events)], ["pending", ["connected"]]);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals([sending.state, run.events.length], ["fulfilled", 501]);
  scene.eventLoop.close();
});

test("held: a lost connection is told behind what came before it, however late", async () => {
  const { scene, run, server } = await connectedScene({ ...QUIET, keepAlive: 10 });
  scene.eventLoop.holdIncoming();
  await server.send(message("a"));
  await server.close();
  await scene.clock.advance(60_000);
  assertEquals(words(run.events), ["connected"]);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals(words(run.events), ["connected", "incoming publish", "disconnected"]);
  scene.eventLoop.close();
});

test("held: a connection that is lost with nothing to tell is replaced, and the next one is held too", async () => {
  const { scene, run, server } = await connectedScene(QUIET);
  scene.eventLoop.holdIncoming();
  await server.close();
  await scene.passDelay();
  const next = await scene.acceptConnect();
  await next.send(message("a"));
  assertEquals(words(run.events), ["connected", "disconnected", "connected"]);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals(words(run.events).at(-1), "incoming publish");
  scene.eventLoop.close();
});

test("acknowledgements that are held leave when they are released, while everything else is read", async () => {
  const { scene, run, server } = await connectedScene(QUIET);
  scene.eventLoop.holdAcks();
  const publishing = watch((await scene.client.publishTracked("a", "x", { qos: 1 })).wait());
  await settle();
  await server.send(message("a", 1, 7), message("b", 2, 8), { type: "puback", packetId: 1 });
  assertEquals([publishing.state, server.takeWords()], ["fulfilled", ["publish 1"]]);
  assertEquals(words(run.events), ["connected", "incoming publish", "incoming publish", "incoming puback"]);
  scene.eventLoop.releaseAcks();
  await settle();
  assertEquals(server.takeWords(), ["puback 7", "pubrec 8"]);
  scene.eventLoop.close();
});

test("batches: all events at hand, losses among them, and the end", async () => {
  const scene = new Scene(QUIET);
  const batches: Event[][] = [];
  const end = watch((async () => {
    for await (const batch of scene.eventLoop.batches()) batches.push(batch);
  })());
  const server = await scene.acceptConnect();
  await server.send(message("a"), message("b"), message("c"));
  await server.close();
  await scene.passDelay();
  const next = await scene.acceptConnect();
  await scene.client.disconnect();
  await settle();
  await next.close();
  await settle();
  assertEquals(end.state, "fulfilled");
  assertEquals(words(batches.flat()), [
    "connected",
    "incoming publish",
    "incoming publish",
    "incoming publish",
    "disconnected",
    "connected",
  ]);
  assertEquals(words(batches[1]!).length, 3);
});

test("batches: giving up is thrown", async () => {
  const scene = new Scene({ ...QUIET, reconnect: false });
  scene.network.refuse(new Error("nobody listens"));
  const end = watch(scene.eventLoop.batches().next());
  await settle();
  assertEquals((end.error as { reason?: string }).reason, "dial-failed");
  assert(scene.eventLoop.diagnostics().isDone);
});
