// Options for a worker whose server is in that worker, in memory: it answers publishes, and sends messages without an end to clients that
// call themselves `flood`.

import type { MqttOptions } from "../../mod.ts";
import { Decoder, encodePacket } from "../../src/codec/mod.ts";
import { MemoryNetwork, type MemoryPeer } from "../../src/testing/mod.ts";

/** Messages in one chunk of a flood. */
export const FLOOD_MESSAGES = 2000;

const network = new MemoryNetwork();

function floodChunk(): Uint8Array {
  const message = encodePacket({
    type: "publish",
    topicName: "bench/topic/number/1",
    payload: new Uint8Array(16),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
  });
  const chunk = new Uint8Array(FLOOD_MESSAGES * message.length);
  for (let i = 0; i < FLOOD_MESSAGES; i++) chunk.set(message, i * message.length);
  return chunk;
}

/** Answers every PUBLISH of QoS 1, and sends floods. */
async function serve(peer: MemoryPeer): Promise<void> {
  const decoder = new Decoder();
  for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) {
    decoder.push(chunk);
    const replies: number[] = [];
    let isFlooded = false;
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.type === "connect") {
        replies.push(0x20, 2, 0, 0);
        isFlooded = packet.clientId === "flood";
      } else if (packet.type === "publish" && packet.qos === 1) {
        replies.push(0x40, 2, packet.packetId >>> 8, packet.packetId & 0xff);
      }
    }
    if (replies.length > 0) void peer.write(Uint8Array.from(replies));
    if (isFlooded) void flood(peer);
  }
}

async function flood(peer: MemoryPeer): Promise<never> {
  const chunk = floodChunk();
  for (;;) {
    await peer.write(chunk.slice());
    await peer.delivered();
  }
}

async function acceptAll(): Promise<never> {
  for (;;) void serve(await network.accept());
}
void acceptAll();

/** What the worker is given besides what crosses; the asynchronous client of the comparison takes the same. */
export const options: MqttOptions = {
  broker: "mqtt://bench",
  keepAlive: 0,
  transport: network.dial,
  outgoingEvents: false,
};
