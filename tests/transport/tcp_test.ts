import { assertEquals, assertGreater, assertLess, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { dialBunTcp } from "../../src/transport/tcp_bun.ts";
import { dialDenoTcp } from "../../src/transport/tcp_deno.ts";
import { dialNodeTcp } from "../../src/transport/tcp_node.ts";
import type { Dial, TcpTarget, TransportHandlers } from "../../src/transport/transport.ts";
import { runtime, test } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { listenLoopback } from "./loopback.ts";
import { measureTwoWritesOneAnswer } from "./two_writes.ts";

const dial: Dial<TcpTarget> = { deno: dialDenoTcp, bun: dialBunTcp, node: dialNodeTcp }[runtime];
const deaf: TransportHandlers = { data: () => {}, close: () => {} };
const { signal } = new AbortController();

transportContract(`TCP on ${runtime}`, () => listenLoopback(dial));

test("two small writes and an answer take no delayed ACK", async () => {
  await using server = await listenLoopback(dial);
  assertLess(await measureTwoWritesOneAnswer(server), 20);
});

test("noDelay false leaves Nagle's algorithm on", async () => {
  await using server = await listenLoopback(dial);
  assertGreater(await measureTwoWritesOneAnswer({ ...server, target: { ...server.target, noDelay: false } }), 20);
}, { skip: globalThis.process?.platform === "linux" ? undefined : "the delayed ACK of Linux is what is measured" });

test("what the kernel has taken is still sent after destroy", async () => {
  await using server = await listenLoopback(dial);
  const ended = Promise.withResolvers<Error | undefined>();
  const accepting = server.accept();
  const transport = await dial(server.target, { data: () => {}, close: ended.resolve }, { signal });
  const peer = await accepting;
  await transport.write(new Uint8Array(1_000_000), 1_000_000);
  transport.destroy();
  await ended.promise;
  let received = 0;
  for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) received += chunk.length;
  assertEquals(received, 1_000_000);
});

test("a refused dial tells the runtime's code", async () => {
  await using server = await listenLoopback(dial);
  await server.refuse();
  const error = await assertRejects(() => dial(server.target, deaf, { signal }));
  assertEquals((error as Error & { code?: string }).code, "ECONNREFUSED");
});

test("an unknown host is refused with the runtime's error", async () => {
  // A label of 64 letters is one too many, so that no name server is asked.
  const hostname = `${"x".repeat(64)}.invalid`;
  const error = await assertRejects(() => dial({ kind: "tcp", hostname, port: 1883, noDelay: true }, deaf, { signal }));
  assertMatch(error.message, /lookup|ENOTFOUND/);
});

test("a port that is none is refused", async () => {
  await assertRejects(() =>
    dial({ kind: "tcp", hostname: "127.0.0.1", port: 70_000, noDelay: true }, deaf, { signal })
  );
});

/** Bun cannot cancel an attempt: there the rejection is all there is, which the contract proves. */
if (runtime === "deno") {
  test("aborting ends an attempt that the server leaves unanswered", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 0 });
    const { port } = listener.addr;
    const target: TcpTarget = { kind: "tcp", hostname: "127.0.0.1", port, noDelay: true };
    const filling = new AbortController();
    const fillers: Promise<Deno.TcpConn | undefined>[] = [];
    for (let i = 0; i < 4; i++) {
      fillers.push(Deno.connect({ hostname: "127.0.0.1", port, signal: filling.signal }).catch(() => undefined));
    }
    await delay(50);
    const controller = new AbortController();
    const dialing = dial(target, deaf, { signal: controller.signal });
    assertStrictEquals(await Promise.race([dialing, delay(50)]), undefined, "the backlog was not full");
    const reason = new Error("long enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
    filling.abort();
    for (const conn of await Promise.all(fillers)) conn?.close();
    listener.close();
  });
}
