// What becomes of promises when the session store fails: each ends with its reason, nothing unkept leaves, and nothing spins.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import process from "node:process";
import { AsyncClient, connect, resolveOptions } from "../../src/client/mod.ts";
import { LoopClosedError, RequestFailedError, SessionStoreError } from "../../src/loop/mod.ts";
import type { SessionStore } from "../../src/loop/mod.ts";
import { MemorySessionStore, SqliteSessionStore } from "../../src/store/mod.ts";
import { MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";
import { message, Scene, watch, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";

const FULL = new Error("the disk is full");

/** A store whose commits fail from some time on: at the call, or later. */
class FailingStore extends MemorySessionStore {
  isBroken = false;
  attempts = 0;
  readonly #isLate: boolean;

  constructor(isLate: boolean) {
    super();
    this.#isLate = isLate;
  }

  override commit(...args: Parameters<MemorySessionStore["commit"]>): void {
    if (!this.isBroken) return super.commit(...args);
    this.attempts++;
    if (!this.#isLate) throw FULL;
    return Promise.reject(FULL) as unknown as void;
  }
}

for (const isLate of [false, true]) {
  const when = isLate ? "later" : "at the call";

  test(`a commit that fails ${when} ends the loop: nothing unkept leaves, and everybody is told`, async () => {
    const store = new FailingStore(isLate);
    const scene = new Scene({ cleanSession: false, sessionStore: store, inflight: 2, capacity: 3 });
    const run = scene.run();
    const server = await scene.acceptConnect();
    const kept = await scene.client.publishTracked("kept", "x", { qos: 1 });
    const ended = watch(kept.wait());
    await settle();
    assertEquals(server.takeWords(), ["publish 1"]);
    store.isBroken = true;
    const published = watch(scene.client.publish("a", "x", { qos: 2 }));
    const tracked = watch(scene.client.publishTracked("b", "x", { qos: 1 }));
    const subscribed = await scene.client.subscribeTracked("c", 1);
    const unsubscribed = watch(subscribed.wait());
    await settle();
    assertEquals(server.takeWords(), []);
    for (const { error } of [published, tracked]) {
      assertInstanceOf(error, RequestFailedError);
      assertEquals([error.reason, error.mayHaveBeenDelivered], ["persistence", false]);
      assertInstanceOf(error.cause, SessionStoreError);
    }
    assertInstanceOf(ended.error, RequestFailedError);
    assertEquals([ended.error.reason, ended.error.mayHaveBeenDelivered], ["persistence", true]);
    assertInstanceOf(unsubscribed.error, RequestFailedError);
    assertEquals(unsubscribed.error.reason, "persistence");
    const error = run.end.error;
    assertInstanceOf(error, SessionStoreError);
    assertEquals([error.reason, error.cause, error.message], [
      "commit-failed",
      FULL,
      "Cannot keep the session: the disk is full",
    ]);
    assertEquals([scene.eventLoop.diagnostics().isDone, server.isOver, store.attempts], [true, true, 1]);
    assertEquals(await scene.eventLoop.poll(), undefined);
    const late = watch(scene.client.publish("d", "x", { qos: 1 }));
    await settle();
    assertInstanceOf(late.error, LoopClosedError);
    // What was promised is there for the next client.
    assertEquals(recordsOf(store), ["m/1", "session", "x/1"]);
  });

  test(`a commit that fails ${when} with nobody polling rejects the publish, and the next poll`, async () => {
    const store = new FailingStore(isLate);
    store.isBroken = true;
    const scene = new Scene({ cleanSession: false, sessionStore: store });
    const published = watch(scene.client.publish("a", "x", { qos: 1 }));
    await settle();
    assertInstanceOf(published.error, RequestFailedError);
    assertEquals(published.error.reason, "persistence");
    const again = watch(scene.client.publish("b", "x", { qos: 1 }));
    await settle();
    assertEquals(again.state, "rejected");
    const polled = watch(scene.eventLoop.poll());
    await settle();
    assertInstanceOf(polled.error, SessionStoreError);
    assertEquals([scene.network.dialCount, store.attempts, await scene.eventLoop.poll()], [0, 1, undefined]);
  });

  test(`a message at QoS 2 that cannot be kept in mind (${when}) is neither told nor acknowledged`, async () => {
    const store = new FailingStore(isLate);
    const scene = new Scene({ cleanSession: false, sessionStore: store });
    const run = scene.run();
    const server = await scene.acceptConnect();
    store.isBroken = true;
    await server.send(message("a", 2, 7));
    assertEquals([server.takeWords(), words(run.events).includes("incoming publish")], [[], false]);
    assertInstanceOf(run.end.error, SessionStoreError);
  });
}

test("manual acknowledgement: ack rejects if it cannot be kept, and PUBREC does not leave", async () => {
  const store = new FailingStore(true);
  const scene = new Scene({ cleanSession: false, sessionStore: store, ackMode: "manual" });
  const run = scene.run();
  const server = await scene.acceptConnect();
  await server.send(message("a", 2, 7));
  const event = run.events.at(-1)!;
  assert(event.type === "incoming" && event.packet.type === "publish");
  store.isBroken = true;
  const acknowledged = watch(scene.client.ack(event.packet));
  await settle();
  assertInstanceOf(acknowledged.error, RequestFailedError);
  assertEquals([acknowledged.error.reason, server.takeWords()], ["persistence", []]);
  assertInstanceOf(run.end.error, SessionStoreError);
});

for (
  const [how, load] of Object.entries({
    "throws": () => {
      throw FULL;
    },
    "rejects": () => Promise.reject(FULL),
  })
) {
  test(`a session that cannot be loaded (${how}) ends the loop before it dials`, async () => {
    const sessionStore: SessionStore = { load, commit: () => {}, clear: () => {} };
    const scene = new Scene({ cleanSession: false, sessionStore });
    const published = watch(scene.client.publish("a", "x", { qos: 1 }));
    const run = scene.run();
    await settle();
    assertInstanceOf(run.end.error, SessionStoreError);
    assertEquals([run.end.error.reason, scene.network.dialCount], ["load-failed", 0]);
    assertInstanceOf(published.error, RequestFailedError);
    assertEquals(published.error.reason, "persistence");
  });
}

test("a session that is never loaded lets the loop be closed, and disconnected at once", async () => {
  const sessionStore: SessionStore = { load: () => new Promise(() => {}), commit: () => {}, clear: () => {} };
  const closed = new Scene({ cleanSession: false, sessionStore });
  const closedRun = closed.run();
  await closed.clock.advance(60_000);
  closed.eventLoop.close();
  await settle();
  const left = new Scene({ cleanSession: false, sessionStore });
  const leftRun = left.run();
  await settle();
  await left.client.disconnectNow();
  await settle();
  assertEquals([closedRun.end.state, leftRun.end.state], ["fulfilled", "fulfilled"]);
});

test("a SQLite database that is full: what was promised is there, and goes on when there is room again", async () => {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const options = { cleanSession: false, sessionStore: new SqliteSessionStore(database) };
  const scene = new Scene(options);
  const run = scene.run();
  const server = await scene.acceptConnect();
  database.exec("PRAGMA max_page_count = 12");
  const outcomes = [];
  for (let i = 0; i < 20; i++) {
    outcomes.push(watch(scene.client.publish(`t/${i}`, new Uint8Array(3000), { qos: 1 })));
    await settle();
  }
  const promised = outcomes.filter(({ state }) => state === "fulfilled").length;
  assert(promised > 2 && promised < 20, `${promised} were promised`);
  assertEquals(server.take().length, promised);
  assertInstanceOf(run.end.error, SessionStoreError);
  database.exec("PRAGMA max_page_count = 10000");
  const next = new Scene(options);
  next.run();
  const again = await next.acceptConnect({ sessionPresent: true });
  const topics = again.take().flatMap((packet) => packet.type === "publish" && packet.dup ? packet.topicName : []);
  assertEquals(topics, Array.from({ length: promised }, (_, i) => `t/${i}`));
  next.eventLoop.close();
  database.close();
});

test("a driven client whose store fails is closed with that error", async () => {
  const store = new FailingStore(false);
  const network = new MemoryNetwork();
  void new ScriptedServer(network).autoRespond();
  const mqtt = await connect("mqtt://broker.test", {
    clientId: "tern",
    cleanSession: false,
    sessionStore: store,
    transport: network.dial,
  });
  assertEquals((await mqtt.publish("a", "x", { qos: 1 })).type, "qos1-acknowledged");
  store.isBroken = true;
  const published = watch(mqtt.publish("b", "x", { qos: 1 }));
  assertInstanceOf(await mqtt.closed, SessionStoreError);
  await settle();
  assertInstanceOf(published.error, RequestFailedError);
  assertEquals(published.error.reason, "persistence");
});

test("the option is a store, and needs a Client Identifier, which stays", () => {
  const resolve = (changes: object): unknown =>
    resolveOptions({ clientId: "tern", broker: "mqtt://broker.test", ...changes });
  for (const sessionStore of [null, 1, {}, { load: () => [], commit: () => {} }]) {
    assertThrows(() => resolve({ sessionStore }), TypeError, 'Cannot use option "sessionStore": it has no functions');
  }
  const sessionStore = new MemorySessionStore();
  assertThrows(
    () => resolve({ sessionStore, clientId: "" }),
    TypeError,
    'Cannot use option "sessionStore": it needs a clientId, under which the session is kept',
  );
  const options = { clientId: "tern", broker: "mqtt://broker.test", sessionStore };
  const { eventLoop } = AsyncClient.create(options);
  assertThrows(
    () => eventLoop.setOptions({ clientId: "petrel" }),
    TypeError,
    'Cannot change option "clientId": it is fixed while a session store keeps the session',
  );
  assertThrows(
    () => eventLoop.setOptions({ sessionStore: new MemorySessionStore() }),
    TypeError,
    'Cannot change option "sessionStore": it is fixed when the client is made',
  );
  eventLoop.setOptions({ clientId: "tern", sessionStore, keepAlive: 5 });
});

test("a driven client that lets the server choose its identifier has nothing to keep a session under", async () => {
  const refused = watch(connect("mqtt://broker.test", { sessionStore: new MemorySessionStore() }));
  await settle();
  assertInstanceOf(refused.error, TypeError);
});
