// A WebSocket without `bufferedAmount`, as some edge workers have, and one that throws: neither can be had from the runtimes of the tests.

import { assert, assertEquals, assertGreater, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import { type Transport, WebSocketError } from "../../src/transport/transport.ts";
import { type NativeWebSocket, startNativeTransport } from "../../src/transport/websocket_native.ts";
import { test } from "../support/test.ts";
import { MEBIBYTE, Owner } from "./contract_connection.ts";
import { webSocketTarget } from "./web_socket_target.ts";

type Listener = (event: Record<string, unknown>) => void;

class StubSocket implements NativeWebSocket {
  readonly protocol = "mqtt";
  readonly listeners = new Map<string, Listener>();
  readonly closes: (number | undefined)[] = [];
  binaryType = "blob";
  sentBytes = 0;
  failure: Error | undefined;

  send(bytes: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure;
    this.sentBytes += bytes.length;
  }
  close(code?: number): void {
    this.closes.push(code);
  }
  addEventListener(type: string, listener: unknown): void {
    this.listeners.set(type, listener as Listener);
  }
  tell(type: string, event: Record<string, unknown>): void {
    this.listeners.get(type)!(event);
  }
}

interface Scene {
  readonly socket: StubSocket;
  readonly owner: Owner;
  readonly transport: Transport;
}

async function start(): Promise<Scene> {
  const socket = new StubSocket();
  const owner = new Owner();
  const transport = startNativeTransport(socket, owner, webSocketTarget("broker.test", 80));
  await delay(2);
  assertEquals(socket.binaryType, "arraybuffer");
  return { socket, owner, transport };
}

/** Writes until a write waits. */
function fillBudget({ socket, transport }: Scene): Promise<void> {
  for (let count = 0; count < 64; count++) {
    const writing = transport.write(new Uint8Array(65_536), 65_536);
    if (writing !== undefined) return writing;
  }
  throw new Error(`${socket.sentBytes} bytes were taken`);
}

test("without bufferedAmount a write waits once a budget is spent, until the server sends something", async () => {
  const scene = await start();
  const { socket, owner, transport } = scene;
  for (let round = 1; round <= 3; round++) {
    let isDone = false;
    const writing = fillBudget(scene).then(() => isDone = true);
    await undefined;
    assertEquals([isDone, socket.sentBytes], [false, round * (MEBIBYTE + 65_536)]);
    socket.tell("message", { data: new ArrayBuffer(2) });
    await writing;
  }
  assertEquals(owner.byteCount, 6);
  transport.destroy();
  assertStrictEquals(await owner.closed, undefined);
});

test("without bufferedAmount a silent server is given another budget each second", async () => {
  const scene = await start();
  const begun = performance.now();
  await fillBudget(scene);
  await fillBudget(scene);
  assertGreater(performance.now() - begun, 1_900);
  const blocked = fillBudget(scene);
  scene.transport.destroy();
  await blocked;
  assertEquals(scene.owner.closeCount, 1);
});

test("a WebSocket that throws at a send has failed, and the write resolves with the close", async () => {
  const { socket, owner, transport } = await start();
  socket.failure = new Error("already closed");
  let closesBefore = -1;
  const writing = transport.write(Uint8Array.of(1), 1)!.then(() => closesBefore = owner.closeCount);
  const second = transport.write(Uint8Array.of(1), 1);
  assert(second !== undefined);
  socket.tell("close", { code: 1006, reason: "" });
  const error = await owner.closed;
  await Promise.all([writing, second]);
  assertInstanceOf(error, WebSocketError);
  assertEquals([closesBefore, error.closeCode, error.cause === socket.failure], [1, 1006, true]);
  assertEquals(error.message.includes("already closed"), true);
});

test("the reason of the server's close is told, and the close answered", async () => {
  const { socket, owner } = await start();
  socket.tell("close", { code: 1008, reason: "too many" });
  const error = await owner.closed;
  assertEquals(
    error?.message,
    "Cannot keep the connection to broker.test:80: the server closed it with code 1008 (too many)",
  );
  assertEquals(socket.closes.length, 1);
});
