import { assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import {
  ReceiveOverflowError,
  type Transport,
  WebSocketError,
  type WebSocketTarget,
} from "../../src/transport/transport.ts";
import { dialNativeWebSocket } from "../../src/transport/websocket_native.ts";
import { runtime, test } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { firstDifference, MEBIBYTE, neverAborted, Owner, stream } from "./contract_connection.ts";
import { listenWebSocket, type UpgradeAnswer, type WebSocketPeer } from "./loopback_websocket.ts";

transportContract(`native WebSocket on ${runtime}`, () => listenWebSocket(dialNativeWebSocket), {
  canPause: false,
  hasHalfClose: false,
  // The others answer a close behind what is blocked, and tell it then.
  hearsEndInWrite: runtime === "bun",
});

interface Scene {
  readonly owner: Owner;
  readonly transport: Transport;
  readonly peer: WebSocketPeer;
}

/** Opens a connection, and ends it when the test is done with it. */
async function inScene(body: (scene: Scene) => Promise<void>, change: Partial<WebSocketTarget> = {}): Promise<void> {
  await using server = await listenWebSocket(dialNativeWebSocket);
  const owner = new Owner();
  const accepting = server.accept();
  const transport = await server.dial({ ...server.target, ...change }, owner, { signal: neverAborted });
  try {
    await body({ owner, transport, peer: await accepting });
  } finally {
    transport.destroy();
    await owner.closed;
    assertEquals(owner.breaches, []);
  }
}

/** Dials a server that answers in this way. @returns Why the dial failed. */
async function dialFailure(answer: UpgradeAnswer): Promise<WebSocketError> {
  await using server = await listenWebSocket(dialNativeWebSocket, answer);
  const owner = new Owner();
  const dialing = server.dial(server.target, owner, { signal: neverAborted });
  const peer = await server.accept();
  const error = await assertRejects(() => dialing, WebSocketError);
  // The connection ends with the dial.
  void peer.read();
  peer.reset();
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  assertEquals(error.message.includes("secret"), false, "the query of the URL is told");
  return error;
}

test("the subprotocol mqtt is offered, and nothing else [MQTT-6.0.0-3]", () =>
  inScene(({ peer }) => {
    assertMatch(peer.request, /^GET \/mqtt\?token=secret HTTP\/1\.1\r\n/);
    assertEquals(/^sec-websocket-protocol: *(.*)\r$/m.exec(peer.request)?.[1], "mqtt");
    return Promise.resolve();
  }));

for (const protocol of [undefined, "mqttv3.1"]) {
  test(`a server that chooses ${protocol ?? "no subprotocol"} is refused [MQTT-6.0.0-4]`, async () => {
    const error = await dialFailure({ protocol });
    // Where the runtime refuses it itself, it need not say why.
    assertEquals(["subprotocol", "not-opened"].includes(error.reason), true, error.message);
    assertMatch(error.message, /MQTT-6\.0\.0-4|protocol/i);
  });
}

test("a server that does not upgrade is told", async () => {
  // Node tries a second time after 401.
  const error = await dialFailure({ status: 403 });
  assertEquals(error.reason, "not-opened");
  assertMatch(error.message, /^Cannot open a WebSocket to 127\.0\.0\.1:\d+: ./);
});

test("each write is one binary frame, and packets may span frames [MQTT-6.0.0-1] [MQTT-6.0.0-2]", () =>
  inScene(async ({ owner, transport, peer }) => {
    for (const length of [1, 3, 70_000, 125, 126]) await transport.write(stream(0, length), length);
    const lengths: (number | undefined)[] = [];
    for (let count = 0; count < 5; count++) lengths.push((await peer.read())?.length);
    assertEquals(lengths, [1, 3, 70_000, 125, 126]);
    await peer.writeFrames([stream(0, 3), new Uint8Array(), stream(3, 70_000)]);
    await owner.received(70_003);
    assertEquals(owner.chunks.map((chunk) => chunk.length), [3, 70_000]);
  }));

test("a text frame ends the connection, behind the bytes before it [MQTT-6.0.0-1]", () =>
  inScene(async ({ owner, transport, peer }) => {
    transport.pause();
    await peer.writeFrames([stream(0, 10)]);
    await peer.writeText("hello");
    await peer.write(stream(0, 10));
    assertStrictEquals(await peer.read(), undefined);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
    transport.resume();
    const error = await owner.closed;
    assertInstanceOf(error, WebSocketError);
    assertEquals([owner.byteCount, error.reason], [10, "text-frame"]);
    assertMatch(error.message, /^Cannot keep the connection to 127\.0\.0\.1:\d+: the server sent a text frame /);
  }));

for (const code of [1000, 1001, 1011, 4000, undefined]) {
  test(`a server that closes with ${code ?? "no code"} is told ${code === 1000 ? "as an end in order" : "so"}`, () =>
    inScene(async ({ owner, peer }) => {
      peer.close(code);
      assertStrictEquals(await peer.read(), undefined);
      const error = await owner.closed;
      if (code === 1000) {
        assertStrictEquals(error, undefined);
        return;
      }
      assertInstanceOf(error, WebSocketError);
      assertEquals([error.reason, error.closeCode], ["closed", code ?? 1005]);
    }));
}

test("a reset is a close without a code", () =>
  inScene(async ({ owner, peer }) => {
    peer.reset();
    const error = await owner.closed;
    assertInstanceOf(error, WebSocketError);
    assertEquals([error.reason, error.closeCode], ["closed", 1006]);
  }));

test("shutdown closes with code 1000, behind what was written", () =>
  inScene(async ({ owner, transport, peer }) => {
    await transport.write(stream(0, 10), 10);
    transport.shutdown();
    assertEquals((await peer.read())?.length, 10);
    assertStrictEquals(await peer.read(), undefined);
    assertEquals(peer.closeCode, 1000);
    assertStrictEquals(await owner.closed, undefined);
  }));

test("what comes while paused is held, and handed out at the resume, in order", () =>
  inScene(async ({ owner, transport, peer }) => {
    assertEquals(transport.canPause, false);
    transport.pause();
    let offset = 0;
    for (let count = 0; count < 2_000; count++) {
      const length = count % 10 === 0 ? 6_000 : 20;
      await peer.write(stream(offset, length));
      offset += length;
    }
    await delay(20);
    assertEquals(owner.byteCount, 0);
    // In portions, as the event loop takes them.
    let handed = 0;
    owner.onData = (chunk) => {
      assertEquals(firstDifference(chunk, handed), -1);
      handed += chunk.length;
      transport.pause();
      queueMicrotask(() => transport.resume());
    };
    transport.resume();
    await owner.received(offset);
  }));

test("more than maxBufferedBytes while paused end the connection, behind the bytes that were held", () =>
  inScene(async ({ owner, transport, peer }) => {
    transport.pause();
    for (let offset = 0; offset < 110_000; offset += 10_000) await peer.write(stream(offset, 10_000));
    // The server is told at once, the owner when it goes on.
    assertStrictEquals(await peer.read(), undefined);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
    owner.onData = () => {
      transport.pause();
      queueMicrotask(() => transport.resume());
    };
    transport.resume();
    const error = await owner.closed;
    assertInstanceOf(error, ReceiveOverflowError);
    assertEquals([owner.byteCount, error.maxBufferedBytes], [100_000, 100_000]);
  }, { maxBufferedBytes: 100_000 }));

test("an owner that takes what comes may be sent more than maxBufferedBytes, in messages that are longer too", () =>
  inScene(async ({ owner, peer }) => {
    await peer.write(stream(0, 10));
    await owner.received(10);
    await peer.write(stream(10, 3 * MEBIBYTE));
    await owner.received(10 + 3 * MEBIBYTE);
  }, { maxBufferedBytes: 1_000 }));
