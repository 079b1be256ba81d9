// What can be seen of a loop from outside, number by number.

import { assertEquals } from "@std/assert";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, watch } from "./scene.ts";

test("a loop that was never polled has nothing to show", () => {
  const scene = new Scene();
  assertEquals(scene.eventLoop.diagnostics(), {
    isDone: false,
    events: 0,
    requests: { publishes: 0, controls: 0 },
    trackedRequests: 0,
    sessionStore: undefined,
    session: {
      phase: "closed",
      inflight: 0,
      inflightQos2: 0,
      outgoingExchanges: 0,
      replayPending: 0,
      incomingQos2: 0,
      unacknowledged: 0,
      subscriptions: 0,
      ignoredAcks: 0,
      sessionLostFailures: 0,
      roundTripMillis: undefined,
    },
    counters: {
      connections: 0,
      failures: 0,
      incomingBytes: 0,
      incomingPackets: 0,
      outgoingBytes: 0,
      outgoingPackets: 0,
    },
  });
});

test("bytes and packets are counted in both directions", async () => {
  const { scene, server } = await connectedScene();
  const { outgoingBytes } = scene.eventLoop.diagnostics().counters;
  // Fixed header, protocol name and level, flags, Keep Alive, "tern".
  assertEquals(outgoingBytes, 2 + 7 + 1 + 2 + 6);
  await server.send(message("a", 1, 1));
  scene.client.tryPublish("topic", "payload");
  await settle();
  assertEquals(scene.eventLoop.diagnostics().counters, {
    connections: 1,
    failures: 0,
    // CONNACK, and a PUBLISH of 2 + 3 + 2 + 3 bytes.
    incomingBytes: 4 + 10,
    incomingPackets: 2,
    // PUBACK, and a PUBLISH of 2 + 7 + 7 bytes.
    outgoingBytes: 18 + 4 + 16,
    outgoingPackets: 3,
  });
  scene.eventLoop.close();
});

test("requests are seen where they wait: in the channel, in the window, at the server", async () => {
  const { scene, server } = await connectedScene({ inflight: 2, inflightQos2: 1, capacity: 3 });
  const { client } = scene;
  const look = () => {
    const { requests, trackedRequests, session } = scene.eventLoop.diagnostics();
    const { inflight, inflightQos2, outgoingExchanges } = session;
    return { ...requests, trackedRequests, inflight, inflightQos2, outgoingExchanges };
  };
  for (const qos of [2, 1, 2] as const) client.tryPublishTracked("a", "x", { qos });
  client.trySubscribeTracked("a");
  const held = watch(client.publishTracked("a", "x"));
  await settle();
  assertEquals(look(), {
    publishes: 2,
    controls: 0,
    trackedRequests: 3,
    inflight: 2,
    inflightQos2: 1,
    outgoingExchanges: 3,
  });
  assertEquals(held.state, "fulfilled");
  await server.send({ type: "pubrec", packetId: 1 }, { type: "suback", packetId: 3, returnCodes: [0] });
  assertEquals(look(), {
    publishes: 2,
    controls: 0,
    trackedRequests: 2,
    inflight: 2,
    inflightQos2: 1,
    outgoingExchanges: 2,
  });
  assertEquals(scene.eventLoop.diagnostics().session.subscriptions, 1);
  await server.send({ type: "pubcomp", packetId: 1 }, { type: "puback", packetId: 2 });
  assertEquals(look(), {
    publishes: 0,
    controls: 0,
    trackedRequests: 1,
    inflight: 1,
    inflightQos2: 1,
    outgoingExchanges: 1,
  });
  scene.eventLoop.close();
});

test("control requests that wait are counted", () => {
  const scene = new Scene();
  scene.client.trySubscribe("a");
  scene.client.tryUnsubscribe("a");
  scene.client.tryPublish("a", "x");
  assertEquals(scene.eventLoop.diagnostics().requests, { publishes: 1, controls: 2 });
  scene.eventLoop.close();
  assertEquals(scene.eventLoop.diagnostics().requests, { publishes: 0, controls: 0 });
});

test("incoming exchanges and acknowledgements that belong to nothing are counted", async () => {
  const { scene, server } = await connectedScene();
  await server.send(message("a", 2, 1), message("b", 2, 2), { type: "puback", packetId: 9 }, {
    type: "pubcomp",
    packetId: 9,
  });
  const { incomingQos2, ignoredAcks } = scene.eventLoop.diagnostics().session;
  assertEquals([incomingQos2, ignoredAcks], [2, 2]);
  await server.send({ type: "pubrel", packetId: 1 });
  assertEquals(scene.eventLoop.diagnostics().session.incomingQos2, 1);
  scene.eventLoop.close();
});

test("connections and failures are counted over the life of the loop", async () => {
  const scene = new Scene({ cleanSession: false });
  scene.network.refuse(new Error("nobody listens"), 2);
  scene.run();
  await settle();
  await scene.passDelay();
  await scene.passDelay();
  const server = await scene.acceptConnect();
  const counts = () => {
    const { connections, failures } = scene.eventLoop.diagnostics().counters;
    return [connections, failures, scene.eventLoop.diagnostics().session.phase];
  };
  assertEquals(counts(), [1, 2, "connected"]);
  await server.cut();
  assertEquals(counts(), [1, 3, "closed"]);
  await scene.passDelay();
  await scene.acceptConnect({ sessionPresent: true });
  assertEquals(counts(), [2, 3, "connected"]);
  scene.eventLoop.close();
});

test("a replay that waits is counted", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false, pendingThrottleMillis: 1000 });
  for (let i = 0; i < 3; i++) scene.client.tryPublish("a", "x", { qos: 1 });
  await settle();
  await server.cut();
  await scene.passDelay();
  await scene.acceptConnect({ sessionPresent: true });
  assertEquals(scene.eventLoop.diagnostics().session.replayPending, 2);
  await scene.clock.advance(1000);
  assertEquals(scene.eventLoop.diagnostics().session.replayPending, 1);
  scene.eventLoop.close();
});

test("events that wait are counted, and the answer is a copy", async () => {
  const scene = new Scene();
  const polling = scene.eventLoop.poll();
  await scene.acceptConnect();
  await polling;
  const before = scene.eventLoop.diagnostics();
  scene.eventLoop.close();
  assertEquals([before.isDone, before.counters.connections], [false, 0]);
  assertEquals(scene.eventLoop.diagnostics().isDone, true);
});

test("events at hand are counted", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const polling = scene.eventLoop.poll();
  const server = await scene.acceptConnect();
  await polling;
  await server.send(message("a"), message("b"), message("c"));
  assertEquals(scene.eventLoop.diagnostics().events, 0);
  await scene.eventLoop.poll();
  assertEquals(scene.eventLoop.diagnostics().events, 2);
  scene.eventLoop.close();
});
