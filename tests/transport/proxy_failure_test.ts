// What goes right and wrong on the way through a proxy, over a real network: who resolves names, who is told what, and that nothing
// stays open.

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import net from "node:net";
import { selectDial } from "../../src/transport/select.ts";
import {
  type Dial,
  type DialTarget,
  ProxyError,
  type ProxyErrorReason,
  type ProxySettings,
  TlsError,
  type TlsErrorReason,
  type TlsSettings,
} from "../../src/transport/transport.ts";
import { type Certificate, type Certificates, makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { type ContractServer, neverAborted, Owner } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { type ProxyProtocol, startProxyPlace } from "./proxy_place.ts";

const noOpenssl = opensslMissing();
const dial: Dial = (target, handlers, options) => selectDial(target)(target, handlers, options);
const protocols: readonly ProxyProtocol[] = ["http", "https", "socks5"];
const user = { username: "ann", password: "pä:ss wörd" };

/** Certificates are needed for proxies that speak TLS. */
const skipOf = (protocol: ProxyProtocol): string | undefined => protocol === "https" ? noOpenssl : undefined;

/** Dials, sends bytes there and back, and ends the connection. */
async function expectEcho(server: ContractServer, target: DialTarget): Promise<void> {
  const owner = new Owner();
  const accepting = server.accept();
  const transport = await deadline(dial(target, owner, { signal: neverAborted }), 5000);
  await transport.write(Uint8Array.of(1, 2, 3), 3);
  const peer = await accepting;
  await peer.write((await peer.read())!);
  await owner.received(3);
  transport.destroy();
  assertStrictEquals(await owner.closed, undefined);
}

/** Dials in vain, and expects no word to the owner. */
async function expectProxyError(target: DialTarget, reason: ProxyErrorReason): Promise<ProxyError> {
  const owner = new Owner();
  const error = await assertRejects(() => deadline(dial(target, owner, { signal: neverAborted }), 5000), ProxyError);
  assertEquals(error.reason, reason, error.message);
  assert(error.message.startsWith("Cannot go through the proxy "), error.message);
  await delay(10);
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  return error;
}

for (const protocol of protocols) {
  const skip = skipOf(protocol);

  test(`${protocol} proxy on ${runtime}: names are left to the proxy, with user and password`, async () => {
    await using server = await listenLoopback(dial);
    const { port } = server.target;
    await using place = await startProxyPlace(protocol, { user, hosts: { "broker.test": port } });
    await expectEcho(server, { ...server.target, hostname: "broker.test", port: 1883, proxy: place.settings });
    await expectEcho(server, { ...server.target, proxy: place.settings });
    assertEquals(place.proxy.requests, ["broker.test:1883", `127.0.0.1:${port}`]);
    await deadline(place.proxy.deserted(), 1000);
  }, { skip });

  test(`${protocol} proxy on ${runtime}: credentials that are missing or wrong are told as such`, async () => {
    await using server = await listenLoopback(dial);
    await using place = await startProxyPlace(protocol, { user });
    for (const username of [undefined, "bob"]) {
      const error = await expectProxyError(
        { ...server.target, proxy: { ...place.settings, username } },
        "authentication",
      );
      assertMatch(error.message, username === undefined ? /asks for credentials/ : /does not accept the credentials/);
      assert(!error.message.includes(user.password));
    }
    assertEquals(place.proxy.requests, []);
    await deadline(place.proxy.deserted(), 1000);
  }, { skip });

  test(`${protocol} proxy on ${runtime}: a server that it cannot reach is a refusal in words`, async () => {
    await using server = await listenLoopback(dial);
    await server.refuse();
    await using place = await startProxyPlace(protocol);
    const error = await expectProxyError({ ...server.target, proxy: place.settings }, "refused");
    assertMatch(error.message, /it answers (502 Bad Gateway|5, the server refuses the connection)$/);
    await deadline(place.proxy.deserted(), 1000);
  }, { skip });

  test(`${protocol} proxy on ${runtime}: one that nobody listens for cannot be reached`, async () => {
    await using server = await listenLoopback(dial);
    const settings = await (async () => {
      await using place = await startProxyPlace(protocol);
      return place.settings;
    })();
    const error = await expectProxyError({ ...server.target, proxy: settings }, "unreachable");
    assertEquals((error.cause as Error & { code?: string }).code, "ECONNREFUSED");
  }, { skip });

  test(`${protocol} proxy on ${runtime}: an abort while it does not answer ends the connection with it`, async () => {
    await using silent = await listenSilently();
    const controller = new AbortController();
    const target: DialTarget = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true };
    const proxy: ProxySettings = { ...noUser, protocol, hostname: "127.0.0.1", port: silent.port };
    const dialing = dial({ ...target, proxy }, new Owner(), { signal: controller.signal });
    const socket = await silent.accepted;
    const ended = new Promise((resolve) => socket.on("close", resolve));
    assertStrictEquals(await Promise.race([dialing, delay(30)]), undefined);
    const reason = new Error("long enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
    // Deno's own TLS keeps the socket of a handshake that is not over, whoever closes it, until the server ends it.
    if (runtime !== "deno" || protocol !== "https") await deadline(ended, 1000);
  }, { skip });

  test(`${protocol} proxy on ${runtime}: what is no proxy is told as such`, async () => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("SSH-2.0-x\r\n"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    const proxy: ProxySettings = { ...noUser, protocol, hostname: "127.0.0.1", port };
    const target: DialTarget = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true, proxy };
    const error = await expectProxyError(target, protocol === "https" ? "unreachable" : "protocol");
    if (protocol === "https") assertInstanceOf(error.cause, TlsError);
    else assertMatch(error.message, /it does not speak (HTTP|SOCKS version 5)$/);
    await new Promise((resolve) => server.close(resolve));
  }, { skip });
}

const noUser = { username: undefined, password: undefined, tls: plainTls };

/** A server that accepts a connection and says nothing. */
async function listenSilently(): Promise<
  AsyncDisposable & { readonly port: number; readonly accepted: Promise<net.Socket> }
> {
  const accepted = Promise.withResolvers<net.Socket>();
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.resume();
    accepted.resolve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    accepted: accepted.promise,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

test(`https proxy on ${runtime}: a certificate that does not hold means that it cannot be reached`, async () => {
  const { otherHost, otherCa } = await makeCertificates();
  await using server = await listenLoopback(dial);
  await using strange = await startProxyPlace("https", {}, otherHost);
  const mismatch = await expectProxyError({ ...server.target, proxy: strange.settings }, "unreachable");
  assertInstanceOf(mismatch.cause, TlsError);
  assertEquals(mismatch.cause.reason, "host-mismatch");
  const settings = { ...strange.settings, tls: { ...strange.settings.tls, ca: [otherCa] } };
  const unknown = await expectProxyError({ ...server.target, proxy: settings }, "unreachable");
  assertInstanceOf(unknown.cause, TlsError);
  assertEquals(unknown.cause.reason, "unknown-ca");
  // A name of its own makes the same proxy the right one.
  const named = { ...strange.settings, tls: { ...strange.settings.tls, serverName: "other.test" } };
  await expectEcho(server, { ...server.target, proxy: named });
}, { skip: noOpenssl });

interface Refusal {
  readonly name: string;
  readonly reason: TlsErrorReason;
  server?(made: Certificates): Certificate;
  settings?(made: Certificates): Partial<TlsSettings>;
}

const refusals: readonly Refusal[] = [
  { name: "an authority that is not trusted", reason: "unknown-ca", settings: ({ otherCa }) => ({ ca: [otherCa] }) },
  { name: "another host", reason: "host-mismatch", server: ({ otherHost }) => otherHost },
  { name: "a Common Name only", reason: "host-mismatch", server: ({ commonNameOnly }) => commonNameOnly },
  { name: "a self-signed certificate", reason: "self-signed", server: ({ selfSigned }) => selfSigned },
  {
    name: "an expired certificate",
    // Deno's `node:tls` cannot tell; the message says so.
    reason: runtime === "deno" ? "unknown-ca" : "expired",
    server: ({ expired }) => expired,
  },
];

for (const { name, reason, server, settings } of refusals) {
  test(`TLS through a proxy on ${runtime}: ${name} is refused as ${reason}, as without one`, async () => {
    const made = await makeCertificates();
    await using place = await startProxyPlace("socks5");
    const tls = { ...plainTls, ca: [made.ca], ...settings?.(made) };
    await using listening = await listenTls(dial, server?.(made) ?? made.server, tls);
    const target: DialTarget = { ...listening.target, hostname: "localhost", proxy: place.settings };
    const owner = new Owner();
    const error = await assertRejects(() => deadline(dial(target, owner, { signal: neverAborted }), 5000), TlsError);
    assertEquals(error.reason, reason, error.message);
    assert(error.message.startsWith("Cannot secure the connection to localhost:"), error.message);
    if (runtime === "deno" && reason === "unknown-ca") assertMatch(error.message, /not valid today$/);
    await deadline(place.proxy.deserted(), 1000);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  }, { skip: noOpenssl });
}

test(
  `TLS through a proxy on ${runtime}: server name, ALPN, insecure and a client certificate work as without one`,
  async () => {
    const { ca, server, otherHost, expired, client } = await makeCertificates();
    await using place = await startProxyPlace("https");
    const cases: readonly (readonly [Certificate, Partial<TlsSettings>])[] = [
      [otherHost, { serverName: "other.test" }],
      [server, { alpnProtocols: ["first", "mqtt"] }],
      [expired, { insecure: true, ca: [] }],
      [server, { client }],
    ];
    for (const [certificate, settings] of cases) {
      const options = { ...certificate, ALPNProtocols: ["mqtt"] };
      await using listening = await listenTls(dial, options, { ...plainTls, ca: [ca], ...settings });
      await expectEcho(listening, { ...listening.target, proxy: place.settings });
    }
  },
  { skip: noOpenssl },
);

test(`TLS through a proxy on ${runtime}: an abort in the middle of the handshake leaves nothing open`, async () => {
  await using silent = await listenSilently();
  await using place = await startProxyPlace("socks5");
  const controller = new AbortController();
  const target: DialTarget = { kind: "tls", hostname: "127.0.0.1", port: silent.port, noDelay: true, tls: plainTls };
  const dialing = dial({ ...target, proxy: place.settings }, new Owner(), { signal: controller.signal });
  await silent.accepted;
  assertStrictEquals(await Promise.race([dialing, delay(30)]), undefined);
  const reason = new Error("long enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
  await deadline(place.proxy.deserted(), 1000);
});

test(`TLS through a proxy on ${runtime}: a key that belongs to another certificate leaves nothing open`, async () => {
  const { ca, server, client, strangeClient } = await makeCertificates();
  await using place = await startProxyPlace("socks5");
  const settings = { ...plainTls, ca: [ca], client: { cert: client.cert, key: strangeClient.key } };
  await using listening = await listenTls(dial, server, settings);
  const target: DialTarget = { ...listening.target, proxy: place.settings };
  await assertRejects(() => deadline(dial(target, new Owner(), { signal: neverAborted }), 5000), TlsError);
  await deadline(place.proxy.deserted(), 1000);
}, { skip: noOpenssl });

test(`proxy on ${runtime}: what the server sends in one flight with the answer comes behind the dial`, async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nhello"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const proxy: ProxySettings = { ...noUser, protocol: "http", hostname: "127.0.0.1", port };
  const owner = new Owner();
  const target: DialTarget = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true, proxy };
  const transport = await (async () => await dial(target, owner, { signal: neverAborted }))();
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  transport.pause();
  await delay(20);
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  transport.resume();
  assertStrictEquals(await owner.closed, undefined);
  assertEquals(String.fromCharCode(...owner.chunks.flatMap((chunk) => [...chunk])), "hello");
  await new Promise((resolve) => server.close(resolve));
});
