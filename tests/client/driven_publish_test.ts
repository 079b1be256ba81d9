// Publishing over a driven connection: when it resolves, and what is known when it does not.

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { PublishTimeoutError } from "../../src/client/mod.ts";
import { PreparedTopic } from "../../src/codec/mod.ts";
import { LoopClosedError, RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { openStage } from "./stage.ts";

test("QoS 0 resolves when it is flushed, QoS 1 when it is acknowledged, QoS 2 when it is completed", async () => {
  const { mqtt, server } = await openStage();
  assertEquals(await mqtt.publish("a", "x"), { type: "qos0-flushed" });
  const one = watch(mqtt.publish(new PreparedTopic("a"), "x", { qos: 1, retain: true }));
  const two = watch(mqtt.publish("a", new Uint8Array([1]), { qos: 2 }));
  await settle();
  const [zero, first, second] = server.take();
  assertEquals([zero?.type, one.state, two.state], ["publish", "pending", "pending"]);
  assertEquals(first?.type === "publish" && [first.qos, first.retain, first.topicName], [1, true, "a"]);
  assertEquals(second?.type === "publish" && [second.qos, second.payload], [2, new Uint8Array([1])]);
  await server.send({ type: "puback", packetId: 1 }, { type: "pubrec", packetId: 2 });
  assertEquals([one.value?.type, two.state], ["qos1-acknowledged", "pending"]);
  await server.send({ type: "pubcomp", packetId: 2 });
  assertEquals(two.value?.type, "qos2-completed");
  await mqtt.disconnect();
});

test("the option throttle limits publishes, and setThrottle() changes it for those that wait too", async () => {
  const { stage, mqtt, server } = await openStage({ throttle: { messagesPerSecond: 1, burst: 1 } });
  const publishing = [0, 1, 2, 1].map((qos) => watch(mqtt.publish("a", "x", { qos: qos as 0 | 1 | 2 })));
  await settle();
  assertEquals([server.takeWords(), publishing[0]?.state], [["publish"], "fulfilled"]);
  await stage.clock.advance(999);
  assertEquals(server.takeWords(), []);
  await stage.clock.advance(1);
  assertEquals(server.takeWords(), ["publish 1"]);
  assertThrows(() => mqtt.setThrottle({ messagesPerSecond: 0 }), RangeError, '"throttle.messagesPerSecond": 0');
  mqtt.setThrottle({ messagesPerSecond: 100, burst: 1 });
  await stage.clock.advance(10);
  assertEquals(server.takeWords(), ["publish 2"]);
  mqtt.setThrottle(undefined);
  await settle();
  assertEquals(server.takeWords(), ["publish 3"]);
  await mqtt.disconnectNow();
});

test("what is not valid rejects, and sends nothing", async () => {
  const { mqtt, server } = await openStage();
  const calls = [
    mqtt.publish("a/#", "x"),
    mqtt.publish("a", 7 as unknown as string),
    mqtt.publish("a", "x", { qos: 3 as 2 }),
    mqtt.publish("a", "x", { timeoutMillis: -1 }),
    mqtt.publish("a", "x", { timeoutMillis: NaN }),
    mqtt.publish("a", "x", { timeoutMillis: 1e12 }),
  ].map((call) => watch(call));
  await settle();
  const names = calls.map(({ error }) => (error as Error).name);
  assertEquals(names, ["TypeError", "TypeError", "TypeError", "RangeError", "RangeError", "RangeError"]);
  assertEquals(server.takeWords(), []);
  await mqtt.disconnect();
});

test("a publish outlives lost connections", async () => {
  const { stage, mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 1 }));
  await settle();
  await server.cut();
  const next = await stage.reconnect();
  assertEquals([next.takeWords(), publishing.state], [["publish 1"], "pending"]);
  await next.send({ type: "puback", packetId: 1 });
  assertEquals(publishing.state, "fulfilled");
  await mqtt.disconnect();
});

test("timeoutMillis: written, it may have been delivered, and the exchange goes on", async () => {
  const { stage, mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 1, timeoutMillis: 500 }));
  await settle();
  await stage.clock.advance(499);
  assertEquals(publishing.state, "pending");
  await stage.clock.advance(1);
  assertInstanceOf(publishing.error, PublishTimeoutError);
  assertEquals([publishing.error.timeoutMillis, publishing.error.mayHaveBeenDelivered], [500, true]);
  assertEquals(publishing.error.message, "Cannot complete publish: 500 ms have passed, it may have been delivered");
  assertEquals(mqtt.diagnostics().session.inflight, 1);
  await server.send({ type: "puback", packetId: 1 });
  await mqtt.disconnect();
});

test("timeoutMillis: not written, it is taken back and never sent", async () => {
  const { stage, mqtt, server } = await openStage({ inflight: 1, capacity: 1 });
  const limits = { qos: 1, timeoutMillis: 500 } as const;
  // One is written, one has room in the channel, one waits for room.
  const calls = ["1", "2", "3"].map((text) => watch(mqtt.publish("a", text, limits)));
  await settle();
  await stage.clock.advance(500);
  const errors = calls.map(({ error }) => error);
  for (const error of errors) assertInstanceOf(error, PublishTimeoutError);
  assertEquals(errors.map((error) => (error as PublishTimeoutError).mayHaveBeenDelivered), [true, false, false]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([server.takeWords(), mqtt.diagnostics().requests.publishes], [["publish 1"], 0]);
  await mqtt.disconnect();
});

test("timeoutMillis: in time, the timer is gone", async () => {
  const { stage, mqtt } = await openStage({ keepAlive: 0 });
  await mqtt.publish("a", "x", { timeoutMillis: 500 });
  assertEquals(stage.clock.pendingTimers, 0);
  await mqtt.disconnect();
});

test("a signal ends the wait with a failure that says what may have become of it, and carries the reason", async () => {
  const { mqtt, server } = await openStage({ inflight: 1, capacity: 1 });
  const abort = new AbortController();
  const calls = ["1", "2", "3"].map((text) => watch(mqtt.publish("a", text, { qos: 1, signal: abort.signal })));
  const before = watch(mqtt.publish("a", "4", { signal: AbortSignal.abort("never") }));
  await settle();
  abort.abort("enough");
  await settle();
  const told = [...calls, before].map(({ error }) => {
    assertInstanceOf(error, RequestFailedError);
    return [error.reason, error.mayHaveBeenDelivered, error.cause];
  });
  assertEquals(told, [
    ["cancelled", true, "enough"],
    ["cancelled", false, "enough"],
    ["cancelled", false, "enough"],
    ["cancelled", false, "never"],
  ]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 1"]);
  await mqtt.disconnect();
});

test("when the loop ends for good, publishes reject with their own failure", async () => {
  const { mqtt, server } = await openStage({ reconnect: false, inflight: 1 });
  const calls = ["1", "2"].map((text) => watch(mqtt.publish("a", text, { qos: 1 })));
  await settle();
  await server.cut();
  const told = calls.map(({ error }) => {
    assertInstanceOf(error, RequestFailedError);
    return [error.reason, error.mayHaveBeenDelivered];
  });
  assertEquals(told, [["loop-closed", true], ["loop-closed", false]]);
  const late = watch(mqtt.publish("a", "3"));
  await settle();
  assertInstanceOf(late.error, LoopClosedError);
});

test("disconnectNow fails what is unfinished", async () => {
  const { mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 1 }));
  await settle();
  await mqtt.disconnectNow();
  assertInstanceOf(publishing.error, RequestFailedError);
  assertEquals([publishing.error.reason, server.takeWords()], ["disconnected", ["publish 1", "disconnect"]]);
});

test("a session the server has lost fails what its policy says", async () => {
  const { stage, mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 2 }));
  await settle();
  await server.cut();
  await stage.reconnect();
  assertInstanceOf(publishing.error, RequestFailedError);
  assertEquals([publishing.error.reason, publishing.error.mayHaveBeenDelivered], ["session-lost", true]);
  await mqtt.disconnect();
});

test("a channel without capacity is no obstacle", async () => {
  const { mqtt, server } = await openStage({ capacity: 0, inflight: 1 });
  const calls = ["1", "2", "3"].map((text) => watch(mqtt.publish("a", text, { qos: 1 })));
  for (let packetId = 1; packetId <= 3; packetId++) {
    await settle();
    assertEquals(server.takeWords(), [`publish ${packetId}`]);
    await server.send({ type: "puback", packetId });
  }
  assertEquals(calls.map(({ state }) => state), ["fulfilled", "fulfilled", "fulfilled"]);
  await mqtt.disconnect();
});
