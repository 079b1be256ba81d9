// Chapters 1 and 2 of MQTT 3.1.1: strings, fixed header, Packet Identifiers.

import type { Statement } from "./statement.ts";

/** Statements about how packets are written. */
export const formatStatements: readonly Statement[] = [
  {
    id: "MQTT-1.5.3-1",
    binds: "both",
    summary: "A string is well-formed UTF-8 without surrogates; whoever receives another closes the connection.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/conformance/closing_test.ts",
      "tests/conformance/strings_test.ts",
    ],
  },
  {
    id: "MQTT-1.5.3-2",
    binds: "both",
    summary: "A string has no U+0000; whoever receives one closes the connection.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/conformance/closing_test.ts",
      "tests/conformance/strings_test.ts",
    ],
  },
  {
    id: "MQTT-1.5.3-3",
    binds: "both",
    summary: "The bytes EF BB BF are U+FEFF wherever they stand, and no receiver drops them.",
    provenBy: ["tests/codec/vectors.ts", "tests/e2e/qos_test.ts"],
  },
  {
    id: "MQTT-2.2.2-1",
    binds: "both",
    summary: "Reserved flags have the values of table 2.2.",
    provenBy: ["tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-2.2.2-2",
    binds: "both",
    summary: "Other flags than the allowed ones end the connection.",
    provenBy: ["tests/codec/malformed.ts", "tests/conformance/closing_test.ts"],
  },
  {
    id: "MQTT-2.3.1-1",
    binds: "both",
    summary: "SUBSCRIBE, UNSUBSCRIBE and PUBLISH above QoS 0 have a Packet Identifier of 16 bits that is not 0.",
    provenBy: [
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/conformance/closing_test.ts",
      "tests/session/window_test.ts",
    ],
  },
  {
    id: "MQTT-2.3.1-2",
    binds: "client",
    summary: "Each new packet of these types has an identifier that is not in use.",
    provenBy: ["tests/session/window_test.ts"],
  },
  {
    id: "MQTT-2.3.1-3",
    binds: "client",
    summary: "A packet sent again keeps its identifier, which is free again after PUBACK, PUBCOMP, SUBACK or UNSUBACK.",
    provenBy: [
      "tests/session/window_test.ts",
      "tests/session/subscribe_test.ts",
      "tests/conformance/session_state_test.ts",
    ],
  },
  {
    id: "MQTT-2.3.1-4",
    binds: "server",
    summary: "The same holds for a server's PUBLISH above QoS 0: its identifiers are its own.",
    provenBy: ["tests/session/qos_in_test.ts"],
  },
  {
    id: "MQTT-2.3.1-5",
    binds: "both",
    summary: "A PUBLISH at QoS 0 has no Packet Identifier.",
    provenBy: ["tests/codec/vectors.ts", "tests/codec/refusal_test.ts", "tests/session/qos_out_test.ts"],
  },
  {
    id: "MQTT-2.3.1-6",
    binds: "both",
    summary: "PUBACK, PUBREC and PUBREL have the identifier of the PUBLISH they are about.",
    provenBy: ["tests/codec/vectors.ts", "tests/session/qos_out_test.ts"],
  },
  {
    id: "MQTT-2.3.1-7",
    binds: "server",
    summary: "SUBACK and UNSUBACK have the identifier of the request they answer.",
    provenBy: ["tests/codec/vectors.ts", "tests/conformance/server_answers_test.ts"],
  },
];
