// What WebSocket costs besides the stream below it: `deno bench -A bench/websocket_bench.ts`, `bun bench/websocket_bench.ts`.

import { FrameDecoder, OPCODE } from "../src/transport/websocket_frame.ts";
import { FrameEncoder } from "../src/transport/websocket_mask.ts";
import { webSocketTarget } from "../tests/transport/web_socket_target.ts";
import { bench } from "./support/bench.ts";

const sink = { bytes: 0 };

for (const [name, length] of [["32 bytes", 32], ["64 KiB", 65_536]] as const) {
  const group = `a frame of ${name} for the server`;
  const payload = new Uint8Array(length).fill(0x2a);
  const encoder = new FrameEncoder();
  const masked = new Uint8Array(length);
  bench({
    name: "petrel",
    group,
    baseline: true,
    fn: () => void (sink.bytes += encoder.begin(OPCODE.binary, length, payload).length),
  });
  bench({
    name: "byte by byte",
    group,
    fn: () => {
      const mask = crypto.getRandomValues(new Uint8Array(4));
      for (let index = 0; index < length; index++) masked[index] = payload[index]! ^ mask[index & 3]!;
      sink.bytes += masked[0]!;
    },
  });
}

const target = webSocketTarget("broker.test", 80);
const PACKET_BYTES = 29;
const FRAME_BYTES = PACKET_BYTES + 2;
const FRAMES = 2000;

/** Frames of one packet each, as servers send them. */
const frames = new Uint8Array(FRAMES * FRAME_BYTES);
for (let at = 0; at < frames.length; at += FRAME_BYTES) frames.set([0x82, PACKET_BYTES], at);
/** A chunk belongs to the decoder, so each round has a copy. */
const chunk = new Uint8Array(frames.length);

const group = `${FRAMES} frames of ${PACKET_BYTES} bytes from the server`;
bench({
  name: "petrel",
  group,
  baseline: true,
  fn: () => {
    chunk.set(frames);
    const decoder = new FrameDecoder(target);
    decoder.push(chunk);
    for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
      if (part.type === "payload") sink.bytes += part.bytes.length;
    }
  },
});
bench({
  name: "a view of each",
  group,
  fn: () => {
    chunk.set(frames);
    for (let at = 2; at < chunk.length; at += FRAME_BYTES) sink.bytes += chunk.subarray(at, at + PACKET_BYTES).length;
  },
});
