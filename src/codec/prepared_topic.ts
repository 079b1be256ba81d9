// A Topic Name that is checked and encoded once.

import { describeTopicNameFault } from "./topic.ts";
import { encodeInto, utf8Length } from "./utf8.ts";

let bytesOf: (topic: PreparedTopic) => Uint8Array;

/**
 * A Topic Name for many publishes: it is checked and encoded once, here.
 *
 * @example
 * ```ts
 * import { Encoder, PreparedTopic } from "@petrel/mqtt/codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const preparedTopic = new PreparedTopic("sensors/7/temperature");
 * const encoder = new Encoder();
 * encoder.encode({
 *   type: "publish",
 *   topicName: preparedTopic.topicName,
 *   preparedTopic,
 *   payload: new TextEncoder().encode("21.5"),
 *   qos: 0,
 *   retain: false,
 *   dup: false,
 *   packetId: 0,
 * });
 * assertEquals(encoder.length, 29);
 * assertThrows(() => new PreparedTopic("sensors/#"), TypeError, 'contains "#"');
 * ```
 */
export class PreparedTopic {
  /** The Topic Name. */
  readonly topicName: string;
  readonly #bytes: Uint8Array;

  /**
   * Checks and encodes a Topic Name.
   *
   * @param topicName The Topic Name. It is judged as strictly as {@linkcode describeTopicNameFault} does.
   * @throws {TypeError} If it should not be sent.
   */
  constructor(topicName: string) {
    const fault = describeTopicNameFault(topicName);
    if (fault !== undefined) throw new TypeError(`Cannot prepare topic: topicName ${fault}`);
    this.topicName = topicName;
    this.#bytes = encodeTopicName(topicName);
  }

  /**
   * Makes one, as the constructor does; a prepared topic is handed back as it is.
   *
   * @param topicName A Topic Name, prepared or not.
   * @returns The prepared topic.
   * @throws {TypeError} If it should not be sent.
   */
  static from(topicName: string | PreparedTopic): PreparedTopic {
    return topicName instanceof PreparedTopic ? topicName : new PreparedTopic(topicName);
  }

  static {
    bytesOf = (topic) => topic.#bytes;
  }
}

/** The encoded Topic Name with its two bytes of length; not to be written. */
export function preparedTopicBytes(topic: PreparedTopic): Uint8Array {
  return bytesOf(topic);
}

/** Encodes a valid Topic Name with its two bytes of length. */
export function encodeTopicName(topicName: string): Uint8Array {
  const length = utf8Length(topicName);
  const bytes = new Uint8Array(2 + length);
  bytes[0] = length >>> 8;
  bytes[1] = length & 0xff;
  encodeInto(bytes, 2, topicName);
  return bytes;
}
