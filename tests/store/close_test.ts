// What the end of a loop waits for: the session store ends what is due, in limited time, and only then may another client go on.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { connect } from "../../src/client/mod.ts";
import { LoopClosedError, RequestFailedError, SessionStoreError } from "../../src/loop/mod.ts";
import { MemorySessionStore, type SessionStore } from "../../src/store/mod.ts";
import { ManualClock, MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";
import type { Dial } from "../../src/transport/transport.ts";
import { message, type Run, Scene, watch, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { HeldStore, recordsOf } from "./held_store.ts";

const OPTIONS = { cleanSession: false, keepAlive: 0 } as const;

/** Waits until a commit is under way. */
async function untilWaiting(store: HeldStore): Promise<void> {
  while (store.waiting === 0) await settle();
}

/** A scene whose first publish is being kept, and whose second waits for that. */
async function busyScene(): Promise<{ scene: Scene; store: HeldStore; outcomes: ReturnType<typeof watch<void>>[] }> {
  const store = new HeldStore();
  const scene = new Scene({ ...OPTIONS, sessionStore: store });
  const first = watch(scene.client.publish("a", "x", { qos: 1 }));
  await untilWaiting(store);
  const second = watch(scene.client.publish("b", "x", { qos: 1 }));
  await settle();
  return { scene, store, outcomes: [first, second] };
}

test("a loop that is closed is done with its store when disposal, a poll and an iteration say so", async () => {
  for (const how of ["dispose", "poll", "iterate"] as const) {
    const { scene, store, outcomes } = await busyScene();
    const { eventLoop } = scene;
    const pending = how === "iterate" ? scene.run().end : undefined;
    eventLoop.close();
    const end = pending ?? watch<unknown>(how === "poll" ? eventLoop.poll() : eventLoop[Symbol.asyncDispose]());
    await settle();
    assertEquals([end.state, eventLoop.diagnostics().isDone, outcomes.map(({ state }) => state)], [
      "pending",
      true,
      ["pending", "pending"],
    ]);
    store.end();
    await settle();
    assertEquals([end.state, outcomes.map(({ state }) => state)], ["pending", ["fulfilled", "pending"]]);
    store.end();
    await settle();
    assertEquals([end.state, end.value, outcomes.map(({ state }) => state)], ["fulfilled", undefined, [
      "fulfilled",
      "fulfilled",
    ]]);
    assertEquals([await eventLoop.poll(), scene.clock.nextDeadline], [undefined, undefined]);
    const next = new Scene({ ...OPTIONS, sessionStore: store.memory });
    await next.client.publish("c", "x", { qos: 1 });
    assertEquals(recordsOf(store.memory), ["m/1", "m/2", "m/3", "session"]);
    next.eventLoop.close();
  }
});

test("a driven client is closed, and disconnected, when it is done with its store", async () => {
  const store = new HeldStore();
  const network = new MemoryNetwork();
  void new ScriptedServer(network).autoRespond();
  const clock = new ManualClock();
  const connecting = watch(
    connect("mqtt://broker.test", {
      ...OPTIONS,
      clientId: "tern",
      sessionStore: store,
      transport: network.dial,
      clock,
    }),
  );
  while (connecting.state === "pending" || store.waiting > 0) {
    if (store.waiting > 0) store.end();
    await settle();
  }
  const mqtt = connecting.value!;
  const published = watch(mqtt.publish("a", "x", { qos: 1 }));
  await untilWaiting(store);
  const ends = [watch<unknown>(mqtt.disconnectNow()), watch<unknown>(mqtt.closed)];
  // DISCONNECT waits for the store, too, and is given up.
  await clock.advance(1000);
  assertEquals(ends.map(({ state }) => state), ["pending", "pending"]);
  store.end();
  await settle();
  assertEquals([published.state, ends.map(({ state }) => state)], ["rejected", ["fulfilled", "fulfilled"]]);
});

test("a commit that never ends is given up when its time is over, and everybody is told", async () => {
  const { scene, store, outcomes } = await busyScene();
  const end = scene.run().end;
  scene.eventLoop.close();
  const disposed = watch(scene.eventLoop[Symbol.asyncDispose]());
  await scene.clock.advance(4999);
  assertEquals([...outcomes, end, disposed].map(({ state }) => state), ["pending", "pending", "pending", "pending"]);
  await scene.clock.advance(1);
  for (const { error } of outcomes) {
    assertInstanceOf(error, RequestFailedError);
    assertEquals([error.reason, error.mayHaveBeenDelivered], ["persistence", true]);
  }
  assertInstanceOf(end.error, SessionStoreError);
  assertEquals([end.error.reason, end.error.message], [
    "commit-timeout",
    "Cannot keep the session: the session store has not ended a change within 5000 ms of the end of the event loop",
  ]);
  assertEquals([disposed.state, await scene.eventLoop.poll()], ["fulfilled", undefined]);
  // It may end all the same; the one behind it is not begun any more.
  store.end();
  await settle();
  assertEquals([store.waiting, recordsOf(store.memory), await scene.eventLoop.poll()], [
    0,
    ["m/1", "session"],
    undefined,
  ]);
});

test("a commit that fails once the loop has ended is told to whoever polls", async () => {
  const { scene, store, outcomes } = await busyScene();
  const end = scene.run().end;
  scene.eventLoop.close();
  store.end(new Error("the disk is full"));
  await settle();
  assertInstanceOf(end.error, SessionStoreError);
  assertEquals(end.error.reason, "commit-failed");
  for (const { error } of outcomes) {
    assertInstanceOf(error, RequestFailedError);
    assertEquals([error.reason, error.mayHaveBeenDelivered], ["persistence", false]);
  }
  assertEquals([await scene.eventLoop.poll(), scene.clock.nextDeadline], [undefined, undefined]);
});

for (const how of ["never ends", "ends later", "fails later"] as const) {
  test(`a loop that is closed before the session is loaded keeps nothing (the load ${how})`, async () => {
    const memory = new MemorySessionStore();
    const loading = Promise.withResolvers<[]>();
    let commits = 0;
    const sessionStore: SessionStore = {
      load: () => loading.promise,
      commit: () => void commits++,
      clear: (key) => memory.clear(key),
    };
    const scene = new Scene({ ...OPTIONS, sessionStore });
    const outcomes = [
      watch<unknown>(scene.client.publish("a", "x", { qos: 1 })),
      watch<unknown>(scene.client.publishTracked("b", "x", { qos: 2 })),
      watch<unknown>(scene.client.publish("c", "x", { qos: 1, signal: new AbortController().signal })),
    ];
    const tried = watch(scene.client.tryPublishTracked("d", "x", { qos: 1 }).wait());
    const run = scene.run();
    await settle();
    scene.eventLoop.close();
    await settle();
    for (const { error } of outcomes) assertInstanceOf(error, LoopClosedError);
    assertEquals((outcomes[0]!.error as Error).message, "Cannot publish: the event loop takes no more requests");
    assertInstanceOf(tried.error, RequestFailedError);
    assertEquals([tried.error.reason, tried.error.mayHaveBeenDelivered], ["loop-closed", false]);
    assertEquals(run.end.state, "fulfilled");
    if (how === "ends later") loading.resolve([]);
    if (how === "fails later") loading.reject(new Error("too late"));
    await settle();
    assertEquals([commits, await scene.eventLoop.poll(), scene.clock.nextDeadline], [0, undefined, undefined]);
  });
}

/** A scene whose connection was dropped while a message at QoS 2 was being kept in mind. */
async function cleanedScene(options: object = {}): Promise<{ scene: Scene; store: HeldStore; run: Run }> {
  const store = new HeldStore();
  const network = new MemoryNetwork();
  const server = new ScriptedServer(network);
  let isThere = true;
  const transport: Dial = (...args) => isThere ? network.dial(...args) : new Promise(() => {});
  const scene = new Scene({ ...OPTIONS, sessionStore: store, transport, ...options });
  const run = scene.run();
  const accepted = watch(
    server.accept().then(async (connection) => {
      await connection.acceptConnect();
      return connection;
    }),
  );
  for (await settle(); accepted.state === "pending" || store.waiting > 0; await settle()) {
    if (store.waiting > 0) store.end();
  }
  run.events.length = 0;
  isThere = false;
  void accepted.value!.send(message("a", 2, 7));
  await untilWaiting(store);
  scene.eventLoop.clean();
  await settle();
  assertEquals(words(run.events), []);
  return { scene, store, run };
}

test("a message that was being kept in mind when the connection was dropped is told once that is done", async () => {
  const { scene, store, run } = await cleanedScene();
  store.end();
  await settle();
  assertEquals([words(run.events), recordsOf(store.memory)], [["incoming publish"], ["i/7", "session"]]);
  scene.eventLoop.close();
  await settle();
  assertEquals([words(run.events), run.end.state], [["incoming publish"], "fulfilled"]);
});

test("it is told, too, if the loop ends at once", async () => {
  for (const how of ["close", "disconnectNow"] as const) {
    const { scene, store, run } = await cleanedScene();
    if (how === "close") scene.eventLoop.close();
    else await scene.client.disconnectNow();
    await settle();
    assertEquals([words(run.events), run.end.state], [["incoming publish"], "pending"]);
    store.end();
    await settle();
    assertEquals([run.end.state, recordsOf(store.memory)], ["fulfilled", ["i/7", "session"]]);
  }
});

test("it is told, too, by a poll after a loop that ended when it was kept and nobody polled", async () => {
  const store = new HeldStore();
  const scene = new Scene({ ...OPTIONS, sessionStore: store });
  const polling = new AbortController();
  const seen: string[] = [];
  const poll = async (): Promise<void> => {
    for (;;) seen.push(...words(await scene.eventLoop.pollBatch({ signal: polling.signal })));
  };
  const polled = watch(poll());
  const accepting = watch(scene.acceptConnect());
  for (await settle(); accepting.state === "pending" || store.waiting > 0; await settle()) {
    if (store.waiting > 0) store.end();
  }
  await accepting.value!.send(message("a", 2, 7));
  polling.abort();
  await settle();
  scene.eventLoop.clean();
  store.end();
  await settle();
  scene.eventLoop.close();
  assertEquals([polled.state, seen.includes("incoming publish")], ["rejected", false]);
  assertEquals(words(await scene.eventLoop.pollBatch()), ["incoming publish"]);
  assertEquals(await scene.eventLoop.pollBatch(), []);
});
