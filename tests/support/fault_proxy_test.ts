// The fault proxy between two plain sockets: what it promises to do to a connection, it does.

import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLess, assertNotEquals } from "@std/assert";
import { delay } from "@std/async";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { FaultProxy, type FaultProxyOptions } from "./fault_proxy.ts";
import { SeededRandom } from "./seeded_random.ts";
import { test } from "./test.ts";

/** One end of a connection, and what it has seen. */
interface End {
  readonly socket: Socket;
  /** What came, chunk by chunk. */
  readonly chunks: Uint8Array[];
  /** How it was closed: "end", or the code of the error. */
  readonly closed: Promise<string>;
}

function watch(socket: Socket): End {
  const chunks: Uint8Array[] = [];
  let how = "destroyed";
  socket.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  socket.on("end", () => {
    how = "end";
    socket.end();
  });
  socket.on("error", (error: Error & { code?: string }) => how = error.code ?? error.name);
  return { socket, chunks, closed: new Promise((resolve) => socket.on("close", () => resolve(how))) };
}

function sizeOf(end: End): number {
  return end.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function bytesOf(end: End): number[] {
  return end.chunks.flatMap((chunk) => [...chunk]);
}

async function until(holds: () => boolean): Promise<void> {
  const limit = performance.now() + 5_000;
  while (!holds()) {
    assert(performance.now() < limit, "it did not happen within five seconds");
    await delay(2);
  }
}

/** A server behind a proxy. */
interface Bench extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** Makes a connection through the proxy. @returns Its end here, and its end on the server. */
  dial(): Promise<{ readonly client: End; readonly server: End }>;
}

async function openBench(options?: FaultProxyOptions): Promise<Bench> {
  const sockets: Socket[] = [];
  let accept: (socket: Socket) => void = () => {};
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket)).listen(
    0,
    "127.0.0.1",
  );
  await once(listener, "listening");
  const proxy = await FaultProxy.start((listener.address() as AddressInfo).port, options);
  return {
    proxy,
    dial: async () => {
      const accepted = new Promise<Socket>((resolve) => accept = resolve);
      const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      const server = await accepted;
      sockets.push(client, server);
      return { client: watch(client), server: watch(server) };
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await proxy[Symbol.asyncDispose]();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** How a connection through a proxy that turns clients away ends. */
async function dialRefused(port: number): Promise<string> {
  return await watch(connect(port, "127.0.0.1")).closed;
}

test("a seed gives the same random numbers again, another seed others", () => {
  const draw = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 1000 }, () => random.integer(1, 6));
  };
  assertEquals(draw(7), draw(7));
  assertNotEquals(draw(7), draw(8));
  assertEquals([...new Set(draw(7))].sort(), [1, 2, 3, 4, 5, 6]);
  const mean = draw(9).reduce((sum, value) => sum + value) / 1000;
  assert(mean > 3.2 && mean < 3.8, `the mean of a thousand dice is ${mean}`);
});

test("without faults a proxy carries both directions, and the end of each", async () => {
  await using bench = await openBench();
  const { client, server } = await bench.dial();
  const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
  client.socket.write(bytes);
  server.socket.write(bytes);
  await until(() => sizeOf(client) === bytes.length && sizeOf(server) === bytes.length);
  assertEquals(bytesOf(client), [...bytes]);
  assertEquals(bytesOf(server), [...bytes]);
  client.socket.end();
  assertEquals([await client.closed, await server.closed], ["end", "end"]);
  await until(() => bench.proxy.open === 0);
  assertEquals([bench.proxy.accepted, bench.proxy.cuts], [1, 0]);
});

for (const [cut, expected] of [["fin", "end"], ["reset", "ECONNRESET"]] as const) {
  test(`a cut by ${cut} reaches both sides as such`, async () => {
    await using bench = await openBench();
    const first = await bench.dial();
    const second = await bench.dial();
    await until(() => bench.proxy.open === 2);
    first.server.socket.write("unread");
    await until(() => sizeOf(first.client) === 6);
    bench.proxy.cut(cut);
    for (const end of [first.client, first.server, second.client, second.server]) {
      assertEquals(await end.closed, expected);
    }
    assertEquals(bench.proxy.cuts, 2);
  });

  test(`a cut by ${cut} comes after exactly as many bytes as were planned`, async () => {
    await using bench = await openBench();
    bench.proxy.cutAfter("outgoing", 1000, cut);
    const { client, server } = await bench.dial();
    client.socket.write(new Uint8Array(700));
    await until(() => sizeOf(server) === 700);
    bench.proxy.cutAfter("incoming", 5, cut);
    bench.proxy.cutAfter("outgoing", 3, cut);
    client.socket.write(new Uint8Array(700));
    assertEquals(await client.closed, expected);
    await server.closed;
    // A reset may overtake bytes that are on their way, but nothing comes beyond the position.
    if (cut === "fin") assertEquals(sizeOf(server), 703);
    else assertLess(sizeOf(server), 704);
    assertEquals(sizeOf(client), 0);
  });
}

for (const direction of ["incoming", "outgoing"] as const) {
  test(`a frozen ${direction} direction holds its sender back, and loses nothing`, async () => {
    await using bench = await openBench();
    const { client, server } = await bench.dial();
    const [sender, receiver] = direction === "outgoing" ? [client, server] : [server, client];
    bench.proxy.freeze(direction);
    receiver.socket.write("the other direction goes on");
    await until(() => sizeOf(sender) > 0);
    const bytes = new Uint8Array(1 << 24).map((_, index) => index % 249);
    const isFlushed = Promise.withResolvers<void>();
    sender.socket.write(bytes, () => isFlushed.resolve());
    const raced = await Promise.race([isFlushed.promise.then(() => "sent"), delay(100).then(() => "held")]);
    assertEquals([raced, sizeOf(receiver)], ["held", 0]);
    bench.proxy.thaw(direction);
    await isFlushed.promise;
    await until(() => sizeOf(receiver) === bytes.length);
    assert(Buffer.concat(receiver.chunks).equals(bytes));
  });
}

test("a fragmenting proxy writes no more than it was told at once, and keeps the order", async () => {
  await using bench = await openBench({ fragmentBytes: 3, seed: 5 });
  const { client, server } = await bench.dial();
  const bytes = Uint8Array.from({ length: 500 }, (_, index) => index % 256);
  client.socket.write(bytes);
  await until(() => sizeOf(server) === bytes.length);
  assertEquals(bytesOf(server), [...bytes]);
  // The kernel may join a few, but far from all.
  assertGreater(server.chunks.length, 20);
});

test("a delaying proxy holds every byte for that long, and not one after the other", async () => {
  await using bench = await openBench({ delayMillis: 60 });
  const { client, server } = await bench.dial();
  const start = performance.now();
  for (let index = 0; index < 10; index++) {
    client.socket.write(new Uint8Array([index]));
    await delay(2);
  }
  await until(() => sizeOf(server) > 0);
  assertGreaterOrEqual(performance.now() - start, 59);
  await until(() => sizeOf(server) === 10);
  assertLess(performance.now() - start, 400);
  assertEquals(bytesOf(server), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a proxy turns clients away in both ways, keeps who is there, and accepts again on the same port", async () => {
  await using bench = await openBench();
  const { proxy } = bench;
  const { port } = proxy;
  const { client, server } = await bench.dial();
  await proxy.refuse("closed");
  assertEquals(await dialRefused(port), "ECONNREFUSED");
  await proxy.refuse("reset");
  assertEquals(await dialRefused(port), "ECONNRESET");
  client.socket.write("still here");
  await until(() => sizeOf(server) === 10);
  await proxy.refuse("closed");
  await proxy.welcome();
  assertEquals(proxy.port, port);
  const again = await bench.dial();
  again.client.socket.write("hello");
  await until(() => sizeOf(again.server) === 5);
  assertEquals(proxy.open, 2);
});

/** Ten links in a storm. @returns How each ended, and where those were cut that end in order. */
async function weather(seed: number): Promise<{ readonly ways: string[]; readonly places: number[] }> {
  await using bench = await openBench({ seed });
  bench.proxy.storm({ mostBytes: 90, leastMillis: 1_000, mostMillis: 2_000 });
  const ways: string[] = [];
  const places: number[] = [];
  for (let round = 0; round < 10; round++) {
    const { client, server } = await bench.dial();
    client.socket.write(new Uint8Array(100));
    server.socket.write(new Uint8Array(100));
    ways.push(await client.closed);
    await server.closed;
    // The other direction has passed as a whole, or not at all.
    if (ways.at(-1) === "end") places.push([sizeOf(client), sizeOf(server)].find((size) => size % 100 !== 0)!);
  }
  assertEquals(bench.proxy.cuts, 10);
  return { ways, places };
}

test("a storm cuts link after link, by FIN and RST in turn, at places that its seed decides", async () => {
  const { ways, places } = await weather(3);
  assertEquals(ways, Array.from({ length: 10 }, (_, index) => index % 2 === 0 ? "ECONNRESET" : "end"));
  assertEquals(new Set(places).size > 2, true, `all at the same places: ${places}`);
  assertEquals((await weather(3)).places, places);
  assertNotEquals((await weather(4)).places, places);
});

test("a storm cuts an idle link by time, and calm spares the others", async () => {
  await using bench = await openBench();
  bench.proxy.storm({ mostBytes: 1_000, leastMillis: 5, mostMillis: 20 });
  const idle = await bench.dial();
  assertEquals(await idle.client.closed, "ECONNRESET");
  const spared = await bench.dial();
  bench.proxy.calm();
  await delay(40);
  assertEquals(bench.proxy.open, 1);
  spared.client.socket.end();
  assertEquals(await spared.client.closed, "end");
});
