import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { MemoryNetwork, type MemoryOptions, memoryPair, settle } from "../../src/testing/mod.ts";
import type { DialTarget, Transport } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";

const target: DialTarget = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true };
const { signal } = new AbortController();

/** Records what a transport tells. */
class Log {
  readonly chunks: number[][] = [];
  closes: (Error | undefined)[] = [];
  data(chunk: Uint8Array): void {
    this.chunks.push([...chunk]);
  }
  close(error?: Error): void {
    this.closes.push(error);
  }
}

async function connect(options?: MemoryOptions) {
  const network = new MemoryNetwork(options);
  const log = new Log();
  const transport: Transport = await network.dial(target, log, { signal });
  return { network, log, transport, peer: await network.accept() };
}

test("writes arrive as the chunks they were, without chunkSizes", async () => {
  const { log, peer } = await connect();
  void peer.write(Uint8Array.of(1, 2));
  void peer.write(Uint8Array.of(3));
  await settle();
  assertEquals(log.chunks, [[1, 2], [3]]);
});

test("chunkSizes cut and join writes, in turn and over again", async () => {
  const { log, peer, transport } = await connect({ chunkSizes: [1, 4] });
  void peer.write(Uint8Array.of(1, 2, 3));
  void peer.write(Uint8Array.of(4, 5, 6, 7));
  await settle();
  assertEquals(log.chunks, [[1], [2, 3, 4, 5], [6], [7]]);
  transport.write(Uint8Array.of(1, 2, 3), 3);
  assertEquals([await peer.read(), await peer.read()], [Uint8Array.of(1), Uint8Array.of(2, 3)]);
});

test("sizes have to be positive integers", () => {
  const handlers = new Log();
  for (const options of [{ chunkSizes: [] }, { chunkSizes: [0] }, { chunkSizes: [1.5] }, { bufferBytes: 0 }]) {
    assertThrows(() => memoryPair(handlers, handlers, options), RangeError, "positive integer");
  }
});

test("a direction holds bufferBytes, then a write waits until there is room", async () => {
  const { transport, peer } = await connect({ bufferBytes: 10 });
  assertStrictEquals(transport.write(new Uint8Array(10), 10), undefined);
  const writing = transport.write(new Uint8Array(15), 15);
  assertInstanceOf(writing, Promise);
  let isDone = false;
  void writing.then(() => isDone = true);
  await settle();
  assertEquals(isDone, false);
  let count = (await peer.read())!.length;
  await settle();
  assertEquals([count, isDone], [10, false]);
  count += (await peer.read())!.length;
  await settle();
  assertEquals([count, isDone], [20, true]);
});

test("a paused client makes the server's writes wait, and its delivered", async () => {
  const { log, transport, peer } = await connect({ bufferBytes: 4 });
  transport.pause();
  const states: string[] = [];
  void peer.write(Uint8Array.of(1, 2, 3)).then(() => states.push("first"));
  void peer.write(Uint8Array.of(4, 5)).then(() => states.push("second"));
  void peer.write(Uint8Array.of(6)).then(() => states.push("third"));
  void peer.delivered().then(() => states.push("delivered"));
  await settle();
  assertEquals([states, log.chunks], [["first"], []]);
  transport.resume();
  await settle();
  assertEquals(states, ["first", "second", "third", "delivered"]);
  assertEquals(log.chunks.flat(), [1, 2, 3, 4, 5, 6]);
});

test("waits of the server end with a paused client that goes away", async () => {
  const { log, transport, peer } = await connect({ bufferBytes: 4 });
  transport.pause();
  const waits = [peer.write(new Uint8Array(100)), peer.write(new Uint8Array(1)), peer.delivered()];
  await settle();
  transport.destroy();
  await Promise.all(waits);
  await peer.write(new Uint8Array(100));
  await peer.delivered();
  assertEquals(log.chunks, []);
  assertStrictEquals(await peer.read(), undefined);
});

test("destroy leaves behind what was taken, and nothing of the write that waits", async () => {
  const { transport, peer } = await connect({ bufferBytes: 10 });
  const writing = transport.write(new Uint8Array(25), 25);
  const reading = peer.read();
  transport.destroy();
  await writing;
  assertEquals((await reading)?.length, 10);
  assertStrictEquals(await peer.read(), undefined);
});

test("reset loses what is on its way in both directions", async () => {
  const { log, transport, peer } = await connect();
  const fault = new Error("lightning");
  transport.write(Uint8Array.of(1), 1);
  void peer.write(Uint8Array.of(2));
  peer.reset(fault);
  peer.reset(new Error("twice"));
  await settle();
  assertEquals([log.chunks, log.closes], [[], [fault]]);
  assertStrictEquals(await peer.read(), undefined);
});

test("reset after delivered loses nothing", async () => {
  const { log, peer } = await connect({ chunkSizes: [1] });
  await peer.write(Uint8Array.of(1, 2, 3));
  await peer.delivered();
  peer.reset();
  await settle();
  assertEquals(log.chunks, [[1], [2], [3]]);
  assert(log.closes[0] instanceof Error);
  assertEquals(log.closes.length, 1);
});

test("end lets the client read everything, then ends both sides", async () => {
  const { log, transport, peer } = await connect({ bufferBytes: 2 });
  transport.pause();
  void peer.write(Uint8Array.of(1, 2, 3, 4, 5));
  peer.end();
  transport.resume();
  await settle();
  assertEquals([log.chunks.flat(), log.closes], [[1, 2, 3, 4, 5], [undefined]]);
});

test("pause keeps the server from reading until resume", async () => {
  const { transport, peer } = await connect();
  peer.pause();
  transport.write(Uint8Array.of(1), 1);
  let chunk: Uint8Array | undefined;
  const reading = peer.read().then((read) => chunk = read);
  await settle();
  assertEquals(chunk, undefined);
  await assertRejects(() => peer.read(), Error, "already waiting");
  peer.resume();
  await reading;
  assertEquals(chunk, Uint8Array.of(1));
});

test("refuse and stall decide the dials to come in order, allow forgets them", async () => {
  const network = new MemoryNetwork();
  const log = new Log();
  const first = new Error("first");
  network.refuse(first);
  network.stall();
  network.refuse(new Error("always"), Infinity);
  assertStrictEquals(await assertRejects(() => network.dial(target, log, { signal })), first);

  const controller = new AbortController();
  let isOver = false;
  const stalled = network.dial(target, log, { signal: controller.signal });
  void stalled.catch(() => {}).then(() => isOver = true);
  await settle();
  assertEquals(isOver, false);
  const reason = new Error("no patience left");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => stalled), reason);

  for (let i = 0; i < 3; i++) await assertRejects(() => network.dial(target, log, { signal }), Error, "always");
  network.allow();
  await network.dial({ ...target, port: 1884 }, log, { signal });
  assertEquals(network.dialCount, 6);
  assertEquals(network.targets.map((target) => target.kind === "tcp" && target.port), [
    1883,
    1883,
    1883,
    1883,
    1883,
    1884,
  ]);
  assertEquals(log.closes, []);
});

test("connections are accepted in the order of their dials, whoever waits first", async () => {
  const network = new MemoryNetwork();
  const early = network.accept();
  const logs = [new Log(), new Log(), new Log()];
  for (const log of logs) await network.dial(target, log, { signal });
  const peers = [await early, await network.accept(), await network.accept()];
  for (const [i, peer] of peers.entries()) await peer.write(Uint8Array.of(i));
  await settle();
  assertEquals(logs.map(({ chunks }) => chunks), [[[0]], [[1]], [[2]]]);
});

test("cut ends every open connection with the error, and none that is to come", async () => {
  const { network, log, peer } = await connect();
  const other = new Log();
  await network.dial(target, other, { signal });
  const fault = new Error("a backhoe");
  const reading = peer.read();
  network.cut(fault);
  assertStrictEquals(await reading, undefined);
  await settle();
  assertEquals([log.closes, other.closes], [[fault], [fault]]);
  const next = new Log();
  await network.dial(target, next, { signal });
  await settle();
  assertEquals(next.closes, []);
});

test("the same script has the same transcript", async () => {
  const transcripts: string[] = [];
  for (let run = 0; run < 2; run++) {
    const lines: string[] = [];
    const network = new MemoryNetwork({ bufferBytes: 64, chunkSizes: [3, 1, 17] });
    const handlers = {
      data: (chunk: Uint8Array): void => void lines.push(`client ${chunk}`),
      close: (error?: Error): void => void lines.push(`closed ${error?.message}`),
    };
    const serving = network.accept().then(async (peer) => {
      for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) {
        lines.push(`server ${chunk}`);
        void peer.write(chunk);
        if (chunk.includes(99)) peer.reset();
      }
    });
    const transport = await network.dial(target, handlers, { signal });
    for (let i = 0; i < 100; i++) await transport.write(new Uint8Array(i % 30).fill(i), i % 30);
    await serving;
    await settle();
    transcripts.push(lines.join("\n"));
  }
  assert(transcripts[0]!.includes("closed"));
  assert(transcripts[0]!.split("\n").length > 100);
  assertEquals(transcripts[0], transcripts[1]);
});
