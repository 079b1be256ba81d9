// The blocking pair with a session store: what a call has promised is in the store when the call returns.

import { Client, type ClientPair, type SyncOptions } from "@petrel/mqtt/sync";
import { SqliteSessionStore } from "@petrel/mqtt/store";
import { LoopClosedError, RequestChannelFullError, SessionStoreError, UnsupportedOptionError } from "@petrel/mqtt";
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { check, finishChecks, keep } from "./checks.ts";
import { SideThread } from "./side_thread.ts";

const [broker, folder] = process.argv.slice(2);
let clients = 0;
let path = "";

/** A client with a store of its own, of a server that is not there unless it is told. */
function create(options: SyncOptions = {}, clientId = `stored-${process.pid}-${clients++}`): ClientPair {
  path = `${folder}/${clientId}.db`;
  process.env["PETREL_STORE"] = path;
  const module = new URL("./stored_options.ts", import.meta.url);
  return keep(Client.create({ clientId, broker: "mqtt://127.0.0.1:1", module, ...options }));
}

/** How many messages the store has, as another process sees it. */
function stored(): number {
  using store = new SqliteSessionStore(path);
  const keys = /stored-\d+-\d+/.exec(path)!;
  return store.load(keys[0]).filter(({ id }) => id.startsWith("m/")).length;
}

check("a publish returns when it is kept, at QoS 1 and 2, tracked or not", () => {
  const { client, connection } = create();
  client.publish("t", "one", { qos: 1 });
  assert.equal(stored(), 1);
  client.publishTracked("t", "two", { qos: 2 });
  assert.equal(stored(), 2);
  client.publish("t", "zero");
  assert.equal(stored(), 2);
  client.tryPublish("t", "three", { qos: 1 });
  assert.equal(connection.diagnostics().requests.publishes, 4);
});

check("no message overtakes another's promise, from whichever thread", () => {
  const { client } = create({ capacity: 1000 });
  const count = 300;
  const sideThread = new SideThread(client, "publish", count);
  for (let i = 1; i <= 100; i++) {
    client.publish("t", "x", { qos: 1 });
    assert.ok(stored() >= i);
  }
  assert.equal(sideThread.finish(), undefined);
  assert.equal(stored(), 100 + count * 2 / 3);
});

check("a full channel is full with a store too", () => {
  const { client } = create({ capacity: 2 });
  client.publish("t", "1", { qos: 1 });
  client.tryPublish("t", "2", { qos: 1 });
  assert.throws(() => client.tryPublish("t", "3", { qos: 1 }), RequestChannelFullError);
  assert.throws(() => client.publish("t", "4", { qos: 1, timeoutMillis: 50 }), { name: "WaitTimeoutError" });
  assert.equal(stored(), 2);
});

check("another client goes on where one stood", () => {
  const id = `stored-${process.pid}-${clients++}`;
  const first = create({}, id);
  for (let i = 0; i < 5; i++) first.client.publish(`kept/${id}`, `${i}`, { qos: 2 });
  first.connection.close();
  assert.equal(stored(), 5);
  const subscriber = keep(Client.create({ clientId: `${id}-shore`, broker }));
  subscriber.client.subscribeTracked(`kept/${id}`, 2).waitCompletion();
  const second = create({ broker }, id);
  const texts: string[] = [];
  for (const event of subscriber.connection) {
    if (event.type !== "incoming" || event.packet.type !== "publish") continue;
    texts.push(new TextDecoder().decode(event.packet.payload));
    if (texts.length === 5) break;
  }
  assert.deepEqual(texts, ["0", "1", "2", "3", "4"]);
  second.client.disconnect();
  for (const _ of second.connection);
  assert.equal(stored(), 0);
});

check("a store that fails ends the client, and its calls", () => {
  const { client, connection } = create();
  client.publish("t", "1", { qos: 1 });
  writeFileSync(`${path}.full`, "");
  assert.throws(() => client.publish("t", "2", { qos: 1 }), LoopClosedError);
  assert.throws(() => {
    for (const _ of connection);
  }, (error) => error instanceof SessionStoreError && error.reason === "commit-failed");
  assert.throws(() => client.publish("t", "3", { qos: 1 }), LoopClosedError);
  rmSync(`${path}.full`);
  assert.equal(stored(), 1);
});

check("a store cannot cross to the worker, and the error says what can be done", () => {
  using store = new SqliteSessionStore(":memory:");
  assert.throws(
    () => Client.create({ clientId: "a", broker: "mqtt://127.0.0.1:1", sessionStore: store }),
    (error) =>
      error instanceof UnsupportedOptionError && /sessionStore.*a module named by option "module"/.test(error.message),
  );
});

finishChecks();
