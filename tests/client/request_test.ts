// Requests and their responses: the order of things, who gets which response, and that nothing is left behind.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { type Message, RequestTimeoutError } from "../../src/client/mod.ts";
import { RequestFailedError, SubscribeRefusedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { describe, grant, openStage, read, subscribe, text } from "./stage.ts";

const TO_REPLIES = { responseTopic: "replies" };

test("it subscribes, then publishes, gives the response, and unsubscribes", async () => {
  const { stage, mqtt, server } = await openStage({ keepAlive: 0 });
  const requesting = watch(mqtt.request("adder", "1+2", { responseTopic: "replies/+", qos: 1 }));
  await settle();
  assertEquals(await grant(server), ["subscribe replies/+ 1"]);
  const [publish] = server.take();
  assertEquals(publish?.type === "publish" && [publish.topicName, publish.qos], ["adder", 1]);
  assertEquals(requesting.state, "pending");
  // The response may well come before the acknowledgement.
  await server.send(text("replies/7", "3", { qos: 1 }));
  assertEquals([requesting.value?.text(), requesting.value?.topicName], ["3", "replies/7"]);
  await server.send({ type: "puback", packetId: 2 });
  assertEquals(await grant(server), ["puback 1", "unsubscribe replies/+"]);
  assertEquals([mqtt.diagnostics().streams.topicFilters, stage.clock.pendingTimers], [0, 0]);
  await mqtt.disconnect();
});

test("messages that come before the response topic is granted are responses too, retained ones are not", async () => {
  const { mqtt, server } = await openStage();
  const requesting = watch(mqtt.request("adder", "1+2", TO_REPLIES));
  await settle();
  const [subscribe] = server.take();
  await server.send(text("replies", "old", { retain: true }));
  assertEquals(subscribe?.type, "subscribe");
  await server.send({ type: "suback", packetId: 1, returnCodes: [0] }, text("replies", "older", { retain: true }));
  assertEquals(requesting.state, "pending");
  await server.send(text("replies", "3"));
  assertEquals(requesting.value?.text(), "3");
  await mqtt.disconnectNow();
});

test("requests on one topic share a subscription, and get their responses in order", async () => {
  const { mqtt, server } = await openStage();
  const calls = ["1", "2", "3"].map((number) => watch(mqtt.request("adder", number, TO_REPLIES)));
  await settle();
  assertEquals(await grant(server), ["subscribe replies 0"]);
  const requests = server.take().map((packet) => packet.type === "publish" && new TextDecoder().decode(packet.payload));
  assertEquals(requests, ["1", "2", "3"]);
  await server.send(text("replies", "a"), text("replies", "b"));
  assertEquals(calls.map(({ value }) => value?.text()), ["a", "b", undefined]);
  assertEquals(server.takeWords(), []);
  await server.send(text("replies", "c"));
  assertEquals([calls[2]!.value?.text(), await grant(server)], ["c", ["unsubscribe replies"]]);
  await mqtt.disconnect();
});

test("correlate gives each request its own response, whatever their order, and leaves the rest alone", async () => {
  const { mqtt, server } = await openStage();
  const correlate = (id: number) => (message: Message) => message.json<{ id: number }>().id === id;
  const calls = [1, 2, 3].map((id) =>
    watch(mqtt.request("adder", `${id}`, { ...TO_REPLIES, correlate: correlate(id) }))
  );
  await settle();
  await grant(server);
  for (const id of [3, 9, 1, 2]) await server.send(text("replies", `{"id":${id}}`));
  assertEquals(calls.map(({ value }) => value?.text()), ['{"id":1}', '{"id":2}', '{"id":3}']);
  await mqtt.disconnectNow();
});

test("a predicate that throws rejects its own request, and no other", async () => {
  const { mqtt, server } = await openStage();
  const correlate = (message: Message): boolean => message.json<{ id: number }>().id === 1;
  const first = watch(mqtt.request("adder", "1", { ...TO_REPLIES, correlate }));
  const second = watch(mqtt.request("adder", "2", TO_REPLIES));
  await settle();
  await grant(server);
  await server.send(text("replies", "no JSON"));
  assertInstanceOf(first.error, SyntaxError);
  assertEquals([second.value?.text(), mqtt.diagnostics().isDone], ["no JSON", false]);
  await mqtt.disconnectNow();
});

test("without a response it times out, says so, and cleans up", async () => {
  const { stage, mqtt, server } = await openStage();
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, timeoutMillis: 500 }));
  await settle();
  await grant(server);
  await stage.clock.advance(500);
  assertInstanceOf(requesting.error, RequestTimeoutError);
  const { responseTopic, timeoutMillis, mayHaveBeenDelivered, message } = requesting.error;
  assertEquals([responseTopic, timeoutMillis, mayHaveBeenDelivered], ["replies", 500, true]);
  assertEquals(message, "Cannot complete request: no response on replies within 500 ms, it may have been delivered");
  assertEquals([server.take().map(describe)], [["publish", "unsubscribe replies"]]);
  await mqtt.disconnectNow();
});

test("30 seconds are the default limit, and Infinity is none", async () => {
  const { stage, mqtt, server } = await openStage({ keepAlive: 0 });
  const limited = watch(mqtt.request("a", "1", TO_REPLIES));
  const unlimited = watch(mqtt.request("a", "2", { ...TO_REPLIES, timeoutMillis: Infinity }));
  await settle();
  await grant(server);
  await stage.clock.advance(29_999);
  assertEquals(limited.state, "pending");
  await stage.clock.advance(1_000_000);
  assertInstanceOf(limited.error, RequestTimeoutError);
  assertEquals(unlimited.state, "pending");
  await server.send(text("replies", "at last"));
  assertEquals(unlimited.value?.text(), "at last");
  await mqtt.disconnectNow();
});

test("a time limit that ends before the request was written takes it back", async () => {
  const { stage, mqtt, server } = await openStage({ inflight: 1 });
  void mqtt.publish("full", "window", { qos: 1 }).catch(() => {});
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, qos: 1, timeoutMillis: 500 }));
  await settle();
  await grant(server);
  await stage.clock.advance(500);
  assertInstanceOf(requesting.error, RequestTimeoutError);
  assertEquals([requesting.error.mayHaveBeenDelivered, mqtt.diagnostics().requests.publishes], [false, 0]);
  await mqtt.disconnectNow();
});

test("a time limit that ends before the subscription is granted publishes nothing", async () => {
  const { stage, mqtt, server } = await openStage();
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, timeoutMillis: 500 }));
  await settle();
  await stage.clock.advance(500);
  assertInstanceOf(requesting.error, RequestTimeoutError);
  assertEquals(requesting.error.mayHaveBeenDelivered, false);
  assertEquals(await grant(server), ["subscribe replies 0"]);
  assertEquals([await grant(server), mqtt.diagnostics().streams.topicFilters], [["unsubscribe replies"], 0]);
  await mqtt.disconnect();
});

test("an aborted signal ends it with its reason, before and after the request was written", async () => {
  const { mqtt, server } = await openStage();
  const before = watch(mqtt.request("adder", "1", { ...TO_REPLIES, signal: AbortSignal.abort("never") }));
  await settle();
  assertInstanceOf(before.error, RequestFailedError);
  assertEquals([before.error.cause, before.error.mayHaveBeenDelivered, server.takeWords()], ["never", false, []]);
  assertEquals(mqtt.diagnostics().streams.topicFilters, 0);
  const abort = new AbortController();
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, signal: abort.signal }));
  await settle();
  await grant(server);
  abort.abort("enough");
  await settle();
  assertInstanceOf(requesting.error, RequestFailedError);
  const { reason, cause, mayHaveBeenDelivered } = requesting.error;
  assertEquals([reason, cause, mayHaveBeenDelivered], ["cancelled", "enough", true]);
  assertEquals(await grant(server), ["publish", "unsubscribe replies"]);
  await mqtt.disconnect();
});

test("a response topic that is refused rejects every request that waits for it", async () => {
  const { mqtt, server } = await openStage();
  const calls = ["1", "2"].map((number) => watch(mqtt.request("adder", number, TO_REPLIES)));
  await settle();
  server.take();
  await server.send({ type: "suback", packetId: 1, returnCodes: [0x80] });
  for (const { error } of calls) assertInstanceOf(error, SubscribeRefusedError);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.topicFilters], [[], 0]);
  await mqtt.disconnect();
});

test("a response topic that is refused later ends the requests that await one, and can be asked for anew at once", async () => {
  const { mqtt, server } = await openStage();
  const first = watch(mqtt.request("adder", "1", TO_REPLIES));
  await settle();
  assertEquals(await grant(server), ["subscribe replies 0"]);
  const second = watch(mqtt.request("adder", "2", { ...TO_REPLIES, qos: 1 }));
  await settle();
  server.take();
  const third = second.state === "pending" && watch(
    mqtt.request("adder", "3", { ...TO_REPLIES, qos: 1 }).catch(() => mqtt.request("adder", "4", TO_REPLIES)),
  );
  await server.send({ type: "suback", packetId: 2, returnCodes: [0x80] });
  assertInstanceOf(first.error, SubscribeRefusedError);
  assertInstanceOf(second.error, SubscribeRefusedError);
  const words = [...await grant(server), ...await grant(server), ...await grant(server)];
  assertEquals(words, ["unsubscribe replies", "subscribe replies 0", "publish"]);
  await server.send(text("replies", "5"));
  assertEquals(third && third.value?.text(), "5");
  await mqtt.disconnectNow();
});

test("a request that is made while others learn of a refusal is subscribed for, whatever the moment", async () => {
  for (let microtasks = 0; microtasks < 60; microtasks++) {
    const { mqtt, server } = await openStage();
    const refused = ["1", "2"].map((number) => watch(mqtt.request("adder", number, TO_REPLIES)));
    await settle();
    server.take();
    void server.connection.send({ type: "suback", packetId: 1, returnCodes: [0x80] });
    for (let i = 0; i < microtasks; i++) await undefined;
    const requesting = watch(mqtt.request("adder", "3", TO_REPLIES));
    await settle();
    await grant(server);
    await server.send(text("replies", "4"));
    for (const { error } of refused) assertInstanceOf(error, SubscribeRefusedError);
    const isAnswered = requesting.error instanceof SubscribeRefusedError || requesting.value?.text() === "4";
    assertEquals([isAnswered, microtasks], [true, microtasks]);
    await mqtt.disconnectNow();
  }
});

test("what is not valid rejects, and sends nothing", async () => {
  const { mqtt, server } = await openStage();
  const calls = [
    mqtt.request("a/#", "x", TO_REPLIES),
    mqtt.request("a", "x", { responseTopic: "a/#/b" }),
    mqtt.request("a", "x", { ...TO_REPLIES, qos: 3 as 2 }),
    mqtt.request("a", "x", { ...TO_REPLIES, timeoutMillis: -1 }),
  ].map((call) => watch(call));
  await settle();
  assertEquals(calls.map(({ error }) => (error as Error).name), ["TypeError", "TypeError", "TypeError", "RangeError"]);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.topicFilters], [[], 0]);
  await mqtt.disconnect();
});

test("a stream of one's own on the response topic spares the subscribing, and gets the responses too", async () => {
  const { mqtt, server } = await openStage();
  const own = read(await subscribe(mqtt, server, "replies"));
  const requesting = watch(mqtt.request("adder", "1", TO_REPLIES));
  await settle();
  assertEquals(await grant(server), ["publish"]);
  await server.send(text("replies", "2"));
  assertEquals([requesting.value?.text(), own.texts, server.takeWords()], ["2", ["2"], []]);
  await mqtt.disconnect();
});

test("a request goes on over a lost connection", async () => {
  const { stage, mqtt, server } = await openStage();
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, qos: 1 }));
  await settle();
  await grant(server);
  await server.cut();
  const next = await stage.reconnect();
  // Where the response comes is restored before the request is repeated.
  assertEquals(await grant(next), ["subscribe replies 1", "publish 2"]);
  await next.send({ type: "puback", packetId: 2 }, text("replies", "2"));
  assertEquals(requesting.value?.text(), "2");
  await mqtt.disconnectNow();
});

test("the end of the connection ends it, whether it was in order or not", async () => {
  for (const isCut of [true, false]) {
    const { mqtt, server } = await openStage({ reconnect: false });
    const requesting = watch(mqtt.request("adder", "1", TO_REPLIES));
    await settle();
    await grant(server);
    if (isCut) await server.cut();
    else await mqtt.disconnect();
    await settle();
    assertInstanceOf(requesting.error, RequestFailedError);
    assertEquals(requesting.error.reason, isCut ? "loop-closed" : "disconnected");
  }
});

test("a request from inside a loop over a full stream gets its response, behind whatever lies before it", async () => {
  const { mqtt, server } = await openStage();
  const flood = (count: number) => Array.from({ length: count }, () => text("in", "x"));
  const stream = await subscribe(mqtt, server, "in", { capacity: 1 });
  await server.send(...flood(100));
  const reading = read(stream, () => mqtt.request("adder", "1", TO_REPLIES));
  for (let i = 0; i < 5; i++) {
    await settle();
    for (const packet of server.take()) {
      if (packet.type === "subscribe") {
        await server.send(...flood(5000), { type: "suback", packetId: packet.packetId, returnCodes: [0] });
      } else if (packet.type === "unsubscribe") {
        await server.send(...flood(5000), { type: "unsuback", packetId: packet.packetId });
      } else if (packet.type === "publish") {
        await server.send(...flood(5000), text("replies", "2"));
      }
    }
  }
  assertEquals(reading.texts.length >= 2, true);
  await mqtt.disconnectNow();
});

test("in manual mode a response is acknowledged as it comes", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual" });
  const requesting = watch(mqtt.request("adder", "1", { ...TO_REPLIES, qos: 1 }));
  await settle();
  await grant(server);
  await server.send(text("replies", "2", { qos: 1, packetId: 9 }));
  assertEquals(requesting.value?.text(), "2");
  assertEquals(server.takeWords(), ["publish 2", "puback 9", "unsubscribe 3"]);
  await mqtt.disconnectNow();
});
