// The order of frames on a stream that takes one write at a time.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Transport } from "../../src/transport/transport.ts";
import { PIECE_BYTES } from "../../src/transport/websocket_mask.ts";
import { FrameSender } from "../../src/transport/websocket_sender.ts";
import { test } from "../support/test.ts";
import { firstDifference, stream } from "./contract_connection.ts";
import { type ClientFrame, ClientFrames } from "./websocket_codec.ts";

/** A stream that takes at once what it may, and else when the test says so. */
class StubStream implements Transport {
  readonly canPause = true;
  /** How many writes it takes at once. */
  atOnce: number;
  /** Bytes of each write that is done. */
  readonly writes: number[] = [];
  readonly #frames = new ClientFrames();
  #pending: { readonly bytes: Uint8Array; readonly done: PromiseWithResolvers<void> } | undefined;

  constructor(atOnce = 0) {
    this.atOnce = atOnce;
  }

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    assertStrictEquals(this.#pending, undefined, "a write while another is in flight");
    const bytes = chunk.subarray(0, length);
    if (this.atOnce-- > 0) {
      this.#take(bytes);
      return undefined;
    }
    this.#pending = { bytes, done: Promise.withResolvers<void>() };
    return this.#pending.done.promise;
  }

  /** Whether a write is in flight. */
  get isBusy(): boolean {
    return this.#pending !== undefined;
  }

  /** Takes the write in flight; only now are its bytes looked at. */
  async take(): Promise<void> {
    const { bytes, done } = this.#pending!;
    this.#pending = undefined;
    this.#take(bytes);
    done.resolve();
    await settled();
  }

  /** Takes everything. */
  async takeAll(): Promise<void> {
    while (this.isBusy) await this.take();
  }

  /** The whole frames that were taken since this was last asked. */
  frames(): ClientFrame[] {
    const frames: ClientFrame[] = [];
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) frames.push(frame);
    return frames;
  }

  #take(bytes: Uint8Array): void {
    this.writes.push(bytes.length);
    this.#frames.push(bytes);
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  destroy(): void {}
}

async function settled(): Promise<void> {
  for (let hop = 0; hop < 5; hop++) await undefined;
}

const words = (frames: readonly ClientFrame[]): string[] =>
  frames.map(({ opcode, payload }) => `${{ 2: "binary", 8: "close", 9: "ping", 10: "pong" }[opcode]} ${[...payload]}`);

test("WebSocket sender: each write is one frame, taken at once if the stream takes it", () => {
  const lower = new StubStream(Infinity);
  const sender = new FrameSender(lower, undefined);
  assertStrictEquals(sender.write(Uint8Array.of(1, 2, 3, 4), 3), undefined);
  assertStrictEquals(sender.write(Uint8Array.of(4), 1), undefined);
  assertStrictEquals(sender.write(Uint8Array.of(5), 0), undefined);
  assertEquals(words(lower.frames()), ["binary 1,2,3", "binary 4"]);
});

test("WebSocket sender: a large write is one frame in several pieces, and leaves the caller's bytes as they are", async () => {
  const length = 3 * PIECE_BYTES + 7;
  for (const atOnce of [0, 1, 2, 3, 4]) {
    const lower = new StubStream(atOnce);
    const sender = new FrameSender(lower, undefined);
    const chunk = stream(0, length + 10);
    const writing = sender.write(chunk, length);
    assertEquals(writing === undefined, atOnce === 4);
    let isDone = false;
    void writing?.then(() => isDone = true);
    while (lower.isBusy) {
      assertEquals(isDone, false);
      await lower.take();
    }
    await writing;
    const [frame, ...others] = lower.frames();
    assertEquals([frame?.opcode, frame?.fin, frame?.payload.length, others.length], [2, true, length, 0]);
    assertEquals(firstDifference(frame!.payload, 0), -1);
    assertEquals(firstDifference(chunk, 0), -1);
    assertEquals(lower.writes.length, 4);
  }
});

test("WebSocket sender: the bytes belong to it until the stream has taken them", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  const chunk = Uint8Array.of(1, 2, 3);
  const writing = sender.write(chunk, 3);
  assertThrows(() => sender.write(Uint8Array.of(9), 1), Error, "the write before this one is not done");
  await lower.take();
  await writing;
  assertEquals(words(lower.frames()), ["binary 1,2,3"]);
});

test("WebSocket sender: a pong waits for the frame under way, and goes before the next", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  const writing = sender.write(stream(0, PIECE_BYTES + 1), PIECE_BYTES + 1);
  sender.pong(Uint8Array.of(7));
  await lower.take();
  await lower.take();
  await writing;
  const second = sender.write(Uint8Array.of(2), 1);
  assert(lower.isBusy);
  await lower.takeAll();
  await second;
  const [first, ...rest] = lower.frames();
  assertEquals(first?.payload.length, PIECE_BYTES + 1);
  assertEquals(words(rest), ["pong 7", "binary 2"]);
});

test("WebSocket sender: a write during a pong waits for it", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  sender.pong(Uint8Array.of(1));
  const writing = sender.write(Uint8Array.of(2), 1);
  let isDone = false;
  void writing!.then(() => isDone = true);
  await lower.take();
  assertEquals(isDone, false);
  await lower.take();
  await writing;
  assertEquals(words(lower.frames()), ["pong 1", "binary 2"]);
});

test("WebSocket sender: of the pings that cannot be answered in time, only the newest is", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  for (let index = 0; index < 100_000; index++) sender.pong(Uint8Array.of(index & 255, index >> 8));
  await lower.takeAll();
  assertEquals(words(lower.frames()), ["pong 0,0", `pong ${99_999 & 255},${99_999 >> 8 & 255}`]);
});

test("WebSocket sender: a Close frame comes behind everything, once, and nothing follows it", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  const writing = sender.write(Uint8Array.of(1), 1);
  let isClosed = false;
  void sender.close(1000).then(() => isClosed = true);
  sender.pong(Uint8Array.of(3));
  void sender.close(1002);
  assertEquals(sender.isCloseSent, false);
  await lower.take();
  await writing;
  assertEquals([sender.isCloseSent, isClosed], [true, false]);
  sender.pong(Uint8Array.of(4));
  await lower.takeAll();
  assertEquals(isClosed, true);
  assertEquals(words(lower.frames()), ["binary 1", "close 3,232"]);
});

test("WebSocket sender: a Close frame may have no code", async () => {
  const lower = new StubStream(1);
  await new FrameSender(lower, undefined).close(undefined);
  assertEquals(words(lower.frames()), ["close "]);
});

test("WebSocket sender: a pong that waited when the Close frame was asked for goes before it", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  void sender.write(Uint8Array.of(1), 1);
  sender.pong(Uint8Array.of(2));
  const closing = sender.close(1000);
  await lower.takeAll();
  await closing;
  assertEquals(words(lower.frames()), ["binary 1", "pong 2", "close 3,232"]);
});

test("WebSocket sender: nothing is sent before the last write of somebody else is done", async () => {
  const lower = new StubStream();
  const before = Promise.withResolvers<void>();
  const sender = new FrameSender(lower, before.promise);
  const writing = sender.write(Uint8Array.of(1), 1);
  await settled();
  assertEquals(lower.isBusy, false);
  before.resolve();
  await settled();
  await lower.take();
  await writing;
  assertEquals(words(lower.frames()), ["binary 1"]);
});

test("WebSocket sender: when it is stopped, whoever waits goes on, and nothing more is sent", async () => {
  const lower = new StubStream();
  const sender = new FrameSender(lower, undefined);
  const writing = sender.write(stream(0, 2 * PIECE_BYTES), 2 * PIECE_BYTES);
  const closing = sender.close(1000);
  sender.pong(Uint8Array.of(1));
  sender.stop();
  await Promise.all([writing, closing]);
  await lower.take();
  assertEquals([lower.isBusy, lower.frames().length], [false, 0]);
});
