import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { selectDial } from "../../src/transport/select.ts";
import { type DialTarget, type ProxySettings, UnsupportedOptionError } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { listenLoopback, plainTls } from "./loopback.ts";

const place = { hostname: "broker.test", port: 1883, noDelay: true };
const tcp: DialTarget = { kind: "tcp", ...place };
const tls: DialTarget = { kind: "tls", ...place, tls: plainTls };
const unix: DialTarget = { kind: "unix", path: "/run/broker.sock" };
const proxy: ProxySettings = {
  protocol: "http",
  hostname: "proxy.test",
  port: 3128,
  username: undefined,
  password: undefined,
  tls: plainTls,
};
const connect = (): void => {};

test("selectDial gives an adapter that works on this runtime", async () => {
  await using server = await listenLoopback(selectDial(tcp));
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
  const onDeno = selectDial(tcp, { Deno: { connect } });
  const onBun = selectDial(tcp, { Bun: { connect } });
  assertEquals(onDeno === onBun, false);
  assertEquals(selectDial(tcp, { Deno: { connect }, process: {} }), onDeno);
});

for (const target of [tcp, unix, tls]) {
  test(`selectDial knows ${target.kind} on Deno and on Bun, each by an adapter of its own`, () => {
    const onDeno = selectDial(target, { Deno: { connect } });
    const onBun = selectDial(target, { Bun: { connect } });
    assertEquals(new Set([onDeno, onBun, selectDial(tcp, { Deno: { connect } })]).size, target === tcp ? 2 : 3);
  });
}

test("selectDial refuses at once where the runtime has no sockets", () => {
  // A browser, Node, a worker that hides a part of Deno.
  for (const scope of [{ WebSocket: class {} }, { process: { versions: { node: "22.0.0" } } }, { Deno: {} }]) {
    const error = assertThrows(() => selectDial(tcp, scope), UnsupportedOptionError, "no tcp transport");
    assertEquals(error.option, "broker");
    assertEquals(error.name, "UnsupportedOptionError");
    for (const target of [unix, tls]) {
      assertThrows(() => selectDial(target, scope), UnsupportedOptionError, `no ${target.kind} transport`);
    }
  }
});

test("selectDial refuses a kind it does not know", () => {
  const target = { kind: "carrier-pigeon" } as unknown as DialTarget;
  const error = assertThrows(() => selectDial(target), UnsupportedOptionError);
  assertStringIncludes(error.message, "carrier-pigeon");
});

test("selectDial refuses a proxy where there is no way through one", () => {
  const error = assertThrows(() => selectDial({ ...tcp, proxy }, { Deno: { connect } }), UnsupportedOptionError);
  assertEquals(error.option, "proxy");
});
