// Decoding a whole stream at once, in the ways the tests need it.

import { Decoder, type DecoderOptions, type MalformedPacketError, type Packet } from "../../src/codec/mod.ts";

/** What came out of a decoder. */
export interface Collected {
  readonly packets: Packet[];
  /** What `next` threw, if it did. */
  readonly error: MalformedPacketError | undefined;
}

/** Pushes the chunks one after another, and decodes after each what there is. */
export function collect(chunks: Iterable<Uint8Array>, options?: DecoderOptions): Collected {
  const decoder = new Decoder(options);
  const packets: Packet[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      drain(decoder, packets);
    }
    return { packets, error: undefined };
  } catch (error) {
    return { packets, error: error as MalformedPacketError };
  }
}

/** Decodes what there is. */
export function drain(decoder: Decoder, packets: Packet[] = []): Packet[] {
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) packets.push(packet);
  return packets;
}

/** Cuts a stream into copies of `size` bytes. */
export function cutEvery(stream: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(stream.length / size) }, (_, i) => stream.slice(i * size, (i + 1) * size));
}

/** Cuts a stream in two. */
export function cutAt(stream: Uint8Array, at: number): Uint8Array[] {
  return [stream.slice(0, at), stream.slice(at)];
}

/** The same chunks, one behind the other in one memory, as reads into one buffer leave them. */
export function inOneBuffer(chunks: readonly Uint8Array[]): Uint8Array[] {
  const memory = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0) + 10);
  let at = 5;
  return chunks.map((chunk) => {
    memory.set(chunk, at);
    at += chunk.length;
    return memory.subarray(at - chunk.length, at);
  });
}
