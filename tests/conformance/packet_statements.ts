// Sections 3.3 to 3.14 of MQTT 3.1.1: the packets after CONNACK.

import type { Statement } from "./statement.ts";

/** Statements about the packets of a connection. */
export const packetStatements: readonly Statement[] = [
  {
    id: "MQTT-3.3.1-1",
    binds: "both",
    summary: "A PUBLISH that is delivered again has DUP set.",
    provenBy: ["tests/codec/vectors.ts", "tests/conformance/session_state_test.ts", "tests/session/resume_test.ts"],
  },
  {
    id: "MQTT-3.3.1-2",
    binds: "both",
    summary: "At QoS 0 there is no DUP.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/conformance/closing_test.ts",
      "tests/session/qos_out_test.ts",
    ],
  },
  {
    id: "MQTT-3.3.1-3",
    binds: "server",
    summary: "DUP is not passed on to subscribers: it tells of each delivery by itself.",
  },
  {
    id: "MQTT-3.3.1-4",
    binds: "both",
    summary: "QoS 3 is sent by nobody, and ends the connection it comes on.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/refusal_test.ts", "tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-3.3.1-5",
    binds: "server",
    summary: "A message with RETAIN is stored with its QoS for subscribers to come.",
  },
  {
    id: "MQTT-3.3.1-6",
    binds: "server",
    summary: "A new subscription gets the last retained message of each topic it matches.",
  },
  {
    id: "MQTT-3.3.1-7",
    binds: "server",
    summary: "A retained message at QoS 0 drops the one before it, and may be dropped itself at any time.",
  },
  {
    id: "MQTT-3.3.1-8",
    binds: "server",
    summary: "What is sent because of a new subscription has RETAIN set.",
  },
  {
    id: "MQTT-3.3.1-9",
    binds: "server",
    summary: "What is sent to an established subscription has RETAIN 0.",
    provenBy: ["tests/e2e/qos_test.ts"],
  },
  {
    id: "MQTT-3.3.1-10",
    binds: "server",
    summary: "An empty message with RETAIN is delivered, and removes the retained one.",
    provenBy: ["tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-3.3.1-11",
    binds: "server",
    summary: "An empty message is never stored as a retained one.",
  },
  {
    id: "MQTT-3.3.1-12",
    binds: "server",
    summary: "A message without RETAIN leaves the retained one as it is.",
  },
  {
    id: "MQTT-3.3.2-1",
    binds: "both",
    summary: "PUBLISH begins with its Topic Name, a UTF-8 encoded string.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/codec/vectors.ts",
      "tests/conformance/closing_test.ts",
    ],
  },
  {
    id: "MQTT-3.3.2-2",
    binds: "both",
    summary: "The Topic Name of a PUBLISH has no wildcards.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/codec/topic_table_test.ts",
      "tests/conformance/closing_test.ts",
    ],
  },
  {
    id: "MQTT-3.3.2-3",
    binds: "server",
    summary: "What a subscriber gets has a Topic Name that its Topic Filter matches.",
  },
  {
    id: "MQTT-3.3.4-1",
    binds: "both",
    summary: "QoS 0 is not answered, QoS 1 with PUBACK, QoS 2 with PUBREC.",
    provenBy: ["tests/conformance/session_state_test.ts", "tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-3.3.5-1",
    binds: "server",
    summary: "Where subscriptions overlap, the highest QoS among them holds.",
  },
  {
    id: "MQTT-3.3.5-2",
    binds: "server",
    summary: "A publish that is not authorized is acknowledged all the same, or ends the connection.",
  },
  {
    id: "MQTT-3.6.1-1",
    binds: "both",
    summary: "The flags of PUBREL are 0010; a server closes on others.",
    note: "Petrel does so too.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts", "tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-3.8.1-1",
    binds: "both",
    summary: "The flags of SUBSCRIBE are 0010; a server closes on others.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-3.8.3-1",
    binds: "client",
    summary: "The Topic Filters of SUBSCRIBE are UTF-8 encoded strings.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts", "tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-3.8.3-2",
    binds: "server",
    summary: "A server without wildcards rejects the filters that have them.",
  },
  {
    id: "MQTT-3.8.3-3",
    binds: "client",
    summary: "SUBSCRIBE has at least one Topic Filter with its QoS.",
    provenBy: ["tests/client/request_builder_test.ts", "tests/codec/malformed.ts", "tests/codec/refusal_test.ts"],
  },
  {
    id: "MQTT-3.8.3-4",
    binds: "server",
    summary: "A SUBSCRIBE with a reserved bit or QoS 3 is malformed and ends the connection.",
    note: "Petrel makes none.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/refusal_test.ts"],
  },
  {
    id: "MQTT-3.8.4-1",
    binds: "server",
    summary: "SUBSCRIBE is answered with SUBACK.",
  },
  {
    id: "MQTT-3.8.4-2",
    binds: "server",
    summary: "SUBACK has the Packet Identifier of its SUBSCRIBE.",
    provenBy: ["tests/session/subscribe_test.ts"],
  },
  {
    id: "MQTT-3.8.4-3",
    binds: "server",
    summary: "A Topic Filter that is subscribed again replaces the subscription, and retained messages come again.",
    provenBy: ["tests/session/subscribe_test.ts"],
  },
  {
    id: "MQTT-3.8.4-4",
    binds: "server",
    summary: "A SUBSCRIBE with several filters is like several of them, but for the one answer.",
  },
  {
    id: "MQTT-3.8.4-5",
    binds: "server",
    summary: "SUBACK has one return code for each filter: the QoS granted, or failure.",
    note: "Petrel refuses another number.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/conformance/closing_test.ts",
      "tests/loop/notice_test.ts",
      "tests/session/subscribe_test.ts",
    ],
  },
  {
    id: "MQTT-3.8.4-6",
    binds: "server",
    summary: "A message comes at the lower of its own QoS and the QoS granted.",
  },
  {
    id: "MQTT-3.9.3-1",
    binds: "server",
    summary: "The return codes of SUBACK are in the order of the filters.",
    provenBy: ["tests/conformance/server_answers_test.ts"],
  },
  {
    id: "MQTT-3.9.3-2",
    binds: "server",
    summary: "The return codes of SUBACK are 0, 1, 2 and 0x80.",
    note: "Petrel refuses others.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts", "tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-3.10.1-1",
    binds: "both",
    summary: "The flags of UNSUBSCRIBE are 0010; a server closes on others.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-3.10.3-1",
    binds: "client",
    summary: "The Topic Filters of UNSUBSCRIBE are UTF-8 encoded strings with nothing between them.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts", "tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-3.10.3-2",
    binds: "client",
    summary: "UNSUBSCRIBE has at least one Topic Filter.",
    provenBy: ["tests/client/request_builder_test.ts", "tests/codec/malformed.ts", "tests/codec/refusal_test.ts"],
  },
  {
    id: "MQTT-3.10.4-1",
    binds: "server",
    summary: "UNSUBSCRIBE ends the subscription whose filter is the same character by character, and no other.",
  },
  {
    id: "MQTT-3.10.4-2",
    binds: "server",
    summary: "After a subscription is deleted no new messages are added for it.",
  },
  {
    id: "MQTT-3.10.4-3",
    binds: "server",
    summary: "Deliveries at QoS 1 and 2 that were begun before are completed.",
  },
  {
    id: "MQTT-3.10.4-4",
    binds: "server",
    summary: "UNSUBSCRIBE is answered with UNSUBACK under the same Packet Identifier.",
  },
  {
    id: "MQTT-3.10.4-5",
    binds: "server",
    summary: "It is answered too if no subscription was deleted.",
  },
  {
    id: "MQTT-3.10.4-6",
    binds: "server",
    summary: "An UNSUBSCRIBE with several filters is like several of them, but for the one answer.",
  },
  {
    id: "MQTT-3.12.4-1",
    binds: "server",
    summary: "PINGREQ is answered with PINGRESP.",
    provenBy: ["tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-3.14.1-1",
    binds: "server",
    summary: "A DISCONNECT with a reserved flag ends the connection.",
    note: "Petrel makes none.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-3.14.4-1",
    binds: "client",
    summary: "After DISCONNECT the client ends the connection.",
    provenBy: ["tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-3.14.4-2",
    binds: "client",
    summary: "After DISCONNECT the client sends nothing more on the connection.",
    provenBy: ["tests/conformance/closing_test.ts", "tests/session/disconnect_test.ts"],
  },
  {
    id: "MQTT-3.14.4-3",
    binds: "server",
    summary: "DISCONNECT discards the will.",
  },
];
