// The blocking pair over a server in memory: what needs no network.

import {
  Client,
  type ClientPair,
  type CreateOptions,
  DeadlockError,
  type SyncOptions,
  WaitTimeoutError,
  WorkerFailedError,
} from "@petrel/mqtt/sync";
import {
  ConnectionLostError,
  ConnectionRefusedError,
  DisconnectTimeoutError,
  type Event,
  LoopClosedError,
  MalformedPacketError,
  type Publish,
  RequestChannelFullError,
  RequestFailedError,
  SubscribeRefusedError,
} from "@petrel/mqtt";
import assert from "node:assert/strict";
import { check, finishChecks, keep } from "./checks.ts";

const module = new URL("./memory_options.ts", import.meta.url);

/** A client of a server that is as `clientId` says. */
function create(clientId = "plain", options: SyncOptions = {}, create: CreateOptions = {}): ClientPair {
  return keep(Client.create({ clientId, module, ...options }, create));
}

/** Takes events until one fits. */
function until<T extends Event>(events: Iterable<Event>, fits: (event: Event) => event is T): T {
  for (const event of events) if (fits(event)) return event;
  throw new Error("the events end before");
}

/** Tries until there is room. */
function again<T>(attempt: () => T): T {
  for (let attempts = 0; attempts < 1000; attempts++) {
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof RequestChannelFullError)) throw error;
    }
  }
  throw new Error("there is never room");
}

const isMessage = (event: Event): event is Extract<Event, { type: "incoming" }> & { packet: Publish } =>
  event.type === "incoming" && event.packet.type === "publish";
const isLoss = (event: Event): event is Extract<Event, { type: "disconnected" }> => event.type === "disconnected";

check("messages of every QoS go out and come in, and their notices tell how they ended", () => {
  const { client, connection } = create();
  const subscribed = client.subscribeManyTracked([{ topicFilter: "a", qos: 2 }, { topicFilter: "b", qos: 1 }]);
  assert.deepEqual(subscribed.wait().returnCodes, [2, 1]);
  assert.equal(client.publishTracked("a", "zero").wait().type, "qos0-flushed");
  const one = client.publishTracked("a", Uint8Array.of(1), { qos: 1 });
  const first = one.wait();
  assert.ok(first.type === "qos1-acknowledged" && first.packet.packetId === one.packetId);
  assert.equal(client.tryPublishTracked("a", "two", { qos: 2, retain: true }).wait().type, "qos2-completed");
  const payloads = [1, 2, 3].map(() => until(connection, isMessage).packet);
  assert.deepEqual(payloads.map(({ qos }) => qos), [0, 1, 2]);
  assert.deepEqual(payloads.map(({ payload }) => payload.length), [4, 1, 3]);
  assert.equal(client.unsubscribeTracked("a").wait().type, "unsuback");
  client.disconnect();
  assert.deepEqual([...connection].filter(isMessage), []);
  assert.equal(connection.isDone, true);
  assert.equal(connection.recv(), undefined);
});

check("a refused subscription is an error of waitCompletion alone", () => {
  const pair = create();
  const notice = pair.client.subscribeTracked("refused", 1);
  assert.deepEqual(notice.wait().returnCodes, [0x80]);
  assert.throws(() => notice.waitCompletion(), SubscribeRefusedError);
});

check("recvTimeout and tryRecv end without an event, and with one", () => {
  const { client, connection } = create();
  until(connection, (event): event is Event => event.type === "connected");
  assert.equal(connection.tryRecv(), undefined);
  const begin = performance.now();
  assert.equal(connection.recvTimeout(60), undefined);
  assert.ok(performance.now() - begin >= 59);
  assert.equal(connection.isDone, false);
  client.publishTracked("a", "x").wait();
  assert.equal(connection.recvTimeout(10_000)?.type, "outgoing");
  assert.throws(() => connection.recvTimeout(-1), RangeError);
});

check("a lost connection is an event with the loss's own class, and the loop goes on", () => {
  const { client, connection } = create();
  client.publish("harm/cut", "");
  assert.ok(until(connection, isLoss).error instanceof ConnectionLostError);
  client.publish("harm/malformed", "");
  const { error } = until(connection, isLoss);
  assert.ok(error instanceof MalformedPacketError);
  assert.equal(error.rule, "MQTT-3.3.1-4");
  assert.equal(client.publishTracked("a", "", { qos: 1 }).wait().type, "qos1-acknowledged");
});

check("what the policy gives up at is thrown, and then there are no more events", () => {
  const { client, connection } = create("refuse");
  assert.throws(() => [...connection], ConnectionRefusedError);
  assert.equal(connection.recv(), undefined);
  assert.equal(connection.isDone, true);
  assert.throws(() => client.publish("a", ""), LoopClosedError);
  assert.throws(() => client.subscribe("a"), { name: "LoopClosedError", message: /Cannot subscribe/ });
});

check("a channel without room refuses a try, and takes back what waits too long", () => {
  const { client, connection } = create("silent", { inflight: 1 }, { capacity: 2 });
  const first = client.publishTracked("a", "", { qos: 1 });
  until(connection, (event): event is Event => event.type === "outgoing" && event.packetType === "publish");
  client.publish("a", "", { qos: 1 });
  client.tryPublish("a", "", { qos: 1 });
  const full = { name: "RequestChannelFullError", message: /Cannot publish now: .* at capacity 2$/ };
  assert.throws(() => client.tryPublish("a", "", { qos: 1 }), full);
  assert.throws(() => client.tryPublishTracked("a", "", { qos: 1 }), RequestChannelFullError);
  assert.throws(() => client.publish("a", "", { qos: 1, timeoutMillis: 30 }), WaitTimeoutError);
  assert.equal(connection.diagnostics().requests.publishes, 2);
  assert.throws(() => first.wait({ timeoutMillis: 20 }), WaitTimeoutError);
  // The lane of control requests has room of its own.
  client.trySubscribe("a");
});

check("a channel without capacity admits what the loop takes", () => {
  const { client, connection } = create("plain", {}, { capacity: 0 });
  until(connection, (event): event is Event => event.type === "connected");
  for (let i = 0; i < 5; i++) client.publish("a", "", { qos: 1 });
  // A transport that is busy takes nothing at this very moment.
  const notice = again(() => client.tryPublishTracked("a", "", { qos: 2 }));
  notice.waitCompletion();
  client.subscribe("a");
  client.disconnect();
  const acks = [...connection].filter((event) => event.type === "incoming" && event.packet.type === "puback");
  assert.equal(acks.length, 5);
});

check("a disconnect refuses further work and finishes what was asked for before", () => {
  const { client, connection } = create();
  const notices = Array.from({ length: 20 }, () => client.publishTracked("a", "", { qos: 2 }));
  client.disconnect();
  assert.throws(() => client.publish("a", ""), LoopClosedError);
  assert.throws(() => client.tryUnsubscribe("a"), LoopClosedError);
  for (const notice of notices) assert.equal(notice.wait().type, "qos2-completed");
  assert.ok([...connection].length > 20);
});

check("a drain that takes too long is thrown, and what is unfinished fails with its reason", () => {
  const { client, connection } = create("silent");
  const notice = client.publishTracked("a", "", { qos: 1 });
  until(connection, (event): event is Event => event.type === "outgoing" && event.packetType === "publish");
  client.disconnectWithTimeout(30);
  assert.throws(() => [...connection], DisconnectTimeoutError);
  assert.throws(() => notice.wait(), {
    name: "RequestFailedError",
    reason: "disconnected",
    mayHaveBeenDelivered: true,
  });
  assert.throws(() => client.disconnectWithTimeout(-1), RangeError);
});

check("disconnectNow leaves unfinished work behind", () => {
  const pair = create("silent");
  const notice = pair.client.publishTracked("a", "", { qos: 1 });
  until(pair.connection, (event): event is Event => event.type === "outgoing" && event.packetType === "publish");
  pair.client.disconnectNow();
  assert.deepEqual([...pair.connection].at(-1), { type: "outgoing", packetType: "disconnect", packetId: 0 });
  assert.throws(() => notice.waitCompletion(), RequestFailedError);
});

check("manual acknowledgement goes by the very packet, once per connection", () => {
  const { client, connection } = create("plain", { ackMode: "manual" });
  client.subscribeTracked("a", 2).wait();
  client.publish("a", "one", { qos: 1 });
  const { packet } = until(connection, isMessage);
  assert.equal(connection.diagnostics().session.unacknowledged, 1);
  assert.equal(client.ack({ ...packet }), false);
  assert.equal(client.ack(packet), true);
  assert.equal(client.tryAck(packet), true);
  assert.equal(connection.diagnostics().session.unacknowledged, 0);
  client.publish("a", "two", { qos: 2 });
  const second = until(connection, isMessage).packet;
  connection.clean();
  until(connection, (event): event is Event => event.type === "connected");
  assert.equal(client.ack(second), false);
  assert.equal(client.ack(packet), false);
});

check("where nothing is left to be acknowledged, ack() is true", () => {
  const { client, connection } = create();
  client.subscribeTracked("a", 2).wait();
  for (const qos of [0, 1, 2] as const) {
    client.publish("a", "x", { qos });
    assert.equal(client.ack(until(connection, isMessage).packet), true);
  }
});

check("options change while the client lives", () => {
  const { client, connection } = create();
  connection.setOptions({ maxOutgoingPacketSize: 100 });
  assert.throws(() => client.publish("a", new Uint8Array(200)), RangeError);
  assert.throws(() => connection.setOptions({ capacity: 5 }), {
    name: "TypeError",
    message: /"capacity": it is fixed/,
  });
  assert.throws(() => connection.setOptions({ random: () => 0 }), { name: "UnsupportedOptionError", option: "random" });
  assert.equal(client.publishTracked("a", new Uint8Array(50)).wait().type, "qos0-flushed");
});

check("a limit on publishes may come and go while the client lives", () => {
  const { client, connection } = create();
  connection.setOptions({ throttle: { messagesPerSecond: 0.01, burst: 1 } });
  assert.equal(client.publishTracked("a", "one").wait().type, "qos0-flushed");
  const second = client.publishTracked("a", "two");
  assert.throws(() => second.wait({ timeoutMillis: 50 }), { name: "WaitTimeoutError" });
  connection.setOptions({ throttle: undefined });
  assert.equal(second.wait().type, "qos0-flushed");
  assert.throws(() => connection.setOptions({ throttle: { messagesPerSecond: 0 } }), {
    name: "RangeError",
    message: /"throttle.messagesPerSecond": 0 is not/,
  });
});

check("a call that is not valid throws what the asynchronous client would, and sends nothing", () => {
  const { client, connection } = create();
  until(connection, (event): event is Event => event.type === "connected");
  assert.throws(() => client.publish("a/#", ""), {
    name: "TypeError",
    message: /Cannot publish: topicName contains "#"/,
  });
  assert.throws(() => client.publish("a", 5 as never), TypeError);
  assert.throws(() => client.subscribe("a/#/b"), { name: "TypeError", message: /Cannot subscribe/ });
  assert.throws(() => client.unsubscribeMany([]), TypeError);
  assert.equal(connection.diagnostics().counters.outgoingPackets, 1);
});

check("events that are not taken stop the reading", () => {
  const { connection } = create("flood", {}, { ringBytes: 1 << 14 });
  const incoming = (): number => connection.diagnostics().counters.incomingPackets;
  let before = -1;
  // The server sends as fast as it can: once the number stands for a while, it is held back.
  for (let now = incoming(); now !== before; now = incoming()) {
    before = now;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
  assert.ok(before < 20_000, `${before} packets were read`);
  for (let i = 0; i < 30_000; i++) until(connection, isMessage);
});

check("a call that only this thread could unblock throws instead of blocking, and nothing is sent by it", () => {
  const { client, connection } = create("plain", {}, { ringBytes: 1024, capacity: 4 });
  let published = 0;
  assert.throws(() => {
    for (;;) {
      client.publish("a", `${published}`, { qos: 1 });
      published++;
    }
  }, DeadlockError);
  client.disconnect();
  const acks = [...connection].filter((event) => event.type === "incoming" && event.packet.type === "puback");
  assert.equal(acks.length, published);
});

for (const [kind, name] of [["throw", "RangeError"], ["reject", "SyntaxError"]] as const) {
  check(`what the worker ${kind}s reaches blocked calls`, () => {
    const pair = create();
    const { client, connection } = pair;
    const notice = client.publishTracked(`harm/${kind}`, "", { qos: 1 });
    assert.throws(() => [...connection], (error: Error) => {
      assert.ok(error instanceof WorkerFailedError && error.message.includes("in the worker"));
      return (error.cause as Error).name === name;
    });
    assert.throws(() => notice.wait(), { name: "RequestFailedError", reason: "loop-closed" });
    assert.throws(() => client.publish("a", ""), WorkerFailedError);
    assert.throws(() => connection.diagnostics(), WorkerFailedError);
    client.disconnectNow();
  });
}

check("a worker that somebody's code ends is a failure too", () => {
  const pair = create();
  pair.client.publish("harm/exit", "");
  // At once, and not because it was silent for long.
  assert.throws(() => [...pair.connection], { name: "WorkerFailedError", message: /has failed/ });
});

check("a module that cannot be used is an error of create", () => {
  const missing = new URL("./no_such_module.ts", import.meta.url);
  assert.throws(() => Client.create({ clientId: "a", module: missing }));
  const empty = new URL("./checks.ts", import.meta.url);
  assert.throws(() => Client.create({ clientId: "a", module: empty }), {
    name: "TypeError",
    message: /exports no "options"/,
  });
  assert.throws(() => create("plain", { keepAlive: -1 }), { name: "RangeError", message: /"keepAlive"/ });
});

check("close ends everything, and is harmless when repeated", () => {
  const { client, connection } = create("silent");
  const notice = client.publishTracked("a", "", { qos: 1 });
  connection.close();
  client.close();
  assert.throws(() => notice.wait(), { name: "RequestFailedError", reason: "loop-closed" });
  assert.throws(() => client.publish("a", ""), LoopClosedError);
  assert.throws(() => connection.diagnostics(), LoopClosedError);
  [...connection];
  assert.equal(connection.isDone, true);
});

finishChecks();
