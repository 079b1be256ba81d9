// The blocking pair with a session store: what a call has promised is in the store when the call returns.

import { Client, type ClientPair, type SyncOptions, WaitTimeoutError } from "@petrel/mqtt/sync";
import { SqliteSessionStore } from "@petrel/mqtt/store";
import {
  LoopClosedError,
  type Publish,
  RequestChannelFullError,
  RequestFailedError,
  SessionStoreError,
  UnsupportedOptionError,
} from "@petrel/mqtt";
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { check, finishChecks, keep } from "./checks.ts";
import { pause, SideThread } from "./side_thread.ts";

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

/** How many messages, or other records, the store has, as another process sees it. */
function stored(kind = "m/"): number {
  using store = new SqliteSessionStore(path);
  const keys = /stored-\d+-\d+/.exec(path)!;
  return store.load(keys[0]).filter(({ id }) => id.startsWith(kind)).length;
}

/** Lets changes of the store take long from now on, until it is told otherwise. */
function hold(how: "held" | "slow"): Disposable {
  const name = `${path}.${how}`;
  writeFileSync(name, "");
  return { [Symbol.dispose]: () => rmSync(name, { force: true }) };
}

/** Takes events until the client is connected. */
function untilConnected({ connection }: ClientPair): void {
  for (const event of connection) if (event.type === "connected") return;
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

check("a publish whose time is over while it is kept is taken back, or says that it may be delivered", () => {
  const offline = create();
  const offlinePath = path;
  const offlineHeld = keep(hold("held"));
  const limits = { qos: 1, timeoutMillis: 100 } as const;
  assert.throws(() => offline.client.publish("t", "1", limits), { name: "WaitTimeoutError" });
  assert.throws(() => offline.client.publishTracked("t", "2", limits), { name: "WaitTimeoutError" });
  assert.equal(offline.connection.diagnostics().requests.publishes, 0);
  offlineHeld[Symbol.dispose]();
  offline.client.publish("t", "3", { qos: 1 });
  assert.equal(stored(), 1);

  const subscriber = keep(Client.create({ clientId: `stored-${process.pid}-${clients++}`, broker }));
  const topicName = `time/${process.pid}`;
  subscriber.client.subscribeTracked(topicName, 2).waitCompletion();
  const online = create({ broker });
  assert.notEqual(path, offlinePath);
  untilConnected(online);
  for (const send of ["publish", "publishTracked"] as const) {
    const held = keep(hold("held"));
    assert.throws(
      () => online.client[send](topicName, send, { qos: 2, timeoutMillis: 100 }),
      (error) =>
        error instanceof RequestFailedError && error.reason === "cancelled" && error.mayHaveBeenDelivered &&
        error.cause instanceof WaitTimeoutError,
    );
    // Nothing leaves until that is kept, so this is still at hand.
    assert.throws(() => online.client[send](topicName, "behind", limits), { name: "WaitTimeoutError" });
    held[Symbol.dispose]();
    online.client.publishTracked(topicName, "next", { qos: 2 }).wait();
    while (stored("x/") > 0) pause(5);
  }
  const texts: string[] = [];
  for (const event of subscriber.connection) {
    if (event.type !== "incoming" || event.packet.type !== "publish") continue;
    if (texts.push(new TextDecoder().decode(event.packet.payload)) === 4) break;
  }
  assert.deepEqual(texts, ["publish", "next", "publishTracked", "next"]);
});

check("a publish that is taken back while another one is kept ends nothing but itself", () => {
  const { client, connection } = create({ capacity: 1 });
  keep(hold("held"));
  const sideThread = new SideThread(client, "fill");
  while (connection.diagnostics().requests.publishes < 1) pause(5);
  assert.throws(() => client.publish("t", "x", { qos: 1, timeoutMillis: 100 }), { name: "WaitTimeoutError" });
  pause(50);
  assert.equal(connection.diagnostics().requests.publishes, 1);
  assert.ok(sideThread.isBusy);
  connection.close();
  assert.equal(sideThread.finish(), "LoopClosedError");
});

check("a publish at QoS 0 that only waits for those before it is admitted when its time is over", () => {
  const { client, connection } = create();
  const held = keep(hold("held"));
  client.tryPublish("t", "1", { qos: 1 });
  const sideThread = new SideThread(client, "fill");
  while (connection.diagnostics().requests.publishes < 2) pause(5);
  client.publish("t", "2", { timeoutMillis: 100 });
  assert.equal(connection.diagnostics().requests.publishes, 3);
  held[Symbol.dispose]();
  connection.close();
  assert.equal(sideThread.finish(), "LoopClosedError");
});

check("ack returns when the message is known not to come again, tryAck at once", () => {
  const subscriber = create({ broker, ackMode: "manual" });
  const topicName = `ack/${process.pid}`;
  subscriber.client.subscribeTracked(topicName, 2).waitCompletion();
  const publisher = keep(Client.create({ clientId: `stored-${process.pid}-${clients++}`, broker }));
  for (const text of ["1", "2"]) publisher.client.publish(topicName, text, { qos: 2 });
  const messages: Publish[] = [];
  for (const event of subscriber.connection) {
    if (event.type !== "incoming" || event.packet.type !== "publish") continue;
    if (messages.push(event.packet) === 2) break;
  }
  const slow = keep(hold("slow"));
  assert.equal(subscriber.client.ack(messages[0]!), true);
  assert.equal(stored("i/"), 1);
  slow[Symbol.dispose]();
  const held = keep(hold("held"));
  assert.equal(subscriber.client.tryAck(messages[1]!), true);
  held[Symbol.dispose]();
});

check("a close lets what was tried be kept", () => {
  const { client, connection } = create();
  keep(hold("slow"));
  client.publish("t", "1", { qos: 1 });
  client.tryPublish("t", "2", { qos: 1 });
  connection.close();
  assert.equal(stored(), 2);
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
