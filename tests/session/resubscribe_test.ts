// A server that lost the session is given its subscriptions again, before anything else.

import { assertEquals, assertThrows } from "@std/assert";
import type { Subscribe } from "../../src/codec/mod.ts";
import { ConnectionRefusedError } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { connected, defaultConnect, filters, filtersOf } from "./support.ts";

test("live subscriptions are sent again to a server that lost them, eight in a portion, before the replay", () => {
  const s = connected();
  s.hasSubscribed(filters(12));
  s.hasSubscribed(filters(19).slice(12));
  s.publishes(1);
  s.sent();
  s.reconnects({ sessionPresent: false });
  const restored = [s.sends("subscribe"), s.sends("subscribe"), s.sends("subscribe")].map(filtersOf);
  assertEquals(restored.map(({ length }) => length), [8, 8, 3]);
  assertEquals(restored.flat(), filters(19));
  s.sendsOnly({ type: "publish", packetId: 3 });
});

test("a server that kept the session is not sent subscriptions", () => {
  const s = connected();
  s.hasSubscribed(filters(3));
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("a filter that was unsubscribed, or refused later, is not restored; QoS is the one asked for last", () => {
  const s = connected();
  s.hasSubscribed(filters(4));
  const packetId = s.session.unsubscribe(["filter/2"]);
  s.sends("unsubscribe");
  s.receives({ type: "unsuback", packetId });
  s.session.subscribe([{ topicFilter: "filter/3", qos: 2 }, { topicFilter: "filter/4", qos: 2 }]);
  s.sends("subscribe");
  s.receives({ type: "suback", packetId: packetId + 1, returnCodes: [0, 0x80] });
  s.reconnects({ sessionPresent: false });
  s.sendsOnly({
    type: "subscribe",
    subscriptions: [{ topicFilter: "filter/1", qos: 1 }, { topicFilter: "filter/3", qos: 2 }],
  });
});

test("restored subscriptions are told to nobody, end with their SUBACK and stay live", () => {
  const s = connected();
  s.hasSubscribed(["a"]);
  for (let losses = 0; losses < 3; losses++) {
    s.reconnects({ sessionPresent: false });
    const { packetId } = s.sends<Subscribe>("subscribe");
    s.receives({ type: "suback", packetId, returnCodes: [1] });
    assertEquals([s.ends(), s.session.isIdle, s.session.diagnostics().subscriptions], [[], true, 1]);
  }
});

test("portions that did not leave, or have no SUBACK, are owed to the next connection, also with the session present", () => {
  const s = connected();
  s.hasSubscribed(filters(20));
  s.reconnects({ sessionPresent: false });
  assertEquals(filtersOf(s.sends("subscribe")), filters(8));
  s.reconnects({ sessionPresent: true });
  const { packetId, subscriptions } = s.sends<Subscribe>("subscribe");
  assertEquals(subscriptions.map(({ topicFilter }) => topicFilter), filters(8));
  s.receives({ type: "suback", packetId, returnCodes: subscriptions.map(() => 1) });
  assertEquals(filtersOf(s.sends("subscribe")), filters(16).slice(8));
  s.reconnects({ sessionPresent: true });
  assertEquals(filtersOf(s.sends("subscribe")), filters(16).slice(8), "the first portion is restored");
  assertEquals(filtersOf(s.sends("subscribe")), filters(20).slice(16));
  s.sendsNothing();
});

test("a storm of cuts leaves one open SUBSCRIBE for what is restored, before the replay on each connection", () => {
  const s = connected({ inflight: 1 });
  s.hasSubscribed(["a", "b"]);
  s.publishes(1);
  s.sent();
  for (let cuts = 0; cuts < 200; cuts++) {
    // A CONNECT without CONNACK, after which Session Present may speak of a younger session.
    s.loses();
    s.opens();
    s.reconnects({ sessionPresent: true });
    assertEquals(s.sent().map((word) => word.split(" ")[0]), ["subscribe", "publish"]);
    assertEquals(s.session.diagnostics().outgoingExchanges, 2);
  }
  s.loses();
  assertEquals(s.session.diagnostics().outgoingExchanges, 1, "its Packet Identifier is free without a connection");
});

test("what was to restore subscriptions is nothing to be finished once its connection is gone", () => {
  const s = connected();
  s.hasSubscribed(["a"]);
  s.reconnects({ sessionPresent: false });
  s.sends("subscribe");
  assertEquals(s.session.isIdle, false);
  s.loses();
  assertEquals(s.session.isIdle, true);
  s.reconnects({ sessionPresent: true });
  const { packetId } = s.sends<Subscribe>("subscribe");
  s.receives({ type: "suback", packetId, returnCodes: [0x80] });
  assertEquals(s.session.diagnostics().subscriptions, 0);
});

test("a filter that is unsubscribed while its restoration has no answer is not restored again", () => {
  const s = connected();
  s.hasSubscribed(["a", "b"]);
  s.reconnects({ sessionPresent: false });
  s.sends("subscribe");
  const packetId = s.session.unsubscribe(["a"]);
  s.sends("unsubscribe");
  s.reconnects({ sessionPresent: true });
  assertEquals(filtersOf(s.sends("subscribe")), ["b"]);
  s.sendsOnly({ type: "unsubscribe", packetId });
  s.receives({ type: "unsuback", packetId });
  s.reconnects({ sessionPresent: true });
  assertEquals(filtersOf(s.sends("subscribe")), ["b"]);
  s.sendsNothing();
});

test("a session lost again while subscriptions are restored restores each once", () => {
  const s = connected();
  s.hasSubscribed(filters(10));
  s.reconnects({ sessionPresent: false });
  s.sends("subscribe");
  s.reconnects({ sessionPresent: false });
  assertEquals([filtersOf(s.sends("subscribe")), filtersOf(s.sends("subscribe"))], [filters(8), filters(10).slice(8)]);
  s.sendsNothing();
});

test("a filter whose UNSUBSCRIBE has no answer yet is not restored", () => {
  const s = connected();
  s.hasSubscribed(["a", "b", "c"]);
  s.session.unsubscribe(["a"]);
  s.sent();
  s.session.unsubscribe(["b"]);
  s.reconnects({ sessionPresent: false });
  assertEquals(filtersOf(s.sends("subscribe")), ["c"]);
  assertEquals(s.sent(), ["unsubscribe 2", "unsubscribe 3"]);
});

test("what is restored comes before what was asked for, through any number of losses", () => {
  const s = connected();
  s.hasSubscribed(["a"]);
  s.session.subscribe([{ topicFilter: "a", qos: 2 }]);
  s.reconnects({ sessionPresent: false });
  assertEquals(s.sent(), ["subscribe 3", "subscribe 2"]);
  for (let losses = 1; losses <= 3; losses++) {
    s.reconnects({ sessionPresent: true });
    assertEquals(s.sent(), [`subscribe ${3 + losses}`, "subscribe 2"]);
  }
});

test("with resubscribe off, what the server lost is lost: it is neither restored nor counted as live", () => {
  const s = connected({ resubscribe: false });
  s.hasSubscribed(["a", "b"]);
  s.reconnects({ sessionPresent: true });
  assertEquals(s.session.diagnostics().subscriptions, 2);
  s.reconnects({ sessionPresent: false });
  s.sendsNothing();
  assertEquals(s.session.diagnostics().subscriptions, 0);
  s.configures({ resubscribe: true });
  s.reconnects({ sessionPresent: false });
  s.sendsNothing();
});

test("Session Present after a CONNECT without CONNACK may speak of a younger session: subscriptions are sent again", () => {
  const s = connected();
  s.hasSubscribed(["a"]);
  s.loses();
  s.opens();
  s.reconnects({ sessionPresent: true });
  s.sendsOnly({ type: "subscribe", subscriptions: [{ topicFilter: "a", qos: 1 }] });
  s.receives({ type: "suback", packetId: 2, returnCodes: [1] });
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("Session Present is trusted when the CONNECT before never left, or was refused", () => {
  const s = connected();
  s.hasSubscribed(["a"]);
  s.loses();
  s.session.handleOpen(defaultConnect, s.now);
  s.loses();
  s.opens();
  assertThrows(
    () => s.receives({ type: "connack", sessionPresent: false, returnCode: 3 }),
    ConnectionRefusedError,
  );
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
});

test("with resubscribe off, a session in doubt is taken as it is", () => {
  const s = connected({ resubscribe: false });
  s.hasSubscribed(["a"]);
  s.loses();
  s.opens();
  s.reconnects({ sessionPresent: true });
  s.sendsNothing();
  assertEquals(s.session.diagnostics().subscriptions, 1);
});
