import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { selectDial } from "../../src/transport/select.ts";
import { type DialTarget, UnsupportedOptionError } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { listenLoopback } from "./loopback.ts";

test("selectDial gives an adapter that works on this runtime", async () => {
  await using server = await listenLoopback(selectDial("tcp"));
  const closed = Promise.withResolvers<Error | undefined>();
  const received = Promise.withResolvers<Uint8Array>();
  const handlers = { data: received.resolve, close: closed.resolve };
  const accepting = server.accept();
  const transport = await server.dial(server.target, handlers, { signal: new AbortController().signal });
  const peer = await accepting;
  await peer.write(Uint8Array.of(1, 2, 3));
  assertEquals([...await received.promise], [1, 2, 3]);
  transport.destroy();
  assertEquals(await closed.promise, undefined);
});

test("selectDial tells the runtimes apart by what they offer", () => {
  const connect = (): void => {};
  const onDeno = selectDial("tcp", { Deno: { connect } });
  const onBun = selectDial("tcp", { Bun: { connect } });
  assertEquals(onDeno === onBun, false);
  assertEquals(selectDial("tcp", { Deno: { connect }, process: {} }), onDeno);
});

for (const kind of ["tcp", "unix", "tls"] as const) {
  test(`selectDial knows ${kind} on Deno and on Bun, each by an adapter of its own`, () => {
    const connect = (): void => {};
    const onDeno = selectDial(kind, { Deno: { connect } });
    const onBun = selectDial(kind, { Bun: { connect } });
    assertEquals(new Set([onDeno, onBun, selectDial("tcp", { Deno: { connect } })]).size, kind === "tcp" ? 2 : 3);
  });
}

test("selectDial refuses at once where the runtime has no sockets", () => {
  // A browser, Node, a worker that hides a part of Deno.
  for (const scope of [{ WebSocket: class {} }, { process: { versions: { node: "22.0.0" } } }, { Deno: {} }]) {
    const error = assertThrows(() => selectDial("tcp", scope), UnsupportedOptionError, "no tcp transport");
    assertEquals(error.option, "broker");
    assertEquals(error.name, "UnsupportedOptionError");
    for (const kind of ["unix", "tls"] as const) {
      assertThrows(() => selectDial(kind, scope), UnsupportedOptionError, `no ${kind} transport`);
    }
  }
});

test("selectDial refuses a kind it does not know", () => {
  const error = assertThrows(() => selectDial("carrier-pigeon" as DialTarget["kind"]), UnsupportedOptionError);
  assertStringIncludes(error.message, "carrier-pigeon");
});
