// One client in several threads.

import { Client, type ClientPair, type CreateOptions, type SyncOptions, WorkerFailedError } from "@petrel/mqtt/sync";
import type { Event, Publish } from "@petrel/mqtt";
import assert from "node:assert/strict";
import { check, finishChecks, keep } from "./checks.ts";
import { pause, SideThread } from "./side_thread.ts";

const module = new URL("./memory_options.ts", import.meta.url);

function create(clientId = "plain", options: SyncOptions = {}, create: CreateOptions = {}): ClientPair {
  return keep(Client.create({ clientId, module, ...options }, create));
}

function messagesOf(events: Iterable<Event>, count: number): Publish[] {
  const messages: Publish[] = [];
  for (const event of events) {
    if (event.type === "incoming" && event.packet.type === "publish") messages.push(event.packet);
    if (messages.length === count) return messages;
  }
  throw new Error("the events end before");
}

check("several threads publish while one iterates, through rings much smaller than the traffic", () => {
  const threads = 3;
  const each = 1500;
  const { client, connection } = create("plain", { outgoingEvents: false }, { ringBytes: 1024, capacity: 10 });
  const topics = [0, 1, 2, 3, 4].map((i) => ({ topicFilter: `threads/${i}`, qos: 2 as const }));
  client.subscribeManyTracked(topics).waitCompletion();
  const sideThreads = Array.from({ length: threads }, () => new SideThread(client, "publish", each));
  const messages = messagesOf(connection, threads * each);
  for (const sideThread of sideThreads) assert.equal(sideThread.finish(), undefined);
  // Each number came from each thread, at its QoS and on its topic.
  const seen = new Map<string, number>();
  for (const { topicName, payload, qos } of messages) {
    const text = new TextDecoder().decode(payload);
    assert.deepEqual([topicName, qos], [`threads/${Number(text) % 5}`, Number(text) % 3]);
    seen.set(text, (seen.get(text) ?? 0) + 1);
  }
  assert.equal(seen.size, each);
  assert.ok([...seen.values()].every((count) => count === threads));
});

check("a thread closes the client while another blocks in recv", () => {
  const { client, connection } = create("silent");
  const sideThread = new SideThread(client, "close");
  const types = [...connection].map(({ type }) => type);
  assert.deepEqual(types, ["outgoing", "connected"]);
  assert.equal(connection.isDone, true);
  assert.equal(sideThread.finish(), undefined);
  connection.close();
});

/** Has one thread wait for the end of a publish, and another for room to publish. */
function blockThreads(
  { client, connection }: ClientPair,
): { readonly waiting: SideThread; readonly filling: SideThread } {
  const waiting = new SideThread(client, "wait");
  while (connection.diagnostics().session.inflight === 0) pause(20);
  const filling = new SideThread(client, "fill");
  while (connection.diagnostics().requests.publishes < 2) pause(20);
  assert.deepEqual([waiting.isBusy, filling.isBusy], [true, true]);
  return { waiting, filling };
}

check("threads that block in their calls learn that the client is closed", () => {
  const pair = create("silent", { inflight: 1 }, { capacity: 1 });
  const { waiting, filling } = blockThreads(pair);
  pair.connection.close();
  assert.deepEqual([waiting.finish(), filling.finish()], ["RequestFailedError", "LoopClosedError"]);
});

check("threads that block in their calls learn that the worker has failed", () => {
  const pair = create("silent", { inflight: 1 }, { capacity: 1 });
  const { waiting, filling } = blockThreads(pair);
  // A subscription passes publishes that the window holds back.
  pair.client.subscribe("harm/throw");
  assert.deepEqual([waiting.finish(), filling.finish()], ["RequestFailedError", "WorkerFailedError"]);
  assert.throws(() => [...pair.connection], WorkerFailedError);
});

check("a thread disconnects while another blocks in recv, and what was asked for is finished", () => {
  const pair = create();
  const sideThread = new SideThread(pair.client, "disconnect");
  const notice = pair.client.publishTracked("a", "", { qos: 2 });
  const types = [...pair.connection].map((event) => event.type === "outgoing" ? event.packetType : event.type);
  assert.equal(types.at(-1), "disconnect");
  assert.equal(notice.wait().type, "qos2-completed");
  assert.equal(sideThread.finish(), undefined);
});

check("a thread that takes no events waits for the one that does, however full the ring is", () => {
  const { client, connection } = create("plain", {}, { ringBytes: 1024, capacity: 4 });
  const sideThread = new SideThread(client, "publish", 500);
  pause(1500);
  assert.equal(sideThread.isBusy, true);
  let completed = 0;
  for (const event of connection) {
    if (event.type === "incoming" && (event.packet.type === "puback" || event.packet.type === "pubcomp")) completed++;
    if (completed < 333) continue;
    assert.equal(sideThread.finish(), undefined);
    break;
  }
});

check("handles are given back when they are disposed of, and limited otherwise", () => {
  const pair = create();
  const shared = structuredClone(pair.client.share());
  for (let i = 0; i < 200; i++) {
    const client = Client.from(shared);
    client.publishTracked(`topic/${i}`, "", { qos: 1 }).wait();
    client[Symbol.dispose]();
  }
  const handles: Client[] = [];
  assert.throws(() => {
    for (let i = 0; i < 64; i++) handles.push(Client.from(shared));
  }, RangeError);
  assert.equal(handles.length, 63);
  const last = handles.pop()!;
  last[Symbol.dispose]();
  assert.throws(() => last.publish("a", ""), { name: "LoopClosedError" });
});

finishChecks();
