// CONNECT and CONNACK with their bytes, written by hand from the specification.

import { hex } from "./hex.ts";
import { none, type Vector } from "./vector.ts";

/** CONNECT. */
export const connects: readonly Vector[] = [
  {
    name: "CONNECT with an empty Client Identifier",
    rule: "[MQTT-3.1.3-7]",
    packet: {
      type: "connect",
      clientId: "",
      cleanSession: true,
      keepAlive: 0,
      will: undefined,
      username: undefined,
      password: undefined,
    },
    bytes: hex(`
      10 0c               // CONNECT, Remaining Length 12
      00 04 4d 51 54 54   // "MQTT"
      04                  // level 4
      02                  // Clean Session
      00 00               // Keep Alive 0
      00 00               // clientId ""
    `),
  },
  {
    name: "CONNECT with every field, in their order",
    rule: "[MQTT-3.1.3-1]",
    packet: {
      type: "connect",
      clientId: "c1",
      cleanSession: true,
      keepAlive: 65_535,
      will: { topicName: "w/t", payload: hex("00 ff"), qos: 2, retain: true },
      username: "u",
      password: hex("00 01 02"),
    },
    bytes: hex(`
      10 1f               // CONNECT, Remaining Length 31
      00 04 4d 51 54 54   // "MQTT"
      04                  // level 4
      f6                  // username, password, Will Retain, Will QoS 2, will, Clean Session
      ff ff               // Keep Alive 65535
      00 02 63 31         // clientId "c1"
      00 03 77 2f 74      // Will Topic "w/t"
      00 02 00 ff         // Will Message
      00 01 75            // username "u"
      00 03 00 01 02      // password
    `),
  },
  {
    name: "CONNECT that resumes a session, with a will at QoS 1",
    rule: "[MQTT-3.1.2-9]",
    packet: {
      type: "connect",
      clientId: "é",
      cleanSession: false,
      keepAlive: 60,
      will: { topicName: "w", payload: none, qos: 1, retain: false },
      username: undefined,
      password: undefined,
    },
    bytes: hex(`
      10 13               // CONNECT, Remaining Length 19
      00 04 4d 51 54 54   // "MQTT"
      04                  // level 4
      0c                  // Will QoS 1, will
      00 3c               // Keep Alive 60
      00 02 c3 a9         // clientId "é"
      00 01 77            // Will Topic "w"
      00 00               // empty Will Message
    `),
  },
  {
    name: "CONNECT with an empty username and an empty password",
    rule: "[MQTT-3.1.2-21]",
    packet: {
      type: "connect",
      clientId: "a",
      cleanSession: false,
      keepAlive: 1,
      will: undefined,
      username: "",
      password: none,
    },
    bytes: hex(`
      10 11               // CONNECT, Remaining Length 17
      00 04 4d 51 54 54   // "MQTT"
      04                  // level 4
      c0                  // username, password
      00 01               // Keep Alive 1
      00 01 61            // clientId "a"
      00 00               // username ""
      00 00               // empty password
    `),
  },
  {
    name: "CONNECT with a username alone and a retained will at QoS 0",
    rule: "[MQTT-3.1.2-19]",
    packet: {
      type: "connect",
      clientId: "a",
      cleanSession: true,
      keepAlive: 258,
      will: { topicName: "/", payload: hex("2a"), qos: 0, retain: true },
      username: "me",
      password: undefined,
    },
    bytes: hex(`
      10 17               // CONNECT, Remaining Length 23
      00 04 4d 51 54 54   // "MQTT"
      04                  // level 4
      a6                  // username, Will Retain, Will QoS 0, will, Clean Session
      01 02               // Keep Alive 258
      00 01 61            // clientId "a"
      00 01 2f            // Will Topic "/"
      00 01 2a            // Will Message
      00 02 6d 65         // username "me"
    `),
  },
];

/** CONNACK. */
export const connacks: readonly Vector[] = [
  {
    name: "CONNACK for a new session",
    rule: "[MQTT-3.2.2-3]",
    packet: { type: "connack", sessionPresent: false, returnCode: 0 },
    bytes: hex("20 02 00 00"),
  },
  {
    name: "CONNACK for a resumed session",
    rule: "[MQTT-3.2.2-2]",
    packet: { type: "connack", sessionPresent: true, returnCode: 0 },
    bytes: hex("20 02 01 00"),
  },
  ...([1, 2, 3, 4, 5] as const).map((returnCode): Vector => ({
    name: `CONNACK that refuses with code ${returnCode}`,
    rule: "[MQTT-3.2.2-4]",
    packet: { type: "connack", sessionPresent: false, returnCode },
    bytes: hex(`20 02 00 0${returnCode}`),
  })),
];
