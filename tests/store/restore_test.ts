// What another process makes of the session that one has left in a store: how it goes on, and what it does with what is broken.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { Packet } from "../../src/codec/mod.ts";
import type { Event, LogRecord, MqttOptions } from "../../src/loop/mod.ts";
import { SessionStoreError } from "../../src/loop/mod.ts";
import { MemorySessionStore, type SessionRecord } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { message, Scene, type ServerSide, watch, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";

/** A process: a client with a store that outlives it. */
class Life {
  readonly scene: Scene;
  readonly events: readonly Event[];
  readonly log: LogRecord[] = [];

  constructor(store: MemorySessionStore, options: MqttOptions = {}) {
    this.scene = new Scene({
      cleanSession: false,
      keepAlive: 0,
      sessionStore: store,
      onLog: (record) => this.log.push(record),
      ...options,
    });
    this.events = this.scene.run().events;
  }

  /** The server accepts the client. @returns The server's side; CONNECT is taken. */
  async accepted(sessionPresent: boolean): Promise<ServerSide> {
    const server = await this.scene.accept();
    await server.send({ type: "connack", sessionPresent, returnCode: 0 });
    await settle();
    return server;
  }

  /** It is killed: nothing more of it reaches anything. */
  die(): void {
    this.scene.eventLoop.close();
  }
}

/** A store in which another process has left a session. */
async function left(
  run: (life: Life, server: ServerSide) => Promise<void>,
  options: MqttOptions = {},
): Promise<MemorySessionStore> {
  const store = new MemorySessionStore();
  const life = new Life(store, options);
  const server = await life.accepted(false);
  server.take();
  await run(life, server);
  life.die();
  await settle();
  return store;
}

function publishes(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) => {
    if (packet.type === "publish") {
      return `${packet.topicName} qos ${packet.qos} id ${packet.packetId}${packet.dup ? " dup" : ""}`;
    }
    return "packetId" in packet ? `${packet.type} ${packet.packetId}` : [];
  });
}

/** One publish of each kind: sent at QoS 1 and 2, received at QoS 2, and held back by the window. */
const unfinished = (): Promise<MemorySessionStore> =>
  left(async ({ scene: { client } }, server) => {
    await client.publish("a", "1", { qos: 2 });
    await client.publish("b", "2", { qos: 1 });
    await client.publish("c", "3", { qos: 2, retain: true });
    await client.publish("d", "4", { qos: 1 });
    await client.publish("e", "5", { qos: 2 });
    await settle();
    assertEquals(publishes(server.take()), ["a qos 2 id 1", "b qos 1 id 2", "c qos 2 id 3"]);
    await server.send({ type: "pubrec", packetId: 1 });
  }, { inflight: 3 });

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

test("a message at QoS 2 that an earlier process has told is not told again", async () => {
  const store = await left(async (_life, server) => await server.send(message("told", 2, 7)));
  const life = new Life(store);
  const server = await life.accepted(true);
  server.take();
  await server.send({ ...message("told", 2, 7), dup: true }, message("new", 2, 8));
  const topics = life.events.flatMap((event) =>
    event.type === "incoming" && event.packet.type === "publish" ? event.packet.topicName : []
  );
  assertEquals([topics, server.takeWords()], [["new"], ["pubrec 7", "pubrec 8"]]);
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
  const topics = life.events.flatMap((event) =>
    event.type === "incoming" && event.packet.type === "publish" ? event.packet.topicName : []
  );
  assertEquals(topics, ["open"]);
  life.die();
});

const subscribed = (): Promise<MemorySessionStore> =>
  left(async ({ scene: { client } }, server) => {
    await client.subscribeMany([{ topicFilter: "a/#", qos: 1 }, { topicFilter: "b", qos: 2 }, {
      topicFilter: "c",
      qos: 0,
    }]);
    await settle();
    await server.send({ type: "suback", packetId: 1, returnCodes: [1, 2, 0] });
    await client.unsubscribe("b");
    await settle();
    await server.send({ type: "unsuback", packetId: 2 });
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

/** Changes one record of a store. */
function tamper(store: MemorySessionStore, id: string, change: (bytes: Uint8Array) => Uint8Array): void {
  const record = store.load("tern").find((record) => record.id === id)!;
  store.commit("tern", { put: [{ id, bytes: change(record.bytes) }], remove: [] });
}

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed[changed.length - 1]! ^= 1;
  return changed;
}

const damages: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  "a bit is wrong": flipped,
  "the end is missing": (bytes) => bytes.slice(0, -1),
  "nothing is left": () => new Uint8Array(),
  "more is there": (bytes) => Uint8Array.of(...bytes, 0),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a record of which ${what} is set aside, told once, and the rest goes on`, async () => {
    const store = await unfinished();
    tamper(store, "m/4", damage);
    const life = new Life(store);
    const server = await life.accepted(true);
    assertEquals(publishes(server.take()), ["b qos 1 id 2 dup", "c qos 2 id 3 dup", "pubrel 1", "e qos 2 id 4"]);
    const told = life.log.filter(({ event }) => event === "record-set-aside");
    assertEquals(told.map(({ level, message, attributes }) => [level, message, attributes]), [
      ["warn", 'Set stored record "m/4" aside: its contents are corrupt', {
        record: "m/4",
        fault: "its contents are corrupt",
      }],
    ]);
    assertEquals(life.scene.eventLoop.diagnostics().sessionStore?.setAside, 1);
    assert(recordsOf(store).includes("corrupt/m/4") && !recordsOf(store).includes("m/4"));
    life.die();
    await settle();
    const next = new Life(store);
    await next.accepted(true);
    assertEquals(next.log.filter(({ event }) => event === "record-set-aside"), []);
    assert(recordsOf(store).includes("corrupt/m/4"));
    next.die();
  });
}

test("each record may be corrupt: the client goes on without it", async () => {
  const store = await unfinished();
  const all = store.load("tern");
  all.push(...(await subscribed()).load("tern").filter(({ id }) => id.startsWith("s/")));
  for (const { id } of all) {
    const copy = new MemorySessionStore();
    copy.commit("tern", { put: all, remove: [] });
    tamper(copy, id, flipped);
    const life = new Life(copy);
    const server = await life.accepted(true);
    assert(server.take().length > 3, id);
    assertEquals(life.scene.eventLoop.diagnostics().sessionStore!.setAside >= 1, true, id);
    assert(recordsOf(copy).includes(`corrupt/${id}`) && recordsOf(copy).includes("session"), id);
    life.die();
    await settle();
  }
});

test("an identifier whose message is lost is released at QoS 2, and free at QoS 1", async () => {
  const store = await unfinished();
  tamper(store, "m/2", flipped);
  tamper(store, "m/3", flipped);
  const life = new Life(store);
  const server = await life.accepted(true);
  assertEquals(publishes(server.take()), ["pubrel 1", "pubrel 3", "d qos 1 id 2", "e qos 2 id 4"]);
  const told = life.log.filter(({ event }) => event === "record-set-aside").map(({ attributes }) =>
    attributes["record"]
  );
  assertEquals(told, ["m/2", "m/3", "x/2"]);
  await server.send({ type: "pubcomp", packetId: 3 });
  assert(!recordsOf(store).includes("x/3"));
  life.die();
});

test("records that mean nothing are set aside", async () => {
  const store = new MemorySessionStore();
  const strange: SessionRecord[] = ["", "q", "m", "m/", "m/x", "m/-1", "x/70000", "x/1.5", "zz/1"].map((id) => ({
    id,
    bytes: Uint8Array.of(1),
  }));
  store.commit("tern", { put: strange, remove: [] });
  const life = new Life(store);
  await life.accepted(false);
  assertEquals(recordsOf(store), [...strange.map(({ id }) => `corrupt/${id}`), "session"].sort());
  life.die();
});

/** A client whose store is not to be used. @returns The error that polling gave. */
async function refused(store: MemorySessionStore, options: MqttOptions = {}): Promise<SessionStoreError> {
  const before = store.load("tern");
  const scene = new Scene({ cleanSession: false, sessionStore: store, ...options });
  const published = watch(scene.client.publish("t", "x", { qos: 1 }));
  const run = scene.run();
  await settle();
  assertInstanceOf(run.end.error, SessionStoreError);
  assertEquals([scene.network.dialCount, scene.eventLoop.diagnostics().isDone, published.state], [0, true, "rejected"]);
  assertEquals(store.load("tern"), before);
  return run.end.error;
}

test("a session of a later format is refused, and not touched", async () => {
  const store = await unfinished();
  tamper(store, "session", (bytes) => bytes.with(4, 2));
  const error = await refused(store);
  assertEquals([error.reason, error.message], [
    "format-version",
    "Cannot restore the session: its format has version 2, and this client knows 1",
  ]);
});

test("a session of another client is refused, and not touched", async () => {
  const store = new MemorySessionStore();
  store.commit("tern", { put: (await unfinishedOf("petrel")).load("petrel"), remove: [] });
  const error = await refused(store);
  assertEquals([error.reason, error.message], [
    "client-id",
    'Cannot restore the session: it belongs to client "petrel", and this is "tern"',
  ]);
});

function unfinishedOf(clientId: string): Promise<MemorySessionStore> {
  return left(async ({ scene: { client } }) => await client.publish("a", "1", { qos: 1 }), { clientId });
}

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
