// Packets and their bytes, written by hand from the specification. One table serves encoding, decoding, fuzzing and the naive codec.

import { connacks, connects } from "./connect_vectors.ts";
import { concat, hex } from "./hex.ts";
import { filled, publish, type Vector } from "./vector.ts";

const publishes: readonly Vector[] = [
  {
    name: "PUBLISH, the smallest",
    rule: "[MQTT-4.7.3-1]",
    packet: publish({ topicName: "a" }),
    bytes: hex(`
      30 03      // PUBLISH, QoS 0
      00 01 61   // topicName "a"
    `),
  },
  {
    name: "PUBLISH at QoS 0 has no Packet Identifier",
    rule: "[MQTT-2.3.1-5]",
    packet: publish({ topicName: "a/b", payload: hex("00 01 02 03") }),
    bytes: hex(`
      30 09            // PUBLISH, QoS 0
      00 03 61 2f 62   // topicName "a/b"
      00 01 02 03      // payload
    `),
  },
  {
    name: "PUBLISH at QoS 1",
    rule: "[MQTT-2.3.1-1]",
    packet: publish({ topicName: "a/b", payload: hex("68 69"), qos: 1, packetId: 10 }),
    bytes: hex(`
      32 09            // PUBLISH, QoS 1
      00 03 61 2f 62   // topicName "a/b"
      00 0a            // packetId 10
      68 69            // payload "hi"
    `),
  },
  {
    name: "PUBLISH at QoS 2 with the largest Packet Identifier",
    rule: "[MQTT-2.3.1-1]",
    packet: publish({ topicName: "/", qos: 2, packetId: 65_535 }),
    bytes: hex(`
      34 05      // PUBLISH, QoS 2
      00 01 2f   // topicName "/"
      ff ff      // packetId 65535
    `),
  },
  {
    name: "PUBLISH delivered again",
    rule: "[MQTT-3.3.1-1]",
    packet: publish({ topicName: "a", qos: 1, dup: true, packetId: 256 }),
    bytes: hex(`
      3a 05      // PUBLISH, DUP, QoS 1
      00 01 61   // topicName "a"
      01 00      // packetId 256
    `),
  },
  {
    name: "PUBLISH with all flags",
    rule: "[MQTT-3.3.1-1]",
    packet: publish({ topicName: "a", qos: 2, dup: true, retain: true, packetId: 1 }),
    bytes: hex(`
      3d 05      // PUBLISH, DUP, QoS 2, RETAIN
      00 01 61   // topicName "a"
      00 01      // packetId 1
    `),
  },
  {
    name: "PUBLISH that clears a retained message",
    rule: "[MQTT-3.3.1-10]",
    packet: publish({ topicName: "a", retain: true }),
    bytes: hex(`
      31 03      // PUBLISH, QoS 0, RETAIN
      00 01 61   // topicName "a"
    `),
  },
  {
    name: "PUBLISH with characters of one to four bytes",
    rule: "[MQTT-1.5.3-1]",
    packet: publish({ topicName: "Aé€\u{2a6d4}", payload: hex("2a") }),
    bytes: hex(`
      30 0d         // PUBLISH, QoS 0
      00 0a         // topicName of 10 bytes
      41            // "A"
      c3 a9         // "é"
      e2 82 ac      // "€"
      f0 aa 9b 94   // U+2A6D4, the specification's own example
      2a            // payload
    `),
  },
  {
    name: "PUBLISH with the outermost code points of each length",
    rule: "[MQTT-1.5.3-1]",
    packet: publish({ topicName: "\u0001\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}" }),
    bytes: hex(`
      30 1c                 // PUBLISH, QoS 0
      00 1a                 // topicName of 26 bytes
      01 7f                 // U+0001, U+007F
      c2 80 df bf           // U+0080, U+07FF
      e0 a0 80 ed 9f bf     // U+0800, U+D7FF
      ee 80 80 ef bf bf     // U+E000, U+FFFF
      f0 90 80 80           // U+10000
      f4 8f bf bf           // U+10FFFF
    `),
  },
  {
    name: "PUBLISH with byte order marks in its Topic Name",
    rule: "[MQTT-1.5.3-3]",
    packet: publish({ topicName: "\ufeffa\ufeff" }),
    bytes: hex(`
      30 09                     // PUBLISH, QoS 0
      00 07 ef bb bf 61 ef bb bf   // topicName of 7 bytes
    `),
  },
  {
    name: "PUBLISH with spaces, empty levels and a dollar sign",
    rule: "[MQTT-4.7.3-4]",
    packet: publish({ topicName: "$SYS//a b/" }),
    bytes: hex(`
      30 0c                                  // PUBLISH, QoS 0
      00 0a 24 53 59 53 2f 2f 61 20 62 2f   // topicName "$SYS//a b/"
    `),
  },
  ...[
    { length: 127, header: "30 7f" },
    { length: 128, header: "30 80 01" },
    { length: 16_383, header: "30 ff 7f" },
    { length: 16_384, header: "30 80 80 01" },
    { length: 16_388, header: "30 84 80 01" },
  ].map(({ length, header }): Vector => ({
    name: `PUBLISH with Remaining Length ${length}`,
    rule: "[MQTT-3.3.2-1]",
    packet: publish({ topicName: "a", payload: filled(length - 3) }),
    bytes: concat(hex(header), hex("00 01 61"), filled(length - 3)),
  })),
  {
    name: "PUBLISH whose non-ASCII Topic Name takes Remaining Length over 127",
    rule: "[MQTT-1.5.3-1]",
    packet: publish({ topicName: "é".repeat(63), qos: 1, packetId: 1 }),
    bytes: concat(hex("32 82 01 00 7e"), ...Array(63).fill(hex("c3 a9")), hex("00 01")),
  },
  {
    name: "PUBLISH with the longest Topic Name",
    rule: "[MQTT-4.7.3-3]",
    packet: publish({ topicName: "t".repeat(65_535) }),
    bytes: concat(hex("30 81 80 04 ff ff"), new Uint8Array(65_535).fill(0x74)),
  },
];

const acknowledgements: readonly Vector[] = [
  {
    name: "PUBACK",
    rule: "[MQTT-2.3.1-6]",
    packet: { type: "puback", packetId: 1 },
    bytes: hex("40 02 00 01"),
  },
  {
    name: "PUBACK with the largest Packet Identifier",
    rule: "[MQTT-2.3.1-6]",
    packet: { type: "puback", packetId: 65_535 },
    bytes: hex("40 02 ff ff"),
  },
  {
    name: "PUBREC",
    rule: "[MQTT-2.3.1-6]",
    packet: { type: "pubrec", packetId: 256 },
    bytes: hex("50 02 01 00"),
  },
  {
    name: "PUBREL, whose flags are 0010",
    rule: "[MQTT-3.6.1-1]",
    packet: { type: "pubrel", packetId: 255 },
    bytes: hex("62 02 00 ff"),
  },
  {
    name: "PUBCOMP",
    rule: "[MQTT-4.3.3-2]",
    packet: { type: "pubcomp", packetId: 32_768 },
    bytes: hex("70 02 80 00"),
  },
  {
    name: "UNSUBACK",
    rule: "[MQTT-2.3.1-7]",
    packet: { type: "unsuback", packetId: 10 },
    bytes: hex("b0 02 00 0a"),
  },
];

const subscriptions: readonly Vector[] = [
  {
    name: "SUBSCRIBE to one filter, flags 0010",
    rule: "[MQTT-3.8.1-1]",
    packet: { type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a", qos: 0 }] },
    bytes: hex(`
      82 06      // SUBSCRIBE
      00 01      // packetId 1
      00 01 61   // topicFilter "a"
      00         // QoS 0
    `),
  },
  {
    name: "SUBSCRIBE to every kind of filter",
    rule: "[MQTT-3.8.3-1]",
    packet: {
      type: "subscribe",
      packetId: 65_535,
      subscriptions: [
        { topicFilter: "#", qos: 0 },
        { topicFilter: "+", qos: 1 },
        { topicFilter: "/+/é/#", qos: 2 },
        { topicFilter: "$SYS/#", qos: 1 },
      ],
    },
    bytes: hex(`
      82 1d                        // SUBSCRIBE
      ff ff                        // packetId 65535
      00 01 23                00   // "#", QoS 0
      00 01 2b                01   // "+", QoS 1
      00 07 2f 2b 2f c3 a9 2f 23 02   // "/+/é/#", QoS 2
      00 06 24 53 59 53 2f 23 01   // "$SYS/#", QoS 1
    `),
  },
  {
    name: "SUBACK with every return code",
    rule: "[MQTT-3.9.3-2]",
    packet: { type: "suback", packetId: 2, returnCodes: [0, 1, 2, 128] },
    bytes: hex(`
      90 06         // SUBACK
      00 02         // packetId 2
      00 01 02 80   // granted 0, 1, 2; refused
    `),
  },
  {
    name: "UNSUBSCRIBE from one filter, flags 0010",
    rule: "[MQTT-3.10.1-1]",
    packet: { type: "unsubscribe", packetId: 3, topicFilters: ["a/b"] },
    bytes: hex(`
      a2 07            // UNSUBSCRIBE
      00 03            // packetId 3
      00 03 61 2f 62   // topicFilter "a/b"
    `),
  },
  {
    name: "UNSUBSCRIBE from filters that are packed contiguously",
    rule: "[MQTT-3.10.3-1]",
    packet: { type: "unsubscribe", packetId: 4, topicFilters: ["#", "a/+/c"] },
    bytes: hex(`
      a2 0c                  // UNSUBSCRIBE
      00 04                  // packetId 4
      00 01 23               // "#"
      00 05 61 2f 2b 2f 63   // "a/+/c"
    `),
  },
];

const empties: readonly Vector[] = [
  { name: "PINGREQ", rule: "[MQTT-3.1.2-23]", packet: { type: "pingreq" }, bytes: hex("c0 00") },
  { name: "PINGRESP", rule: "[MQTT-3.12.4-1]", packet: { type: "pingresp" }, bytes: hex("d0 00") },
  { name: "DISCONNECT", rule: "[MQTT-3.14.1-1]", packet: { type: "disconnect" }, bytes: hex("e0 00") },
];

/** All vectors, of all fourteen packet types. */
export const vectors: readonly Vector[] = [
  ...connects,
  ...connacks,
  ...publishes,
  ...acknowledgements,
  ...subscriptions,
  ...empties,
];
