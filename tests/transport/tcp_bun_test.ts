// What Bun's sockets may do by their contract, and on a loopback interface hardly ever do.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { dialBunTcp } from "../../src/transport/tcp_bun.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { withConnect } from "./runtime_stub.ts";

const { signal } = new AbortController();
const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;

interface StubHandlers {
  open(socket: StubSocket): void;
  data(socket: StubSocket, chunk: Uint8Array): void;
  drain(socket: StubSocket): void;
  close(socket: StubSocket, error?: Error): void;
}

/** A socket that takes the bytes it was told to, and calls `close` from inside `close`, as Bun does. */
class StubSocket {
  readonly calls: string[] = [];
  readonly written: number[] = [];
  readonly takes: number[] = [];
  handlers!: StubHandlers;

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(this.takes.shift() ?? 0, length);
    this.written.push(...bytes.subarray(offset, offset + taken));
    return taken;
  }
  pause(): void {}
  resume(): void {}
  setNoDelay(noDelay: boolean): boolean {
    this.calls.push(`setNoDelay ${noDelay}`);
    return true;
  }
  shutdown(): void {
    this.calls.push("shutdown");
  }
  close(): void {
    this.calls.push("close");
    this.handlers.close(this);
  }
  terminate(): void {
    this.calls.push("terminate");
    this.handlers.close(this);
  }
}

class Owner {
  readonly log: string[] = [];
  data(chunk: Uint8Array): void {
    this.log.push(`data ${chunk}`);
  }
  close(error?: Error): void {
    this.log.push(`close ${error?.message}`);
  }
}

async function dial(socket: StubSocket, owner: Owner): Promise<Transport> {
  const connect = (options: { socket: StubHandlers }): Promise<StubSocket> => {
    socket.handlers = options.socket;
    socket.handlers.open(socket);
    return Promise.resolve(socket);
  };
  return await withConnect("Bun", connect, () => dialBunTcp(target, owner, { signal }));
}

test("Bun TCP: a short write goes on with every drain, until all bytes are taken", async () => {
  const socket = new StubSocket();
  const transport = await dial(socket, new Owner());
  socket.handlers.drain(socket);
  socket.takes.push(2, 0, 3, 9);
  let isDone = false;
  const writing = transport.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), 8)!.then(() => isDone = true);
  transport.shutdown();
  for (const expected of [[1, 2], [1, 2, 3, 4, 5]]) {
    socket.handlers.drain(socket);
    await undefined;
    assertEquals([socket.written, isDone], [expected, false]);
  }
  assertEquals(socket.calls, []);
  socket.handlers.drain(socket);
  await writing;
  assertEquals([socket.written, socket.calls], [[1, 2, 3, 4, 5, 6, 7, 8], ["shutdown"]]);
});

test("Bun TCP: what comes while paused waits for the resume, close behind it", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const transport = await dial(socket, owner);
  transport.pause();
  socket.handlers.data(socket, Uint8Array.of(1));
  socket.handlers.data(socket, Uint8Array.of(2));
  socket.handlers.close(socket, new Error("ECONNRESET"));
  for (let i = 0; i < 5; i++) await undefined;
  assertEquals(owner.log, []);
  transport.resume();
  assertEquals(owner.log, []);
  await undefined;
  assertEquals(owner.log, ["data 1", "data 2", "close ECONNRESET"]);
});

test("Bun TCP: destroy drops what was held, also after the peer has closed", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const transport = await dial(socket, owner);
  transport.pause();
  socket.handlers.data(socket, Uint8Array.of(1));
  socket.handlers.close(socket, new Error("ECONNRESET"));
  await undefined;
  transport.destroy();
  transport.destroy();
  for (let i = 0; i < 5; i++) await undefined;
  assertEquals(owner.log, ["close ECONNRESET"]);
  assertEquals(socket.calls, []);
});

test("Bun TCP: a write that fails in a drain resolves after close", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const transport = await dial(socket, owner);
  socket.takes.push(1, -1);
  const writing = transport.write(Uint8Array.of(1, 2), 2)!.then(() => owner.log.push("written"));
  socket.handlers.drain(socket);
  await undefined;
  assertEquals(owner.log, []);
  socket.handlers.close(socket);
  await writing;
  assertEquals(owner.log, ["close Cannot write: the peer has closed the connection", "written"]);
});

test("Bun TCP: noDelay is Bun's own default and only ever taken back", async () => {
  const socket = new StubSocket();
  await dial(socket, new Owner());
  assertEquals(socket.calls, []);
});

test("Bun TCP: a socket that opens after the abort is terminated, without a word to the owner", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const controller = new AbortController();
  const reason = new Error("too slow");
  const connected = Promise.withResolvers<StubSocket>();
  const connect = (options: { socket: StubHandlers }): Promise<StubSocket> => {
    socket.handlers = options.socket;
    return connected.promise;
  };
  const dialing = withConnect("Bun", connect, () => dialBunTcp(target, owner, { signal: controller.signal }));
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => dialing), reason);
  socket.handlers.open(socket);
  connected.resolve(socket);
  for (let i = 0; i < 5; i++) await undefined;
  assertEquals([socket.calls, owner.log], [["terminate"], []]);
});

test("Bun TCP: an attempt that fails after the abort leaves no rejection behind", async () => {
  const controller = new AbortController();
  const connected = Promise.withResolvers<never>();
  const connect = (): Promise<never> => connected.promise;
  const dialing = withConnect(
    "Bun",
    connect,
    () => dialBunTcp(target, new Owner(), { signal: controller.signal }),
  );
  controller.abort();
  await assertRejects(() => dialing, DOMException);
  connected.reject(new Error("ECONNREFUSED"));
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test("Bun TCP: what connect throws is what the dial rejects with", async () => {
  const fault = new TypeError("no such option");
  const connect = (): never => {
    throw fault;
  };
  const dialing = withConnect("Bun", connect, () => dialBunTcp(target, new Owner(), { signal }));
  assertStrictEquals(await assertRejects(() => dialing), fault);
});
