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
const process = { versions: { node: "24.0.0" }, getBuiltinModule: () => ({}) };

/** What the runtimes show of themselves; Deno and Bun play Node as well. */
const scopes = { Deno: { Deno: { connect }, process }, Bun: { Bun: { connect }, process }, Node: { process } };

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

for (const target of [tcp, unix, tls]) {
  test(`selectDial knows ${target.kind} on Deno, Bun and Node, each by an adapter of its own`, () => {
    const dials = Object.values(scopes).map((scope) => selectDial(target, scope));
    assertEquals(new Set(dials).size, 3);
    for (const other of [tcp, unix, tls]) {
      const isSame = dials.includes(selectDial(other, scopes.Node));
      assertEquals(isSame, other === target);
    }
  });
}

test("selectDial refuses at once where the runtime has no sockets", () => {
  const scopesWithout: readonly object[] = [
    // A browser, and one with the remains of a bundler in it.
    { WebSocket: class {} },
    { WebSocket: class {}, process: { versions: {}, env: {} } },
    // Node as it was before it gave its modules without an import.
    { process: { versions: { node: "20.0.0" } } },
    // workerd, which plays Node.
    { process, navigator: { userAgent: "Cloudflare-Workers" } },
    // A worker that hides a part of Deno.
    { Deno: {} },
  ];
  for (const scope of scopesWithout) {
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
