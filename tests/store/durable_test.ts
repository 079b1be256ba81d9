// What waits for the session store, and for how long: callers, bytes, and what has arrived at QoS 2.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { RequestFailedError } from "../../src/loop/mod.ts";
// A client loads it when it needs it; the tests wait for turns, and a file that is read for the first time takes longer.
import "../../src/loop/persistence.ts";
import { MemorySessionStore, type SessionStore } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { message, Scene, type ServerSide, watch, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { HeldStore, recordsOf } from "./held_store.ts";

/** A scene with a store whose commits wait, connected with the first commits done. */
async function heldScene(
  options: object = {},
): Promise<{ scene: Scene; store: HeldStore; server: ServerSide; run: ReturnType<Scene["run"]> }> {
  const store = new HeldStore();
  const scene = new Scene({ cleanSession: false, sessionStore: store, keepAlive: 0, ...options });
  const run = scene.run();
  const accepting = watch(scene.acceptConnect());
  // What keeps a session is loaded first, in its own time.
  while (accepting.state === "pending") await endAll(store);
  await endAll(store);
  return { scene, store, server: accepting.value!, run };
}

async function endAll(store: HeldStore): Promise<void> {
  do {
    await settle();
    if (store.waiting > 0) store.end();
    await settle();
  } while (store.waiting > 0);
}

for (const qos of [1, 2] as const) {
  test(`a publish at QoS ${qos} resolves, and leaves, once it is kept`, async () => {
    const { scene, store, server } = await heldScene();
    const published = watch(scene.client.publish("t", "x", { qos }));
    await settle();
    assertEquals([published.state, server.takeWords(), store.waiting], ["pending", [], 1]);
    store.end();
    await settle();
    assertEquals([published.state, server.takeWords()], ["fulfilled", ["publish 1"]]);
    assertEquals(recordsOf(store.memory), ["m/1", "session", "x/1"]);
    scene.eventLoop.close();
  });
}

test("a tracked publish resolves once it is kept, and its notice when it is acknowledged", async () => {
  const { scene, store, server } = await heldScene();
  const published = watch(scene.client.publishTracked("t", "x", { qos: 1 }));
  await settle();
  assertEquals(published.state, "pending");
  await endAll(store);
  assertEquals(published.state, "fulfilled");
  const ended = watch(published.value!.wait());
  await server.send({ type: "puback", packetId: 1 });
  await endAll(store);
  assertEquals(ended.value?.type, "qos1-acknowledged");
  assertEquals(recordsOf(store.memory), ["session"]);
  scene.eventLoop.close();
});

test("a publish at QoS 0 waits for nothing", async () => {
  const { scene, store, server } = await heldScene();
  await scene.client.publish("t", "x");
  await settle();
  assertEquals([server.takeWords(), store.waiting], [["publish"], 0]);
  scene.eventLoop.close();
});

test("what is tried is kept before it leaves", async () => {
  const { scene, store, server } = await heldScene();
  scene.client.tryPublish("t", "x", { qos: 2 });
  await settle();
  assertEquals([server.takeWords(), store.waiting], [[], 1]);
  store.end();
  await settle();
  assertEquals(server.takeWords(), ["publish 1"]);
  scene.eventLoop.close();
});

test("publishes of one turn are one commit", async () => {
  const { scene, store, server } = await heldScene();
  const before = store.count;
  const published = Array.from({ length: 50 }, (_, i) => watch(scene.client.publish(`t/${i}`, "x", { qos: 1 })));
  await settle();
  assertEquals([store.count, store.waiting], [before + 1, 1]);
  store.end();
  await settle();
  assert(published.every(({ state }) => state === "fulfilled"));
  assertEquals(server.takeWords().length, 50);
  scene.eventLoop.close();
});

test("what comes during a commit goes with the next", async () => {
  const { scene, store, server } = await heldScene();
  const first = watch(scene.client.publish("t", "1", { qos: 1 }));
  await settle();
  const begun = store.count;
  const second = watch(scene.client.publish("t", "2", { qos: 1 }));
  await settle();
  assertEquals([store.waiting, store.count], [1, begun]);
  store.end();
  await settle();
  assertEquals([first.state, second.state, server.takeWords()], ["fulfilled", "pending", ["publish 1"]]);
  await endAll(store);
  assertEquals([second.state, server.takeWords()], ["fulfilled", ["publish 2"]]);
  scene.eventLoop.close();
});

test("without anybody polling, a publish is kept all the same", async () => {
  const store = new MemorySessionStore();
  const { client } = new Scene({ cleanSession: false, sessionStore: store });
  await client.publish("t", "x", { qos: 1 });
  assertEquals(recordsOf(store), ["m/1", "session"]);
});

test("a publish that the window holds back is kept, and leaves under an identifier that is kept too", async () => {
  const { scene, store, server } = await heldScene({ inflight: 1 });
  const published = [
    watch(scene.client.publish("t", "1", { qos: 1 })),
    watch(scene.client.publish("t", "2", { qos: 1 })),
  ];
  await endAll(store);
  assertEquals([published.map(({ state }) => state), server.takeWords()], [["fulfilled", "fulfilled"], ["publish 1"]]);
  assertEquals(recordsOf(store.memory), ["m/1", "m/2", "session", "x/1"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([server.takeWords(), store.waiting], [[], 1]);
  store.end();
  await settle();
  assertEquals(server.takeWords(), ["publish 2"]);
  assertEquals(recordsOf(store.memory), ["m/2", "session", "x/2"]);
  scene.eventLoop.close();
});

test("without capacity, a publish resolves once the loop has taken it and it is kept", async () => {
  const { scene, store, server } = await heldScene({ capacity: 0 });
  const published = watch(scene.client.publish("t", "x", { qos: 1 }));
  await settle();
  assertEquals([published.state, store.waiting], ["pending", 1]);
  await endAll(store);
  assertEquals([published.state, server.takeWords()], ["fulfilled", ["publish 1"]]);
  scene.eventLoop.close();
});

test("a publish that waits for room is kept once it has room", async () => {
  const store = new MemorySessionStore();
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore: store, capacity: 1 });
  await client.publish("t", "1", { qos: 1 });
  const second = watch(client.publish("t", "2", { qos: 1 }));
  await settle();
  assertEquals([second.state, recordsOf(store)], ["pending", ["m/1", "session"]]);
  eventLoop.close();
  await settle();
  assertEquals(second.state, "rejected");
});

test("what is published, waits or is taken back while the session is loaded is kept as later", async () => {
  const store = new HeldStore();
  const loading = Promise.withResolvers<void>();
  const sessionStore: SessionStore = {
    load: async (key) => (await loading.promise, store.load(key)),
    commit: (key, delta) => store.commit(key, delta),
    clear: (key) => store.clear(key),
  };
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore, capacity: 2 });
  const abort = new AbortController();
  const outcomes = ["1", "2", "3"].map((text) => watch(client.publish("t", text, { qos: 1 })));
  const withdrawn = watch(client.publishTracked("t", "4", { qos: 1, signal: abort.signal }));
  await settle();
  assertEquals(outcomes.map(({ state }) => state), ["pending", "pending", "pending"]);
  abort.abort();
  loading.resolve();
  await endAll(store);
  assertEquals(outcomes.map(({ state }) => state), ["fulfilled", "fulfilled", "pending"]);
  assertEquals([withdrawn.state, recordsOf(store.memory)], ["rejected", ["m/1", "m/2", "session"]]);
  const run = watch(eventLoop.poll());
  await settle();
  eventLoop.close();
  await settle();
  assertEquals([run.state, outcomes[2]!.state], ["fulfilled", "rejected"]);
});

test("a caller who has waited for room since before the session was loaded resolves once it is kept", async () => {
  const store = new HeldStore();
  const scene = new Scene({ cleanSession: false, sessionStore: store, keepAlive: 0, capacity: 1, inflight: 1 });
  const outcomes = ["1", "2", "3"].map((text) => watch(scene.client.publish("t", text, { qos: 1 })));
  scene.run();
  const accepting = scene.acceptConnect();
  for (let i = 0; i < 3; i++) await endAll(store);
  const server = await accepting;
  await endAll(store);
  // The first is on its way, the second has its place.
  assertEquals(outcomes.map(({ state }) => state), ["fulfilled", "fulfilled", "pending"]);
  assertEquals(recordsOf(store.memory), ["m/1", "m/2", "session", "x/1"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(outcomes[2]!.state, "pending");
  await endAll(store);
  assertEquals([outcomes[2]!.state, recordsOf(store.memory)], ["fulfilled", ["m/2", "m/3", "session", "x/2"]]);
  scene.eventLoop.close();
});

test("what is taken back is not kept", async () => {
  const store = new MemorySessionStore();
  const { client } = new Scene({ cleanSession: false, sessionStore: store });
  const abort = new AbortController();
  const notice = await client.publishTracked("t", "x", { qos: 1, signal: abort.signal });
  const ended = watch(notice.wait());
  assertEquals(recordsOf(store), ["m/1", "session"]);
  abort.abort();
  await settle();
  assertInstanceOf(ended.error, RequestFailedError);
  assertEquals([ended.error.reason, recordsOf(store)], ["cancelled", ["session"]]);
});

test("PUBREL leaves once it is kept that the message was received", async () => {
  const { scene, store, server } = await heldScene();
  void scene.client.publish("t", "x", { qos: 2 });
  await endAll(store);
  server.take();
  await server.send({ type: "pubrec", packetId: 1 });
  assertEquals([server.takeWords(), store.waiting], [[], 1]);
  store.end();
  await settle();
  assertEquals([server.takeWords(), recordsOf(store.memory)], [["pubrel 1"], ["session", "x/1"]]);
  await server.send({ type: "pubcomp", packetId: 1 });
  await endAll(store);
  assertEquals(recordsOf(store.memory), ["session"]);
  scene.eventLoop.close();
});

test("a message at QoS 2 is told, and PUBREC leaves, once its identifier is kept", async () => {
  const { scene, store, server, run } = await heldScene();
  run.events.length = 0;
  await server.send(message("a", 2, 7), message("b", 0));
  assertEquals([words(run.events), server.takeWords(), store.waiting], [[], [], 1]);
  await server.send(message("c", 2, 8));
  assertEquals([words(run.events), store.waiting], [[], 1]);
  store.end();
  await settle();
  assertEquals(words(run.events).slice(0, 2), ["incoming publish", "incoming publish"]);
  await endAll(store);
  assertEquals(server.takeWords(), ["pubrec 7", "pubrec 8"]);
  assertEquals(recordsOf(store.memory), ["i/7", "i/8", "session"]);
  await server.send({ type: "pubrel", packetId: 7 });
  await endAll(store);
  assertEquals([server.takeWords(), recordsOf(store.memory)], [["pubcomp 7"], ["i/8", "session"]]);
  scene.eventLoop.close();
});

test("messages at QoS 0 and 1 are told at once", async () => {
  const { scene, store, server, run } = await heldScene();
  await server.send(message("a", 0), message("b", 1, 3));
  assertEquals(words(run.events).filter((word) => word === "incoming publish").length, 2);
  assertEquals([server.takeWords(), store.waiting], [["puback 3"], 0]);
  scene.eventLoop.close();
});

test("a flood at QoS 2 is told batch by batch, also if every batch has to be kept", async () => {
  const { scene, store, server, run } = await heldScene();
  run.events.length = 0;
  for (let id = 1; id <= 5; id++) {
    await server.send(message(`t/${id}`, 2, id));
    store.end();
    await settle();
  }
  await endAll(store);
  const topics = run.events.flatMap((event) =>
    event.type === "incoming" && event.packet.type === "publish" ? event.packet.topicName : []
  );
  assertEquals(topics, ["t/1", "t/2", "t/3", "t/4", "t/5"]);
  scene.eventLoop.close();
});

test("what came before a connection is lost is told before that, once it is kept", async () => {
  const { scene, store, server, run } = await heldScene();
  run.events.length = 0;
  void server.connection.send(message("a", 2, 7));
  // PUBLISH with QoS 3.
  await server.sendBytes(0x36, 0x00);
  assertEquals(words(run.events), []);
  await endAll(store);
  assertEquals(words(run.events), ["incoming publish", "disconnected"]);
  scene.eventLoop.close();
});

test("a connection that is lost during a commit loses nothing", async () => {
  const { scene, store, server } = await heldScene();
  const published = watch(scene.client.publish("t", "x", { qos: 1 }));
  await settle();
  await server.cut();
  store.end();
  await settle();
  assertEquals([published.state, recordsOf(store.memory)], ["fulfilled", ["m/1", "session", "x/1"]]);
  const accepting = scene.accept();
  await scene.passDelay();
  await endAll(store);
  const next = await accepting;
  await next.send({ type: "connack", sessionPresent: true, returnCode: 0 });
  await endAll(store);
  assertEquals(next.takeWords(), ["connect", "publish 1"]);
  scene.eventLoop.close();
});

test("manual acknowledgement: ack resolves, and PUBREC leaves, once the identifier is kept", async () => {
  const { scene, store, server, run } = await heldScene({ ackMode: "manual" });
  await server.send(message("a", 2, 7));
  const event = run.events.at(-1)!;
  assert(event.type === "incoming" && event.packet.type === "publish");
  assertEquals(store.waiting, 0);
  const acknowledged = watch(scene.client.ack(event.packet));
  await settle();
  assertEquals([acknowledged.state, server.takeWords(), store.waiting], ["pending", [], 1]);
  await endAll(store);
  assertEquals([acknowledged.value, server.takeWords(), recordsOf(store.memory)], [true, ["pubrec 7"], [
    "i/7",
    "session",
  ]]);
  scene.eventLoop.close();
});

test("CONNECT leaves a doubt behind until it is answered", async () => {
  const store = new HeldStore();
  const scene = new Scene({ cleanSession: false, sessionStore: store });
  scene.run();
  const accepting = scene.accept();
  await endAll(store);
  const server = await accepting;
  assertEquals([server.takeWords(), recordsOf(store.memory)], [["connect"], ["d", "session"]]);
  await server.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  await endAll(store);
  assertEquals(recordsOf(store.memory), ["session"]);
  scene.eventLoop.close();
});

test("an ordered disconnect leaves nothing of what was completed in the store", async () => {
  const { scene, store, server, run } = await heldScene();
  void scene.client.publish("t", "x", { qos: 1 });
  await endAll(store);
  await scene.client.disconnect();
  void server.connection.send({ type: "puback", packetId: 1 });
  await settle();
  assertEquals([server.takeWords(), store.waiting], [["publish 1"], 1]);
  store.end();
  await settle();
  assertEquals([server.takeWords(), recordsOf(store.memory)], [["disconnect"], ["session"]]);
  await server.close();
  assertEquals(run.end.state, "fulfilled");
});

test("a loop that is closed during a commit lets it end, and so its callers", async () => {
  const { scene, store } = await heldScene();
  const first = watch(scene.client.publish("t", "1", { qos: 1 }));
  await settle();
  const notice = await Promise.race([scene.client.publishTracked("t", "2", { qos: 1 }), settle()]);
  assertEquals(notice, undefined);
  scene.eventLoop.close();
  await endAll(store);
  assertEquals([first.state, recordsOf(store.memory)], ["fulfilled", ["m/1", "m/2", "session", "x/1"]]);
});

test("a loop that is closed while a message at QoS 2 is being kept in mind tells it all the same", async () => {
  const { scene, store, server, run } = await heldScene();
  await server.send(message("a", 2, 7));
  scene.eventLoop.close();
  await settle();
  assertEquals([words(run.events).at(-1), run.end.state], ["incoming publish", "pending"]);
  store.end();
  await settle();
  assertEquals([run.end.state, recordsOf(store.memory)], ["fulfilled", ["i/7", "session"]]);
});

test("a tracked publish that is closed before it was sent may still be delivered, by the next client", async () => {
  const { scene } = { scene: new Scene({ cleanSession: false, sessionStore: new MemorySessionStore() }) };
  const notice = await scene.client.publishTracked("t", "x", { qos: 1 });
  const unkept = await scene.client.publishTracked("t", "x");
  const ends = [watch(notice.wait()), watch(unkept.wait())];
  scene.eventLoop.close();
  await settle();
  assertEquals(ends.map(({ error }) => (error as RequestFailedError).mayHaveBeenDelivered), [true, false]);
});

test("a store that is slow does not let the loop spin, nor keep it from ending", async () => {
  const { scene, store, server } = await heldScene({ keepAlive: 10 });
  await server.send(message("a", 2, 7));
  for (let i = 0; i < 30; i++) await scene.clock.advance(1_000);
  assertEquals(store.waiting, 1);
  await scene.client.disconnectNow();
  await scene.clock.advance(1_000);
  assertEquals(scene.eventLoop.diagnostics().isDone, true);
  store.end();
});
