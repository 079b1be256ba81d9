// Bytes that break a rule, which rule, and where. Written by hand from the specification.

import { hex } from "./hex.ts";

/** Bytes that are not MQTT 3.1.1. */
export interface MalformedBytes {
  /** What is wrong. */
  readonly name: string;
  /** The broken statement, or the section if it has no id, in brackets. */
  readonly rule: string;
  /** The offset of the byte at fault. */
  readonly offset: number;
  /** The bytes. They end where the fault can be told: one byte less is only an incomplete packet. */
  readonly bytes: Uint8Array;
}

/** CONNECT up to its Connect Flags, "MQTT" and level 4 included. */
const CONNECT_START = "00 04 4d 51 54 54 04";

const fixedHeaders: readonly MalformedBytes[] = [
  row("packet type 0", "[MQTT-2.2.1]", 0, "00"),
  row("packet type 15", "[MQTT-2.2.1]", 0, "f0"),
  row("CONNECT with a flag", "[MQTT-2.2.2-2]", 0, "11"),
  row("CONNACK with a flag", "[MQTT-2.2.2-2]", 0, "21"),
  row("PUBACK with a flag", "[MQTT-2.2.2-2]", 0, "42"),
  row("PUBREC with a flag", "[MQTT-2.2.2-2]", 0, "52"),
  row("PUBREL without its flag", "[MQTT-3.6.1-1]", 0, "60"),
  row("PUBREL with DUP", "[MQTT-3.6.1-1]", 0, "6a"),
  row("PUBCOMP with a flag", "[MQTT-2.2.2-2]", 0, "72"),
  row("SUBSCRIBE without its flag", "[MQTT-3.8.1-1]", 0, "80"),
  row("SUBSCRIBE with another flag too", "[MQTT-3.8.1-1]", 0, "83"),
  row("SUBACK with a flag", "[MQTT-2.2.2-2]", 0, "98"),
  row("UNSUBSCRIBE without its flag", "[MQTT-3.10.1-1]", 0, "a0"),
  row("UNSUBSCRIBE with DUP", "[MQTT-3.10.1-1]", 0, "aa"),
  row("UNSUBACK with a flag", "[MQTT-2.2.2-2]", 0, "b2"),
  row("PINGREQ with a flag", "[MQTT-2.2.2-2]", 0, "c1"),
  row("PINGRESP with a flag", "[MQTT-2.2.2-2]", 0, "d8"),
  row("DISCONNECT with a flag", "[MQTT-3.14.1-1]", 0, "e1"),
  row("PUBLISH with QoS 3", "[MQTT-3.3.1-4]", 0, "36"),
  row("PUBLISH with QoS 3 and all flags", "[MQTT-3.3.1-4]", 0, "3f"),
  row("PUBLISH with DUP at QoS 0", "[MQTT-3.3.1-2]", 0, "38"),
  row("PUBLISH with DUP and RETAIN at QoS 0", "[MQTT-3.3.1-2]", 0, "39"),
  row("Remaining Length of five bytes", "[MQTT-2.2.3]", 4, "30 80 80 80 80"),
  row("Remaining Length of five bytes, of CONNECT", "[MQTT-2.2.3]", 4, "10 ff ff ff ff"),
  row("CONNACK of 1 byte", "[MQTT-3.2.1]", 1, "20 01"),
  row("CONNACK of 3 bytes", "[MQTT-3.2.1]", 1, "20 03"),
  row("PUBACK of 0 bytes", "[MQTT-3.4.1]", 1, "40 00"),
  row("PUBACK of 3 bytes", "[MQTT-3.4.1]", 1, "40 03"),
  row("PUBACK of 268,435,455 bytes", "[MQTT-3.4.1]", 1, "40 ff ff ff 7f"),
  row("PUBREC of 1 byte", "[MQTT-3.5.1]", 1, "50 01"),
  row("PUBREL of 4 bytes", "[MQTT-3.6.1]", 1, "62 04"),
  row("PUBCOMP of 130 bytes", "[MQTT-3.7.1]", 1, "70 82 01"),
  row("UNSUBACK of 1 byte", "[MQTT-3.11.1]", 1, "b0 01"),
  row("PINGREQ of 1 byte", "[MQTT-3.12.1]", 1, "c0 01"),
  row("PINGRESP of 2 bytes", "[MQTT-3.13.1]", 1, "d0 02"),
  row("DISCONNECT of 1 byte", "[MQTT-3.14.1]", 1, "e0 01"),
];

const connacks: readonly MalformedBytes[] = [
  row("CONNACK with a reserved acknowledge flag", "[MQTT-3.2.2.1]", 2, "20 02 02 00"),
  row("CONNACK with the highest acknowledge flag", "[MQTT-3.2.2.1]", 2, "20 02 80 00"),
  row("CONNACK with return code 6", "[MQTT-3.2.2.3]", 3, "20 02 00 06"),
  row("CONNACK with return code 255", "[MQTT-3.2.2.3]", 3, "20 02 00 ff"),
  row("CONNACK that refuses with Session Present", "[MQTT-3.2.2-4]", 2, "20 02 01 05"),
];

const publishes: readonly MalformedBytes[] = [
  row("PUBLISH of 0 bytes", "[MQTT-3.3.2-1]", 2, "30 00"),
  row("PUBLISH of 1 byte", "[MQTT-3.3.2-1]", 2, "30 01 00"),
  row("PUBLISH whose Topic Name goes beyond it", "[MQTT-3.3.2-1]", 2, "30 04 00 03 61 62"),
  row("PUBLISH whose Topic Name claims 65,535 bytes", "[MQTT-3.3.2-1]", 2, "30 03 ff ff 61"),
  row("PUBLISH with an overlong Remaining Length and a fault", "[MQTT-3.3.2-1]", 4, "30 83 80 00 00 02 61"),
  row("PUBLISH with an empty Topic Name", "[MQTT-4.7.3-1]", 2, "30 02 00 00"),
  row("PUBLISH with an empty Topic Name at QoS 1", "[MQTT-4.7.3-1]", 2, "32 04 00 00 00 01"),
  row('PUBLISH to "#"', "[MQTT-3.3.2-2]", 4, "30 03 00 01 23"),
  row('PUBLISH to "a/+"', "[MQTT-3.3.2-2]", 6, "30 05 00 03 61 2f 2b"),
  row('PUBLISH to "é#"', "[MQTT-3.3.2-2]", 6, "30 05 00 03 c3 a9 23"),
  row("PUBLISH with U+0000 in its Topic Name", "[MQTT-1.5.3-2]", 5, "30 05 00 03 61 00 62"),
  row("PUBLISH with a lone continuation byte", "[MQTT-1.5.3-1]", 5, "30 04 00 02 61 80"),
  row("PUBLISH with a sequence cut short by the end of its Topic Name", "[MQTT-1.5.3-1]", 4, "30 04 00 01 c3 a9"),
  row("PUBLISH with a sequence of three cut short", "[MQTT-1.5.3-1]", 4, "30 04 00 02 e2 82"),
  row("PUBLISH with a sequence of three cut after its lead", "[MQTT-1.5.3-1]", 4, "30 03 00 01 e2"),
  row("PUBLISH with a sequence of four cut short", "[MQTT-1.5.3-1]", 4, "30 05 00 03 f0 9f 98"),
  row("PUBLISH with a letter inside a sequence", "[MQTT-1.5.3-1]", 4, "30 05 00 03 e2 61 ac"),
  row("PUBLISH with a letter at the end of a sequence", "[MQTT-1.5.3-1]", 4, "30 05 00 03 e2 82 61"),
  row("PUBLISH with an overlong slash of two bytes", "[MQTT-1.5.3-1]", 4, "30 04 00 02 c0 af"),
  row("PUBLISH with an overlong U+0000", "[MQTT-1.5.3-1]", 4, "30 04 00 02 c0 80"),
  row("PUBLISH with an overlong form that begins with 0xc1", "[MQTT-1.5.3-1]", 4, "30 04 00 02 c1 bf"),
  row("PUBLISH with an overlong form of three bytes", "[MQTT-1.5.3-1]", 4, "30 05 00 03 e0 9f bf"),
  row("PUBLISH with an overlong form of four bytes", "[MQTT-1.5.3-1]", 4, "30 06 00 04 f0 8f bf bf"),
  row("PUBLISH with the surrogate U+D800", "[MQTT-1.5.3-1]", 4, "30 05 00 03 ed a0 80"),
  row("PUBLISH with the surrogate U+DFFF", "[MQTT-1.5.3-1]", 4, "30 05 00 03 ed bf bf"),
  row("PUBLISH with a code point above U+10FFFF", "[MQTT-1.5.3-1]", 4, "30 06 00 04 f4 90 80 80"),
  row("PUBLISH with a lead byte of five", "[MQTT-1.5.3-1]", 4, "30 07 00 05 f8 88 80 80 80"),
  row("PUBLISH with the byte 0xff", "[MQTT-1.5.3-1]", 5, "30 04 00 02 61 ff"),
  row("PUBLISH at QoS 1 without a Packet Identifier", "[MQTT-2.3.1-1]", 5, "32 03 00 01 61"),
  row("PUBLISH at QoS 2 with half a Packet Identifier", "[MQTT-2.3.1-1]", 5, "34 04 00 01 61 01"),
  row("PUBLISH at QoS 1 with Packet Identifier 0", "[MQTT-2.3.1-1]", 5, "32 05 00 01 61 00 00"),
  row("PUBLISH at QoS 2 with Packet Identifier 0", "[MQTT-2.3.1-1]", 5, "34 06 00 01 61 00 00 2a"),
];

const acknowledgements: readonly MalformedBytes[] = [
  row("PUBACK with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "40 02 00 00"),
  row("PUBREC with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "50 02 00 00"),
  row("PUBREL with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "62 02 00 00"),
  row("PUBCOMP with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "70 02 00 00"),
  row("UNSUBACK with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "b0 02 00 00"),
];

const subscriptions: readonly MalformedBytes[] = [
  row("SUBSCRIBE of 0 bytes", "[MQTT-2.3.1-1]", 2, "82 00"),
  row("SUBSCRIBE of 1 byte", "[MQTT-2.3.1-1]", 2, "82 01 00"),
  row("SUBSCRIBE with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "82 06 00 00 00 01 61 00"),
  row("SUBSCRIBE without a Topic Filter", "[MQTT-3.8.3-3]", 4, "82 02 00 01"),
  row("SUBSCRIBE with half a length", "[MQTT-3.8.3-1]", 4, "82 03 00 01 00"),
  row("SUBSCRIBE whose Topic Filter goes beyond it", "[MQTT-3.8.3-1]", 4, "82 06 00 01 00 03 61 00"),
  row("SUBSCRIBE without a QoS", "[MQTT-3.8.3-4]", 7, "82 05 00 01 00 01 61"),
  row("SUBSCRIBE with QoS 3", "[MQTT-3.8.3-4]", 7, "82 06 00 01 00 01 61 03"),
  row("SUBSCRIBE with a reserved bit", "[MQTT-3.8.3-4]", 7, "82 06 00 01 00 01 61 80"),
  row("SUBSCRIBE with a fault in the second filter", "[MQTT-4.7.3-1]", 8, "82 09 00 01 00 01 61 00 00 00 00"),
  row("SUBSCRIBE with an empty Topic Filter", "[MQTT-4.7.3-1]", 4, "82 05 00 01 00 00 00"),
  row('SUBSCRIBE to "a#"', "[MQTT-4.7.1-2]", 7, "82 07 00 01 00 02 61 23 00"),
  row('SUBSCRIBE to "#/a"', "[MQTT-4.7.1-2]", 6, "82 08 00 01 00 03 23 2f 61 00"),
  row('SUBSCRIBE to "##"', "[MQTT-4.7.1-2]", 6, "82 07 00 01 00 02 23 23 00"),
  row('SUBSCRIBE to "é+"', "[MQTT-4.7.1-3]", 8, "82 08 00 01 00 03 c3 a9 2b 00"),
  row('SUBSCRIBE to "+a"', "[MQTT-4.7.1-3]", 6, "82 07 00 01 00 02 2b 61 00"),
  row('SUBSCRIBE to "+#"', "[MQTT-4.7.1-3]", 6, "82 07 00 01 00 02 2b 23 00"),
  row("SUBSCRIBE with U+0000", "[MQTT-1.5.3-2]", 6, "82 06 00 01 00 01 00 00"),
  row("SUBSCRIBE with ill-formed UTF-8", "[MQTT-1.5.3-1]", 6, "82 06 00 01 00 01 ff 00"),
  row("SUBACK of 0 bytes", "[MQTT-2.3.1-1]", 2, "90 00"),
  row("SUBACK with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "90 03 00 00 00"),
  row("SUBACK without a return code", "[MQTT-3.8.4-5]", 4, "90 02 00 01"),
  row("SUBACK with return code 3", "[MQTT-3.9.3-2]", 4, "90 03 00 01 03"),
  row("SUBACK with return code 0x81 after a good one", "[MQTT-3.9.3-2]", 5, "90 04 00 01 02 81"),
  row("UNSUBSCRIBE of 1 byte", "[MQTT-2.3.1-1]", 2, "a2 01 01"),
  row("UNSUBSCRIBE with Packet Identifier 0", "[MQTT-2.3.1-1]", 2, "a2 05 00 00 00 01 61"),
  row("UNSUBSCRIBE without a Topic Filter", "[MQTT-3.10.3-2]", 4, "a2 02 00 01"),
  row("UNSUBSCRIBE whose Topic Filter goes beyond it", "[MQTT-3.10.3-1]", 4, "a2 05 00 01 00 02 61"),
  row("UNSUBSCRIBE with half a length", "[MQTT-3.10.3-1]", 7, "a2 06 00 01 00 01 61 00"),
  row("UNSUBSCRIBE with an empty Topic Filter", "[MQTT-4.7.3-1]", 4, "a2 04 00 01 00 00"),
  row('UNSUBSCRIBE from "a/#/b"', "[MQTT-4.7.1-2]", 8, "a2 09 00 01 00 05 61 2f 23 2f 62"),
];

const connects: readonly MalformedBytes[] = [
  row("CONNECT of 0 bytes", "[MQTT-3.1.2-1]", 2, "10 00"),
  row("CONNECT with half a protocol name", "[MQTT-3.1.2-1]", 6, "10 04 00 04 4d 51"),
  row('CONNECT with "MQIsdp"', "[MQTT-3.1.2-1]", 3, "10 0e 00 06 4d 51 49 73 64 70 03 02 00 00 00 00"),
  row('CONNECT with "mqtt"', "[MQTT-3.1.2-1]", 4, "10 0c 00 04 6d 71 74 74 04 02 00 00 00 00"),
  row("CONNECT without a level", "[MQTT-3.1.2-2]", 8, "10 06 00 04 4d 51 54 54"),
  row("CONNECT with level 5", "[MQTT-3.1.2-2]", 8, "10 0c 00 04 4d 51 54 54 05 02 00 00 00 00"),
  row("CONNECT with a bridge's level 0x84", "[MQTT-3.1.2-2]", 8, "10 0c 00 04 4d 51 54 54 84 02 00 00 00 00"),
  row("CONNECT that ends after its level", "[MQTT-3.1.2]", 9, `10 07 ${CONNECT_START}`),
  row("CONNECT that ends inside Keep Alive", "[MQTT-3.1.2]", 11, `10 09 ${CONNECT_START} 02 00`),
  row("CONNECT with its reserved flag", "[MQTT-3.1.2-3]", 9, `10 0c ${CONNECT_START} 03 00 00 00 00`),
  row("CONNECT with Will QoS 1 without a will", "[MQTT-3.1.2-13]", 9, `10 0c ${CONNECT_START} 0a 00 00 00 00`),
  row("CONNECT with Will Retain without a will", "[MQTT-3.1.2-15]", 9, `10 0c ${CONNECT_START} 22 00 00 00 00`),
  row("CONNECT with Will QoS 3", "[MQTT-3.1.2-14]", 9, `10 0c ${CONNECT_START} 1e 00 00 00 00`),
  row("CONNECT with a password but no username", "[MQTT-3.1.2-22]", 9, `10 0c ${CONNECT_START} 42 00 00 00 00`),
  row("CONNECT without a Client Identifier", "[MQTT-3.1.3-3]", 12, `10 0a ${CONNECT_START} 02 00 00`),
  row(
    "CONNECT whose Client Identifier goes beyond it",
    "[MQTT-3.1.3-3]",
    12,
    `10 0d ${CONNECT_START} 02 00 00 00 02 61`,
  ),
  row("CONNECT that resumes the session of nobody", "[MQTT-3.1.3-7]", 12, `10 0c ${CONNECT_START} 00 00 00 00 00`),
  row("CONNECT with U+0000 in its Client Identifier", "[MQTT-1.5.3-2]", 14, `10 0d ${CONNECT_START} 02 00 00 00 01 00`),
  row(
    "CONNECT with a surrogate in its Client Identifier",
    "[MQTT-1.5.3-1]",
    14,
    `10 0f ${CONNECT_START} 02 00 00 00 03 ed a0 80`,
  ),
  row("CONNECT without its Will Topic", "[MQTT-3.1.2-9]", 14, `10 0c ${CONNECT_START} 06 00 00 00 00`),
  row("CONNECT with an empty Will Topic", "[MQTT-4.7.3-1]", 14, `10 10 ${CONNECT_START} 06 00 00 00 00 00 00 00 00`),
  row('CONNECT with the Will Topic "+"', "[MQTT-4.7.1-1]", 16, `10 11 ${CONNECT_START} 06 00 00 00 00 00 01 2b 00 00`),
  row(
    "CONNECT with ill-formed UTF-8 in its Will Topic",
    "[MQTT-1.5.3-1]",
    16,
    `10 11 ${CONNECT_START} 06 00 00 00 00 00 01 ff 00 00`,
  ),
  row("CONNECT without its Will Message", "[MQTT-3.1.2-9]", 17, `10 0f ${CONNECT_START} 06 00 00 00 00 00 01 77`),
  row(
    "CONNECT whose Will Message goes beyond it",
    "[MQTT-3.1.2-9]",
    17,
    `10 11 ${CONNECT_START} 06 00 00 00 00 00 01 77 00 01`,
  ),
  row("CONNECT without its username", "[MQTT-3.1.2-19]", 14, `10 0c ${CONNECT_START} 82 00 00 00 00`),
  row("CONNECT whose username goes beyond it", "[MQTT-3.1.2-19]", 14, `10 0e ${CONNECT_START} 82 00 00 00 00 00 01`),
  row("CONNECT with U+0000 in its username", "[MQTT-1.5.3-2]", 16, `10 0f ${CONNECT_START} 82 00 00 00 00 00 01 00`),
  row("CONNECT without its password", "[MQTT-3.1.2-21]", 16, `10 0e ${CONNECT_START} c2 00 00 00 00 00 00`),
  row("CONNECT with a byte after its last field", "[MQTT-3.1.3-1]", 14, `10 0d ${CONNECT_START} 02 00 00 00 00 00`),
];

/** All of them. */
export const malformed: readonly MalformedBytes[] = [
  ...fixedHeaders,
  ...connacks,
  ...publishes,
  ...acknowledgements,
  ...subscriptions,
  ...connects,
];

function row(name: string, rule: string, offset: number, bytes: string): MalformedBytes {
  return { name, rule, offset, bytes: hex(bytes) };
}
