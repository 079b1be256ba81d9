// The blocking pair against a server of its own process: everything goes over the network.

import { Client, type ClientPair, type CreateOptions, type SyncOptions } from "@petrel/mqtt/sync";
import type { Event, Publish } from "@petrel/mqtt";
import assert from "node:assert/strict";
import process from "node:process";
import { check, finishChecks, keep } from "./checks.ts";
import { SideThread } from "./side_thread.ts";

const broker = process.argv[2]!;
let clients = 0;

function create(options: SyncOptions = {}, create: CreateOptions = {}): ClientPair {
  return keep(Client.create({ clientId: `sync-${process.pid % 1000}-${clients++}`, broker, ...options }, create));
}

function* messagesOf(events: Iterable<Event>): Generator<Publish> {
  for (const event of events) if (event.type === "incoming" && event.packet.type === "publish") yield event.packet;
}

function next<T>(iterator: Iterator<T>): T {
  const { done, value } = iterator.next();
  assert.equal(done, false);
  return value;
}

check("messages of every QoS come back as they were sent", () => {
  const { client, connection } = create();
  client.subscribeTracked("qos/+", 2).waitCompletion();
  const payloads = [new Uint8Array(0), Uint8Array.of(0, 255, 128), new Uint8Array(70_000).map((_, i) => i * 7)];
  const messages = messagesOf(connection);
  for (const qos of [0, 1, 2] as const) {
    for (const payload of payloads) {
      const result = client.publishTracked(`qos/${qos}`, payload, { qos }).wait();
      assert.equal(result.type, ["qos0-flushed", "qos1-acknowledged", "qos2-completed"][qos]);
      const message = next(messages);
      assert.deepEqual([message.topicName, message.qos], [`qos/${qos}`, qos]);
      assert.deepEqual(message.payload, payload);
      // It is the application's own, to be written too.
      assert.ok(message.payload.buffer instanceof ArrayBuffer);
      message.payload.fill(1);
    }
  }
  client.disconnect();
  assert.deepEqual([...messages], []);
});

check("a payload of 16 MiB goes through a ring of 64 KiB, both ways", () => {
  const { client, connection } = create({ maxIncomingPacketSize: 32 << 20 }, { ringBytes: 1 << 16 });
  client.subscribeTracked("large", 1).waitCompletion();
  const payload = new Uint8Array(16 << 20);
  for (let i = 0; i < payload.length; i += 997) payload[i] = i >> 4;
  client.publish("large", payload, { qos: 1 });
  // It is sent: what becomes of it now is of no matter.
  const sent = payload.slice();
  payload.fill(0);
  const received = next(messagesOf(connection)).payload;
  assert.equal(received.length, sent.length);
  assert.equal(received.every((byte, i) => byte === sent[i]), true);
  client.disconnect();
  for (const _ of connection);
});

check("a ring of 1 KiB carries far more than it holds, in order", () => {
  const { client, connection } = create({ outgoingEvents: false }, { ringBytes: 1024, capacity: 10 });
  for (let i = 0; i < 5; i++) client.subscribeTracked(`threads/${i}`, 2).waitCompletion();
  const count = 6000;
  const sideThread = new SideThread(client, "publish", count);
  const numbers: number[][] = [[], [], []];
  let received = 0;
  for (const { payload, qos } of messagesOf(connection)) {
    numbers[qos]!.push(Number(new TextDecoder().decode(payload)));
    if (++received === count) break;
  }
  assert.equal(sideThread.finish(), undefined);
  for (const qos of [0, 1, 2]) {
    assert.deepEqual(numbers[qos], Array.from({ length: count / 3 }, (_, i) => 3 * i + qos));
  }
  client.disconnect();
  for (const _ of connection);
});

check("a disconnect finishes a thousand messages before it ends", () => {
  const { client, connection } = create({}, { capacity: 5 });
  let acknowledged = 0;
  let published = 0;
  for (const event of connection) {
    if (event.type === "incoming" && event.packet.type === "puback") acknowledged++;
    // One thread can do both, as long as it takes what comes.
    for (let i = 0; i < 3 && published < 1000; i++, published++) client.publish("many", `${published}`, { qos: 1 });
    if (published === 1000) client.disconnect();
  }
  assert.equal(acknowledged, 1000);
});

finishChecks();
