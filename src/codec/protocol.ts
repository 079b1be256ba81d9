// The numbers of MQTT 3.1.1 that more than one file needs.

/** The largest Remaining Length four bytes can say. MQTT 3.1.1 section 2.2.3. */
export const MAX_REMAINING_LENGTH = 268_435_455;

/** The largest packet the protocol allows: one byte, four bytes of Remaining Length, and as much as those can say. */
export const MAX_PACKET_SIZE = 268_435_460;

/** The longest string or binary field, in bytes; its length has two bytes. MQTT 3.1.1 section 1.5.3. */
export const MAX_STRING_BYTES = 65_535;

/** The largest Packet Identifier. MQTT 3.1.1 section 2.3.1. */
export const MAX_PACKET_ID = 65_535;

/** The high half of a fixed header's first byte says the packet type; the flags are in the low half. */
export const CONNECT = 0x10;
export const CONNACK = 0x20;
export const PUBLISH = 0x30;
export const PUBACK = 0x40;
export const PUBREC = 0x50;
/** With the flags 0010 that [MQTT-3.6.1-1] asks for. */
export const PUBREL = 0x62;
export const PUBCOMP = 0x70;
/** With the flags 0010 that [MQTT-3.8.1-1] asks for. */
export const SUBSCRIBE = 0x82;
export const SUBACK = 0x90;
/** With the flags 0010 that [MQTT-3.10.1-1] asks for. */
export const UNSUBSCRIBE = 0xa2;
export const UNSUBACK = 0xb0;
export const PINGREQ = 0xc0;
export const PINGRESP = 0xd0;
export const DISCONNECT = 0xe0;

/** What CONNECT begins with after the fixed header: the string "MQTT" and protocol level 4. */
export const PROTOCOL_NAME_AND_LEVEL: readonly number[] = [0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, 0x04];

/** The flags of PUBLISH, in the low half of its first byte. */
export const PUBLISH_RETAIN = 0x01;
export const PUBLISH_DUP = 0x08;

/** The Connect Flags of CONNECT. MQTT 3.1.1 section 3.1.2.3. */
export const CONNECT_RESERVED = 0x01;
export const CONNECT_CLEAN_SESSION = 0x02;
export const CONNECT_WILL = 0x04;
export const CONNECT_WILL_RETAIN = 0x20;
export const CONNECT_PASSWORD = 0x40;
export const CONNECT_USERNAME = 0x80;
