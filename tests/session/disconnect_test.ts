// The end of a connection by the client: after everything that was admitted, or at once.

import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { connected, Dialogue } from "./support.ts";

test("with nothing owed, DISCONNECT leaves at once and is the last packet [MQTT-3.14.4-2]", () => {
  const s = connected();
  s.session.disconnect();
  s.sendsOnly("disconnect");
  assertEquals([s.session.phase, s.session.pollTimeout()], ["ended", undefined]);
});

test("a drain finishes what was admitted: QoS 0 handed out, QoS 1 and 2 completed, subscriptions answered", () => {
  const s = connected();
  s.publishes(1, { token: 1 });
  s.publishes(2, { token: 2 });
  s.subscribes(["a"], 3);
  s.session.unsubscribe(["b"], 4);
  s.publishes(0);
  s.session.disconnect();
  assertEquals(s.sent(), ["publish 1", "publish 2", "subscribe 3", "unsubscribe 4", "publish"]);
  s.receives({ type: "puback", packetId: 1 });
  s.receives({ type: "pubrec", packetId: 2 });
  s.sendsOnly("pubrel");
  s.receives({ type: "suback", packetId: 3, returnCodes: [1] });
  s.receives({ type: "unsuback", packetId: 4 });
  s.sendsNothing();
  s.receives({ type: "pubcomp", packetId: 2 });
  assertEquals(s.ends(), ["1 puback", "3 suback", "4 unsuback", "2 pubcomp"]);
  s.sendsOnly("disconnect");
});

test("a drain of QoS 0 alone needs no answer", () => {
  const s = connected();
  s.publishes(0);
  s.publishes(0);
  s.session.disconnect();
  assertEquals(s.sent(), ["publish", "publish", "disconnect"]);
});

test("a drain admits nothing new", () => {
  const s = connected();
  s.publishes(1);
  s.session.disconnect();
  assertEquals([s.session.canPublish(0), s.session.canPublish(1), s.session.canControl()], [false, false, false]);
});

test("a drain answers the server to the end", () => {
  const s = connected();
  s.session.disconnect();
  s.receivesPublish(1, 5);
  s.receivesPublish(2, 6);
  assertEquals(s.sent(), ["puback 5", "pubrec 6", "disconnect"]);
});

test("a drain survives a lost connection: it goes on after the replay", () => {
  const s = connected();
  s.publishes(1);
  s.publishes(2);
  s.session.disconnect();
  s.sent();
  s.receives({ type: "pubrec", packetId: 2 });
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup", "pubrel 2"]);
  s.receives({ type: "puback", packetId: 1 });
  s.sendsNothing();
  s.receives({ type: "pubcomp", packetId: 2 });
  s.sendsOnly("disconnect");
});

test("a drain survives a lost session: what fails is not waited for, what is resent is", () => {
  const s = connected();
  s.publishes(1, { token: 1 });
  s.publishes(2, { token: 2 });
  s.session.disconnect();
  s.sent();
  s.reconnects({ sessionPresent: false });
  assertEquals(s.ends(), ["2 failed"]);
  assertEquals(s.sent(), ["publish 1"]);
  s.receives({ type: "puback", packetId: 1 });
  s.sendsOnly("disconnect");
});

test("a drain finishes requests that were never handed out, after the reconnect", () => {
  const s = connected();
  s.publishes(0);
  s.publishes(1);
  s.session.disconnect();
  s.reconnects({ sessionPresent: true });
  assertEquals(s.sent(), ["publish", "publish 1"]);
  s.receives({ type: "puback", packetId: 1 });
  s.sendsOnly("disconnect");
});

test("a drain begun while connecting waits for CONNACK if anything is owed", () => {
  const s = connected();
  s.publishes(1);
  s.sent();
  s.loses();
  s.opens();
  s.session.disconnect();
  s.sendsNothing();
  s.accepted({ sessionPresent: true });
  assertEquals(s.sent(), ["publish 1 dup"]);
  s.receives({ type: "puback", packetId: 1 });
  s.sendsOnly("disconnect");
});

test("a drain begun while connecting ends at once if nothing is owed", () => {
  const s = new Dialogue();
  s.opens();
  s.session.disconnect();
  s.sendsOnly("disconnect");
  assertEquals(s.session.phase, "ended");
});

test("a drain begun while closed sends CONNECT first [MQTT-3.1.0-1]", () => {
  const s = new Dialogue();
  s.session.disconnect();
  s.sendsNothing();
  s.opens();
  s.sendsOnly("disconnect");
});

test("disconnectNow() leaves whatever is unfinished", () => {
  const s = connected({ inflight: 2 });
  s.publishes(1);
  s.publishes(2);
  s.sent();
  s.receivesPublish(1, 5);
  s.session.disconnectNow();
  s.sendsOnly("disconnect");
  assertEquals([s.session.phase, s.session.isIdle], ["ended", false]);
});

test("disconnectNow() passes a replay, a full window and requests that wait", () => {
  const s = connected({ inflight: 2, pendingThrottleMillis: 1_000 });
  s.publishes(1);
  s.publishes(1);
  s.sent();
  s.reconnects({ sessionPresent: true });
  s.session.disconnectNow();
  s.sendsOnly("disconnect");
});

test("disconnectNow() while connecting follows CONNECT, and CONNACK is not waited for", () => {
  const s = new Dialogue();
  s.session.disconnectNow();
  s.opens();
  s.sendsOnly("disconnect");
  s.receives({ type: "connack", sessionPresent: false, returnCode: 0 });
  assertEquals([s.session.phase, s.events()], ["ended", []]);
});

test("disconnectNow() ends a drain", () => {
  const s = connected();
  s.publishes(2);
  s.session.disconnect();
  s.sent();
  s.session.disconnectNow();
  s.sendsOnly("disconnect");
});

test("disconnect() after disconnectNow() does not bring the drain back", () => {
  const s = connected();
  s.publishes(2);
  s.session.disconnectNow();
  s.session.disconnect();
  s.sendsOnly("disconnect");
});

test("a second disconnect changes nothing", () => {
  const s = connected();
  s.session.disconnect();
  s.session.disconnect();
  s.sendsOnly("disconnect");
  s.session.disconnect();
  s.session.disconnectNow();
  s.sendsNothing();
});

test("after DISCONNECT nothing is handled, sent or timed any more [MQTT-3.14.4-2]", () => {
  const s = connected({}, { keepAlive: 10 });
  s.session.disconnect();
  s.sends("disconnect");
  s.events();
  s.receivesPublish(2, 5);
  s.receives({
    type: "connect",
    ...{ clientId: "x", cleanSession: true, keepAlive: 0 },
    will: undefined,
    username: undefined,
    password: undefined,
  });
  assertEquals(s.passes(1_000_000), []);
  s.session.handleTimeout(s.now);
  s.sendsNothing();
  assertEquals([s.events(), s.session.diagnostics().incomingQos2], [[], 0]);
});

test("the connection that ends after DISCONNECT leaves the session closed", () => {
  const s = connected();
  s.session.disconnect();
  s.sends("disconnect");
  s.loses();
  assertEquals(s.session.phase, "closed");
});

test("what was unfinished at disconnectNow() can be seen, for its owner to tell", () => {
  const s = connected();
  s.publishes(1);
  s.publishes(2);
  s.sent();
  s.session.disconnectNow();
  s.sends("disconnect");
  assertEquals([s.session.diagnostics().inflight, s.session.diagnostics().outgoingExchanges], [2, 2]);
});
