// Bytes to packets.
//
// Theory of operation. The decoder is pulled: `push` only queues a chunk, `next` decodes one packet, and nothing is ever awaited. It is in
// one of three states:
//
// - between packets: `#position` is where the next packet begins in the chunk, of which there may be too little yet. A packet that lies
//   whole in the chunk is decoded in place, and its payload is a view of the chunk. PUBLISH and acknowledgements with a short fixed
//   header, nearly all there is, take the way of `#nextCommon`; everything else, every fault too, takes that of `#nextUncommon`.
// - inside a packet (`#isCut`): the chunk ended before the packet did, and the next one lies elsewhere in memory; if it lies right behind,
//   as reads into one buffer do, the two are one chunk. `#cut` gathers first the fixed header, which is judged with every byte; then all
//   of the packet. Nothing else of the chunk is copied.
// - dead: a rule was broken. The packets before it have been handed out; each further `next` throws the same error.
//
// Invariants. A byte is judged as soon as it can be: the packet type and its flags with the first byte, the maximum size with the end of
// the fixed header. How the stream was cut into chunks changes neither packets nor errors. Memory that a payload was handed out of is
// never written again, neither chunks nor what `#cut` gathers in. `#origin + index` is the offset in the stream of `bytes[index]`.
//
// Not handled here: whether a packet is allowed at this moment, which the session judges; and the bodies of packets that only a client
// sends, which is for whoever made the decoder to say. So a client does not ship what it would refuse anyway.

import { CutPacket } from "./cut_packet.ts";
import { acknowledgement, type ClientPacketDecoding, decodePacket } from "./decode_packet.ts";
import { decodePublish } from "./decode_publish.ts";
import { judgeFixedHeader } from "./fixed_header.ts";
import { IncomingBytes, NO_BYTES } from "./incoming_bytes.ts";
import type { Packet } from "./packet.ts";
import { MAX_PACKET_SIZE, PUBLISH } from "./protocol.ts";
import { sharedTopicInterner, type TopicInterner } from "./topic_interner.ts";

/** The smallest packet: a fixed header with Remaining Length 0. */
const MIN_PACKET_SIZE = 2;

/** The flags a PUBLISH may have, as a set of bits: not QoS 3 [MQTT-3.3.1-4], not DUP at QoS 0 [MQTT-3.3.1-2]. */
const PUBLISH_FLAGS = 0b0011_1100_0011_1111;

/** Options of a {@linkcode Decoder}. */
export interface DecoderOptions {
  /** The largest packet to accept, in bytes, the fixed header included; the protocol's maximum, 268,435,460, by default. */
  readonly maxPacketSize?: number;
}

/**
 * Decodes a stream of bytes that a server sent. It is a {@linkcode Decoder} that leaves to its owner what becomes of CONNECT, SUBSCRIBE
 * and UNSUBSCRIBE, so that a client need not ship their decoding.
 *
 * @example
 * ```ts
 * import { encodePacket, ServerPacketDecoder } from "@petrel/mqtt/codec";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new ServerPacketDecoder({ maxPacketSize: 65_536 }, (type) => {
 *   throw new Error(`a server sent ${type}`);
 * });
 * decoder.push(encodePacket({ type: "puback", packetId: 7 }));
 * decoder.push(encodePacket({ type: "unsubscribe", packetId: 8, topicFilters: ["a/#"] }));
 *
 * assertEquals(decoder.next(), { type: "puback", packetId: 7 });
 * assertThrows(() => decoder.next(), Error, "a server sent unsubscribe");
 * ```
 */
export class ServerPacketDecoder {
  readonly #maxPacketSize: number;
  readonly #decodeClientPacket: ClientPacketDecoding;
  readonly #topics: TopicInterner = sharedTopicInterner();
  /** The chunk being decoded, the place reached in it, and its length. */
  readonly #chunk = new IncomingBytes(NO_BYTES, 0);
  #position = 0;
  #end = 0;
  /** The chunks after it. */
  #queue: (Uint8Array | undefined)[] = [];
  #queueStart = 0;
  /** Whether the bytes before `#position` are the beginning of a packet. */
  #isCut = false;
  /** That packet. It is made when the first one is cut. */
  #cut: CutPacket | undefined;
  #failure: unknown = undefined;

  /**
   * Makes a decoder at the beginning of a stream.
   *
   * @param options The largest packet to accept.
   * @param decodeClientPacket Decodes CONNECT, SUBSCRIBE and UNSUBSCRIBE, or throws; every later `next` throws the same then.
   * @throws {RangeError} If `maxPacketSize` is not an integer from 2 to 268,435,460.
   */
  constructor(options: DecoderOptions, decodeClientPacket: ClientPacketDecoding) {
    const { maxPacketSize = MAX_PACKET_SIZE } = options;
    if (!Number.isInteger(maxPacketSize) || maxPacketSize < MIN_PACKET_SIZE || maxPacketSize > MAX_PACKET_SIZE) {
      throw new RangeError(
        `Cannot make a Decoder: maxPacketSize is ${maxPacketSize}, not an integer from ${MIN_PACKET_SIZE} to ` +
          `${MAX_PACKET_SIZE} [MQTT-2.2.3]`,
      );
    }
    this.#maxPacketSize = maxPacketSize;
    this.#decodeClientPacket = decodeClientPacket;
  }

  /**
   * Hands over the next chunk of the stream. It may be called any number of times before `next`; nothing is decoded yet.
   *
   * @param chunk Bytes in any number, 0 too. They must not be written again: payloads will be views of them.
   */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#failure !== undefined) return;
    if (this.#position === this.#end && this.#queueStart === this.#queue.length) {
      this.#open(chunk);
    } else {
      this.#queue.push(chunk);
    }
  }

  /**
   * Decodes the next packet of the chunks pushed so far.
   *
   * @returns The packet, or `undefined` if the rest of the bytes is no whole packet: push more.
   * @throws {MalformedPacketError} If the bytes are not MQTT 3.1.1. It comes after all packets before the fault; every later call throws
   * it again.
   * @throws {PacketTooLargeError} If a packet claims to be larger than `maxPacketSize`; its body is not waited for.
   */
  next(): Packet | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#isCut ? this.#nextCut(this.#cut!) : this.#nextCommon();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Decodes a PUBLISH or an acknowledgement that lies whole in the chunk and has up to two bytes of Remaining Length. */
  #nextCommon(): Packet | undefined {
    const at = this.#position;
    const chunkEnd = this.#end;
    if (at + 3 < chunkEnd) {
      const { bytes } = this.#chunk;
      const firstByte = bytes[at]!;
      let remainingLength = bytes[at + 1]!;
      let body = at + 2;
      if (remainingLength > 0x7f) remainingLength += (bytes[body++]! - 1) << 7;
      const end = body + remainingLength;
      // A third byte of Remaining Length makes the length above come out as 16 KiB or more.
      if (end <= chunkEnd && remainingLength < 0x4000 && end - at <= this.#maxPacketSize) {
        if ((firstByte & 0xf0) === PUBLISH) {
          if ((PUBLISH_FLAGS >> (firstByte & 0x0f) & 1) === 1) {
            this.#position = end;
            return decodePublish(this.#chunk, at, body, end, this.#topics);
          }
        } else if (remainingLength === 2) {
          const packetId = bytes[body]! << 8 | bytes[body + 1]!;
          const packet = packetId === 0 ? undefined : acknowledgement(firstByte, packetId);
          if (packet !== undefined) {
            this.#position = end;
            return packet;
          }
        }
      }
    }
    return this.#nextUncommon();
  }

  /** Decodes a packet of any type, or begins to gather it if the chunk ends before it does and another is there. */
  #nextUncommon(): Packet | undefined {
    if (this.#position === this.#end) return this.#openQueued() ? this.#nextCommon() : undefined;
    const at = this.#position;
    const size = judgeFixedHeader(this.#chunk, at, this.#end, this.#maxPacketSize);
    if (size !== 0 && at + size <= this.#end) {
      this.#position = at + size;
      return decodePacket(this.#chunk, at, at + size, this.#topics, this.#decodeClientPacket);
    }
    if (this.#queueStart === this.#queue.length) return undefined;
    if (this.#tryJoinQueued()) return this.#nextCommon();
    this.#isCut = true;
    const cut = this.#cut ??= new CutPacket();
    cut.header.origin = this.#chunk.origin + at;
    cut.headerLength = 0;
    return this.#nextCut(cut);
  }

  /** Goes on gathering a packet, and decodes it once it is whole. */
  #nextCut(cut: CutPacket): Packet | undefined {
    while (this.#position < this.#end || this.#openQueued()) {
      if (cut.size === 0) {
        this.#takeHeader(cut);
      } else {
        this.#position = cut.take(this.#chunk.bytes, this.#position, this.#end);
      }
      if (cut.isWhole) return this.#decodeCut(cut);
    }
    return undefined;
  }

  /** Gathers the fixed header byte by byte, until it tells the size of the packet or the chunk ends. */
  #takeHeader(cut: CutPacket): void {
    const { header } = cut;
    while (this.#position < this.#end) {
      header.bytes[cut.headerLength++] = this.#chunk.bytes[this.#position++]!;
      const size = judgeFixedHeader(header, 0, cut.headerLength, this.#maxPacketSize);
      if (size === 0) continue;
      cut.begin(size, cut.headerLength + this.#end - this.#position);
      cut.take(header.bytes, 0, cut.headerLength);
      return;
    }
  }

  #decodeCut(cut: CutPacket): Packet {
    const { bytes, start, size, header, whole } = cut;
    whole.assign(bytes, header.origin - start);
    const packet = decodePacket(whole, start, start + size, this.#topics, this.#decodeClientPacket);
    this.#isCut = false;
    cut.clear();
    whole.assign(cut.bytes, 0);
    return packet;
  }

  /** Goes on with the next queued chunk; false if there is none. */
  #openQueued(): boolean {
    if (this.#queueStart === this.#queue.length) return false;
    this.#open(this.#takeQueued());
    return true;
  }

  /** Lets the rest of the chunk and the next queued one be one chunk, if the one lies right behind the other in memory. */
  #tryJoinQueued(): boolean {
    const { bytes } = this.#chunk;
    const next = this.#queue[this.#queueStart]!;
    if (next.byteOffset !== bytes.byteOffset + this.#end || next.buffer !== bytes.buffer) return false;
    const start = this.#position;
    this.#end += this.#takeQueued().length - start;
    this.#position = 0;
    this.#chunk.assign(new Uint8Array(bytes.buffer, bytes.byteOffset + start, this.#end), this.#chunk.origin + start);
    return true;
  }

  #takeQueued(): Uint8Array {
    const chunk = this.#queue[this.#queueStart]!;
    this.#queue[this.#queueStart++] = undefined;
    if (this.#queueStart === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueStart = 0;
    }
    return chunk;
  }

  #open(chunk: Uint8Array): void {
    this.#chunk.assign(chunk, this.#chunk.origin + this.#end);
    this.#position = 0;
    this.#end = chunk.length;
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#queue = [];
    this.#queueStart = 0;
    this.#cut = undefined;
    this.#chunk.assign(NO_BYTES, 0);
  }
}
