// What client and event loop cost for each message, over the memory transport: `deno bench -A bench/loop_bench.ts`,
// `bun bench/loop_bench.ts`. The baseline of receiving is the codec alone on the same bytes.
import { AsyncClient, type EventLoop, type QoS } from "../mod.ts";
import { Decoder, encodePacket } from "../src/codec/mod.ts";
import { MemoryNetwork, type MemoryPeer } from "../src/testing/mod.ts";
import { bench } from "./support/bench.ts";

const MESSAGES = 2000;
const PAYLOAD = new Uint8Array(16);
const TOPIC = "bench/topic/number/1";

interface Rig {
  readonly client: AsyncClient;
  readonly eventLoop: EventLoop;
  readonly peer: MemoryPeer;
}

/** A connected client over memory. */
async function openRig(): Promise<Rig> {
  const network = new MemoryNetwork();
  const { client, eventLoop } = AsyncClient.create({
    clientId: "bench",
    broker: "mqtt://bench",
    keepAlive: 0,
    transport: network.dial,
    outgoingEvents: false,
  });
  const connected = eventLoop.poll();
  const peer = await network.accept();
  await peer.read();
  void peer.write(encodePacket({ type: "connack", sessionPresent: false, returnCode: 0 }));
  await connected;
  return { client, eventLoop, peer };
}

/** Answers every PUBLISH of this QoS, which all have the same size, with PUBACK or PUBREC, and every PUBREL with PUBCOMP. */
async function answer(peer: MemoryPeer): Promise<void> {
  const decoder = new Decoder();
  for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) {
    decoder.push(chunk);
    const replies: number[] = [];
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.type === "publish" && packet.qos > 0) {
        replies.push(packet.qos === 1 ? 0x40 : 0x50, 2, packet.packetId >>> 8, packet.packetId & 0xff);
      } else if (packet.type === "pubrel") {
        replies.push(0x70, 2, packet.packetId >>> 8, packet.packetId & 0xff);
      }
    }
    if (replies.length > 0) void peer.write(Uint8Array.from(replies));
  }
}

/** The bytes of `MESSAGES` messages, one after another. */
function flood(qos: QoS): Uint8Array {
  const message = { type: "publish", topicName: TOPIC, payload: PAYLOAD, retain: false, dup: false } as const;
  const packets = Array.from(
    { length: MESSAGES },
    (_, i) => encodePacket({ ...message, qos, packetId: qos === 0 ? 0 : i + 1 }),
  );
  const bytes = new Uint8Array(packets.reduce((length, packet) => length + packet.length, 0));
  let at = 0;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  return bytes;
}

for (const qos of [0, 1, 2] as const) {
  const rig = await openRig();
  void answer(rig.peer);
  let awaited = 0;
  void (async () => {
    for await (const event of rig.eventLoop) {
      const type = event.type === "incoming" ? event.packet.type : undefined;
      if (type === "puback" || type === "pubcomp") awaited--;
    }
  })();
  bench({
    name: `QoS ${qos}`,
    group: `publish ${MESSAGES} messages of 16 B`,
    baseline: qos === 0,
    fn: async () => {
      awaited = qos === 0 ? 0 : MESSAGES;
      for (let i = 0; i < MESSAGES; i++) await rig.client.publish(TOPIC, PAYLOAD, { qos });
      while (awaited > 0) await Promise.resolve();
    },
  });
}

const bytes = flood(0);
bench({
  name: "codec alone",
  group: `receive ${MESSAGES} messages of 16 B`,
  baseline: true,
  fn: () => {
    const decoder = new Decoder();
    decoder.push(bytes.slice());
    while (decoder.next() !== undefined) {
      // The packet is taken and dropped.
    }
  },
});

for (const qos of [0, 1] as const) {
  const chunk = flood(qos);
  for (const way of ["for await", "pollBatch"] as const) {
    const rig = await openRig();
    void (async () => {
      while (await rig.peer.read() !== undefined) {
        // Acknowledgements are taken and dropped.
      }
    })();
    const iterator = rig.eventLoop[Symbol.asyncIterator]();
    bench({
      name: `QoS ${qos}, ${way}`,
      group: `receive ${MESSAGES} messages of 16 B`,
      fn: async () => {
        void rig.peer.write(chunk.slice());
        let count = 0;
        while (count < MESSAGES) {
          if (way === "pollBatch") count += (await rig.eventLoop.pollBatch()).length;
          else if ((await iterator.next()).value.type === "incoming") count++;
        }
      },
    });
  }
}
