// What a resumed session delivers before the program has subscribed: it waits for the program, for a while.

import { assertEquals } from "@std/assert";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { grant, openStage, read, subscribe, take, text } from "./stage.ts";

const PERSISTENT = { cleanSession: false } as const;

test("messages of a resumed session wait until their filter is subscribed to, in order", async () => {
  const { mqtt, server } = await openStage(PERSISTENT, true);
  await server.send(...["1", "2", "3"].flatMap((n, i) => [text("a", n, { qos: 1, packetId: i + 1 }), text("b", n)]));
  assertEquals(server.takeWords(), ["puback 1", "puback 2", "puback 3"]);
  const first = read(await subscribe(mqtt, server, "a", { qos: 1, capacity: 1 }));
  await server.send(text("a", "4"));
  const second = read(await subscribe(mqtt, server, "b"));
  await settle();
  assertEquals([first.texts, second.texts], [["1", "2", "3", "4"], ["1", "2", "3"]]);
  assertEquals(mqtt.diagnostics().streams.unclaimed, 0);
  await mqtt.disconnect();
});

test("they come before the SUBACK too, and to shared subscriptions", async () => {
  const { mqtt, server } = await openStage(PERSISTENT, true);
  await server.send(text("jobs/1", "x"));
  const subscribing = mqtt.subscribe("$share/workers/jobs/+");
  await settle();
  await grant(server);
  assertEquals((await take(await subscribing)).text(), "x");
  await mqtt.disconnect();
});

test("in manual mode they are acknowledged by their consumer", async () => {
  const { mqtt, server } = await openStage({ ...PERSISTENT, ackMode: "manual" }, true);
  await server.send(text("a", "1", { qos: 1, packetId: 7 }));
  assertEquals(server.takeWords(), []);
  const stream = await subscribe(mqtt, server, "a", { qos: 1 });
  assertEquals((await take(stream)).ack(), true);
  await settle();
  assertEquals(server.takeWords(), ["puback 7"]);
  await mqtt.disconnect();
});

test("in manual mode those that the server repeats do not come twice", async () => {
  const { stage, mqtt, server } = await openStage({ ...PERSISTENT, ackMode: "manual" }, true);
  await server.send(text("a", "1", { qos: 1, packetId: 7 }), text("a", "0"));
  await server.cut();
  const next = await stage.reconnect(true);
  await next.send(text("a", "1", { qos: 1, packetId: 7, dup: true }));
  const reading = read(await subscribe(mqtt, next, "a", { qos: 1 }));
  await settle();
  assertEquals(reading.texts, ["0", "1"]);
  await mqtt.disconnect();
});

test("after ten seconds they are dropped, counted and acknowledged, and no more wait", async () => {
  const { stage, mqtt, server } = await openStage({ ...PERSISTENT, ackMode: "manual" }, true);
  await server.send(text("a", "1", { qos: 1, packetId: 7 }), text("a", "2"));
  await stage.clock.advance(9_999);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.unclaimed], [[], 0]);
  await stage.clock.advance(1);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.unclaimed], [["puback 7"], 2]);
  await server.send(text("a", "3", { qos: 1, packetId: 8 }));
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.unclaimed], [["puback 8"], 3]);
  await mqtt.disconnect();
});

test("they are bounded: the oldest make room", async () => {
  const { mqtt, server } = await openStage(PERSISTENT, true);
  await server.send(...Array.from({ length: 2000 }, (_, i) => text("a", `${i}`)));
  const reading = read(await subscribe(mqtt, server, "a"));
  await settle();
  assertEquals([reading.texts.length, reading.texts[0], mqtt.diagnostics().streams.unclaimed], [1024, "976", 976]);
  await mqtt.disconnect();
  const large = await openStage({ ...PERSISTENT, maxReadAheadBytes: 10 }, true);
  await large.server.send(text("a", "12345"), text("a", "67890"), text("a", "x"));
  const stream = await subscribe(large.mqtt, large.server, "a");
  assertEquals([stream.queued, (await take(stream)).text()], [2, "67890"]);
  await large.mqtt.disconnect();
});

test("a session that is new has nothing to wait for", async () => {
  const { mqtt, server } = await openStage(PERSISTENT, false);
  await server.send(text("a", "1"));
  assertEquals(mqtt.diagnostics().streams.unclaimed, 1);
  await mqtt.disconnect();
});

test("the end leaves no timer behind, and acknowledges nothing that nobody has seen", async () => {
  const { stage, mqtt, server } = await openStage({ ...PERSISTENT, ackMode: "manual" }, true);
  await server.send(text("a", "1", { qos: 1, packetId: 7 }));
  await mqtt.disconnect();
  assertEquals([server.takeWords(), stage.clock.pendingTimers], [["disconnect"], 0]);
});
