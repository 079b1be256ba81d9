// Options of the network: WebSocket addresses and their headers, proxies, and what each address makes of them.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseBrokerUrl } from "../../src/client/broker_url.ts";
import { resolveOptions } from "../../src/client/options.ts";
import type { MqttOptions } from "../../src/loop/mod.ts";
import { MemoryNetwork } from "../../src/testing/mod.ts";
import type { ProxySettings, WebSocketTarget } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";

const { dial } = new MemoryNetwork();
const base = { clientId: "c", broker: "ws://broker.test/mqtt", transport: dial };
const { signal } = new AbortController();
const request = { url: "ws://broker.test/mqtt", signal };

function targetOf(options: MqttOptions): WebSocketTarget {
  const { target } = resolveOptions({ ...base, ...options }).brokers[0]!;
  assert(target.kind === "websocket");
  return target;
}

function proxyOf(proxy: MqttOptions["proxy"]): ProxySettings | undefined {
  const { target } = resolveOptions({ ...base, broker: "mqtt://broker.test", proxy }).brokers[0]!;
  assert(target.kind === "tcp");
  return target.proxy;
}

const ADDRESSES: readonly (readonly [broker: string, label: string, url: string, hostname: string, port: number])[] = [
  ["ws://broker.test", "ws://broker.test:80/", "ws://broker.test/", "broker.test", 80],
  ["ws://broker.test:9001/mqtt", "ws://broker.test:9001/mqtt", "ws://broker.test:9001/mqtt", "broker.test", 9001],
  ["wss://broker.test/a/b", "wss://broker.test:443/a/b", "wss://broker.test/a/b", "broker.test", 443],
  ["wss://[::1]:8084/mqtt", "wss://[::1]:8084/mqtt", "wss://[::1]:8084/mqtt", "::1", 8084],
  ["ws://ann:p%40ss@broker.test/x", "ws://broker.test:80/x", "ws://broker.test/x", "broker.test", 80],
];

for (const [broker, label, url, hostname, port] of ADDRESSES) {
  test(`${broker} is a WebSocket at ${label}`, () => {
    const { address } = parseBrokerUrl(broker);
    assertEquals(address.label, label);
    assert(address.target.kind === "websocket");
    assertEquals([address.target.url, address.target.hostname, address.target.port], [url, hostname, port]);
    assertEquals(address.target.tls !== undefined, url.startsWith("wss:"));
    assertEquals(address.username, broker.includes("ann") ? "ann" : undefined);
  });
}

test("options in the query of a WebSocket address are options, and are not sent", () => {
  const { address, options } = parseBrokerUrl("ws://broker.test/mqtt?client_id=hall&keep_alive=30&no_delay=false");
  assert(address.target.kind === "websocket");
  assertEquals(address.target.url, "ws://broker.test/mqtt");
  assertEquals(address.target.noDelay, false);
  assertEquals(options, { clientId: "hall", keepAlive: 30, noDelay: false });
  const error = assertThrows(() => parseBrokerUrl("ws://broker.test/mqtt?token=x"), TypeError);
  assertEquals(
    error.message,
    'Cannot use option "broker": its query has the unknown option "token" (ws://broker.test:80/mqtt)',
  );
});

test("the query of a WebSocket address that a provider gives is sent as it is", async () => {
  const credentials = () => ({ broker: "wss://broker.test/mqtt?X-Amz-Signature=a%2Fb&client_id=x" });
  const resolved = resolveOptions({ ...base, credentials });
  const { broker } = await resolved.credentials!({ broker: "ws://broker.test/mqtt", attempt: 1, signal });
  assert(broker?.target.kind === "websocket");
  assertEquals(broker.target.url, "wss://broker.test/mqtt?X-Amz-Signature=a%2Fb&client_id=x");
  assertEquals(broker.label, "wss://broker.test:443/mqtt");
});

test("headers: an object or a function of the request, asked each time", async () => {
  assertEquals(targetOf({}).headers, undefined);
  assertEquals(await targetOf({ headers: { Authorization: "Bearer x" } }).headers!(request), {
    Authorization: "Bearer x",
  });
  let count = 0;
  const { headers } = targetOf({ headers: ({ url }) => Promise.resolve({ "x-url": `${url} ${++count}` }) });
  assertEquals(await headers!(request), { "x-url": "ws://broker.test/mqtt 1" });
  assertEquals(await headers!(request), { "x-url": "ws://broker.test/mqtt 2" });
});

const badHeaders: readonly (readonly [headers: unknown, state: string])[] = [
  ["Authorization: x", "it is no object of names and values"],
  [{ "a b": "x" }, '"a b" is no name of a header'],
  [{ "Sec-WebSocket-Key": "x" }, 'the upgrade request has a "Sec-WebSocket-Key" of its own'],
  [{ host: "x" }, 'the upgrade request has a "host" of its own'],
  [{ "x-a": "b\r\nx-c: d" }, 'the value of "x-a" is no text that a header can have'],
  [{ "x-a": 5 }, 'the value of "x-a" is no text that a header can have'],
];

for (const [headers, state] of badHeaders) {
  test(`headers ${JSON.stringify(headers)} are refused, also when a function gives them`, async () => {
    const message = `Cannot use option "headers": ${state}`;
    assertEquals(
      assertThrows(() => targetOf({ headers: headers as Record<string, string> }), TypeError).message,
      message,
    );
    const { headers: provide } = targetOf({ headers: () => headers as Record<string, string> });
    assertEquals((await assertRejects(async () => await provide!(request), TypeError)).message, message);
  });
}

test("headers of a credentials provider are checked too", async () => {
  const resolved = resolveOptions({ ...base, credentials: () => ({ headers: { host: "x" } }) });
  const error = await assertRejects(
    () => resolved.credentials!({ broker: "ws://broker.test", attempt: 1, signal }).then(({ headers }) => headers),
    TypeError,
  );
  assertEquals(error.message, 'Cannot use option "credentials.headers": the upgrade request has a "host" of its own');
});

test("maxBufferedBytes is 64 MiB unless it is given, and at least one byte", () => {
  assertEquals(targetOf({}).maxBufferedBytes, 64 * 1024 * 1024);
  assertEquals(targetOf({ maxBufferedBytes: 1 }).maxBufferedBytes, 1);
  for (const maxBufferedBytes of [0, 1.5, Infinity]) {
    assertThrows(() => targetOf({ maxBufferedBytes }), RangeError, "maxBufferedBytes");
  }
});

const PROXIES: readonly (readonly [url: string, settings: Omit<ProxySettings, "tls">])[] = [
  ["http://proxy.test", settings("http", "proxy.test", 80)],
  ["https://proxy.test", settings("https", "proxy.test", 443)],
  ["socks5://proxy.test", settings("socks5", "proxy.test", 1080)],
  ["http://ann:p%40ss@[::1]:3128/", settings("http", "::1", 3128, "ann", "p@ss")],
  ["socks5://ann@proxy.test:9050", settings("socks5", "proxy.test", 9050, "ann", "")],
  ["socks5://a%3An:p@proxy.test", settings("socks5", "proxy.test", 1080, "a:n", "p")],
];

function settings(
  protocol: ProxySettings["protocol"],
  hostname: string,
  port: number,
  username?: string,
  password?: string,
): Omit<ProxySettings, "tls"> {
  return { protocol, hostname, port, username, password };
}

for (const [url, expected] of PROXIES) {
  test(`proxy may be ${url}`, () => {
    for (const proxy of [url, new URL(url), { url }]) {
      const { tls, ...rest } = proxyOf(proxy)!;
      assertEquals(rest, expected);
      assertEquals(tls.insecure, false);
    }
  });
}

const secret = "hunter2";
const badProxies: readonly (readonly [proxy: unknown, state: string])[] = [
  [`ann:${secret}`, "its scheme ann: is none of http:, https:, socks5:"],
  ["proxy", 'it is no URL, such as "http://user:password@host:8080" or "socks5://host"'],
  [`socks4://ann:${secret}@proxy.test`, "its scheme socks4: is none of http:, https:, socks5:"],
  [`http://ann:${secret}@proxy.test/path`, "it has more than user information, host and port"],
  [`http://:${secret}@proxy.test`, "it has a password without a user name"],
  [`http://ann:${secret}%ff@proxy.test`, "its user information is not percent-encoded UTF-8"],
  ["http://proxy.test:0", "its port is 0"],
  [`https://a%3An:${secret}@proxy.test`, "its user name has a colon, which ends a user name in HTTP"],
  [`socks5://ann:${"%C3%A9".repeat(128)}@proxy.test`, "its user name or password has more than 255 bytes"],
  [`socks5://${"a".repeat(256)}:${secret}@proxy.test`, "its user name or password has more than 255 bytes"],
];

for (const [proxy, state] of badProxies) {
  test(`proxy ${String(proxy).slice(0, 60)} is refused, and its password not told`, () => {
    const error = assertThrows(() => proxyOf(proxy as string), TypeError);
    assertEquals(error.message, `Cannot use option "proxy": ${state}`);
  });
}

test("proxy.tls is for proxies that speak TLS", () => {
  assertEquals(proxyOf({ url: "https://proxy.test", tls: { serverName: "x.test" } })!.tls.serverName, "x.test");
  assertThrows(() => proxyOf({ url: "http://proxy.test", tls: {} }), TypeError, '"proxy.tls"');
  assertThrows(() => proxyOf({ url: "https://proxy.test", port: 1 } as never), TypeError, '"proxy.port"');
});

test("an option of the network that no address has a use for is a mistake, unless a provider gives addresses", () => {
  const unused: readonly (readonly [options: MqttOptions, name: string])[] = [
    [{ broker: "mqtt://broker.test", headers: {} }, "headers"],
    [{ broker: "mqtt://broker.test", maxBufferedBytes: 5 }, "maxBufferedBytes"],
    [{ broker: "ws://broker.test", tls: {} }, "tls"],
    [{ broker: "unix:///run/broker.sock", proxy: "http://proxy.test" }, "proxy"],
    [{ broker: "unix:///run/broker.sock", noDelay: true }, "noDelay"],
  ];
  for (const [options, name] of unused) {
    assertThrows(() => resolveOptions({ ...base, ...options }), TypeError, `Cannot use option "${name}": no address`);
    resolveOptions({ ...base, ...options, credentials: () => ({}) });
  }
});
