// The dial before there is a connection.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async";
import type { Transport } from "../../src/transport/transport.ts";
import { type DialCase, neverAborted, Owner, readAll, stream } from "./contract_connection.ts";

/** Rules of the dial. */
export const dialCases: readonly DialCase[] = [
  ["a refused dial rejects and calls no handler", async (server) => {
    await server.refuse();
    const owner = new Owner();
    await assertRejects(() => server.dial(server.target, owner, { signal: neverAborted }), Error);
    await delay(10);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  }],

  ["a dial with an aborted signal rejects with its reason", async (server) => {
    const reason = new Error("not today");
    const owner = new Owner();
    const dialing = server.dial(server.target, owner, { signal: AbortSignal.abort(reason) });
    assertStrictEquals(await assertRejects(() => dialing), reason);
    assertEquals(owner.closeCount, 0);
  }],

  ["aborting a dial rejects with the reason and leaves nothing open", async (server) => {
    const owner = new Owner();
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const dialing = server.dial(server.target, owner, { signal: controller.signal });
      controller.abort(reason);
      assertStrictEquals(await assertRejects(() => dialing), reason);
    }
    // Some attempts may have reached the server; every connection they made must end.
    const strays = async (): Promise<void> => {
      while (true) {
        const peer = await Promise.race([server.accept(), delay(50)]);
        if (peer === undefined) return;
        await readAll(peer, () => {});
      }
    };
    await strays();
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  }],

  ["an abort after the dial does nothing", async (server) => {
    const controller = new AbortController();
    const owner = new Owner();
    const accepting = server.accept();
    const transport = await server.dial(server.target, owner, { signal: controller.signal });
    controller.abort(new Error("too late"));
    const peer = await accepting;
    await peer.write(stream(0, 10));
    await owner.received(10);
    assertEquals(owner.closeCount, 0);
    transport.destroy();
    await owner.closed;
  }],

  ["nothing is called before the dial has resolved", async (server) => {
    const owner = new Owner();
    const order: string[] = [];
    owner.onData = () => order.push("data");
    const serving = server.accept().then((peer) => peer.write(stream(0, 10)));
    // Two wrappers, as a choice of adapters and a deadline make them.
    const dial = async (): Promise<Transport> => await server.dial(server.target, owner, { signal: neverAborted });
    const transport = await (async () => await dial())();
    order.push("dialled");
    await serving;
    await owner.received(10);
    assertEquals(order.slice(0, 2), ["dialled", "data"]);
    transport.destroy();
    await owner.closed;
  }],
];
