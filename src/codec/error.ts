// What the decoder throws. The encoder refuses bad packets with TypeError and RangeError: there the caller is at fault.

/**
 * Bytes that are not MQTT 3.1.1. The connection they came on has to be closed [MQTT-4.8.0-1].
 *
 * @example Telling which rule was broken, and where
 * ```ts
 * import { Decoder, MalformedPacketError } from "@petrel/mqtt/codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new Decoder();
 * decoder.push(Uint8Array.of(0xd0, 0x00, 0x36, 0x00)); // PINGRESP, then a PUBLISH with QoS 3
 * assertEquals(decoder.next(), { type: "pingresp" });
 *
 * const error = assertThrows(() => decoder.next(), MalformedPacketError);
 * assertEquals(error.rule, "MQTT-3.3.1-4");
 * assertEquals(error.offset, 2);
 * ```
 */
export class MalformedPacketError extends Error {
  /** The name of the class. */
  override readonly name: string = "MalformedPacketError";
  /** The statement that was broken, such as `MQTT-2.2.2-2`; where the rule has no id its section, such as `MQTT-2.2.3`. */
  readonly rule: string;
  /** Where the byte at fault is, counted from the first byte that was pushed to the decoder. */
  readonly offset: number;

  /**
   * Makes the error.
   *
   * @param message What cannot be done, and what the bytes hold instead; the offset and the rule are added to it.
   * @param rule The statement id or the section.
   * @param offset The place of the byte at fault in the stream.
   */
  constructor(message: string, rule: string, offset: number) {
    super(`${message} at offset ${offset} [${rule}]`);
    this.rule = rule;
    this.offset = offset;
  }
}

/** A packet that claims to be larger than the decoder's `maxPacketSize`. It is thrown before the body arrives. */
export class PacketTooLargeError extends MalformedPacketError {
  /** The name of the class. */
  override readonly name: string = "PacketTooLargeError";
  /** The size the fixed header claims, in bytes, the fixed header included. */
  readonly size: number;
  /** The decoder's limit, in bytes. */
  readonly maxPacketSize: number;

  /**
   * Makes the error.
   *
   * @param size The size the fixed header claims, in bytes.
   * @param maxPacketSize The decoder's limit, in bytes.
   * @param offset The place of the Remaining Length in the stream.
   */
  constructor(size: number, maxPacketSize: number, offset: number) {
    super(
      `Cannot decode packet: it has ${size} bytes, more than the limit of ${maxPacketSize}`,
      "maxPacketSize",
      offset,
    );
    this.size = size;
    this.maxPacketSize = maxPacketSize;
  }
}
