// What a record in the ring of events means. `event_writer.ts` and `event_reader.ts` are its two ends.
import type { PacketType } from "../../codec/mod.ts";
import type { DisconnectedEvent } from "../../loop/mod.ts";

/** A number for a Topic Name: `a` the number, the body the name. */
export const TOPIC = 1;
/** An incoming PUBLISH: flags, Packet Identifier, `a` the number of the topic, `b` the number of the delivery, the body the payload. */
export const PUBLISH = 2;
/** An incoming acknowledgement: its type, its Packet Identifier. */
export const ACKNOWLEDGEMENT = 3;
/** Any other incoming packet: the body as it is on the wire. */
export const PACKET = 4;
/** A packet was handed to the transport: its type, its Packet Identifier. */
export const OUTGOING = 5;
/** The server accepted the connection: whether the session was present. */
export const CONNECTED = 6;
/** The connection was lost: the body as JSON. */
export const DISCONNECTED = 7;
/** The loop threw: the body the error. */
export const THROWN = 8;
/** The loop is done. */
export const END = 9;

/** The flags of a PUBLISH: its QoS in two bits, and these. */
export const RETAIN_FLAG = 4;
/** DUP. */
export const DUP_FLAG = 8;
/** It awaits the application's acknowledgement. */
export const UNACKNOWLEDGED_FLAG = 16;

/** The types of packets; their place here is what crosses. */
export const PACKET_TYPES: readonly PacketType[] = [
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
];

/** The body of `DISCONNECTED`. */
export interface DisconnectedBody extends Pick<DisconnectedEvent, "retryInMillis" | "flap"> {
  /** The error, as `encodeError` gives it. */
  readonly error: string;
}

/**
 * Puts the tag of a record together.
 *
 * @param kind What it is.
 * @param flags One byte.
 * @param id Two bytes.
 */
export function tagOf(kind: number, flags: number, id: number): number {
  return kind | flags << 8 | id << 16;
}
