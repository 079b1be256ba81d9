// Chapters 4, 6 and 7 of MQTT 3.1.1: operation, WebSocket, conformance.

import type { Statement } from "./statement.ts";

/** Statements about what clients and servers do. */
export const behaviourStatements: readonly Statement[] = [
  {
    id: "MQTT-4.1.0-1",
    binds: "both",
    summary: "Both sides keep the state of a session for as long as it lasts.",
    provenBy: ["tests/conformance/session_state_test.ts", "tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-4.1.0-2",
    binds: "both",
    summary: "A session lasts at least as long as its connection.",
    provenBy: ["tests/conformance/session_state_test.ts"],
  },
  {
    id: "MQTT-4.3.1-1",
    binds: "both",
    summary: "The sender of a QoS 0 message sends PUBLISH with QoS 0 and DUP 0.",
    provenBy: ["tests/session/qos_out_test.ts"],
  },
  {
    id: "MQTT-4.3.2-1",
    binds: "both",
    summary:
      "The sender of a QoS 1 message gives it an unused identifier, sends it with DUP 0, and holds it as unacknowledged until PUBACK.",
    provenBy: ["tests/session/qos_out_test.ts", "tests/session/unexpected_ack_test.ts"],
  },
  {
    id: "MQTT-4.3.2-2",
    binds: "both",
    summary: "The receiver of a QoS 1 message answers with PUBACK; the same identifier is a new message after that.",
    provenBy: ["tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-4.3.3-1",
    binds: "both",
    summary:
      "The sender of a QoS 2 message holds it until PUBREC, then PUBREL until PUBCOMP, and never goes back to PUBLISH.",
    provenBy: ["tests/session/qos_out_test.ts", "tests/session/unexpected_ack_test.ts"],
  },
  {
    id: "MQTT-4.3.3-2",
    binds: "both",
    summary:
      "The receiver of a QoS 2 message answers PUBREC and delivers once until PUBREL, which it answers with PUBCOMP.",
    provenBy: ["tests/session/manual_ack_test.ts", "tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-4.4.0-1",
    binds: "both",
    summary:
      "After a reconnect with Clean Session 0, unacknowledged PUBLISH and PUBREL are sent again under their identifiers.",
    note: "If the server has lost the session, `onSessionLost` decides.",
    provenBy: ["tests/conformance/session_state_test.ts", "tests/session/resume_test.ts"],
  },
  {
    id: "MQTT-4.5.0-1",
    binds: "server",
    summary: "A message the server has taken joins the session of every client with a matching subscription.",
  },
  {
    id: "MQTT-4.5.0-2",
    binds: "client",
    summary: "A client acknowledges every message by its QoS, whether or not it does anything with it.",
    provenBy: ["tests/conformance/session_state_test.ts"],
  },
  {
    id: "MQTT-4.6.0-1",
    binds: "client",
    summary: "PUBLISH are sent again in the order in which they were first sent.",
    provenBy: ["tests/loop/recovery_test.ts", "tests/session/resume_test.ts"],
  },
  {
    id: "MQTT-4.6.0-2",
    binds: "client",
    summary: "PUBACK go in the order of their PUBLISH.",
    note: "In manual mode Petrel leaves that to the application.",
    provenBy: ["tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-4.6.0-3",
    binds: "client",
    summary: "PUBREC go in the order of their PUBLISH.",
    note: "In manual mode Petrel leaves that to the application.",
    provenBy: ["tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-4.6.0-4",
    binds: "client",
    summary: "PUBREL go in the order of their PUBREC.",
    provenBy: [
      "tests/conformance/session_state_test.ts",
      "tests/session/qos_out_test.ts",
      "tests/session/resume_test.ts",
    ],
  },
  {
    id: "MQTT-4.6.0-5",
    binds: "server",
    summary: "Topics are ordered unless they are told not to be.",
  },
  {
    id: "MQTT-4.6.0-6",
    binds: "server",
    summary: "On an ordered topic the server keeps these rules to each subscriber, and the order of each publisher.",
  },
  {
    id: "MQTT-4.7.1-1",
    binds: "both",
    summary: "Wildcards are for Topic Filters and never in a Topic Name.",
    provenBy: ["tests/client/request_builder_test.ts", "tests/codec/refusal_test.ts", "tests/codec/topic_test.ts"],
  },
  {
    id: "MQTT-4.7.1-2",
    binds: "both",
    summary: '"#" is a whole level, and the last one.',
    provenBy: [
      "tests/client/request_builder_test.ts",
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/codec/topic_test.ts",
    ],
  },
  {
    id: "MQTT-4.7.1-3",
    binds: "both",
    summary: '"+" is a whole level.',
    provenBy: [
      "tests/client/request_builder_test.ts",
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/codec/topic_test.ts",
    ],
  },
  {
    id: "MQTT-4.7.2-1",
    binds: "server",
    summary: 'A filter that begins with a wildcard matches no Topic Name that begins with "$".',
    note: "topicMatches() keeps to it.",
    provenBy: ["tests/codec/topic_test.ts"],
  },
  {
    id: "MQTT-4.7.3-1",
    binds: "both",
    summary: "Topic Names and Topic Filters have at least one character.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/codec/topic_test.ts",
      "tests/conformance/closing_test.ts",
    ],
  },
  {
    id: "MQTT-4.7.3-2",
    binds: "both",
    summary: "Topic Names and Topic Filters have no U+0000.",
    provenBy: ["tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-4.7.3-3",
    binds: "both",
    summary: "Topic Names and Topic Filters have at most 65,535 bytes.",
    provenBy: ["tests/codec/refusal_test.ts", "tests/codec/topic_test.ts", "tests/codec/vectors.ts"],
  },
  {
    id: "MQTT-4.7.3-4",
    binds: "server",
    summary: "Matching changes nothing in names and filters: no normalization, no substitution.",
    note: "topicMatches() keeps to it.",
    provenBy: ["tests/codec/topic_test.ts"],
  },
  {
    id: "MQTT-4.8.0-1",
    binds: "both",
    summary: "Whoever meets a violation of the protocol closes the connection it came on.",
    provenBy: ["tests/conformance/closing_test.ts", "tests/loop/connect_test.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-4.8.0-2",
    binds: "both",
    summary: "Whoever cannot process a packet for a passing reason closes the connection it came on.",
    provenBy: ["tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-6.0.0-1",
    binds: "both",
    summary: "Over WebSocket packets travel in binary frames, and any other frame ends the connection.",
    provenBy: [
      "tests/conformance/websocket_test.ts",
      "tests/transport/websocket_close_test.ts",
      "tests/transport/websocket_frame_test.ts",
    ],
  },
  {
    id: "MQTT-6.0.0-2",
    binds: "both",
    summary: "Packets need not begin or end where frames do.",
    provenBy: ["tests/conformance/websocket_test.ts"],
  },
  {
    id: "MQTT-6.0.0-3",
    binds: "client",
    summary: 'Over WebSocket a client offers the subprotocol "mqtt".',
    provenBy: ["tests/conformance/websocket_test.ts", "tests/transport/websocket_upgrade_test.ts"],
  },
  {
    id: "MQTT-6.0.0-4",
    binds: "server",
    summary: 'The server chooses the subprotocol "mqtt".',
    note: "A connection whose server has not chosen it is ended before CONNECT.",
    provenBy: ["tests/conformance/websocket_test.ts", "tests/transport/websocket_upgrade_test.ts"],
  },
  {
    id: "MQTT-7.0.0-1",
    binds: "server",
    summary: "A server that connects to other servers conforms as a client too.",
  },
  {
    id: "MQTT-7.0.0-2",
    binds: "both",
    summary: "Nothing beyond the specification is needed to work with others that conform.",
    provenBy: ["tests/conformance/interoperation_test.ts", "tests/conformance/plain_mqtt_test.ts"],
  },
  {
    id: "MQTT-7.1.1-1",
    binds: "server",
    summary: "A server supports a transport that carries an ordered, lossless stream of bytes both ways.",
  },
  {
    id: "MQTT-7.1.2-1",
    binds: "client",
    summary: "A client supports a transport that carries an ordered, lossless stream of bytes both ways.",
    provenBy: ["tests/conformance/interoperation_test.ts"],
  },
];
