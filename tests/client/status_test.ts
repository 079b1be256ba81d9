// How a connection fares, as it is told: to any number of readers, and within bounds.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { ConnectionStatus, MqttConnection } from "../../src/client/mod.ts";
import { ConnectionLostError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { type Outcome, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { openStage } from "./stage.ts";

function follow(mqtt: MqttConnection): { seen: ConnectionStatus[]; end: Outcome<void> } {
  const seen: ConnectionStatus[] = [];
  const iterate = async (): Promise<void> => {
    for await (const status of mqtt.status()) seen.push(status);
  };
  return { seen, end: watch(iterate()) };
}

test("it begins with how things stand, tells each change to each reader, and ends behind closed", async () => {
  const { stage, mqtt, server } = await openStage();
  const first = follow(mqtt);
  await settle();
  assertEquals(first.seen, [{ type: "connected", sessionPresent: false }]);
  await server.cut(new Error("the cable was pulled"));
  const second = follow(mqtt);
  await stage.reconnect();
  await mqtt.disconnect();
  await settle();
  assertEquals(first.seen.map(({ type }) => type), ["connected", "disconnected", "connected", "closed"]);
  assertEquals(second.seen, first.seen.slice(1));
  const lost = first.seen[1]!;
  assert(lost.type === "disconnected");
  assertInstanceOf(lost.error, ConnectionLostError);
  assertEquals([lost.error.reason, lost.retryInMillis, lost.flap], ["transport-failed", 50, undefined]);
  assertEquals(first.seen[3], { type: "closed", error: undefined });
  assertEquals([first.end.state, second.end.state, await mqtt.closed], ["fulfilled", "fulfilled", undefined]);
  const late = follow(mqtt);
  await settle();
  assertEquals([late.seen, late.end.state], [[{ type: "closed", error: undefined }], "fulfilled"]);
});

test("a flap is told with its likely cause", async () => {
  const { stage, mqtt, server } = await openStage();
  const { seen } = follow(mqtt);
  await server.close();
  for (let i = 0; i < 3; i++) await (await stage.reconnect()).close();
  const flap = seen.findLast((status) => status.type === "disconnected")?.flap;
  assertEquals(flap, { losses: 4, likelyCause: "client-id-in-use" });
  await mqtt.disconnect();
});

test("the error that ended the connection is told, and closed resolves with it", async () => {
  const { mqtt, server } = await openStage({ reconnect: false });
  const { seen, end } = follow(mqtt);
  await server.cut();
  const error = await mqtt.closed;
  await settle();
  assertInstanceOf(error, ConnectionLostError);
  assertEquals([seen.at(-1), end.state], [{ type: "closed", error }, "fulfilled"]);
});

test("a reader that does not read is kept the latest changes of, and those alone", async () => {
  const { stage, mqtt, server } = await openStage({ reconnect: { minDelayMillis: 0 } });
  const lazy = mqtt.status();
  let current = server;
  for (let i = 0; i < 100; i++) {
    await current.close();
    current = await stage.accept();
  }
  await mqtt.disconnect();
  const seen: ConnectionStatus[] = [];
  for await (const status of lazy) seen.push(status);
  assertEquals([seen.length, seen[0]?.type, seen.at(-1)?.type], [64, "connected", "closed"]);
});

test("a reader that is left gets nothing more", async () => {
  const { mqtt } = await openStage();
  const reader = mqtt.status();
  assertEquals((await reader.next()).value?.type, "connected");
  const waiting = watch(reader.next());
  await reader.return?.();
  await settle();
  assertEquals([waiting.value?.done, (await reader.next()).done], [true, true]);
  for await (const status of mqtt.status()) {
    assertEquals(status.type, "connected");
    break;
  }
  await mqtt.disconnect();
});

test("diagnostics() is that of the loop, and tells of the streams", async () => {
  const { mqtt } = await openStage();
  const { isDone, counters, session, streams } = mqtt.diagnostics();
  assertEquals([isDone, counters.connections, session.phase], [false, 1, "connected"]);
  assertEquals(streams, { topicFilters: 0, waiting: 0, ahead: 0, copies: 0, unclaimed: 0 });
  await mqtt.disconnect();
  assertEquals(mqtt.diagnostics().isDone, true);
});
