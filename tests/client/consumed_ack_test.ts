// Manual mode: a message is acknowledged when its consumer has finished with it, and not before.

import { assertEquals } from "@std/assert";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { watch } from "../loop/scene.ts";
import { grant, openStage, subscribe, take, text } from "./stage.ts";

const MANUAL = { ackMode: "manual", cleanSession: false } as const;
const ONE = { qos: 1 } as const;

test("asking for the next message acknowledges the one before", async () => {
  const { mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", { qos: 2 });
  await server.send(text("a", "1", { qos: 1, packetId: 1 }), text("a", "2", { qos: 2, packetId: 2 }), text("a", "3"));
  await take(stream);
  await settle();
  assertEquals(server.takeWords(), []);
  await take(stream);
  await settle();
  assertEquals(server.takeWords(), ["puback 1"]);
  await take(stream);
  await settle();
  assertEquals(server.takeWords(), ["pubrec 2"]);
  await mqtt.disconnect();
});

test("ack() acknowledges at once, and only once", async () => {
  const { mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", ONE);
  await server.send(text("a", "1", { qos: 1, packetId: 1 }), text("a", "2", { qos: 1, packetId: 2 }), text("a", "3"));
  const [first, second] = [await take(stream), await take(stream)];
  assertEquals([second.ack(), second.ack(), first.ack()], [true, true, true]);
  await settle();
  assertEquals(server.takeWords(), ["puback 1", "puback 2"]);
  assertEquals((await take(stream)).ack(), true);
  await settle();
  assertEquals(server.takeWords(), []);
  await mqtt.disconnect();
});

test("in automatic mode messages are acknowledged as they come, and ack() is true and means nothing", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", ONE);
  await server.send(text("a", "1", { qos: 1, packetId: 1 }));
  assertEquals(server.takeWords(), ["puback 1"]);
  const message = await take(stream);
  await server.cut();
  assertEquals(message.ack(), true);
  await mqtt.disconnectNow();
});

test("a message of several streams is acknowledged when all have finished with it", async () => {
  const { mqtt, server } = await openStage(MANUAL);
  const streams = [
    await subscribe(mqtt, server, "a/+", ONE),
    await subscribe(mqtt, server, "a/b", ONE),
    await mqtt.subscribe("a/b"),
  ];
  await server.send(text("a/b", "1", { qos: 1, packetId: 1 }));
  const messages = await Promise.all(streams.map(take));
  assertEquals([messages[2]!.ack(), messages[0]!.ack(), messages[0]!.ack()], [true, true, true]);
  await settle();
  assertEquals(server.takeWords(), []);
  assertEquals(messages[1]!.ack(), true);
  await settle();
  assertEquals(server.takeWords(), ["puback 1"]);
  await mqtt.disconnect();
});

test("ack() is false when the connection is gone, and the server delivers anew", async () => {
  const { stage, mqtt, server } = await openStage(MANUAL);
  const streams = [await subscribe(mqtt, server, "a/+", ONE), await subscribe(mqtt, server, "a/b", ONE)];
  await server.send(text("a/b", "1", { qos: 1, packetId: 1 }));
  const messages = await Promise.all(streams.map(take));
  await server.cut();
  const next = await stage.reconnect(true);
  assertEquals(messages.map((message) => message.ack()), [false, false]);
  await next.send(text("a/b", "1", { qos: 1, packetId: 1, dup: true }));
  const again = await Promise.all(streams.map(take));
  assertEquals(again.map((message) => [message.dup, message.ack()]), [[true, true], [true, true]]);
  await settle();
  assertEquals(next.takeWords(), ["puback 1"]);
  await mqtt.disconnect();
});

test("what waits unacknowledged does not come twice when the server repeats it", async () => {
  const { stage, mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", { qos: 2, capacity: 2 });
  const messages = [1, 2, 3, 4].map((packetId) => text("a", `${packetId}`, { qos: 2, packetId }));
  await server.send(text("a", "0"), ...messages);
  assertEquals((await take(stream)).text(), "0");
  assertEquals((await take(stream)).text(), "1");
  await server.cut();
  const next = await stage.reconnect(true);
  await next.send(...messages.map((message) => ({ ...message, dup: true })));
  const texts: string[] = [];
  for (let i = 0; i < 4; i++) texts.push((await take(stream)).text());
  assertEquals(texts, ["1", "2", "3", "4"]);
  await settle();
  assertEquals([next.takeWords(), mqtt.diagnostics().streams.waiting], [["pubrec 1", "pubrec 2", "pubrec 3"], 0]);
  await mqtt.disconnect();
});

test("what waits unacknowledged is kept when the server has lost the session: it will not repeat it", async () => {
  const { stage, mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", { qos: 1, capacity: 1 });
  await server.send(...[1, 2, 3].map((packetId) => text("a", `${packetId}`, { qos: 1, packetId })));
  await server.cut();
  const next = await stage.reconnect();
  await grant(next);
  const texts: string[] = [];
  for (let i = 0; i < 3; i++) texts.push((await take(stream)).text());
  await settle();
  assertEquals([texts, next.takeWords()], [["1", "2", "3"], []]);
  await mqtt.disconnect();
});

test("leaving acknowledges nothing in a persistent session: neither what is in hand nor what waits", async () => {
  const { mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", { qos: 1, capacity: 2 });
  await server.send(...[1, 2, 3, 4].map((packetId) => text("a", `${packetId}`, { qos: 1, packetId })));
  for await (const _message of stream) break;
  await settle();
  assertEquals([await grant(server), mqtt.diagnostics().session.unacknowledged], [["unsubscribe a"], 4]);
  await mqtt.disconnect();
});

test("leaving acknowledges what waits in a clean session, which could give nothing back", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual" });
  const stream = await subscribe(mqtt, server, "a", { qos: 1, capacity: 2 });
  await server.send(...[1, 2, 3, 4].map((packetId) => text("a", `${packetId}`, { qos: 1, packetId })));
  for await (const _message of stream) break;
  await settle();
  // Not the one in hand: its consumer may have failed.
  assertEquals(await grant(server), ["puback 2", "puback 3", "puback 4", "unsubscribe a"]);
  await mqtt.disconnect();
});

test("what is dropped for want of room is acknowledged: it would come again and again", async () => {
  for (const overflow of ["drop-oldest", "drop-newest"] as const) {
    const { mqtt, server } = await openStage(MANUAL);
    const stream = await subscribe(mqtt, server, "a", { qos: 1, capacity: 1, overflow });
    await server.send(...[1, 2, 3].map((packetId) => text("a", `${packetId}`, { qos: 1, packetId })));
    assertEquals(server.takeWords(), overflow === "drop-oldest" ? ["puback 1", "puback 2"] : ["puback 2", "puback 3"]);
    assertEquals((await take(stream)).text(), overflow === "drop-oldest" ? "3" : "1");
    await mqtt.disconnectNow();
  }
});

test("several loops over one stream acknowledge their own messages", async () => {
  const { mqtt, server } = await openStage(MANUAL);
  const stream = await subscribe(mqtt, server, "a", ONE);
  const [first, second] = [stream[Symbol.asyncIterator](), stream[Symbol.asyncIterator]()];
  await server.send(...[1, 2, 3].map((packetId) => text("a", `${packetId}`, { qos: 1, packetId })));
  await first.next();
  await second.next();
  await second.next();
  await settle();
  assertEquals(server.takeWords(), ["puback 2"]);
  const waiting = watch(first.next());
  await settle();
  assertEquals([server.takeWords(), waiting.state], [["puback 1"], "pending"]);
  await mqtt.disconnectNow();
});
