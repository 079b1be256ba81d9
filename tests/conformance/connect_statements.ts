// Sections 3.1 and 3.2 of MQTT 3.1.1: CONNECT and CONNACK.

import type { Statement } from "./statement.ts";

/** Statements about how a connection begins. */
export const connectStatements: readonly Statement[] = [
  {
    id: "MQTT-3.1.0-1",
    binds: "client",
    summary: "The first packet of a client on a connection is CONNECT.",
    provenBy: ["tests/loop/connect_test.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-3.1.0-2",
    binds: "server",
    summary: "A second CONNECT on a connection is a violation and ends it.",
    note: "Petrel sends one.",
    provenBy: ["tests/loop/connect_test.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-3.1.2-1",
    binds: "server",
    summary: "A server may close on another protocol name, or go by another specification, but not by this one.",
    provenBy: ["tests/codec/malformed.ts"],
  },
  {
    id: "MQTT-3.1.2-2",
    binds: "server",
    summary: "A protocol level it does not support is answered with return code 1 and the end of the connection.",
    provenBy: ["tests/codec/malformed.ts"],
  },
  {
    id: "MQTT-3.1.2-3",
    binds: "server",
    summary: "A CONNECT whose reserved flag is set ends the connection.",
    note: "Petrel leaves it 0.",
    provenBy: ["tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-4",
    binds: "both",
    summary:
      "With Clean Session 0 the session of the Client Identifier goes on, and both sides keep it between connections.",
    note: "Petrel keeps it for the life of the event loop.",
    provenBy: ["tests/conformance/session_state_test.ts"],
  },
  {
    id: "MQTT-3.1.2-5",
    binds: "server",
    summary:
      "While a client with a kept session is away, messages at QoS 1 and 2 for its subscriptions are kept for it.",
  },
  {
    id: "MQTT-3.1.2-6",
    binds: "both",
    summary:
      "With Clean Session 1 both sides drop any earlier session, and nothing of this one is used in a later one.",
    provenBy: ["tests/conformance/session_state_test.ts"],
  },
  {
    id: "MQTT-3.1.2-7",
    binds: "server",
    summary: "Retained messages are no part of a session and survive its end.",
  },
  {
    id: "MQTT-3.1.2-8",
    binds: "server",
    summary: "A will is stored with the connection, and published at its end unless DISCONNECT came.",
  },
  {
    id: "MQTT-3.1.2-9",
    binds: "client",
    summary: "With the Will Flag set, Will Topic and Will Message are in the payload.",
    provenBy: ["tests/codec/connect_vectors.ts", "tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-10",
    binds: "server",
    summary: "A will is forgotten once it is published or DISCONNECT came.",
  },
  {
    id: "MQTT-3.1.2-11",
    binds: "client",
    summary: "Without the Will Flag, Will QoS and Will Retain are 0, and neither Will Topic nor Will Message is there.",
    provenBy: ["tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-12",
    binds: "server",
    summary: "Without the Will Flag nothing is published when the connection ends.",
  },
  {
    id: "MQTT-3.1.2-13",
    binds: "client",
    summary: "Without the Will Flag, Will QoS is 0.",
    provenBy: ["tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-14",
    binds: "client",
    summary: "Will QoS is 0, 1 or 2.",
    provenBy: ["tests/codec/malformed.ts", "tests/codec/refusal_test.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-15",
    binds: "client",
    summary: "Without the Will Flag, Will Retain is 0.",
    provenBy: ["tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-16",
    binds: "server",
    summary: "With Will Retain 0 the will is published as a message that is not retained.",
  },
  {
    id: "MQTT-3.1.2-17",
    binds: "server",
    summary: "With Will Retain 1 the will is published as a retained message.",
  },
  {
    id: "MQTT-3.1.2-18",
    binds: "client",
    summary: "Without the User Name Flag no user name is in the payload.",
    provenBy: ["tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-19",
    binds: "client",
    summary: "With the User Name Flag a user name is in the payload.",
    provenBy: ["tests/codec/connect_vectors.ts", "tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-20",
    binds: "client",
    summary: "Without the Password Flag no password is in the payload.",
    provenBy: ["tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-21",
    binds: "client",
    summary: "With the Password Flag a password is in the payload.",
    provenBy: ["tests/codec/connect_vectors.ts", "tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.2-22",
    binds: "client",
    summary: "Without a user name there is no password.",
    provenBy: [
      "tests/client/options_test.ts",
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
      "tests/loop/credentials_test.ts",
    ],
  },
  {
    id: "MQTT-3.1.2-23",
    binds: "client",
    summary:
      "No more than the Keep Alive passes between two packets of a client; if it has no other, it sends PINGREQ.",
    provenBy: ["tests/loop/keep_alive_test.ts", "tests/session/keep_alive_test.ts"],
  },
  {
    id: "MQTT-3.1.2-24",
    binds: "server",
    summary: "After one and a half Keep Alive periods of silence the server ends the connection.",
    note: "Petrel does the same to the server.",
    provenBy: ["tests/session/keep_alive_test.ts"],
  },
  {
    id: "MQTT-3.1.3-1",
    binds: "client",
    summary:
      "The payload of CONNECT has Client Identifier, Will Topic, Will Message, user name and password in this order.",
    provenBy: ["tests/codec/connect_vectors.ts", "tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.3-2",
    binds: "both",
    summary: "Both sides know a session by its Client Identifier.",
    provenBy: ["tests/conformance/session_state_test.ts"],
  },
  {
    id: "MQTT-3.1.3-3",
    binds: "client",
    summary: "The Client Identifier is there, and is the first field of the payload.",
    provenBy: ["tests/codec/malformed.ts", "tests/conformance/connect_form_test.ts"],
  },
  {
    id: "MQTT-3.1.3-4",
    binds: "client",
    summary: "The Client Identifier is a UTF-8 encoded string.",
    provenBy: ["tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-3.1.3-5",
    binds: "server",
    summary: "Client Identifiers of 1 to 23 letters and digits are allowed by every server.",
  },
  {
    id: "MQTT-3.1.3-6",
    binds: "server",
    summary:
      "If a server allows an empty Client Identifier, it chooses a unique one and goes on as if that had been given.",
  },
  {
    id: "MQTT-3.1.3-7",
    binds: "client",
    summary: "An empty Client Identifier goes with Clean Session 1 only.",
    provenBy: [
      "tests/client/options_test.ts",
      "tests/codec/connect_vectors.ts",
      "tests/codec/malformed.ts",
      "tests/codec/refusal_test.ts",
    ],
  },
  {
    id: "MQTT-3.1.3-8",
    binds: "server",
    summary:
      "An empty Client Identifier with Clean Session 0 is answered with return code 2 and the end of the connection.",
  },
  {
    id: "MQTT-3.1.3-9",
    binds: "server",
    summary: "A Client Identifier that is rejected is answered with return code 2 and the end of the connection.",
  },
  {
    id: "MQTT-3.1.3-10",
    binds: "client",
    summary: "The Will Topic is a UTF-8 encoded string.",
    provenBy: ["tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-3.1.3-11",
    binds: "client",
    summary: "The user name is a UTF-8 encoded string.",
    provenBy: ["tests/conformance/strings_test.ts"],
  },
  {
    id: "MQTT-3.1.4-1",
    binds: "server",
    summary: "A CONNECT that breaks section 3.1 ends the connection without CONNACK.",
  },
  {
    id: "MQTT-3.1.4-2",
    binds: "server",
    summary: "A second client of the same Client Identifier puts the first one out.",
  },
  {
    id: "MQTT-3.1.4-3",
    binds: "server",
    summary: "A valid CONNECT has its Clean Session honoured.",
  },
  {
    id: "MQTT-3.1.4-4",
    binds: "server",
    summary: "A valid CONNECT is answered with CONNACK and return code 0.",
  },
  {
    id: "MQTT-3.1.4-5",
    binds: "server",
    summary: "After a rejected CONNECT, what the client has sent behind it is not looked at.",
  },
  {
    id: "MQTT-3.2.0-1",
    binds: "server",
    summary: "The first packet of a server is CONNACK.",
    note: "Petrel refuses any other.",
    provenBy: ["tests/loop/connect_test.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-3.2.2-1",
    binds: "server",
    summary: "For Clean Session 1, Session Present is 0.",
    note: "Petrel refuses 1.",
    provenBy: ["tests/loop/connect_test.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-3.2.2-2",
    binds: "server",
    summary: "For Clean Session 0, Session Present is 1 if the server has the session.",
    provenBy: ["tests/codec/connect_vectors.ts"],
  },
  {
    id: "MQTT-3.2.2-3",
    binds: "server",
    summary: "If the server has no session, Session Present is 0.",
    provenBy: ["tests/codec/connect_vectors.ts"],
  },
  {
    id: "MQTT-3.2.2-4",
    binds: "server",
    summary: "With a return code other than 0, Session Present is 0.",
    note: "Petrel refuses 1.",
    provenBy: ["tests/codec/connect_vectors.ts", "tests/codec/malformed.ts", "tests/session/transitions_test.ts"],
  },
  {
    id: "MQTT-3.2.2-5",
    binds: "server",
    summary: "After a return code other than 0 the server ends the connection.",
  },
  {
    id: "MQTT-3.2.2-6",
    binds: "server",
    summary: "If no return code fits, the connection ends without CONNACK.",
  },
];
