// The session a client keeps: what belongs to it, how long it lives, and whose it is.

import { assertEquals } from "@std/assert";
import { settle } from "../../src/testing/mod.ts";
import { connectedScene, message } from "../loop/scene.ts";
import { connected } from "../session/support.ts";
import { test } from "../support/test.ts";

test("with Clean Session 0 the client keeps its session after the connection [MQTT-3.1.2-4] [MQTT-4.1.0-1]", () => {
  const s = connected();
  s.publishes(1);
  s.publishes(2);
  s.publishes(2);
  s.sent();
  s.receives({ type: "pubrec", packetId: 2 });
  s.sends("pubrel");
  s.receivesPublish(2, 9, { text: "once" });
  s.sends("pubrec");
  assertEquals(s.deliveries(), ["once"]);
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup", "publish 3 dup", "pubrel 2"]);
  s.receivesPublish(2, 9, { text: "once", dup: true });
  assertEquals([s.sent(), s.deliveries()], [["pubrec 9"], []]);
});

test("what is sent again has the identifier it had, and a PUBLISH has DUP [MQTT-2.3.1-3] [MQTT-3.3.1-1] [MQTT-4.4.0-1]", () => {
  const s = connected();
  for (const qos of [1, 2, 2, 1] as const) s.publishes(qos);
  s.subscribes(["a"]);
  s.session.unsubscribe(["b"]);
  assertEquals(s.sent(), ["publish 1", "publish 2", "publish 3", "publish 4", "subscribe 5", "unsubscribe 6"]);
  s.receives({ type: "puback", packetId: 1 });
  s.receives({ type: "pubrec", packetId: 2 });
  s.sent();
  for (let losses = 0; losses < 2; losses++) {
    s.reconnects({ sessionPresent: true });
    assertEquals(s.sent(), ["publish 3 dup", "publish 4 dup", "pubrel 2", "subscribe 5", "unsubscribe 6"]);
  }
});

test("a PUBREC that is repeated during the replay waits with its PUBREL for those before it [MQTT-4.6.0-4]", () => {
  const s = connected({ pendingThrottleMillis: 100 });
  for (let i = 0; i < 3; i++) s.publishes(2);
  s.sent();
  for (const packetId of [1, 2, 3]) s.receives({ type: "pubrec", packetId });
  s.sent();
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["pubrel 1"]);
  s.receives({ type: "pubrec", packetId: 3 });
  assertEquals([s.sent(), s.session.diagnostics().ignoredAcks], [[], 1]);
  assertEquals(s.passes(1000), ["pubrel 2 @100", "pubrel 3 @200", "pubrel 3 @300"]);
});

test("with Clean Session 1 nothing of the session before is used again [MQTT-3.1.2-6]", () => {
  const s = connected({ onSessionLost: { qos1: "resend", qos2: "resend" } }, { cleanSession: true });
  s.publishes(1);
  s.publishes(2);
  s.publishes(2);
  s.sent();
  s.receives({ type: "pubrec", packetId: 2 });
  s.sends("pubrel");
  s.receivesPublish(2, 9, { text: "a" });
  s.sends("pubrec");
  assertEquals(s.deliveries(), ["a"]);
  s.reconnects({ sessionPresent: false });
  // The user's messages are published as new ones, without DUP. The PUBREL and what is known of message 9 were the session's.
  assertEquals(s.sent(), ["publish 1", "publish 3"]);
  s.receivesPublish(2, 9, { text: "b" });
  assertEquals([s.sent(), s.deliveries()], [["pubrec 9"], ["b"]]);
});

test("a session belongs to its Client Identifier: under another one nothing of it is used [MQTT-3.1.3-2]", () => {
  const s = connected({ onSessionLost: { qos1: "fail", qos2: "fail" } });
  s.publishes(1, { token: 7 });
  s.publishes(2, { token: 8 });
  s.sent();
  s.receives({ type: "pubrec", packetId: 2 });
  s.sends("pubrel");
  s.receivesPublish(2, 9, { text: "a" });
  s.sends("pubrec");
  assertEquals(s.deliveries(), ["a"]);
  s.reconnects({ sessionPresent: true, clientId: "another" });
  s.sendsNothing();
  assertEquals(s.ends(), ["7 failed", "8 failed"]);
  s.receivesPublish(2, 9, { text: "b" });
  assertEquals([s.sent(), s.deliveries()], [["pubrec 9"], ["b"]]);
});

test("while the connection lives the session does, also under other options [MQTT-4.1.0-2]", () => {
  const s = connected({}, { cleanSession: true });
  s.publishes(2, { token: 7 });
  s.sends("publish");
  s.receivesPublish(2, 9, { text: "once" });
  s.sends("pubrec");
  s.configures({ ackMode: "manual", inflight: 1, inflightQos2: 1, resubscribe: false });
  s.passes(1_000_000);
  s.receivesPublish(2, 9, { text: "once", dup: true });
  s.sendsOnly({ type: "pubrec", packetId: 9 });
  s.receives({ type: "pubrec", packetId: 1 });
  s.sendsOnly({ type: "pubrel", packetId: 1 });
  s.receives({ type: "pubcomp", packetId: 1 });
  assertEquals(s.ends(), ["7 pubcomp"]);
});

test("messages are acknowledged by their QoS, though nobody subscribed to them [MQTT-4.5.0-2] [MQTT-3.3.4-1]", async () => {
  const { scene, server } = await connectedScene();
  server.take();
  await server.send(message("a"), message("b", 1, 5), message("c", 2, 6));
  assertEquals(server.takeWords(), ["puback 5", "pubrec 6"]);
  await server.send({ type: "pubrel", packetId: 6 });
  assertEquals(server.takeWords(), ["pubcomp 6"]);
  scene.eventLoop.close();
});

test("messages are acknowledged, though the application fails over each of them [MQTT-4.5.0-2]", async () => {
  const { scene, run, server } = await connectedScene();
  server.take();
  run.events.push = () => {
    throw new Error("cannot use this message");
  };
  await server.send(message("a", 1, 5), message("b", 2, 6));
  await settle();
  assertEquals(server.takeWords(), ["puback 5", "pubrec 6"]);
  assertEquals(run.end.state, "rejected");
  scene.eventLoop.close();
});
