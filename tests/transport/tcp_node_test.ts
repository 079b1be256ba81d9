// What the adapter of Node does besides the contract.

import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import net from "node:net";
import process from "node:process";
import { explainAttempts } from "../../src/transport/node_connect.ts";
import { dialNodeTcp } from "../../src/transport/tcp_node.ts";
import type { TcpTarget } from "../../src/transport/transport.ts";
import { startChild } from "../support/child.ts";
import { runtime, test } from "../support/test.ts";
import { neverAborted, Owner } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";

test("Node TCP: a name whose every address refuses is told in words, with the code and the cause", () => {
  const attempts = ["::1", "127.0.0.1"].map((host) => new Error(`connect ECONNREFUSED ${host}:1883`));
  const error = Object.assign(new AggregateError(attempts), { code: "ECONNREFUSED" });
  const explained = explainAttempts(error) as Error & { code?: unknown };
  assertEquals(explained.message, "connect ECONNREFUSED ::1:1883; connect ECONNREFUSED 127.0.0.1:1883");
  assertEquals(explained.code, "ECONNREFUSED");
  assertStrictEquals(explained.cause, error);
  const plain = new Error("connect ECONNREFUSED 127.0.0.1:1883");
  assertStrictEquals(explainAttempts(plain), plain);
});

if (runtime === "node") {
  test("Node TCP: a refused name is told in words", async () => {
    await using server = await listenLoopback(dialNodeTcp);
    await server.refuse();
    const target: TcpTarget = { ...server.target, hostname: "localhost" };
    const error = await assertRejects(() => dialNodeTcp(target, new Owner(), { signal: neverAborted }));
    assertMatch(error.message, /ECONNREFUSED 127\.0\.0\.1/);
  });

  test("Node TCP: chunks share one buffer, side by side, until less than 4 KiB of it is left", async () => {
    await using server = await listenLoopback(dialNodeTcp);
    const owner = new Owner();
    const accepting = server.accept();
    const transport = await dialNodeTcp(server.target, owner, { signal: neverAborted });
    const peer = await accepting;
    for (const [length, total] of [[100, 100], [61_300, 61_400], [50, 61_450], [10, 61_460]] as const) {
      await peer.write(new Uint8Array(length));
      await owner.received(total);
    }
    const [first, last] = [owner.chunks[0]!, owner.chunks.at(-1)!];
    assertEquals([first.byteOffset, first.buffer.byteLength], [0, 65_536]);
    assertEquals([last.byteOffset, last.length], [0, 10]);
    for (const [index, chunk] of owner.chunks.slice(0, -1).entries()) {
      const next = owner.chunks[index + 1]!;
      if (next !== last) assertEquals([next.byteOffset, next.buffer], [chunk.byteOffset + chunk.length, first.buffer]);
    }
    assert(last.buffer !== first.buffer);
    assertStrictEquals(Object.getPrototypeOf(first), Uint8Array.prototype);
    transport.destroy();
    await owner.closed;
  });

  test("Node TCP: aborting ends an attempt that the server leaves unanswered", async () => {
    // A process that listens and then does nothing: what it does not accept fills its queue, and the next attempt waits.
    const program = [
      'const server = require("node:net").createServer();',
      'server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {',
      '  require("node:fs").writeSync(1, `port ${server.address().port}\\n`);',
      "  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
      "});",
    ];
    const child = startChild(process.execPath, ["-e", program.join("\n")]);
    const port = Number((await child.line(/^port \d+$/)).slice("port ".length));
    const fillers = Array.from({ length: 4 }, () => net.connect(port, "127.0.0.1").on("error", () => {}));
    await delay(50);
    const controller = new AbortController();
    const target: TcpTarget = { kind: "tcp", hostname: "127.0.0.1", port, noDelay: true };
    const dialing = dialNodeTcp(target, new Owner(), { signal: controller.signal });
    assertStrictEquals(await Promise.race([dialing, delay(50)]), undefined, "the queue was not full");
    const reason = new Error("long enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
    for (const filler of fillers) filler.destroy();
    await child.stop("SIGKILL");
  });
}
