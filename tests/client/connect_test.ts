// Connecting: when it resolves, when it gives up, and that nothing is left of what was given up.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect, type ConnectOptions } from "../../src/client/mod.ts";
import { ConnectionLostError, LoopClosedError } from "../../src/loop/mod.ts";
import { ConnectionRefusedError } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { openStage, Stage } from "./stage.ts";

test("it resolves once the server has accepted, and not before", async () => {
  const stage = new Stage();
  const connecting = stage.connect();
  const connection = await stage.server.accept();
  await connection.expect("connect");
  await settle();
  assertEquals(connecting.state, "pending");
  await connection.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  await settle();
  assertEquals(connecting.state, "fulfilled");
  void connecting.value?.disconnectNow();
  await connection.expect("disconnect");
  await connection.expectEnd();
  assertEquals([stage.clock.pendingTimers, await connecting.value?.closed], [0, undefined]);
});

test("by default the first connection is tried until it succeeds", async () => {
  const stage = new Stage();
  stage.network.refuse(new Error("nobody listens"), 5);
  const connecting = stage.connect();
  await stage.clock.advance(2000);
  assertEquals(stage.network.dialCount, 6);
  await stage.accept();
  assertEquals(connecting.state, "fulfilled");
  await connecting.value?.disconnectNow();
});

test("a first connection that is refused for what the options say gives up [MQTT-3.2.2-5]", async () => {
  const stage = new Stage();
  const connecting = stage.connect();
  await (await stage.server.accept()).refuseConnect(5);
  await settle();
  assertInstanceOf(connecting.error, ConnectionRefusedError);
  assertEquals([connecting.error.returnCode, stage.clock.pendingTimers], [5, 0]);
});

const failFast: readonly [name: string, reconnect: ConnectOptions["reconnect"]][] = [
  ["reconnect: false", false],
  ["maxAttempts: 1", { maxAttempts: 1 }],
  ["giveUpOn", { giveUpOn: (_error, { hasConnected }) => !hasConnected }],
];
for (const [name, reconnect] of failFast) {
  test(`${name} rejects with the error of the first attempt, and nothing is left running`, async () => {
    const stage = new Stage();
    stage.network.refuse(new Error("nobody listens"));
    const connecting = stage.connect({ reconnect });
    await settle();
    assertInstanceOf(connecting.error, ConnectionLostError);
    assertEquals([connecting.error.reason, stage.clock.pendingTimers], ["dial-failed", 0]);
    await stage.clock.advance(60_000);
    assertEquals(stage.network.dialCount, 1);
  });
}

test("an aborted signal rejects with its reason at once, before anything is dialled", async () => {
  const stage = new Stage();
  const connecting = stage.connect({ signal: AbortSignal.abort("no more") });
  await settle();
  assertEquals([connecting.error, stage.network.dialCount], ["no more", 0]);
});

for (const phase of ["dial", "CONNACK", "delay"] as const) {
  test(`a signal that is aborted during the ${phase} rejects with its reason, and leaves nothing running`, async () => {
    const stage = new Stage();
    const abort = new AbortController();
    if (phase === "dial") stage.network.stall();
    if (phase === "delay") stage.network.refuse(new Error("nobody listens"));
    const connecting = stage.connect({ signal: abort.signal });
    await settle();
    assertEquals(connecting.state, "pending");
    const reason = new Error("changed my mind");
    abort.abort(reason);
    await settle();
    assertEquals(connecting.error, reason);
    assertEquals(stage.clock.pendingTimers, 0);
    await stage.clock.advance(60_000);
    assertEquals(stage.network.dialCount, 1);
    if (phase === "CONNACK") {
      const connection = await stage.server.accept();
      await connection.expect("connect");
      // The connection is ended, not merely forgotten.
      await connection.expectEnd();
    }
  });
}

test("after it has resolved the signal means nothing", async () => {
  const abort = new AbortController();
  const { mqtt, server } = await openStage({ signal: abort.signal });
  abort.abort(new Error("too late"));
  await settle();
  assertEquals([server.isOver, mqtt.diagnostics().isDone], [false, false]);
  await mqtt.disconnectNow();
});

test("without clientId a clean session leaves the choice to the server [MQTT-3.1.3-6]", async () => {
  const stage = new Stage();
  void stage.connect({ clientId: undefined });
  const connection = await stage.server.accept();
  const { clientId, cleanSession } = await connection.acceptConnect();
  assertEquals([clientId, cleanSession], ["", true]);
  connection.close();
});

test("a clientId in the address is used", async () => {
  const stage = new Stage();
  void stage.connect({ clientId: undefined }, ["mqtt://a.test", "mqtt://b.test?client_id=skua"]);
  const connection = await stage.server.accept();
  assertEquals((await connection.acceptConnect()).clientId, "skua");
  connection.close();
});

const wrong: readonly [name: string, options: Record<string, unknown>, message: string][] = [
  ["a persistent session without clientId", { clientId: undefined, cleanSession: false }, "[MQTT-3.1.3-7]"],
  ["broker", { broker: "mqtt://elsewhere.test" }, 'option "broker"'],
  ["outgoingEvents", { outgoingEvents: true }, 'option "outgoingEvents"'],
  ["an unknown option", { colour: "red" }, 'option "colour"'],
  ["overlaps", { overlaps: "sometimes" }, 'option "overlaps"'],
  ["maxReadAheadBytes", { maxReadAheadBytes: 0 }, 'option "maxReadAheadBytes"'],
];
for (const [name, options, message] of wrong) {
  test(`${name} is refused at the call`, async () => {
    const stage = new Stage();
    const connecting = stage.connect(options);
    await settle();
    assert(connecting.error instanceof TypeError || connecting.error instanceof RangeError);
    assert(connecting.error.message.includes(message), connecting.error.message);
    assertEquals(stage.network.dialCount, 0);
  });
}

test("an address that is none is refused at the call", async () => {
  const outcome = watch(connect("nowhere"));
  await settle();
  assertInstanceOf(outcome.error, TypeError);
});

test("await using disconnects in order", async () => {
  const { mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 1 }));
  const leaving = watch((async () => {
    await using _mqtt = mqtt;
  })());
  await settle();
  assertEquals([server.takeWords(), leaving.state], [["publish 1"], "pending"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([server.takeWords(), server.isOver], [["disconnect"], true]);
  assertEquals([publishing.state, leaving.state, await mqtt.closed], ["fulfilled", "fulfilled", undefined]);
  // Once more is harmless.
  await mqtt.disconnect();
  await mqtt[Symbol.asyncDispose]();
});

test("after the end everything is refused, and disconnecting is done", async () => {
  const { mqtt } = await openStage();
  await mqtt.disconnect();
  const calls = [mqtt.publish("a", "x"), mqtt.subscribe("a"), mqtt.request("a", "x", { responseTopic: "b" })];
  const outcomes = calls.map((call) => watch<unknown>(call));
  await settle();
  for (const { error } of outcomes) assertInstanceOf(error, LoopClosedError);
  await mqtt.disconnectWithTimeout(10);
  await mqtt.disconnectNow();
  assertEquals(mqtt.diagnostics().streams.topicFilters, 0);
});

test("disconnectWithTimeout: what remains after the limit rejects, and closed tells it", async () => {
  const { stage, mqtt, server } = await openStage();
  const publishing = watch(mqtt.publish("a", "x", { qos: 1 }));
  const ending = watch(mqtt.disconnectWithTimeout(500));
  await settle();
  await stage.clock.advance(500);
  assertEquals((ending.error as Error).name, "DisconnectTimeoutError");
  assertEquals((publishing.error as Error).name, "RequestFailedError");
  assertEquals(await mqtt.closed, ending.error as Error);
  assertEquals([server.takeWords(), stage.clock.pendingTimers], [["publish 1"], 0]);
});

test("disconnectWithTimeout refuses a limit that is none", async () => {
  const { mqtt } = await openStage();
  const outcome = watch(mqtt.disconnectWithTimeout(-1));
  await settle();
  assertInstanceOf(outcome.error, RangeError);
  await mqtt.disconnect();
});

test("what the user's own policy throws ends the connection, and is told by closed", async () => {
  const thrown = new Error("the policy is broken");
  const { mqtt, stage, server } = await openStage({
    reconnect: {
      giveUpOn: () => {
        throw thrown;
      },
    },
  });
  stage.network.refuse(new Error("nobody listens"));
  await server.cut();
  await stage.clock.advance(1000);
  assertEquals([await mqtt.closed, stage.clock.pendingTimers], [thrown, 0]);
});
