// CONNECT, read as a server reads it: the flags say which fields there are, and no other field is there.

import { assertEquals } from "@std/assert";
import { type Connect, encodePacket, type Will } from "../../src/codec/mod.ts";
import { hex } from "../codec/hex.ts";
import { vectors } from "../codec/vectors.ts";
import { test } from "../support/test.ts";

/** The parts of a CONNECT as its bytes give them. */
interface ReadConnect {
  readonly protocol: Uint8Array;
  readonly flags: number;
  readonly keepAlive: number;
  readonly clientId: Uint8Array;
  readonly will: { readonly topicName: Uint8Array; readonly payload: Uint8Array } | undefined;
  readonly username: Uint8Array | undefined;
  readonly password: Uint8Array | undefined;
  /** Bytes that no flag accounts for. */
  readonly rest: Uint8Array;
}

/** Reads a CONNECT of less than 128 bytes by nothing but its own flags and lengths. */
function readConnect(bytes: Uint8Array): ReadConnect {
  assertEquals([bytes[0], bytes[1]], [0x10, bytes.length - 2]);
  let at = 12;
  const field = (): Uint8Array => {
    const start = at + 2;
    at = start + bytes[at]! * 256 + bytes[at + 1]!;
    return bytes.slice(start, at);
  };
  const flags = bytes[9]!;
  return {
    protocol: bytes.slice(2, 9),
    flags,
    keepAlive: bytes[10]! * 256 + bytes[11]!,
    clientId: field(),
    will: (flags & 0x04) === 0 ? undefined : { topicName: field(), payload: field() },
    username: (flags & 0x80) === 0 ? undefined : field(),
    password: (flags & 0x40) === 0 ? undefined : field(),
    rest: bytes.slice(at),
  };
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const wills: readonly (Will | undefined)[] = [
  undefined,
  ...([0, 1, 2] as const).flatMap((qos) =>
    [false, true].map((retain) => ({ topicName: "w/t", payload: hex("00 ff"), qos, retain }))
  ),
];
const logins: readonly Pick<Connect, "username" | "password">[] = [
  { username: undefined, password: undefined },
  { username: "", password: undefined },
  { username: "ann", password: undefined },
  { username: "", password: hex("") },
  { username: "ann", password: hex("00 01") },
];

const connects: readonly Connect[] = wills.flatMap((will) =>
  logins.flatMap((login) =>
    [false, true].map((cleanSession) => ({
      type: "connect",
      clientId: "c",
      cleanSession,
      keepAlive: 600,
      will,
      ...login,
    } as const))
  )
);

/** The fields in their order, and nothing behind them. */
function assertFields(connect: Connect): void {
  const { will, username, password } = connect;
  const { flags: _, ...fields } = readConnect(encodePacket(connect));
  assertEquals(fields, {
    protocol: hex("00 04 4d 51 54 54 04"),
    keepAlive: 600,
    clientId: ascii("c"),
    will: will === undefined ? undefined : { topicName: ascii("w/t"), payload: hex("00 ff") },
    username: username === undefined ? undefined : ascii(username),
    password: password === undefined ? undefined : password,
    rest: hex(""),
  });
}

test("the fields follow the Client Identifier in their order, and end the packet [MQTT-3.1.3-1] [MQTT-3.1.3-3]", () => {
  assertEquals(connects.length, 70);
  for (const connect of connects) assertFields(connect);
});

test("a will is in the flags and in the payload, or in neither [MQTT-3.1.2-9] [MQTT-3.1.2-11]", () => {
  for (const connect of connects) {
    const { flags, will } = readConnect(encodePacket(connect));
    assertEquals([(flags & 0x04) !== 0, will !== undefined], [connect.will !== undefined, connect.will !== undefined]);
  }
});

test("without a will its QoS and Retain are 0, with one they are its own [MQTT-3.1.2-13] [MQTT-3.1.2-14] [MQTT-3.1.2-15]", () => {
  for (const connect of connects) {
    const { flags } = readConnect(encodePacket(connect));
    assertEquals([flags >> 3 & 3, flags >> 5 & 1], [connect.will?.qos ?? 0, connect.will?.retain ? 1 : 0]);
  }
});

test("a user name is in the flags and in the payload, or in neither [MQTT-3.1.2-18] [MQTT-3.1.2-19]", () => {
  for (const connect of connects) {
    const { flags, username } = readConnect(encodePacket(connect));
    const expected = connect.username !== undefined;
    assertEquals([(flags & 0x80) !== 0, username !== undefined], [expected, expected]);
  }
});

test("a password is in the flags and in the payload, or in neither [MQTT-3.1.2-20] [MQTT-3.1.2-21]", () => {
  for (const connect of connects) {
    const { flags, password } = readConnect(encodePacket(connect));
    const expected = connect.password !== undefined;
    assertEquals([(flags & 0x40) !== 0, password !== undefined], [expected, expected]);
  }
});

test("Clean Session is its flag, and the reserved flag is 0 [MQTT-3.1.2-3]", () => {
  for (const connect of connects) {
    const { flags } = readConnect(encodePacket(connect));
    assertEquals([flags >> 1 & 1, flags & 1], [connect.cleanSession ? 1 : 0, 0]);
  }
});

/** Table 2.2 of the specification, but for PUBLISH, whose flags have meanings. */
const reservedFlags: Readonly<Record<string, number>> = {
  connect: 0b0000,
  connack: 0b0000,
  puback: 0b0000,
  pubrec: 0b0000,
  pubrel: 0b0010,
  pubcomp: 0b0000,
  subscribe: 0b0010,
  suback: 0b0000,
  unsubscribe: 0b0010,
  unsuback: 0b0000,
  pingreq: 0b0000,
  pingresp: 0b0000,
  disconnect: 0b0000,
};

test("reserved flags of the fixed header have the values of table 2.2 [MQTT-2.2.2-1]", () => {
  const seen = new Set<string>();
  for (const { packet } of vectors) {
    if (packet.type === "publish") continue;
    assertEquals(encodePacket(packet)[0]! & 0x0f, reservedFlags[packet.type], packet.type);
    seen.add(packet.type);
  }
  assertEquals([...seen].sort(), Object.keys(reservedFlags).sort());
});
