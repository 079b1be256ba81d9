// What is broken in a stored session: it is set aside and told, and the rest goes on; or nothing is touched, and the client says why.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { MqttOptions } from "../../src/loop/mod.ts";
import { SessionStoreError } from "../../src/loop/mod.ts";
import { MemorySessionStore, type SessionRecord } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { Scene, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";
import { left, Life, publishes, subscribed, unfinished } from "./life.ts";

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

const WHOLE = ["b qos 1 id 2 dup", "c qos 2 id 3 dup", "pubrel 1", "d qos 1 id 4", "e qos 2 id 5"];

/** What is sent if one record is corrupt. A message whose exchange is lost is new, and its identifier is released first. */
const sentWithout: Readonly<Record<string, readonly string[]>> = {
  "session": WHOLE,
  "m/2": ["c qos 2 id 3 dup", "pubrel 1", "d qos 1 id 2", "e qos 2 id 4"],
  "m/3": ["b qos 1 id 2 dup", "pubrel 1", "pubrel 3", "d qos 1 id 4", "e qos 2 id 5"],
  "m/4": ["b qos 1 id 2 dup", "c qos 2 id 3 dup", "pubrel 1", "e qos 2 id 4"],
  "m/5": ["b qos 1 id 2 dup", "c qos 2 id 3 dup", "pubrel 1", "d qos 1 id 4"],
  "x/1": WHOLE,
  "x/2": ["c qos 2 id 3 dup", "pubrel 1", "pubrel 2", "b qos 1 id 4", "d qos 1 id 5", "e qos 2 id 6"],
  "x/3": ["b qos 1 id 2 dup", "pubrel 1", "pubrel 3", "c qos 2 id 4", "d qos 1 id 5", "e qos 2 id 6"],
  "s/a/#": WHOLE,
  "s/c": WHOLE,
};

test("each record may be corrupt: the client goes on without it", async () => {
  const store = await unfinished();
  const all = store.load("tern");
  all.push(...(await subscribed()).load("tern").filter(({ id }) => id.startsWith("s/")));
  assertEquals(all.map(({ id }) => id).sort(), Object.keys(sentWithout).sort());
  for (const { id } of all) {
    const copy = new MemorySessionStore();
    copy.commit("tern", { put: all, remove: [] });
    tamper(copy, id, flipped);
    const life = new Life(copy);
    const server = await life.accepted(true);
    assertEquals(publishes(server.take()), sentWithout[id], id);
    assertEquals(life.scene.eventLoop.diagnostics().sessionStore!.setAside, id === "m/2" ? 2 : 1, id);
    assert(recordsOf(copy).includes(`corrupt/${id}`) && recordsOf(copy).includes("session"), id);
    life.die();
    await settle();
  }
});

test("an identifier whose exchange is corrupt is not free before the server has released it", async () => {
  const store = await unfinished();
  tamper(store, "x/3", flipped);
  const life = new Life(store);
  await life.accepted(true);
  assert(recordsOf(store).includes("x/3") && recordsOf(store).includes("corrupt/x/3"));
  life.die();
  await settle();
  const next = new Life(store);
  const server = await next.accepted(true);
  assertEquals(publishes(server.take()).filter((word) => word.startsWith("pubrel")), ["pubrel 1", "pubrel 3"]);
  await server.send({ type: "pubcomp", packetId: 3 });
  assert(!recordsOf(store).includes("x/3"));
  next.die();
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
  const strange: SessionRecord[] = ["", "q", "m", "m/", "m/x", "m/-1", "x/70000", "x/1.5", "x/01", "zz/1"].map((
    id,
  ) => ({
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
