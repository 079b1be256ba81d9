// Streams: what they get, when they are subscribed and unsubscribed, and how they end.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ConnectionLostError, RequestFailedError, SubscribeRefusedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { describe, grant, openStage, read, subscribe, take, text } from "./stage.ts";

test("subscribe resolves once the server has granted the filter, and the stream holds what came before", async () => {
  const { mqtt, server } = await openStage();
  const subscribing = watch(mqtt.subscribe("a/+", { qos: 1 }));
  await settle();
  assertEquals(server.take().map(describe), ["subscribe a/+ 1"]);
  await server.send(text("a/b", "retained", { qos: 1, retain: true }));
  assertEquals(subscribing.state, "pending");
  await server.send({ type: "suback", packetId: 1, returnCodes: [0] });
  const stream = subscribing.value!;
  assertEquals([stream.topicFilter, stream.grantedQos, stream.queued, stream.dropped], ["a/+", 0, 1, 0]);
  const value = await take(stream);
  assertEquals([value.topicName, value.text(), value.qos, value.retain, value.dup], [
    "a/b",
    "retained",
    1,
    true,
    false,
  ]);
  assertEquals(value.payload, new TextEncoder().encode("retained"));
  await mqtt.disconnect();
});

test("a message is text and JSON, and says so if it is no JSON", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "#");
  await server.send(text("a", '{"celsius":21.5}'), text("b", "{"));
  const good = await take(stream);
  assertEquals(good.json<{ celsius: number }>().celsius, 21.5);
  const bad = await take(stream);
  try {
    bad.json();
    throw new Error("Cannot go on: it was parsed");
  } catch (error) {
    assertInstanceOf(error, SyntaxError);
    assertEquals(error.message, "Cannot parse message: the payload on b is no JSON");
    assertInstanceOf(error.cause, SyntaxError);
  }
  await mqtt.disconnect();
});

test("a refused filter rejects, and leaves nothing behind", async () => {
  const { mqtt, server } = await openStage();
  const subscribing = watch(mqtt.subscribe("secret/#"));
  await settle();
  server.take();
  await server.send({ type: "suback", packetId: 1, returnCodes: [0x80] });
  assertInstanceOf(subscribing.error, SubscribeRefusedError);
  assertEquals([mqtt.diagnostics().streams.topicFilters, server.takeWords()], [0, []]);
  await mqtt.disconnect();
});

test("what is not valid rejects, and sends nothing", async () => {
  const { mqtt, server } = await openStage();
  const calls = [
    mqtt.subscribe("a/#/b"),
    mqtt.subscribe("$share/group/"),
    mqtt.subscribe(7 as unknown as string),
    mqtt.subscribe("a", { qos: 3 as 2 }),
    mqtt.subscribe("a", { capacity: 0 }),
    mqtt.subscribe("a", { capacity: Infinity }),
    mqtt.subscribe("a", { overflow: "explode" as "wait" }),
  ].map((call) => watch(call));
  await settle();
  assertEquals(calls.map(({ error }) => (error as Error).name), [
    "TypeError",
    "TypeError",
    "TypeError",
    "TypeError",
    "RangeError",
    "RangeError",
    "TypeError",
  ]);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.topicFilters], [[], 0]);
  await mqtt.disconnect();
});

test("leaving unsubscribes: by break, by await using, by return()", async () => {
  const { mqtt, server } = await openStage();
  const broken = await subscribe(mqtt, server, "a");
  await server.send(text("a", "1"));
  for await (const message of broken) {
    assertEquals(message.text(), "1");
    break;
  }
  await settle();
  assertEquals(await grant(server), ["unsubscribe a"]);
  {
    await using _used = await subscribe(mqtt, server, "b");
  }
  await settle();
  assertEquals(await grant(server), ["unsubscribe b"]);
  const returned = await subscribe(mqtt, server, "c");
  const waiting = watch(returned.next());
  await returned.return();
  await settle();
  assertEquals([await grant(server), waiting.value?.done], [["unsubscribe c"], true]);
  assertEquals([(await returned.next()).done, mqtt.diagnostics().streams.topicFilters], [true, 0]);
  await mqtt.disconnect();
});

test("leaving is prompt without a connection, and what was left is not subscribed to again", async () => {
  const { stage, mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a");
  stage.network.stall();
  await server.cut();
  const leaving = watch(stream.return());
  await settle();
  assertEquals(leaving.state, "fulfilled");
  stage.network.allow();
  const next = await stage.reconnect();
  assertEquals(await grant(next), ["subscribe a 0", "unsubscribe a"]);
  assertEquals(mqtt.diagnostics().session.subscriptions, 0);
  await mqtt.disconnect();
});

test("one filter is subscribed to once, and unsubscribed from when its last stream is left", async () => {
  const { mqtt, server } = await openStage();
  const first = await subscribe(mqtt, server, "a/#", { qos: 1 });
  const second = await mqtt.subscribe("a/#", { qos: 0 });
  assertEquals([server.takeWords(), second.grantedQos], [[], 1]);
  await server.send(text("a/b", "both"));
  assertEquals([(await take(first)).text(), (await take(second)).text()], ["both", "both"]);
  await first.return();
  await server.send(text("a/b", "one"));
  assertEquals([server.takeWords(), (await take(second)).text()], [[], "one"]);
  await second.return();
  await settle();
  assertEquals(await grant(server), ["unsubscribe a/#"]);
  await mqtt.disconnect();
});

test("a higher QoS subscribes again, a lower one does not, and the highest stays", async () => {
  const { mqtt, server } = await openStage();
  const low = await subscribe(mqtt, server, "a", { qos: 0 });
  const subscribing = watch(mqtt.subscribe("a", { qos: 2 }));
  await settle();
  assertEquals([await grant(server), subscribing.value?.grantedQos], [["subscribe a 2"], 2]);
  await mqtt.subscribe("a", { qos: 1 });
  await subscribing.value!.return();
  await settle();
  assertEquals(server.takeWords(), []);
  await server.send(text("a", "still here"));
  assertEquals((await take(low)).text(), "still here");
  await mqtt.disconnect();
});

test("a higher QoS that is refused rejects alone: the others are subscribed anew", async () => {
  const { mqtt, server } = await openStage();
  const low = await subscribe(mqtt, server, "a", { qos: 0 });
  const subscribing = watch(mqtt.subscribe("a", { qos: 2 }));
  await settle();
  server.take();
  await server.send({ type: "suback", packetId: 2, returnCodes: [0x80] });
  assertInstanceOf(subscribing.error, SubscribeRefusedError);
  assertEquals(await grant(server), ["subscribe a 0"]);
  await server.send(text("a", "still here"));
  assertEquals((await take(low)).text(), "still here");
  await mqtt.disconnect();
});

test("calls for one filter at the same time lead to one SUBSCRIBE at the highest QoS", async () => {
  const { mqtt, server } = await openStage();
  const calls = [mqtt.subscribe("a", { qos: 1 }), mqtt.subscribe("a", { qos: 1 }), mqtt.subscribe("a")].map((c) =>
    watch(c)
  );
  await settle();
  assertEquals(await grant(server), ["subscribe a 1"]);
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "fulfilled"]);
  await mqtt.disconnect();
});

test("whoever leaves and comes back before the server has answered ends subscribed", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a");
  await stream.return();
  const again = watch(mqtt.subscribe("a"));
  await settle();
  assertEquals([await grant(server), again.state], [["unsubscribe a"], "pending"]);
  assertEquals([await grant(server), again.state], [["subscribe a 0"], "fulfilled"]);
  await server.send(text("a", "here"));
  assertEquals((await take(again.value!)).text(), "here");
  await mqtt.disconnect();
});

test("whoever comes and leaves before the server has answered ends unsubscribed", async () => {
  const { mqtt, server } = await openStage();
  const abort = new AbortController();
  const subscribing = watch(mqtt.subscribe("a", { signal: abort.signal }));
  await settle();
  abort.abort("no more");
  await settle();
  assertEquals([subscribing.error, await grant(server)], ["no more", ["subscribe a 0"]]);
  await settle();
  assertEquals([await grant(server), mqtt.diagnostics().streams.topicFilters], [["unsubscribe a"], 0]);
  await mqtt.disconnect();
});

test("a signal that is aborted before sends nothing, and after the answer means nothing", async () => {
  const { mqtt, server } = await openStage();
  const refused = watch(mqtt.subscribe("a", { signal: AbortSignal.abort("no") }));
  await settle();
  assertEquals([refused.error, server.takeWords(), mqtt.diagnostics().streams.topicFilters], ["no", [], 0]);
  const abort = new AbortController();
  const stream = await subscribe(mqtt, server, "a", { signal: abort.signal });
  abort.abort("too late");
  await server.send(text("a", "x"));
  assertEquals([(await take(stream)).text(), server.takeWords()], ["x", []]);
  await mqtt.disconnect();
});

test("reconnecting does not show in a stream, whether the server has the session or not", async () => {
  for (const sessionPresent of [true, false]) {
    const { stage, mqtt, server } = await openStage({ cleanSession: false });
    const reading = read(await subscribe(mqtt, server, "a", { qos: 1 }));
    await server.send(text("a", "before", { qos: 1, packetId: 9 }));
    await server.cut();
    const next = await stage.reconnect(sessionPresent);
    assertEquals(await grant(next), sessionPresent ? [] : ["subscribe a 1"]);
    await next.send(text("a", "after", { qos: 1, packetId: 10 }));
    assertEquals([reading.texts, reading.end.state], [["before", "after"], "pending"]);
    await mqtt.disconnect();
    assertEquals(reading.end.state, "fulfilled");
  }
});

test("a filter that the server refuses to restore ends its streams with the error, and no other", async () => {
  const { stage, mqtt, server } = await openStage();
  const lost = read(await subscribe(mqtt, server, "secret"));
  const kept = read(await subscribe(mqtt, server, "public"));
  await server.cut();
  const next = await stage.reconnect();
  const [restored] = next.take();
  assert(restored?.type === "subscribe");
  assertEquals(describe(restored), "subscribe secret 0, public 0");
  await next.send({ type: "suback", packetId: restored.packetId, returnCodes: [0x80, 0] });
  // It is asked for once more, so that the answer is for this filter alone.
  const [again] = next.take();
  assert(again?.type === "subscribe");
  assertEquals([describe(again), lost.end.state], ["subscribe secret 0", "pending"]);
  await next.send({ type: "suback", packetId: again.packetId, returnCodes: [0x80] });
  assertInstanceOf(lost.end.error, SubscribeRefusedError);
  // A refusal need not end what was granted before.
  assertEquals(await grant(next), ["unsubscribe secret"]);
  await next.send(text("public", "x"));
  assertEquals([kept.texts, kept.end.state], [["x"], "pending"]);
  await mqtt.disconnect();
});

test("without resubscribing, a lost session ends the streams with an error", async () => {
  const { stage, mqtt, server } = await openStage({ resubscribe: false });
  const reading = read(await subscribe(mqtt, server, "a"));
  await server.cut();
  const next = await stage.reconnect();
  assertInstanceOf(reading.end.error, RequestFailedError);
  assertEquals(reading.end.error.reason, "session-lost");
  const again = await subscribe(mqtt, next, "a");
  await next.send(text("a", "x"));
  assertEquals((await take(again)).text(), "x");
  await mqtt.disconnect();
});

test("after disconnect() a stream hands out what it holds, and ends", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a", { capacity: 1 });
  await server.send(text("a", "1"), text("a", "2"), text("a", "3"));
  await mqtt.disconnect();
  const reading = read(stream);
  await settle();
  assertEquals([reading.texts, reading.end.state], [["1", "2", "3"], "fulfilled"]);
  assertEquals(server.takeWords(), ["disconnect"]);
});

test("when the policy gives up, a stream hands out what it holds, and throws the error", async () => {
  const { mqtt, server } = await openStage({ reconnect: false });
  const stream = await subscribe(mqtt, server, "a");
  const hungry = read(await subscribe(mqtt, server, "b"));
  await server.send(text("a", "1"));
  await server.cut();
  const reading = read(stream);
  await settle();
  assertInstanceOf(reading.end.error, ConnectionLostError);
  assertEquals([reading.texts, hungry.end.error], [["1"], reading.end.error]);
  assertEquals(await mqtt.closed, reading.end.error as Error);
  // Each iteration is told once.
  const again = [watch(stream.next()), watch(stream.next())];
  await settle();
  assertEquals([again[0]!.error, again[1]!.error], [reading.end.error, reading.end.error]);
  assertEquals((await stream.next()).done, true);
});

test("a call that waits for the server's answer rejects when the connection ends", async () => {
  const { mqtt, server } = await openStage({ reconnect: false });
  const subscribing = watch(mqtt.subscribe("a"));
  await settle();
  await server.cut();
  assertInstanceOf(subscribing.error, RequestFailedError);
  assertEquals(subscribing.error.reason, "loop-closed");
});

test("several loops over one stream share its messages, each message for one of them", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "a");
  const [first, second] = [read(stream), read(stream)];
  await settle();
  await server.send(text("a", "1"), text("a", "2"), text("a", "3"), text("a", "4"));
  assertEquals([...first.texts, ...second.texts].sort(), ["1", "2", "3", "4"]);
  assertEquals([first.texts.length, second.texts.length], [2, 2]);
  await mqtt.disconnect();
  assertEquals([first.end.state, second.end.state], ["fulfilled", "fulfilled"]);
});

test("messages for nobody are dropped, counted and acknowledged", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual" });
  const stream = await subscribe(mqtt, server, "a", { qos: 1 });
  await stream.return();
  await server.send(text("a", "stray", { qos: 1, packetId: 5 }), text("b", "unasked", { qos: 1, packetId: 6 }));
  const words = server.takeWords();
  assertEquals(words.filter((word) => word.startsWith("puback")), ["puback 5", "puback 6"]);
  assertEquals(mqtt.diagnostics().streams.unclaimed, 2);
  await mqtt.disconnectNow();
});

test("a shared subscription gets the messages of its filter", async () => {
  const { mqtt, server } = await openStage();
  const stream = await subscribe(mqtt, server, "$share/workers/jobs/+");
  await server.send(text("jobs/1", "x"));
  assertEquals((await take(stream)).topicName, "jobs/1");
  await mqtt.disconnect();
});

test("a loop that throws leaves its stream", async () => {
  const { mqtt, server } = await openStage();
  const reading = read(await subscribe(mqtt, server, "a"), () => Promise.reject(new Error("no good")));
  await server.send(text("a", "1"), text("a", "2"));
  assertEquals([reading.texts, (reading.end.error as Error).message], [["1"], "no good"]);
  assertEquals([await grant(server), mqtt.diagnostics().isDone], [["unsubscribe a"], false]);
  await mqtt.disconnect();
});
