// What another process makes of the session that one has left in a store: how it goes on.

import { assert, assertEquals } from "@std/assert";
import { MemorySessionStore } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { message, Scene, watch, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";
import { left, Life, publishes, subscribed, unfinished } from "./life.ts";

/** The Topic Names of the messages that a process was told of. */
function toldBy(life: Life): string[] {
  return life.events.flatMap((event) =>
    event.type === "incoming" && event.packet.type === "publish" ? event.packet.topicName : []
  );
}

test("session present: DUP and the same identifiers, then PUBREL, then what was never sent, then new work", async () => {
  const life = new Life(await unfinished(), { inflight: 100 });
  void life.scene.client.publish("f", "6", { qos: 1 });
  const server = await life.accepted(true);
  const packets = server.take();
  assertEquals(publishes(packets), [
    "b qos 1 id 2 dup",
    "c qos 2 id 3 dup",
    "pubrel 1",
    "d qos 1 id 4",
    "e qos 2 id 5",
    "f qos 1 id 6",
  ]);
  const retained = packets.flatMap((packet) => packet.type === "publish" && packet.retain ? packet.topicName : []);
  const texts = packets.flatMap((packet) => packet.type === "publish" ? new TextDecoder().decode(packet.payload) : []);
  assertEquals([retained, texts], [["c"], ["2", "3", "4", "5", "6"]]);
  life.die();
});

test("once all is completed, nothing is left in the store", async () => {
  const store = await unfinished();
  const life = new Life(store);
  const server = await life.accepted(true);
  for (const packetId of [2, 4]) await server.send({ type: "puback", packetId });
  for (const packetId of [3, 5]) await server.send({ type: "pubrec", packetId });
  for (const packetId of [1, 3, 5]) await server.send({ type: "pubcomp", packetId });
  assertEquals(recordsOf(store), ["session"]);
  const { sessionStore, session } = life.scene.eventLoop.diagnostics();
  assertEquals([sessionStore?.setAside, session.inflight], [0, 0]);
  assert(sessionStore!.commits > 0);
  life.die();
});

test("a session that is left again and again goes on in the same order", async () => {
  const store = await unfinished();
  for (let i = 0; i < 3; i++) {
    const life = new Life(store, { inflight: 3 });
    const server = await life.accepted(true);
    assertEquals(publishes(server.take()), ["b qos 1 id 2 dup", "c qos 2 id 3 dup", "pubrel 1"]);
    life.die();
    await settle();
  }
  assertEquals(recordsOf(store), ["m/2", "m/3", "m/4", "m/5", "session", "x/1", "x/2", "x/3"]);
});

test("no session present: the policy decides for what may have been delivered, the rest is kept", async () => {
  const store = await unfinished();
  const life = new Life(store);
  const server = await life.accepted(false);
  assertEquals(publishes(server.take()), ["b qos 1 id 2", "d qos 1 id 1", "e qos 2 id 3"]);
  assertEquals(life.scene.eventLoop.diagnostics().session.sessionLostFailures, 2);
  assertEquals(recordsOf(store), ["m/2", "m/4", "m/5", "session", "x/1", "x/2", "x/3"]);
  life.die();
});

for (const cleanSession of [false, true]) {
  test(`publishes that fail with a lost session are told by the log, once (Clean Session ${Number(cleanSession)})`, async () => {
    const life = new Life(await unfinished(), { cleanSession });
    const server = await life.accepted(false);
    server.connection.close();
    await settle();
    await life.scene.clock.advance(60_000);
    await life.accepted(false);
    const told = life.log.filter(({ event }) => event === "publishes-failed");
    assertEquals(told.map(({ level, message, attributes }) => [level, message, attributes]), [
      ["warn", "The server has lost the session; publishes given up that it may have delivered: 2", { publishes: 2 }],
    ]);
    life.die();
  });
}

test("no publish is told to have failed if none has", async () => {
  const life = new Life(await unfinished(), { onSessionLost: { qos2: "resend" } });
  await life.accepted(true);
  assertEquals(life.log.filter(({ event }) => event === "publishes-failed"), []);
  life.die();
});

test("no session present, QoS 2 to be sent again: it is, as a new message", async () => {
  const life = new Life(await unfinished(), { onSessionLost: { qos2: "resend" } });
  const server = await life.accepted(false);
  assertEquals(publishes(server.take()).slice(0, 2), ["b qos 1 id 2", "c qos 2 id 3"]);
  life.die();
});

test("PUBREL go out in the order of the PUBREC, in the next process too", async () => {
  const store = await left(async ({ scene: { client } }, server) => {
    for (const topic of ["a", "b", "c"]) await client.publish(topic, "x", { qos: 2 });
    for (const packetId of [3, 1, 2]) await server.send({ type: "pubrec", packetId });
  });
  const life = new Life(store);
  const server = await life.accepted(true);
  assertEquals(publishes(server.take()), ["pubrel 3", "pubrel 1", "pubrel 2"]);
  life.die();
});

test("subscriptions that a lost session needs again are owed by the next process, if this one dies before the answer", async () => {
  const store = await subscribed();
  const life = new Life(store);
  assertEquals((await life.accepted(false)).takeWords().at(-1), "subscribe 1");
  life.die();
  await settle();
  const next = new Life(store);
  const server = await next.accepted(true);
  const subscribe = server.take().find((packet) => packet.type === "subscribe");
  assertEquals(subscribe?.subscriptions.map(({ topicFilter }) => topicFilter), ["a/#", "c"]);
  assert(recordsOf(store).includes("d"));
  await server.send({ type: "suback", packetId: subscribe!.packetId, returnCodes: [1, 0] });
  assertEquals(recordsOf(store), ["s/a/#", "s/c", "session"]);
  next.die();
});

test("an identifier that may mean another message stays in doubt for the next process", async () => {
  const store = await left(async (_life, server) => await server.send(message("told", 2, 7)));
  const unanswered = new Life(store);
  await unanswered.scene.accept();
  unanswered.die();
  await settle();
  const doubtful = new Life(store);
  await doubtful.accepted(true);
  doubtful.die();
  await settle();
  assertEquals(recordsOf(store), ["d", "i/7", "session"]);
  const life = new Life(store);
  const server = await life.accepted(true);
  await server.send(message("new", 2, 7));
  assertEquals(toldBy(life), ["new"]);
  assertEquals(recordsOf(store), ["i/7", "session"]);
  life.die();
});

test("a message at QoS 2 that an earlier process has told is not told again", async () => {
  const store = await left(async (_life, server) => await server.send(message("told", 2, 7)));
  const life = new Life(store);
  const server = await life.accepted(true);
  server.take();
  await server.send({ ...message("told", 2, 7), dup: true }, message("new", 2, 8));
  assertEquals([toldBy(life), server.takeWords()], [["new"], ["pubrec 7", "pubrec 8"]]);
  await server.send({ type: "pubrel", packetId: 7 }, { type: "pubrel", packetId: 8 });
  assertEquals(recordsOf(store), ["session"]);
  life.die();
});

test("manual acknowledgement: what an earlier process has not acknowledged is told again, the rest is not", async () => {
  const options = { ackMode: "manual" } as const;
  const store = await left(async (life, server) => {
    await server.send(message("done", 2, 7), message("open", 2, 8));
    const done = life.events.find((event) => event.type === "incoming" && event.packet.type === "publish")!;
    assert(done.type === "incoming" && done.packet.type === "publish" && done.packet.topicName === "done");
    assertEquals(await life.scene.client.ack(done.packet), true);
  }, options);
  const life = new Life(store, options);
  const server = await life.accepted(true);
  await server.send({ ...message("done", 2, 7), dup: true }, { ...message("open", 2, 8), dup: true });
  assertEquals(toldBy(life), ["open"]);
  life.die();
});

test("live subscriptions are sent again to a server that lost the session, and to no other", async () => {
  const store = await subscribed();
  assertEquals(recordsOf(store), ["s/a/#", "s/c", "session"]);
  const resumed = new Life(store);
  assertEquals((await resumed.accepted(true)).takeWords(), ["connect"]);
  resumed.die();
  await settle();
  const lost = new Life(store);
  const packets = (await lost.accepted(false)).take();
  assertEquals(packets.flatMap((packet) => packet.type === "subscribe" ? packet.subscriptions : []), [
    { topicFilter: "a/#", qos: 1 },
    { topicFilter: "c", qos: 0 },
  ]);
  lost.die();
});

test("a process that ended before its CONNECT was answered leaves the server's session in doubt", async () => {
  const store = await subscribed();
  const unanswered = new Life(store);
  await unanswered.scene.accept();
  unanswered.die();
  await settle();
  const life = new Life(store);
  assertEquals((await life.accepted(true)).takeWords(), ["connect", "subscribe 1"]);
  life.die();
});

test("with a clean session, only messages are taken up", async () => {
  const options = { cleanSession: true } as const;
  const store = await left(async ({ scene: { client } }, server) => {
    await client.subscribe("a", 1);
    await settle();
    await server.send({ type: "suback", packetId: 1, returnCodes: [1] });
    await server.send(message("told", 2, 7));
    await client.publish("b", "x", { qos: 1 });
    await settle();
    server.take();
  }, options);
  assertEquals(recordsOf(store), ["i/7", "m/2", "s/a", "session", "x/2"]);
  const life = new Life(store, options);
  const server = await life.accepted(false);
  assertEquals(publishes(server.take()), ["b qos 1 id 2"]);
  assertEquals(recordsOf(store), ["m/2", "session", "x/2"]);
  life.die();
});

test("identifiers of an earlier process are not given to new messages while they are in use", async () => {
  const life = new Life(await unfinished());
  await life.accepted(true);
  for (let i = 0; i < 20; i++) await life.scene.client.publish("n", "x", { qos: 1 });
  await settle();
  assertEquals(life.scene.eventLoop.diagnostics().session.outgoingExchanges, 25);
  life.die();
});

test("messages of an earlier process count for the window and the channel, which may be smaller now", async () => {
  const life = new Life(await unfinished(), { inflight: 1, capacity: 1 });
  const server = await life.accepted(true);
  const published = watch(life.scene.client.publish("f", "6", { qos: 1 }));
  await settle();
  assertEquals([publishes(server.take()).length, published.state], [3, "pending"]);
  for (const packetId of [2, 3]) await server.send({ type: packetId === 2 ? "puback" : "pubrec", packetId });
  for (const packetId of [1, 3]) await server.send({ type: "pubcomp", packetId });
  assertEquals(publishes(server.take()).at(-1), "d qos 1 id 1");
  await server.send({ type: "puback", packetId: 1 });
  await server.send({ type: "pubrec", packetId: 2 }, { type: "pubcomp", packetId: 2 });
  assertEquals(published.state, "fulfilled");
  life.die();
});

test("the log tells what was restored", async () => {
  const life = new Life(await unfinished());
  await life.accepted(true);
  const record = life.log.find(({ event }) => event === "session-restored");
  assertEquals(record?.message, "Restored the session, with 5 unfinished messages");
  assertEquals(record?.attributes, { queued: 2, publishes: 2, releases: 1, incoming: 0, subscriptions: 0 });
  life.die();
  const fresh = new Life(new MemorySessionStore());
  await fresh.accepted(false);
  assertEquals(fresh.log.map(({ event }) => event), ["connecting", "connected"]);
  fresh.die();
});

test("sessions of several clients in one store are apart", async () => {
  const store = new MemorySessionStore();
  for (const clientId of ["a", "b"]) {
    const { client } = new Scene({ clientId, cleanSession: false, sessionStore: store });
    await client.publish(clientId, "x", { qos: 1 });
  }
  const life = new Life(store, { clientId: "b" });
  const server = await life.accepted(false);
  assertEquals(publishes(server.take()), ["b qos 1 id 1"]);
  assertEquals(words(life.events).includes("connected"), true);
  life.die();
});
