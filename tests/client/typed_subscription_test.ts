// Streams of values: what fits is read, what does not goes another way.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  jsonPayload,
  type PayloadCodec,
  type PayloadError,
  topic,
  type TypedSubscribeOptions,
} from "../../src/client/mod.ts";
import type { MqttConnection, TopicPattern, TypedSubscription } from "../../src/client/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { type ServerSide, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { grant, openStage, text } from "./stage.ts";

/** A codec that reads numbers: at once, a moment later, or not at all. */
const numbers: PayloadCodec<number> = {
  encode: String,
  decode(payload): number | Promise<number> {
    const word = new TextDecoder().decode(payload);
    if (word.startsWith("late ")) return Promise.resolve(Number(word.slice(5)));
    if (word.startsWith("never ")) return Promise.reject(new RangeError(word));
    if (Number.isNaN(Number(word))) throw new RangeError(word);
    return Number(word);
  },
};

async function open<Pattern extends string, Value>(
  mqtt: MqttConnection,
  server: ServerSide,
  pattern: TopicPattern<Pattern, Value>,
  options: TypedSubscribeOptions = {},
): Promise<TypedSubscription<Pattern, Value>> {
  const subscribing = watch(mqtt.subscribe(pattern, options));
  await settle();
  await grant(server);
  return subscribing.value!;
}

test("a family of topics is a stream of parameters and values", async () => {
  const { mqtt, server } = await openStage();
  const readings = await open(mqtt, server, topic("sensors/{id}/celsius", numbers), { qos: 1 });
  assertEquals([readings.topicFilter, readings.grantedQos, readings.queued], ["sensors/+/celsius", 1, 0]);
  await server.send(text("sensors/7/celsius", "21.5"), text("sensors/8/celsius", "late 22"));
  const values: [string, number, string][] = [];
  for await (const { params, value, message } of readings) {
    values.push([params.id, value, message.topicName]);
    if (values.length === 2) break;
  }
  assertEquals(values, [["7", 21.5, "sensors/7/celsius"], ["8", 22, "sensors/8/celsius"]]);
  await settle();
  assertEquals(await grant(server), ["unsubscribe sensors/+/celsius"]);
  await mqtt.disconnect();
});

test("payloads that do not fit are counted and passed on, and the stream goes on", async () => {
  const { mqtt, server } = await openStage();
  const errors: [PayloadError, string][] = [];
  const readings = await open(mqtt, server, topic("a/{id}", numbers), {
    onPayloadError: (error, message) => errors.push([error, message.text()]),
  });
  await server.send(text("a/1", "odd"), text("a/2", "never mind"), text("a/3", "3"));
  const { value } = await readings.next();
  assertEquals([value?.value, value?.params.id, readings.payloadErrors], [3, "3", 2]);
  assertEquals(errors.map(([error, word]) => [error.topicName, error.message, word]), [
    ["a/1", "Cannot decode the payload of a/1: its codec refuses it", "odd"],
    ["a/2", "Cannot decode the payload of a/2: its codec refuses it", "never mind"],
  ]);
  assertInstanceOf(errors[0]![0].cause, RangeError);
  await mqtt.disconnect();
});

test("without a handler they are only counted", async () => {
  const { mqtt, server } = await openStage();
  const readings = await open(mqtt, server, topic("a", jsonPayload<number>()));
  await server.send(text("a", "{"), text("a", "1"));
  assertEquals([(await readings.next()).value?.value, readings.payloadErrors], [1, 1]);
  await mqtt.disconnect();
});

test("what the handler throws comes out where the stream is read, which can be read on", async () => {
  const { mqtt, server } = await openStage();
  const thrown = new Error("a defect in the application");
  const readings = await open(mqtt, server, topic("a", numbers), {
    onPayloadError: () => {
      throw thrown;
    },
  });
  await server.send(text("a", "odd"), text("a", "1"));
  const first = watch(readings.next());
  await settle();
  assertStrictEquals(first.error, thrown);
  assertEquals((await readings.next()).value?.value, 1);
  await mqtt.disconnect();
});

test("in manual mode a payload that does not fit is acknowledged like any other, in its order", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual" });
  const readings = await open(mqtt, server, topic("a", numbers), { qos: 1 });
  await server.send(
    text("a", "odd", { qos: 1, packetId: 1 }),
    text("a", "2", { qos: 1, packetId: 2 }),
    text("a", "3", { qos: 1, packetId: 3 }),
  );
  await readings.next();
  await settle();
  assertEquals(server.takeWords(), ["puback 1"]);
  await readings.next();
  await settle();
  assertEquals(server.takeWords(), ["puback 2"]);
  await mqtt.disconnectNow();
});

test("a family of topics reads a subscription that is there already", async () => {
  const { mqtt, server } = await openStage();
  const subscribing = watch(mqtt.subscribe("a/+"));
  await settle();
  await grant(server);
  const readings = topic("a/{id}", numbers).read(subscribing.value!);
  await server.send(text("a/1", "odd"), text("a/2", "5"));
  const { value } = await readings.next();
  assertEquals([value?.params, value?.value, readings.payloadErrors], [{ id: "2" }, 5, 1]);
  await mqtt.disconnect();
});

test("what is neither a Topic Filter nor a family of topics is refused", async () => {
  const { mqtt } = await openStage();
  for (const filter of [5, undefined, null, {}, { topicFilter: "a" }, []]) {
    await assertRejects(() => mqtt.subscribe(filter as never), TypeError, "topicFilter is not a string");
  }
  await mqtt.disconnect();
});

test("the stream ends with the connection", async () => {
  const { mqtt, server } = await openStage();
  const readings = await open(mqtt, server, topic("a", numbers));
  const next = watch(readings.next());
  await mqtt.disconnect();
  await settle();
  assertEquals(next.value, { done: true, value: undefined });
});
