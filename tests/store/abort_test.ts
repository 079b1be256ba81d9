// What an aborted signal does to a publish that a session store is to keep: taken back, it is sent by nobody, this process or the next.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { connect, PublishTimeoutError } from "../../src/client/mod.ts";
import { RequestFailedError } from "../../src/loop/mod.ts";
import { MemorySessionStore, type SessionStore } from "../../src/store/mod.ts";
import { ManualClock, MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";
import { Scene, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { HeldStore, recordsOf } from "./held_store.ts";

test("one abort of a publish that has room and of one that waits for it leaves nothing to the next client", async () => {
  const sessionStore = new MemorySessionStore();
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore, capacity: 1 });
  const abort = new AbortController();
  const notice = await client.publishTracked("a", "x", { qos: 1, signal: abort.signal });
  const ended = watch(notice.wait());
  const waiting = watch(client.publish("b", "x", { qos: 1, signal: abort.signal }));
  const behind = watch(client.publish("c", "x", { qos: 1 }));
  await settle();
  abort.abort("enough");
  await settle();
  assertEquals([ended.state, waiting.error, behind.state], ["rejected", "enough", "fulfilled"]);
  assertEquals(recordsOf(sessionStore), ["m/3", "session"]);
  eventLoop.close();
});
test("nor does one abort while the session is loaded", async () => {
  const memory = new MemorySessionStore();
  const loading = Promise.withResolvers<void>();
  const sessionStore: SessionStore = {
    load: async (key) => (await loading.promise, memory.load(key)),
    commit: (key, delta) => memory.commit(key, delta),
    clear: (key) => memory.clear(key),
  };
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore, capacity: 1 });
  const abort = new AbortController();
  const outcomes = ["a", "b"].map((topicName) =>
    watch(client.publish(topicName, "x", { qos: 1, signal: abort.signal }))
  );
  const behind = watch(client.publish("c", "x", { qos: 1 }));
  await settle();
  abort.abort("enough");
  await settle();
  loading.resolve();
  while (behind.state === "pending") await settle();
  assertEquals([...outcomes, behind].map(({ error }) => error), ["enough", "enough", undefined]);
  assertEquals([behind.state, recordsOf(memory)], ["fulfilled", ["m/3", "session"]]);
  eventLoop.close();
});

test("a session that is never loaded does not keep an abort from ending the wait", async () => {
  const sessionStore: SessionStore = { load: () => new Promise(() => {}), commit: () => {}, clear: () => {} };
  const scene = new Scene({ cleanSession: false, sessionStore });
  scene.run();
  const abort = new AbortController();
  const options = { qos: 1, signal: abort.signal } as const;
  const published = watch(scene.client.publish("a", "x", options));
  const tracked = watch(scene.client.publishTracked("b", "x", options));
  await settle();
  abort.abort("enough");
  await settle();
  assertEquals([published.error, tracked.error], ["enough", "enough"]);
  assertEquals(scene.eventLoop.diagnostics().requests.publishes, 0);
  scene.eventLoop.close();
});

test("what is taken back during its commit is removed by the next one", async () => {
  const store = new HeldStore();
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore: store });
  const abort = new AbortController();
  const published = watch(client.publish("a", "x", { qos: 1, signal: abort.signal }));
  const other = watch(client.publish("b", "x", { qos: 1, signal: new AbortController().signal }));
  while (store.waiting === 0) await settle();
  assertEquals(published.state, "pending");
  abort.abort("enough");
  await settle();
  assertEquals(published.error, "enough");
  await endAll(store);
  assertEquals([other.state, recordsOf(store.memory)], ["fulfilled", ["m/2", "session"]]);
  eventLoop.close();
});

test("an abort of what the session has already ends the wait, and says that it may be delivered", async () => {
  const store = new HeldStore();
  const scene = new Scene({ cleanSession: false, sessionStore: store, keepAlive: 0 });
  scene.run();
  const accepting = watch(scene.acceptConnect());
  while (accepting.state === "pending") await endAll(store);
  const server = accepting.value!;
  await endAll(store);
  const abort = new AbortController();
  const options = { qos: 1, signal: abort.signal } as const;
  const outcomes = [
    watch(scene.client.publish("a", "x", options)),
    watch(scene.client.publishTracked("b", "x", options)),
  ];
  await settle();
  abort.abort("enough");
  await settle();
  for (const { error } of outcomes) {
    assertInstanceOf(error, RequestFailedError);
    assertEquals([error.reason, error.mayHaveBeenDelivered, error.cause], ["cancelled", true, "enough"]);
  }
  assertEquals([server.takeWords(), scene.eventLoop.diagnostics().trackedRequests], [[], 0]);
  await endAll(store);
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  scene.eventLoop.close();
});

test("an abort of a plain publish that is kept changes nothing", async () => {
  const sessionStore = new MemorySessionStore();
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore });
  const abort = new AbortController();
  await client.publish("a", "x", { qos: 1, signal: abort.signal });
  abort.abort();
  await settle();
  assertEquals(recordsOf(sessionStore), ["m/1", "session"]);
  eventLoop.close();
});

test("a driven publish is over when its time is, whatever the store does", async () => {
  const store = new HeldStore();
  const network = new MemoryNetwork();
  void new ScriptedServer(network).autoRespond();
  const clock = new ManualClock();
  const connecting = watch(connect("mqtt://broker.test", {
    clientId: "tern",
    cleanSession: false,
    keepAlive: 0,
    sessionStore: store,
    transport: network.dial,
    clock,
  }));
  while (connecting.state === "pending") await endAll(store);
  const mqtt = connecting.value!;
  await endAll(store);
  const published = watch(mqtt.publish("a", "x", { qos: 1, timeoutMillis: 50 }));
  await settle();
  await clock.advance(50);
  assertInstanceOf(published.error, PublishTimeoutError);
  assertEquals(published.error.mayHaveBeenDelivered, true);
  await endAll(store);
  const leaving = watch(mqtt.disconnectNow());
  await clock.advance(1000);
  await endAll(store);
  assertEquals(leaving.state, "fulfilled");
});

async function endAll(store: HeldStore): Promise<void> {
  for (await settle(); store.waiting > 0; await settle()) store.end();
}
