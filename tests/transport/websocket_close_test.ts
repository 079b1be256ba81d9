// How a WebSocket ends: by Close frames of either side, without one, and by what breaks its rules.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { WebSocketError, type WebSocketErrorReason } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { MEBIBYTE, readAll, stream } from "./contract_connection.ts";
import { encodeServerFrame } from "./websocket_codec.ts";
import { closeCodeOf, closeFrame, withConnection } from "./websocket_connection.ts";

interface ServerClose {
  readonly code: number | undefined;
  readonly reason?: string;
  /** What the owner is told, besides "Cannot keep the WebSocket to …: the server closed it". */
  readonly words?: string;
  readonly closeCode?: number;
}

const serverCloses: readonly ServerClose[] = [
  { code: 1000 },
  { code: 1000, reason: "bye" },
  { code: undefined, words: " with code 1005", closeCode: 1005 },
  { code: 1001, words: " with code 1001", closeCode: 1001 },
  { code: 1008, reason: "too many\nclients", words: " with code 1008 (too many\nclients)", closeCode: 1008 },
  { code: 4001, reason: "token expired", words: " with code 4001 (token expired)", closeCode: 4001 },
];

for (const { code, reason, words, closeCode } of serverCloses) {
  const outcome = words === undefined ? "no error" : `close code ${closeCode}`;
  test(`WebSocket: closed by the server with ${code ?? "no code"}${reason === undefined ? "" : " and a reason"}, it ends with ${outcome}`, () =>
    withConnection(async ({ owner, peer }) => {
      await peer.write(stream(0, 100));
      await peer.stream.write(closeFrame(code, reason));
      const error = await owner.closed;
      assertEquals(owner.byteCount, 100);
      // The client answers with what it was told, and ends the connection although the server has not.
      assertEquals(await closeCodeOf(peer), code);
      await deadline(readAll(peer.stream, () => {}), 5000);
      if (words === undefined) return assertStrictEquals(error, undefined);
      assertInstanceOf(error, WebSocketError);
      assertEquals([error.reason, error.closeCode, error.status], ["closed", closeCode, undefined]);
      const expected = `Cannot keep the connection to 127.0.0.1:PORT: the server closed it${words}`;
      assertEquals(error.message.replace(/:\d+:/, ":PORT:"), expected);
    }));
}

test("WebSocket: a connection that ends without a Close frame has the close code 1006", async () => {
  const frame = encodeServerFrame({ opcode: 2, payload: stream(0, 100) });
  for (
    const bytes of [frame, frame.subarray(0, 1), frame.subarray(0, 50), encodeServerFrame({ opcode: 2, fin: false })]
  ) {
    await withConnection(async ({ owner, peer }) => {
      await peer.stream.write(bytes);
      peer.stream.end();
      const error = await owner.closed;
      assertInstanceOf(error, WebSocketError);
      assertEquals([error.reason, error.closeCode], ["closed", 1006]);
      assert(error.message.endsWith("the server ended the connection without a Close frame"), error.message);
    });
  }
});

test("WebSocket: a server that ends its side right behind its Close frame has ended it in order", () =>
  withConnection(async ({ owner, peer }) => {
    await peer.stream.write(closeFrame(1000));
    peer.stream.end();
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(await closeCodeOf(peer), 1000);
  }));

test("WebSocket: what a server sends behind its Close frame is not told", () =>
  withConnection(async ({ owner, peer }) => {
    const more = encodeServerFrame({ opcode: 2, payload: stream(0, 10) });
    await peer.stream.write(Uint8Array.of(...closeFrame(1000), ...more, 0xff, 0xff));
    void peer.stream.write(more);
    assertStrictEquals(await owner.closed, undefined);
    assertEquals(owner.byteCount, 0);
  }));

test("WebSocket: a Close frame of any code that answers ours is an end in order", async () => {
  for (const code of [undefined, 1000, 1001, 4000]) {
    await withConnection(async ({ owner, peer, call }) => {
      call((transport) => transport.shutdown());
      assertEquals(await closeCodeOf(peer), 1000);
      assertEquals(owner.closeCount, 0);
      await peer.write(stream(0, 1000));
      await owner.received(1000);
      await peer.stream.write(closeFrame(code));
      assertStrictEquals(await owner.closed, undefined);
      await deadline(readAll(peer.stream, () => {}), 5000);
    });
  }
});

test("WebSocket: a Close frame that crosses ours while it cannot leave is judged by its own code", () =>
  withConnection(async (connection) => {
    const { owner, peer, call, write } = connection;
    const blocked = write(new Uint8Array(64 * MEBIBYTE));
    call((transport) => transport.shutdown());
    await peer.stream.write(closeFrame(1011));
    const error = await owner.closed;
    assert(error instanceof WebSocketError && error.closeCode === 1011);
    await blocked;
  }));

test("WebSocket: a server that closes in the middle of a write, and then reads nothing, holds nobody", () =>
  withConnection(async ({ owner, peer, write }) => {
    // The kernels take a few of them between the frames, not in the middle of one.
    let taken = 0;
    const filling = (async () => {
      while (owner.closeCount === 0) {
        await write(new Uint8Array(10_000));
        taken++;
        await delay(0);
      }
    })();
    let before = -1;
    while (before !== taken) {
      before = taken;
      await delay(50);
    }
    await peer.stream.write(closeFrame(1001));
    const error = await deadline(owner.closed, 5000);
    assert(error instanceof WebSocketError && error.closeCode === 1001);
    await filling;
  }));

interface Violation {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reason: WebSocketErrorReason;
  readonly code: number;
}

const violations: readonly Violation[] = [
  { name: "a text frame [MQTT-6.0.0-1]", bytes: Uint8Array.of(0x81, 1, 65), reason: "text-frame", code: 1003 },
  { name: "a masked frame", bytes: Uint8Array.of(0x82, 0x81, 1, 2, 3, 4, 5), reason: "protocol", code: 1002 },
  { name: "a frame of a reserved kind", bytes: Uint8Array.of(0x83, 0), reason: "protocol", code: 1002 },
  {
    name: "a length that is no number",
    bytes: new Uint8Array(10).fill(255).fill(0x82, 0, 1).fill(127, 1, 2),
    reason: "protocol",
    code: 1002,
  },
];

for (const { name, bytes, reason, code } of violations) {
  test(`WebSocket: ${name} ends it as ${reason}, with the close code ${code}`, () =>
    withConnection(async ({ owner, peer, write }) => {
      await peer.write(stream(0, 10));
      await peer.stream.write(bytes);
      void peer.write(stream(10, 10));
      const error = await owner.closed;
      assertInstanceOf(error, WebSocketError);
      assertEquals([error.reason, error.closeCode], [reason, undefined]);
      assertEquals(owner.byteCount, 10);
      assertEquals(await closeCodeOf(peer), code);
      await write(stream(0, 10));
    }));
}
