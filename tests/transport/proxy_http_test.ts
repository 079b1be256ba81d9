// The handshake with an HTTP proxy, as bytes.

import { assertEquals, assertThrows } from "@std/assert";
import { HttpConnectHandshake } from "../../src/transport/proxy_http.ts";
import { ProxyError, type ProxyErrorReason } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { pushSplitAnywhere } from "./proxy_answers.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const action = "Cannot go through the proxy http://proxy.test:3128";

function begin(hostname = "broker.test", user?: { username: string; password: string }): HttpConnectHandshake {
  return new HttpConnectHandshake({ hostname, port: 1883 }, user, action);
}

const requests = [
  ["a name", begin(), "CONNECT broker.test:1883 HTTP/1.1\r\nHost: broker.test:1883\r\n\r\n"],
  ["IPv4", begin("192.0.2.1"), "CONNECT 192.0.2.1:1883 HTTP/1.1\r\nHost: 192.0.2.1:1883\r\n\r\n"],
  ["IPv6", begin("2001:db8::1"), "CONNECT [2001:db8::1]:1883 HTTP/1.1\r\nHost: [2001:db8::1]:1883\r\n\r\n"],
  [
    "credentials, as UTF-8",
    begin("broker.test", { username: "ann", password: "pä:ss" }),
    "CONNECT broker.test:1883 HTTP/1.1\r\nHost: broker.test:1883\r\nProxy-Authorization: Basic YW5uOnDDpDpzcw==\r\n\r\n",
  ],
] as const;

for (const [name, handshake, expected] of requests) {
  test(`HTTP proxy: the request has ${name}`, () => assertEquals(textOf(handshake.greeting), expected));
}

test("HTTP proxy: a host that could end the request line is not sent", () => {
  for (const hostname of ["a b", "a\r\nX: y", "ü.test"]) {
    const error = assertThrows(() => begin(hostname), ProxyError, "a character that HTTP cannot carry");
    assertEquals(error.reason, "refused");
  }
});

const opening: readonly (readonly [name: string, answer: string])[] = [
  ["200", "HTTP/1.1 200 Connection established\r\n\r\n"],
  ["200 of HTTP/1.0 without a reason", "HTTP/1.0 200\r\n\r\n"],
  ["another success with headers that mean nothing here", "HTTP/1.1 204 x\r\nContent-Length: 10\r\nVia: a\r\n\r\n"],
  ["lines that end without CR", "HTTP/1.1 200 OK\nVia: a\n\n"],
  [
    "answers that settle nothing first",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  ],
  ["a head of the greatest length", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(16_384 - 24)}\r\n\r\n`],
];

for (const [name, answer] of opening) {
  test(`HTTP proxy: ${name} opens the connection, and what follows is the server's`, () => {
    for (const rest of ["", "\n", "\r\n\r\n HTTP/1.1 407 no"]) {
      pushSplitAnywhere(begin, bytesOf(answer), bytesOf(rest));
    }
  });
}

const refusing: readonly (readonly [answer: string, reason: ProxyErrorReason, state: string])[] = [
  [
    "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    "authentication",
    "it asks for credentials (407 Proxy Authentication Required)",
  ],
  ["HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever", "refused", "it answers 403 Forbidden"],
  ["HTTP/1.1 502\r\n\r\n", "refused", "it answers 502"],
  ["HTTP/1.1 101 Switching\r\n\r\n", "refused", "it answers 101 Switching"],
  ["HTTP/1.1 301 \x1b[31m\xe9\r\n\r\n", "refused", "it answers 301 ?[31m?"],
  [`HTTP/1.1 500 ${"x".repeat(1000)}\r\n\r\n`, "refused", `it answers 500 ${"x".repeat(80)}`],
  ["SSH-2.0-OpenSSH\r\n", "protocol", "it does not speak HTTP"],
  ["H\x05", "protocol", "it does not speak HTTP"],
  ["HTTP/2 200 OK\r\n\r\n", "protocol", "it does not speak HTTP"],
  ["HTTP/1.1 OK\r\n\r\n", "protocol", "its answer has no status"],
  ["HTTP/1.1 2000 OK\r\n\r\n", "protocol", "its answer has no status"],
  [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(16_384)}`, "protocol", "its answer has no end"],
];

for (const [answer, reason, state] of refusing) {
  test(`HTTP proxy: ${JSON.stringify(answer.slice(0, 40))} is ${reason}`, () => {
    for (const portion of [1, 7, answer.length]) {
      const handshake = begin();
      const error = assertThrows(() => {
        for (let at = 0; at < answer.length; at += portion) handshake.push(bytesOf(answer.slice(at, at + portion)));
      }, ProxyError);
      assertEquals([error.reason, error.message], [reason, `${action}: ${state}`]);
    }
  });
}

test("HTTP proxy: credentials that are not accepted are told apart from credentials that are missing", () => {
  const handshake = begin("broker.test", { username: "ann", password: "secret" });
  const error = assertThrows(() => handshake.push(bytesOf("HTTP/1.1 407 No\r\n\r\n")), ProxyError);
  assertEquals([error.reason, error.message], [
    "authentication",
    `${action}: it does not accept the credentials (407 No)`,
  ]);
});
