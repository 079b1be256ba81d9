// A packet and its bytes, and what the tests make packets from.

import type { Packet, Publish } from "../../src/codec/mod.ts";

/** A packet and its bytes. */
export interface Vector {
  /** What is particular about it. */
  readonly name: string;
  /** The statement it shows, in brackets. */
  readonly rule: string;
  /** The packet. */
  readonly packet: Packet;
  /** Its bytes. */
  readonly bytes: Uint8Array;
}

/** No bytes. */
export const none: Uint8Array = new Uint8Array(0);

/** A PUBLISH at QoS 0 with an empty payload, but for the fields given. */
export function publish(fields: Partial<Publish>): Publish {
  return {
    type: "publish",
    topicName: "t",
    payload: none,
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    ...fields,
  };
}

/** A payload of `length` bytes that are not all the same. */
export function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 & 0xff);
}
