// A WebSocket upon a stream that a test plays, for the turns that a network takes too rarely.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import {
  type Dial,
  type Transport,
  type TransportHandlers,
  WebSocketError,
  type WebSocketTarget,
} from "../../src/transport/transport.ts";
import { dialWebSocketOver } from "../../src/transport/websocket_stream.ts";
import { test } from "../support/test.ts";
import { neverAborted, Owner, stream } from "./contract_connection.ts";
import { acceptanceOf, join, noDial } from "./loopback_websocket.ts";
import { closeFrame } from "./websocket_connection.ts";

const stubTarget: WebSocketTarget = {
  kind: "websocket",
  url: "ws://broker.test/mqtt",
  hostname: "broker.test",
  port: 80,
  noDelay: true,
  tls: undefined,
  headers: undefined,
  maxBufferedBytes: 1,
};

/** A stream that takes the upgrade request, and then nothing any more. */
class StubStream implements Transport {
  readonly canPause = true;
  handlers: TransportHandlers = { data: () => {}, close: () => {} };
  isPaused = false;
  /** How many writes it was given. */
  writes = 0;
  /** Called as it opens. */
  onOpened: () => void = () => {};
  /** Called once the answer was told. */
  onAnswered: () => void = () => {};
  readonly #over = Promise.withResolvers<void>();

  /** Resolves once `close` was told. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Opens a WebSocket upon it. */
  readonly dial: Dial<WebSocketTarget> = dialWebSocketOver((_target, handlers) => {
    this.onOpened();
    this.handlers = handlers;
    return Promise.resolve(this);
  }, noDial);

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    this.writes++;
    if (this.writes > 1) return this.over;
    const head = new TextDecoder().decode(chunk.subarray(0, length));
    queueMicrotask(() => {
      this.handlers.data(join(acceptanceOf(head)));
      this.onAnswered();
    });
    return undefined;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  shutdown(): void {}

  destroy(): void {
    queueMicrotask(() => {
      this.handlers.close();
      this.#over.resolve();
    });
  }
}

test("WebSocket: the stream is held back from the answer until the owner of the dial has gone on", async () => {
  const lower = new StubStream();
  const owner = new Owner();
  let wasPaused = false;
  lower.onAnswered = () => wasPaused = lower.isPaused;
  const transport = await lower.dial(stubTarget, owner, { signal: neverAborted });
  assertEquals([wasPaused, lower.isPaused], [true, true]);
  for (let hop = 0; hop < 10; hop++) await undefined;
  assertEquals(lower.isPaused, true);
  await delay(1);
  assertEquals(lower.isPaused, false);
  transport.destroy();
  await owner.closed;
});

test("WebSocket: an owner that pauses at once finds the stream paused, until it resumes", async () => {
  const lower = new StubStream();
  const owner = new Owner();
  const transport = await lower.dial(stubTarget, owner, { signal: neverAborted });
  transport.pause();
  await delay(1);
  assertEquals(lower.isPaused, true);
  transport.resume();
  await delay(1);
  assertEquals(lower.isPaused, false);
  transport.destroy();
  await owner.closed;
});

for (const moment of ["onOpened", "onAnswered"] as const) {
  test(`WebSocket: an abort in the very turn of ${moment} ends the dial`, async () => {
    const lower = new StubStream();
    const owner = new Owner();
    const controller = new AbortController();
    const reason = new Error("just in time");
    lower[moment] = () => controller.abort(reason);
    assertStrictEquals(await assertRejects(() => lower.dial(stubTarget, owner, { signal: controller.signal })), reason);
    await lower.over;
    await delay(1);
    assertEquals(owner.closeCount, 0);
  });
}

test("WebSocket: what a stream tells behind a broken rule changes nothing", async () => {
  const lower = new StubStream();
  const owner = new Owner();
  await lower.dial(stubTarget, owner, { signal: neverAborted });
  await delay(1);
  lower.handlers.data(Uint8Array.of(0x81, 1, 65, 0x83));
  lower.handlers.data(Uint8Array.of(0x83, 0, 0x82, 1, 2));
  const error = await owner.closed;
  assertEquals(error instanceof WebSocketError && error.reason, "text-frame");
  assertEquals(owner.byteCount, 0);
});

test("WebSocket: a stream that takes no farewell, and does not end either, is ended all the same", async () => {
  const lower = new StubStream();
  const owner = new Owner();
  const transport = await lower.dial(stubTarget, owner, { signal: neverAborted });
  const writing = transport.write(stream(0, 1_000_000), 1_000_000);
  await delay(1);
  lower.handlers.data(closeFrame(1001));
  const error = await owner.closed;
  assert(error instanceof WebSocketError && error.closeCode === 1001);
  await writing;
  await transport.write(stream(0, 10), 10);
  // The request, and the first piece of the frame.
  assertEquals([owner.closeCount, lower.writes], [1, 2]);
});

test("WebSocket: an owner that pauses during the farewell is told of the end when it resumes", async () => {
  const lower = new StubStream();
  const owner = new Owner();
  const transport = await lower.dial(stubTarget, owner, { signal: neverAborted });
  await delay(1);
  lower.handlers.data(closeFrame(1000));
  transport.pause();
  await lower.over;
  await delay(1);
  assertEquals(owner.closeCount, 0);
  transport.resume();
  assertStrictEquals(await owner.closed, undefined);
});
