import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { selectDial } from "../../src/transport/select.ts";
import { type DialTarget, type ProxySettings, UnsupportedOptionError } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { listenLoopback, plainTls } from "./loopback.ts";
import { webSocketTarget } from "./web_socket_target.ts";

const place = { hostname: "broker.test", port: 1883, noDelay: true };
const tcp: DialTarget = { kind: "tcp", ...place };
const tls: DialTarget = { kind: "tls", ...place, tls: plainTls };
const unix: DialTarget = { kind: "unix", path: "/run/broker.sock" };
const webSocket = webSocketTarget("broker.test", 80);
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

for (const target of [tcp, unix, tls, webSocket]) {
  test(`selectDial knows ${target.kind} on Deno, Bun and Node, each by an adapter of its own`, () => {
    const dials = Object.values(scopes).map((scope) => selectDial(target, scope));
    assertEquals(new Set(dials).size, 3);
    for (const other of [tcp, unix, tls, webSocket]) {
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

test("selectDial takes a proxy where there are streams to reach it by", () => {
  for (const scope of Object.values(scopes)) {
    for (const target of [tcp, tls]) assertEquals(selectDial({ ...target, proxy }, scope), selectDial(target, scope));
  }
});

const navigator = { userAgent: "Cloudflare-Workers" };
const browser = { WebSocket: class {}, navigator: { userAgent: "Mozilla/5.0" } };

/** What a worker may look like, by its compatibility date and flags. */
const workers = {
  "a worker": { navigator, WebSocketPair: class {}, WebSocket: class {} },
  "a worker without navigator": { WebSocketPair: class {}, WebSocket: class {} },
  "a worker with node_compat": { navigator, WebSocketPair: class {}, WebSocket: class {}, process },
};

test("selectDial takes the WebSocket of a browser, and another one in workers, whatever they have of Node", () => {
  const inBrowser = selectDial(webSocket, browser);
  const inWorkers = Object.values(workers).map((scope) => selectDial(webSocket, scope));
  assertEquals(new Set(inWorkers).size, 1);
  assertEquals(inWorkers[0] === inBrowser, false);
  const withHeaders = { ...webSocket, headers: () => ({}) };
  assertEquals(selectDial(withHeaders, workers["a worker"]), inWorkers[0]);
});

test("selectDial has sockets in workers that offer them, and says what it takes elsewhere", () => {
  const withSockets = workers["a worker with node_compat"];
  for (const target of [tcp, tls]) {
    assertEquals(typeof selectDial(target, withSockets), "function");
    const error = assertThrows(() => selectDial(target, workers["a worker"]), UnsupportedOptionError, "nodejs_compat");
    assertEquals(error.option, "broker");
  }
  assertThrows(() => selectDial(unix, withSockets), UnsupportedOptionError, "a worker has no unix transport");
});

const secure = (change: object): DialTarget => ({ ...webSocket, tls: { ...plainTls, ...change } });
const tlsSettings: readonly (readonly [option: string, change: object])[] = [
  ["tls.ca", { ca: ["-----BEGIN CERTIFICATE-----"] }],
  ["tls.cert", { client: { cert: "", key: "" } }],
  ["tls.alpnProtocols", { alpnProtocols: ["mqtt"] }],
  ["tls.serverName", { serverName: "other.test" }],
  ["tls.insecure", { insecure: true }],
];
const inWorkers = { "a worker": workers["a worker with node_compat"] };
const everywhere = { "a browser": browser, ...inWorkers };

/** Each option that cannot be honoured, with the targets that ask for it, and where. */
const refusals: readonly (readonly [option: string, target: DialTarget, runtimes: Record<string, object>])[] = [
  ["headers", { ...webSocket, headers: () => ({}) }, { "a browser": browser }],
  ["noDelay", { ...webSocket, noDelay: false }, everywhere],
  ["noDelay", { ...tcp, noDelay: false }, inWorkers],
  ["noDelay", { ...tls, noDelay: false }, inWorkers],
  ["proxy", { ...webSocket, proxy }, everywhere],
  ["proxy", { ...tcp, proxy }, inWorkers],
  ...tlsSettings.flatMap(([option, change]) => [
    [option, secure(change), everywhere] as const,
    [option, { ...tls, tls: { ...plainTls, ...change } }, inWorkers] as const,
  ]),
];

for (const [option, target, runtimes] of refusals) {
  for (const [name, scope] of Object.entries(runtimes)) {
    test(`selectDial refuses ${option} of a ${target.kind} target in ${name}`, () => {
      const error = assertThrows(() => selectDial(target, scope), UnsupportedOptionError, name);
      assertEquals(error.option, option);
    });
  }
}

test("selectDial takes targets that ask for nothing but verified TLS, in browsers and workers", () => {
  for (const scope of Object.values(everywhere)) assertEquals(typeof selectDial(secure({}), scope), "function");
  assertEquals(typeof selectDial(tls, inWorkers["a worker"]), "function");
});
