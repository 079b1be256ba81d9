// What is told to whoever watches: every packet and the life of connections, and never a secret.

import { assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import type { LogRecord, MqttOptions, PacketSummary } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, START_MILLIS, watch, words } from "./scene.ts";

const secret = "hunter2";

function watched(): { packets: PacketSummary[]; records: LogRecord[]; options: MqttOptions } {
  const packets: PacketSummary[] = [];
  const records: LogRecord[] = [];
  const options = {
    onPacket: (packet: PacketSummary) => packets.push(packet),
    onLog: (record: LogRecord) => records.push(record),
  };
  return { packets, records, options };
}

test("every packet is told, both ways, with its size and what is no secret", async () => {
  const { packets, options } = watched();
  const { scene, server } = await connectedScene({ ...options, username: "ann", password: secret });
  await scene.client.subscribe("a/#", 1);
  await scene.client.publish("a/b", secret, { qos: 1, retain: true });
  await scene.client.publish("a/c", secret);
  await settle();
  await server.send(
    { type: "suback", packetId: 1, returnCodes: [1] },
    message("a/b", 1, 7),
    { type: "puback", packetId: 2 },
  );
  const at = START_MILLIS;
  assertEquals(packets, [
    { direction: "outgoing", type: "connect", at, bytes: 32, packetId: 0 },
    {
      direction: "incoming",
      type: "connack",
      at,
      bytes: 4,
      packetId: 0,
      returnCodes: [0],
      sessionPresent: false,
    },
    { direction: "outgoing", type: "subscribe", at, bytes: 10, packetId: 1, topicFilters: ["a/#"] },
    {
      direction: "outgoing",
      type: "publish",
      at,
      bytes: 16,
      packetId: 2,
      publish: { topicName: "a/b", qos: 1, retain: true, dup: false, payloadBytes: 7 },
    },
    {
      direction: "outgoing",
      type: "publish",
      at,
      bytes: 14,
      packetId: 0,
      publish: { topicName: "a/c", qos: 0, retain: false, dup: false, payloadBytes: 7 },
    },
    { direction: "incoming", type: "suback", at, bytes: 5, packetId: 1, returnCodes: [1] },
    {
      direction: "incoming",
      type: "publish",
      at,
      bytes: 12,
      packetId: 7,
      publish: { topicName: "a/b", qos: 1, retain: false, dup: false, payloadBytes: 3 },
    },
    { direction: "incoming", type: "puback", at, bytes: 4, packetId: 2 },
    { direction: "outgoing", type: "puback", at, bytes: 4, packetId: 7 },
  ]);
  assertFalse(JSON.stringify(packets).includes(secret));
  scene.eventLoop.close();
});

test("the log tells the life of connections", async () => {
  const { records, options } = watched();
  const { scene, run, server } = await connectedScene({ ...options, broker: `mqtt://ann:${secret}@broker.test` });
  await server.cut(new Error("cable"));
  await scene.passDelay();
  await scene.acceptConnect({ sessionPresent: false });
  await scene.client.disconnect();
  await settle();
  assertEquals(run.end.state, "fulfilled");
  const broker = "mqtt://broker.test:1883";
  assertEquals(records.map(({ level, event, attributes }) => [level, event, attributes]), [
    ["debug", "connecting", { broker, attempt: 1 }],
    ["info", "connected", { broker, sessionPresent: false }],
    ["warn", "disconnected", { error: "ConnectionLostError", reason: "transport-failed", retryInMillis: 50 }],
    ["debug", "connecting", { broker, attempt: 1 }],
    ["info", "connected", { broker, sessionPresent: false }],
    ["info", "closed", {}],
  ]);
  assertEquals(records[2]!.message, `Cannot keep the connection to ${broker}: cable; next attempt in 50 ms`);
  assertEquals(records[0]!.at, START_MILLIS);
  assertFalse(JSON.stringify(records).includes(secret));
});

test("the log tells why the loop has ended, if not in order", async () => {
  const { records, options } = watched();
  const scene = new Scene(options);
  scene.run();
  await (await scene.server.accept()).refuseConnect(5);
  await settle();
  const { level, event, attributes } = records.at(-1)!;
  assertEquals([level, event, attributes], ["error", "closed", { error: "ConnectionRefusedError" }]);
});

test("what a watcher throws rejects the poll, and the loop goes on", async () => {
  const thrown = new Error("a defect in the application");
  let count = 0;
  const scene = new Scene({
    onPacket: ({ type }) => {
      count++;
      if (type === "connack") throw thrown;
    },
  });
  const first = watch(scene.eventLoop.poll());
  await settle();
  assertEquals(first.value?.type, "outgoing");
  const second = watch(scene.eventLoop.poll());
  const server = await scene.acceptConnect();
  // The packets of that turn were handled: the server's answer is an event like any other.
  const third = watch(scene.eventLoop.poll());
  await settle();
  assertEquals([second.value?.type ?? second.error, third.value?.type ?? third.error].includes("connected"), true);
  assertStrictEquals([second.error, third.error].find((error) => error !== undefined), thrown);
  await scene.client.publish("a", "x");
  const fourth = watch(scene.eventLoop.poll());
  await settle();
  assertEquals([fourth.value?.type, server.takeWords()], ["outgoing", ["publish"]]);
  assertEquals(count, 3);
  scene.eventLoop.close();
});

test("a watcher may publish: what it asks for leaves with a later turn", async () => {
  let isDone = false;
  const scene: Scene = new Scene({
    onPacket: ({ type }) => {
      if (type !== "connack" || isDone) return;
      isDone = true;
      scene.client.tryPublish("a", "from the tap");
    },
  });
  const run = scene.run();
  const server = await scene.acceptConnect();
  await settle();
  assertEquals(server.takeWords(), ["publish"]);
  assertEquals(words(run.events), ["outgoing connect", "connected", "outgoing publish"]);
  scene.eventLoop.close();
});

test("watchers can be changed while the client lives, from the next connection on", async () => {
  const { packets, options } = watched();
  const { scene, server } = await connectedScene();
  scene.eventLoop.setOptions(options);
  await server.send(message("a"));
  assertEquals(packets, []);
  scene.eventLoop.clean();
  await scene.acceptConnect();
  assertEquals(packets.map(({ type }) => type), ["connect", "connack"]);
  scene.eventLoop.close();
});
