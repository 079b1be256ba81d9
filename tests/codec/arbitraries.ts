// Random packets, valid in every field, and random bytes that are nearly packets.

import fc from "fast-check";
import type {
  Connect,
  ConnectReturnCode,
  Packet,
  Publish,
  QoS,
  SubackReturnCode,
  Subscription,
  Will,
} from "../../src/codec/mod.ts";
import { concat } from "./hex.ts";
import { malformed } from "./malformed.ts";
import { vectors } from "./vectors.ts";

/** Objects as a decoder makes them: `fc.record` leaves the prototype out now and then. */
function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const qos: fc.Arbitrary<QoS> = fc.constantFrom(0, 1, 2);
const packetId = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(1, 255, 256, 65_535));

/** Any text a packet may hold: without U+0000, of any script, ASCII most of the time. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 70 }),
).map((value) => value.replaceAll("\0", "-"));

/** Any valid Topic Name. */
export const topicName: fc.Arbitrary<string> = fc.oneof(
  text.map((value) => `t${value}`),
  fc.constantFrom("a", "/", "a/b", "$SYS/x", "\ufeff"),
).map((value) => value.replaceAll(/[+#]/g, "/"));

/** Any valid Topic Filter. */
export const topicFilter: fc.Arbitrary<string> = fc.tuple(
  fc.array(fc.oneof(topicName, fc.constantFrom("+", "")), { minLength: 1, maxLength: 4 }),
  fc.constantFrom("", "/#"),
).map(([levels, end]) => levels.join("/") + end).filter((value) => value !== "");

const binary = fc.uint8Array({ maxLength: 100 });

const will: fc.Arbitrary<Will> = record({ topicName, payload: binary, qos, retain: fc.boolean() });

const connect: fc.Arbitrary<Connect> = record({
  type: fc.constant("connect" as const),
  clientId: text,
  cleanSession: fc.boolean(),
  keepAlive: fc.integer({ min: 0, max: 65_535 }),
  will: fc.option(will, { nil: undefined }),
  username: fc.option(text, { nil: undefined }),
  password: fc.option(binary, { nil: undefined }),
}).map((packet) => ({
  ...packet,
  cleanSession: packet.cleanSession || packet.clientId === "",
  password: packet.username === undefined ? undefined : packet.password,
}));

/** Any PUBLISH. */
export const publish: fc.Arbitrary<Publish> = record({
  type: fc.constant("publish" as const),
  topicName,
  payload: fc.oneof(binary, fc.uint8Array({ minLength: 100, maxLength: 300 })),
  qos,
  retain: fc.boolean(),
  dup: fc.boolean(),
  packetId,
}).map((packet) => (packet.qos === 0 ? { ...packet, dup: false, packetId: 0 } : packet));

const connack: fc.Arbitrary<Packet> = fc.oneof(
  fc.boolean().map((sessionPresent): Packet => ({ type: "connack", sessionPresent, returnCode: 0 })),
  fc.integer({ min: 1, max: 5 }).map((returnCode): Packet => ({
    type: "connack",
    sessionPresent: false,
    returnCode: returnCode as ConnectReturnCode,
  })),
);

const acknowledgement: fc.Arbitrary<Packet> = record({
  type: fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp", "unsuback"),
  packetId,
});

const subscription: fc.Arbitrary<Subscription> = record({ topicFilter, qos });

const returnCode: fc.Arbitrary<SubackReturnCode> = fc.constantFrom(0, 1, 2, 128);

const subscriptionPacket: fc.Arbitrary<Packet> = fc.oneof(
  record({
    type: fc.constant("subscribe" as const),
    packetId,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 5 }),
  }),
  record({
    type: fc.constant("suback" as const),
    packetId,
    returnCodes: fc.array(returnCode, { minLength: 1, maxLength: 8 }),
  }),
  record({
    type: fc.constant("unsubscribe" as const),
    packetId,
    topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 5 }),
  }),
);

const empty: fc.Arbitrary<Packet> = record({ type: fc.constantFrom("pingreq", "pingresp", "disconnect") });

/** Any packet. */
export const packet: fc.Arbitrary<Packet> = fc.oneof(
  { arbitrary: publish, weight: 4 },
  { arbitrary: connect, weight: 2 },
  { arbitrary: subscriptionPacket, weight: 3 },
  acknowledgement,
  connack,
  empty,
);

const seeds = [...vectors, ...malformed].map(({ bytes }) => bytes).filter((bytes) => bytes.length < 400);

/** Bytes of one or more known packets, some of which may have been changed. */
export const mutatedBytes: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.array(fc.constantFrom(...seeds), { minLength: 1, maxLength: 4 }),
  fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
).map(([parts, changes]) => {
  const bytes = concat(...parts);
  for (const [at, value] of changes) bytes[at % bytes.length] = value;
  return bytes;
});

/** Any bytes. */
export const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(mutatedBytes, fc.uint8Array({ maxLength: 60 }));

/** Cuts a stream into chunks of random sizes. */
export function chunked(stream: fc.Arbitrary<Uint8Array>): fc.Arbitrary<{ stream: Uint8Array; chunks: Uint8Array[] }> {
  return fc.tuple(stream, fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 })).map(
    ([bytes, sizes]) => {
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(bytes.slice(at, at + size));
        at += size;
      }
      chunks.push(bytes.slice(at));
      return { stream: bytes, chunks };
    },
  );
}
