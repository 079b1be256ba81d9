// Every phase against every packet type: what a session makes of it, or by which rule it refuses it.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { ConnectReturnCode, Packet, PacketType } from "../../src/codec/mod.ts";
import { ConnectionRefusedError, Session, type SessionPhase } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { defaultConnect, defaultOptions, Dialogue } from "./support.ts";

/**
 * What a packet leads to: a rule it breaks, or the answer that leaves and the event that is told. Identifiers are unknown to the
 * session, so that an acknowledgement has nothing to end.
 */
type Outcome =
  | { readonly breaks: string }
  | { readonly answers: PacketType | undefined; readonly tells: "connected" | "incoming" | undefined };

const IGNORED: Outcome = { answers: undefined, tells: undefined };
const TOLD: Outcome = { answers: undefined, tells: "incoming" };
const BEFORE_CONNACK: Outcome = { breaks: "MQTT-3.2.0-1" };
const CLIENT_ONLY: Outcome = { breaks: "MQTT-4.8.0-1" };

interface Row {
  readonly packet: Packet;
  readonly outcomes: Readonly<Record<SessionPhase, Outcome>>;
}

/** A packet type or a phase without an entry does not compile. */
const table: Readonly<Record<PacketType, Row>> = {
  connect: legalNowhere({ ...defaultConnect }),
  connack: {
    packet: { type: "connack", sessionPresent: false, returnCode: 0 },
    outcomes: {
      closed: IGNORED,
      connecting: { answers: undefined, tells: "connected" },
      connected: { breaks: "MQTT-4.8.0-1" },
      ended: IGNORED,
    },
  },
  publish: legalOnceConnected(
    { type: "publish", topicName: "t", payload: new Uint8Array(), qos: 2, retain: false, dup: false, packetId: 9 },
    { answers: "pubrec", tells: "incoming" },
  ),
  puback: legalOnceConnected({ type: "puback", packetId: 9 }, TOLD),
  pubrec: legalOnceConnected({ type: "pubrec", packetId: 9 }, { answers: "pubrel", tells: "incoming" }),
  pubrel: legalOnceConnected({ type: "pubrel", packetId: 9 }, { answers: "pubcomp", tells: "incoming" }),
  pubcomp: legalOnceConnected({ type: "pubcomp", packetId: 9 }, TOLD),
  subscribe: legalNowhere({ type: "subscribe", packetId: 9, subscriptions: [{ topicFilter: "#", qos: 0 }] }),
  suback: legalOnceConnected({ type: "suback", packetId: 9, returnCodes: [0] }, TOLD),
  unsubscribe: legalNowhere({ type: "unsubscribe", packetId: 9, topicFilters: ["#"] }),
  unsuback: legalOnceConnected({ type: "unsuback", packetId: 9 }, TOLD),
  pingreq: legalNowhere({ type: "pingreq" }),
  pingresp: legalOnceConnected({ type: "pingresp" }, TOLD),
  disconnect: legalNowhere({ type: "disconnect" }),
};

function legalNowhere(packet: Packet): Row {
  return {
    packet,
    outcomes: { closed: IGNORED, connecting: CLIENT_ONLY, connected: CLIENT_ONLY, ended: IGNORED },
  };
}

function legalOnceConnected(packet: Packet, outcome: Outcome): Row {
  return { packet, outcomes: { closed: IGNORED, connecting: BEFORE_CONNACK, connected: outcome, ended: IGNORED } };
}

/** For each phase: how a session gets there. */
const paths: Readonly<Record<SessionPhase, (dialogue: Dialogue) => void>> = {
  closed: () => {},
  connecting: (dialogue) => dialogue.opens(),
  connected: (dialogue) => {
    dialogue.opens();
    dialogue.accepted();
  },
  ended: (dialogue) => {
    dialogue.opens();
    dialogue.accepted();
    dialogue.session.disconnect();
    dialogue.sends("disconnect");
  },
};

test("the table has all fourteen packet types, each under its own name", () => {
  assertEquals(Object.keys(table).length, 14);
  for (const [type, { packet }] of Object.entries(table)) assertEquals(packet.type, type);
});

for (const phase of Object.keys(paths) as SessionPhase[]) {
  for (const [type, { packet, outcomes }] of Object.entries(table)) {
    const outcome = outcomes[phase];
    test(`${phase}: ${type.toUpperCase()} ${describeOutcome(outcome)}`, () => {
      const dialogue = new Dialogue();
      paths[phase](dialogue);
      dialogue.events();
      assertEquals(dialogue.session.phase, phase);
      if ("breaks" in outcome) {
        dialogue.rejects(packet, outcome.breaks);
        dialogue.sendsNothing();
        assertEquals(dialogue.events(), []);
        assertEquals(dialogue.session.phase, phase, "the owner closes the connection, not the session");
      } else {
        dialogue.receives(packet);
        assertEquals(dialogue.session.pollTransmit(0)?.type, outcome.answers);
        dialogue.sendsNothing();
        assertEquals(dialogue.events().map((event) => event.type), outcome.tells === undefined ? [] : [outcome.tells]);
      }
    });
  }
}

function describeOutcome(outcome: Outcome): string {
  if ("breaks" in outcome) return `breaks [${outcome.breaks}]`;
  if (outcome === IGNORED) return "is ignored";
  return outcome.answers === undefined ? "is told" : `is told and answered with ${outcome.answers.toUpperCase()}`;
}

test("a violation says what was done, what was wrong and which rule", () => {
  const dialogue = new Dialogue();
  dialogue.opens();
  const early = dialogue.rejects({ type: "pingresp" }, "MQTT-3.2.0-1");
  assertEquals(early.message, "Cannot handle PINGRESP: it came before CONNACK [MQTT-3.2.0-1]");
  assertEquals(early.name, "ProtocolError");
});

test("after a violation the session goes on with the next connection", () => {
  const dialogue = new Dialogue();
  dialogue.opens();
  dialogue.accepted();
  dialogue.publishes(1);
  dialogue.sends("publish");
  dialogue.rejects({ type: "pingreq" }, "MQTT-4.8.0-1");
  dialogue.reconnects({ sessionPresent: true });
  dialogue.sendsOnly({ type: "publish", packetId: 1, dup: true });
});

test("each return code but 0 refuses the connection and names its meaning [MQTT-3.2.2-4]", () => {
  for (const returnCode of [1, 2, 3, 4, 5] satisfies ConnectReturnCode[]) {
    const dialogue = new Dialogue();
    dialogue.opens();
    const error = assertThrows(
      () => dialogue.receives({ type: "connack", sessionPresent: false, returnCode }),
      ConnectionRefusedError,
    );
    assertEquals(error.returnCode, returnCode);
    assertMatch(error.message, new RegExp(`^Cannot connect: the server refused with return code ${returnCode}, \\w`));
    assertEquals([dialogue.session.phase, dialogue.events()], ["connecting", []]);
  }
});

test("a refused connection leaves exchanges as they are", () => {
  const dialogue = new Dialogue();
  dialogue.opens();
  dialogue.accepted();
  dialogue.publishes(2, { token: 7 });
  dialogue.sends("publish");
  dialogue.loses();
  dialogue.opens();
  assertThrows(
    () => dialogue.receives({ type: "connack", sessionPresent: false, returnCode: 3 }),
    ConnectionRefusedError,
  );
  assertEquals(dialogue.ends(), []);
  dialogue.reconnects({ sessionPresent: true });
  dialogue.sendsOnly({ type: "publish", packetId: 1, dup: true });
});

test("Session Present 1 answers Clean Session 1 only from a server that is wrong [MQTT-3.2.2-1]", () => {
  const dialogue = new Dialogue();
  dialogue.opens({ cleanSession: true });
  dialogue.rejects({ type: "connack", sessionPresent: true, returnCode: 0 }, "MQTT-3.2.2-1");
  assertEquals([dialogue.session.phase, dialogue.events()], ["connecting", []]);
});

test("CONNECT is the first packet and leaves once for each connection [MQTT-3.1.0-1] [MQTT-3.1.0-2]", () => {
  const session = new Session(defaultOptions);
  assertEquals(session.pollTransmit(0), undefined);
  for (const sessionPresent of [false, true]) {
    session.handleOpen(defaultConnect, 0);
    assertEquals(session.pollTransmit(0), defaultConnect);
    assertEquals(session.pollTransmit(0), undefined);
    session.handlePacket({ type: "connack", sessionPresent, returnCode: 0 }, 0);
    assertEquals(session.pollTransmit(0), undefined);
    session.handleClose();
    assertEquals(session.pollTransmit(0), undefined);
  }
});
