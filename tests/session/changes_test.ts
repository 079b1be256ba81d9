// What a session tells its owner to keep, and what another session makes of that.

import { assertEquals, assertThrows } from "@std/assert";
import type { Subscribe } from "../../src/codec/mod.ts";
import type { Session, SessionChange, SessionState } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { connected, Dialogue, filters } from "./support.ts";

/** The changes that were not taken yet, as short words. */
function changesOf(session: Session): string[] {
  const words: string[] = [];
  for (let change = session.pollChange(); change !== undefined; change = session.pollChange()) {
    words.push(wordsOf(change));
  }
  return words;
}

function wordsOf(change: SessionChange): string {
  switch (change.type) {
    case "publish-opened":
      return `opened ${change.packet.packetId} qos ${change.packet.qos}`;
    case "subscribed":
      return `subscribed ${change.topicFilter} qos ${change.qos}`;
    case "unsubscribed":
      return `unsubscribed ${change.topicFilter}`;
    case "doubt":
      return change.isInDoubt ? "doubt" : "no doubt";
    default:
      return `${change.type} ${change.packetId}`;
  }
}

/** A dialogue whose changes are recorded; those of its connection are taken. */
function recorded(options = {}): Dialogue {
  const dialogue = new Dialogue(options);
  dialogue.session.recordChanges();
  dialogue.opens();
  dialogue.accepted();
  dialogue.events();
  changesOf(dialogue.session);
  return dialogue;
}

const nothing: SessionState = { publishes: [], releases: [], incoming: [], subscriptions: [], isInDoubt: false };

/** A session that goes on from a state, and is accepted. */
function restored(state: Partial<SessionState>, sessionPresent: boolean, options = {}): Dialogue {
  const dialogue = new Dialogue(options);
  dialogue.session.restore({ ...nothing, ...state });
  dialogue.opens();
  dialogue.accepted({ sessionPresent });
  return dialogue;
}

test("nobody who does not ask is told of changes", () => {
  const dialogue = connected();
  dialogue.publishes(2);
  dialogue.sent();
  dialogue.receives({ type: "pubrec", packetId: 1 });
  dialogue.receivesPublish(2, 7);
  dialogue.sent();
  dialogue.hasSubscribed(["a"]);
  assertEquals(changesOf(dialogue.session), []);
});

test("a publish is opened, released and ended", () => {
  const dialogue = recorded();
  dialogue.publishes(0);
  dialogue.publishes(1);
  dialogue.publishes(2);
  assertEquals(changesOf(dialogue.session), ["opened 1 qos 1", "opened 2 qos 2"]);
  dialogue.sent();
  dialogue.receives({ type: "pubrec", packetId: 2 });
  dialogue.receives({ type: "pubrec", packetId: 2 });
  assertEquals(changesOf(dialogue.session), ["publish-released 2"]);
  dialogue.receives({ type: "puback", packetId: 1 });
  dialogue.receives({ type: "puback", packetId: 1 });
  dialogue.receives({ type: "pubcomp", packetId: 2 });
  assertEquals(changesOf(dialogue.session), ["publish-ended 1", "publish-ended 2"]);
});

test("what arrives at QoS 2 is received once, and ended by PUBREL", () => {
  const dialogue = recorded();
  dialogue.receivesPublish(1, 6);
  dialogue.receivesPublish(2, 7);
  dialogue.receivesPublish(2, 7, { dup: true });
  assertEquals(changesOf(dialogue.session), ["incoming-received 7"]);
  dialogue.receives({ type: "pubrel", packetId: 7 });
  dialogue.receives({ type: "pubrel", packetId: 7 });
  assertEquals(changesOf(dialogue.session), ["incoming-ended 7"]);
});

test("manual acknowledgement: it is received when the application says so", () => {
  const dialogue = recorded({ ackMode: "manual" });
  const publish = dialogue.receivesPublish(2, 7);
  assertEquals(changesOf(dialogue.session), []);
  dialogue.session.acknowledge(publish);
  assertEquals(changesOf(dialogue.session), ["incoming-received 7"]);
});

test("subscriptions are those that the server has granted", () => {
  const dialogue = recorded();
  dialogue.subscribes(["a", "b"]);
  dialogue.sent();
  assertEquals(changesOf(dialogue.session), []);
  dialogue.receives({ type: "suback", packetId: 1, returnCodes: [1, 0x80] });
  assertEquals(changesOf(dialogue.session), ["subscribed a qos 1"]);
  dialogue.session.unsubscribe(["a", "c"]);
  dialogue.sent();
  dialogue.receives({ type: "unsuback", packetId: 2 });
  assertEquals(changesOf(dialogue.session), ["unsubscribed a"]);
});

test("a CONNECT is a doubt until it is answered, over any number of connections", () => {
  const dialogue = new Dialogue();
  dialogue.session.recordChanges();
  dialogue.opens();
  assertEquals(changesOf(dialogue.session), ["doubt"]);
  dialogue.loses();
  dialogue.opens();
  assertEquals(changesOf(dialogue.session), []);
  dialogue.accepted();
  assertEquals(changesOf(dialogue.session), ["no doubt"]);
  dialogue.loses();
  dialogue.opens();
  assertThrows(() => dialogue.receives({ type: "connack", sessionPresent: false, returnCode: 3 }));
  assertEquals(changesOf(dialogue.session), ["doubt", "no doubt"]);
});

test("a doubt lasts until each subscription that is restored was answered, over any number of connections", () => {
  const dialogue = recorded();
  dialogue.hasSubscribed(filters(9));
  changesOf(dialogue.session);
  dialogue.reconnects({ sessionPresent: false });
  dialogue.sendsOnly("subscribe", "subscribe");
  dialogue.receives({ type: "suback", packetId: 2, returnCodes: filters(8).map(() => 1) });
  dialogue.loses();
  dialogue.opens();
  dialogue.accepted({ sessionPresent: true });
  const changes = changesOf(dialogue.session);
  assertEquals([changes[0], changes.includes("no doubt")], ["doubt", false]);
  const { packetId } = dialogue.sends<Subscribe>("subscribe");
  dialogue.sendsNothing();
  assertEquals(changesOf(dialogue.session), []);
  dialogue.receives({ type: "suback", packetId, returnCodes: [1] });
  assertEquals(changesOf(dialogue.session), ["subscribed filter/9 qos 1", "no doubt"]);
});

test("a doubt lasts until the server has told of each identifier what it means", () => {
  const dialogue = recorded();
  for (const packetId of [7, 8, 9]) dialogue.receivesPublish(2, packetId);
  dialogue.loses();
  dialogue.opens();
  dialogue.reconnects({ sessionPresent: true });
  changesOf(dialogue.session);
  dialogue.receivesPublish(2, 7, { dup: true });
  assertEquals(changesOf(dialogue.session), []);
  dialogue.receives({ type: "pubrel", packetId: 7 });
  dialogue.receivesPublish(2, 8);
  assertEquals(changesOf(dialogue.session), ["incoming-ended 7", "incoming-ended 8", "incoming-received 8"]);
  dialogue.reconnects({ sessionPresent: true });
  assertEquals(changesOf(dialogue.session), []);
  dialogue.receivesPublish(2, 9);
  assertEquals(changesOf(dialogue.session), ["incoming-ended 9", "incoming-received 9", "no doubt"]);
});

test("a lost session ends what the policy fails, and all that arrived", () => {
  const dialogue = recorded({ resubscribe: false });
  dialogue.hasSubscribed(["a"]);
  dialogue.publishes(1);
  dialogue.publishes(2);
  dialogue.sent();
  dialogue.receivesPublish(2, 7);
  changesOf(dialogue.session);
  dialogue.reconnects({ sessionPresent: false });
  assertEquals(changesOf(dialogue.session), [
    "doubt",
    "incoming-ended 7",
    "publish-ended 3",
    "unsubscribed a",
    "no doubt",
  ]);
});

const publishes = [1, 2].map((qos) => ({
  type: "publish",
  topicName: "t",
  payload: new Uint8Array(),
  qos,
  retain: false,
  dup: false,
  packetId: qos + 3,
} as SessionState["publishes"][number]));

test("a restored session replays with the same identifiers, and tells nobody of their end", () => {
  const dialogue = restored({ publishes, releases: [9, 2] }, true);
  dialogue.sendsOnly(
    { type: "publish", packetId: 4, dup: true },
    { type: "publish", packetId: 5, dup: true },
    { type: "pubrel", packetId: 9 },
    { type: "pubrel", packetId: 2 },
  );
  const { inflight, inflightQos2, outgoingExchanges } = dialogue.session.diagnostics();
  assertEquals([inflight, inflightQos2, outgoingExchanges], [4, 3, 4]);
  dialogue.receives({ type: "puback", packetId: 4 });
  dialogue.receives({ type: "pubrec", packetId: 5 });
  for (const packetId of [9, 2, 5]) dialogue.receives({ type: "pubcomp", packetId });
  assertEquals([dialogue.session.isIdle, dialogue.ends()], [true, []]);
});

test("a restored session does not deliver again what was received", () => {
  const dialogue = restored({ incoming: [7] }, true);
  dialogue.receivesPublish(2, 7, { dup: true, text: "again" });
  dialogue.receivesPublish(2, 8, { text: "new" });
  assertEquals(dialogue.deliveries(), ["new"]);
});

test("a restored session in doubt believes DUP, and restores its subscriptions", () => {
  const subscriptions = [{ topicFilter: "a", qos: 1 }] as const;
  const dialogue = restored({ incoming: [7, 8], subscriptions, isInDoubt: true }, true);
  dialogue.sendsOnly("subscribe");
  dialogue.receivesPublish(2, 7, { dup: true, text: "again" });
  dialogue.receivesPublish(2, 8, { text: "another" });
  assertEquals(dialogue.deliveries(), ["another"]);
});

test("a restored session whose server lost it goes by the policy", () => {
  const dialogue = restored({ publishes, releases: [9], incoming: [7] }, false);
  dialogue.sendsOnly({ type: "publish", packetId: 4, dup: false });
  assertEquals(dialogue.session.diagnostics().sessionLostFailures, 2);
});

test("a session that was used cannot be restored", () => {
  assertThrows(() => connected().session.restore(nothing), RangeError, "Cannot restore: the session was used before");
});
