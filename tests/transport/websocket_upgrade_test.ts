// The upgrade: what is asked, what is accepted, and what every other answer leads to.

import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertRejects } from "@std/assert";
import { deadline, delay } from "@std/async";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { WebSocketError, type WebSocketErrorReason, type WebSocketTarget } from "../../src/transport/transport.ts";
import { makeUpgrade } from "../../src/transport/websocket_upgrade.ts";
import { test } from "../support/test.ts";
import { type ContractPeer, neverAborted, Owner, readAll } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";
import { acceptanceOf, headerOf, join, noDial } from "./loopback_websocket.ts";
import { acceptRequest, dialWebSocket, targetUpon } from "./websocket_dials.ts";

async function requestOf(url: string, headers: Record<string, string> = {}): Promise<string[]> {
  const { request } = await makeUpgrade(url, headers);
  const text = Buffer.from(request).toString("latin1");
  assert(text.endsWith("\r\n\r\n"));
  return text.slice(0, -4).split("\r\n").map((line) => line.replace(/^(Sec-WebSocket-Key: ).*/, "$1…"));
}

test("WebSocket upgrade: the request offers the subprotocol mqtt and no extension [MQTT-6.0.0-3]", async () => {
  assertEquals(
    await requestOf("ws://broker.test:8080/mqtt?signature=a%20b", { Authorization: "Bearer abc", "X-Note": "\u00fc" }),
    [
      "GET /mqtt?signature=a%20b HTTP/1.1",
      "Host: broker.test:8080",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: …",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: mqtt",
      "Authorization: Bearer abc",
      "X-Note: \u00fc",
    ],
  );
});

const hosts = [
  ["ws://broker.test/", "broker.test", "/"],
  ["ws://broker.test:80/mqtt", "broker.test", "/mqtt"],
  ["wss://broker.test:443/mqtt", "broker.test", "/mqtt"],
  ["wss://broker.test:80/mqtt", "broker.test:80", "/mqtt"],
  ["ws://[::1]:8083/a%20b", "[::1]:8083", "/a%20b"],
  ["wss://[2001:db8::1]/mqtt", "[2001:db8::1]", "/mqtt"],
  ["ws://127.0.0.1:8083/mqtt", "127.0.0.1:8083", "/mqtt"],
] as const;

for (const [url, host, path] of hosts) {
  test(`WebSocket upgrade: the host of ${url} is ${host}`, async () => {
    const [requestLine, hostLine] = await requestOf(url);
    assertEquals([requestLine, hostLine], [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
  });
}

test("WebSocket upgrade: each request has a key of 16 bytes of its own, and knows the answer to it", async () => {
  const upgrades = await Promise.all([1, 2].map(() => makeUpgrade("ws://broker.test/", {})));
  const keys = upgrades.map(({ request, accept }) => {
    const key = headerOf(Buffer.from(request).toString("latin1"), "sec-websocket-key")!;
    assertEquals(Buffer.from(key, "base64").length, 16);
    assertEquals(accept, createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64"));
    return key;
  });
  assertNotEquals(keys[0], keys[1]);
});

/** What a server does with one request, and what that leads to. */
interface Refusal {
  readonly name: string;
  answer(head: string): string | Uint8Array;
  readonly reason?: WebSocketErrorReason;
  readonly status?: number;
  readonly state: string;
}

const without = (name: string) => (head: string): string =>
  acceptanceOf(head).split("\r\n").filter((line) => !line.startsWith(name)).join("\r\n");
const instead = (name: string, value: string) => (head: string): string =>
  acceptanceOf(head).split("\r\n").map((line) => line.startsWith(name) ? `${name}: ${value}` : line).join("\r\n");
const besides = (line: string) => (head: string): string =>
  acceptanceOf(head).replace("\r\n\r\n", `\r\n${line}\r\n\r\n`);

const NOT_WEBSOCKET = "the server upgraded to something that is not WebSocket";
const WRONG_ACCEPT = "the server's Sec-WebSocket-Accept does not belong to the request's key";
const NOT_HTTP = "the server answered with something that is not HTTP/1.1";
const UNREADABLE = "a header of the server's answer cannot be read";

const refusals: readonly Refusal[] = [
  {
    name: "status 401 with a body",
    answer: () => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\nWWW-Authenticate: Basic\r\n\r\nGo away now\n",
    status: 401,
    state: "the server answered with status 401 (Unauthorized)",
  },
  {
    name: "status 200",
    answer: () => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
    status: 200,
    state: "the server answered with status 200 (OK)",
  },
  {
    name: "status 302",
    answer: () => "HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.test/\r\n\r\n",
    status: 302,
    state: "the server answered with status 302 (Found)",
  },
  {
    name: "status 503 of HTTP/1.0 without a word",
    answer: () => "HTTP/1.0 503\r\n\r\n",
    status: 503,
    state: "the server answered with status 503",
  },
  {
    name: "a status with words that no message should repeat",
    answer: () => "HTTP/1.1 400 \u001b[31mred\r\nA: b\r\n\r\n",
    status: 400,
    state: "the server answered with status 400",
  },
  { name: "an upgrade to something else", answer: instead("Upgrade", "h2c"), status: 101, state: NOT_WEBSOCKET },
  { name: "no Upgrade header", answer: without("Upgrade"), status: 101, state: NOT_WEBSOCKET },
  { name: "no Connection header", answer: without("Connection"), status: 101, state: NOT_WEBSOCKET },
  { name: "a connection that is kept", answer: instead("Connection", "keep-alive"), status: 101, state: NOT_WEBSOCKET },
  {
    name: "the answer to another key",
    answer: instead("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    status: 101,
    state: WRONG_ACCEPT,
  },
  { name: "no answer to the key", answer: without("Sec-WebSocket-Accept"), status: 101, state: WRONG_ACCEPT },
  {
    name: "two answers to the key",
    answer: (head) => besides(acceptanceOf(head).split("\r\n")[3]!)(head),
    status: 101,
    state: WRONG_ACCEPT,
  },
  {
    name: "an extension",
    answer: besides("Sec-WebSocket-Extensions: permessage-deflate"),
    status: 101,
    state: "the server uses an extension that was not offered",
  },
  {
    name: "no subprotocol",
    answer: without("Sec-WebSocket-Protocol"),
    reason: "subprotocol",
    state: 'the server chose no subprotocol, not "mqtt" [MQTT-6.0.0-4]',
  },
  {
    name: "another subprotocol",
    answer: instead("Sec-WebSocket-Protocol", "mqttv3.1"),
    reason: "subprotocol",
    state: 'the server chose the subprotocol "mqttv3.1", not "mqtt" [MQTT-6.0.0-4]',
  },
  {
    name: "a subprotocol in other letters",
    answer: instead("Sec-WebSocket-Protocol", "MQTT"),
    reason: "subprotocol",
    state: 'the server chose the subprotocol "MQTT", not "mqtt" [MQTT-6.0.0-4]',
  },
  {
    name: "two subprotocols",
    answer: besides("Sec-WebSocket-Protocol: mqtt"),
    reason: "subprotocol",
    state: 'the server chose the subprotocol "mqtt, mqtt", not "mqtt" [MQTT-6.0.0-4]',
  },
  { name: "a packet of MQTT", answer: () => Uint8Array.of(0x20, 2, 0, 0), state: NOT_HTTP },
  { name: "an alert of TLS", answer: () => Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70), state: NOT_HTTP },
  { name: "another protocol of text", answer: () => "HTTP-alike", state: NOT_HTTP },
  { name: "HTTP/2", answer: () => "HTTP/2 101\r\n\r\n", state: NOT_HTTP },
  {
    name: "a status that is none",
    answer: () => "HTTP/1.1 1O1 Switching\r\n\r\n",
    state: "the server answered without a status",
  },
  { name: "a header without a name", answer: besides(": value"), status: 101, state: UNREADABLE },
  { name: "a header without a colon", answer: besides("something"), status: 101, state: UNREADABLE },
  { name: "a header that goes on in the next line", answer: besides("A: b\r\n c"), status: 101, state: UNREADABLE },
  { name: "a header with a NUL", answer: besides("A: b\0c"), status: 101, state: UNREADABLE },
  {
    name: "a head that does not end",
    answer: () => `HTTP/1.1 101 Switching Protocols\r\n${"A: b\r\n".repeat(5000)}`,
    state: "the head of the server's answer is longer than 16384 bytes",
  },
];

/** Dials a server that is served by hand; expects that it ends without a transport, and that nothing stays open. */
async function expectNoUpgrade(
  serve: (stream: ContractPeer, head: string) => unknown,
  changes: Partial<WebSocketTarget> = {},
): Promise<unknown> {
  await using lower = await listenLoopback(noDial);
  const owner = new Owner();
  const ended = acceptRequest(lower).then(async ({ stream, head }) => {
    await serve(stream, head);
    await readAll(stream, () => {});
  });
  const target = targetUpon(lower, changes);
  const error = await assertRejects(() => deadline(dialWebSocket(target, owner, { signal: neverAborted }), 5000));
  await deadline(ended, 5000);
  await delay(5);
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  return error;
}

for (const { name, answer, reason = "upgrade-refused", status, state } of refusals) {
  test(`WebSocket upgrade: ${name} is refused as ${reason}`, async () => {
    const error = await expectNoUpgrade((stream, head) => {
      const bytes = answer(head);
      void stream.write(typeof bytes === "string" ? join(bytes) : bytes);
    });
    assertInstanceOf(error, WebSocketError, `${error}`);
    assertEquals(
      error.message.replace(/:\d+:/, ":PORT:"),
      `Cannot open a WebSocket to 127.0.0.1:PORT: ${state}`,
    );
    assertEquals([error.reason, error.status, error.closeCode], [reason, status, undefined]);
  });
}

test("WebSocket upgrade: messages leave out the query, which may be a secret", async () => {
  await using lower = await listenLoopback(noDial);
  const target = targetUpon(lower);
  const serving = acceptRequest(lower).then(({ stream, head }) => {
    stream.end();
    return head;
  });
  const error = await assertRejects(() =>
    dialWebSocket({ ...target, url: `${target.url}?signature=secret` }, new Owner(), { signal: neverAborted })
  );
  assertEquals(error.message.includes("secret"), false, error.message);
  assert((await serving).startsWith("GET /mqtt?signature=secret HTTP/1.1"));
});

test("WebSocket upgrade: a server that ends the connection instead is told so", async () => {
  for (const part of ["", "HTTP/1.1 101 Switching Protocols\r\nUpgr"]) {
    const error = await expectNoUpgrade(async (stream) => {
      if (part !== "") await stream.write(join(part));
      stream.end();
    });
    assertInstanceOf(error, WebSocketError);
    assertEquals([error.reason, error.status], ["upgrade-refused", undefined]);
    assert(error.message.endsWith("the server ended the connection without an answer"), error.message);
  }
});

test("WebSocket upgrade: a reset instead of an answer is the runtime's error", async () => {
  const error = await expectNoUpgrade((stream) => stream.reset());
  assertEquals((error as Error & { code?: string }).code, "ECONNRESET");
});
