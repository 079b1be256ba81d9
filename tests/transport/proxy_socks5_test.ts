// The handshake with a SOCKS5 proxy, as bytes.

import { assertEquals, assertThrows } from "@std/assert";
import { encodeAddress } from "../../src/transport/proxy_address.ts";
import type { HandshakeStep } from "../../src/transport/proxy_handshake.ts";
import { Socks5Handshake } from "../../src/transport/proxy_socks5.ts";
import { ProxyError, type ProxyErrorReason } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { pushSplitAnywhere } from "./proxy_answers.ts";

const action = "Cannot go through the proxy socks5://proxy.test:1080";
const ann = { username: "ann", password: "secret" };
const [annBytes, secretBytes] = [ann.username, ann.password].map((text) => [...new TextEncoder().encode(text)]);

function begin(
  user?: { username: string; password: string },
  hostname = "broker.test",
  port = 0x1234,
): Socks5Handshake {
  return new Socks5Handshake({ hostname, port }, user, action);
}

function push(handshake: Socks5Handshake, ...bytes: readonly number[]): HandshakeStep {
  return handshake.push(Uint8Array.from(bytes));
}

/** The bytes that are to be sent. */
function sent(step: HandshakeStep): readonly number[] {
  return step.type === "send" ? [...step.bytes] : [];
}

const request = [5, 1, 0, 3, 11, ...new TextEncoder().encode("broker.test"), 0x12, 0x34];

test("SOCKS5 proxy: without a user only no authentication is offered, and the name goes to the proxy", () => {
  const handshake = begin();
  assertEquals([...handshake.greeting], [5, 1, 0]);
  assertEquals(push(handshake, 5), { type: "wait" });
  assertEquals(sent(push(handshake, 0)), request);
  assertEquals(push(handshake, 5, 0, 0, 1, 127, 0, 0, 1, 7, 7, 42), { type: "open", rest: Uint8Array.of(42) });
});

test("SOCKS5 proxy: a user is told if the proxy asks, and not if it does not", () => {
  const asked = begin(ann);
  assertEquals([...asked.greeting], [5, 2, 0, 2]);
  assertEquals(sent(push(asked, 5, 2)), [1, 3, ...annBytes!, 6, ...secretBytes!]);
  assertEquals(push(asked, 1), { type: "wait" });
  assertEquals(sent(push(asked, 0)), request);

  assertEquals(sent(push(begin(ann), 5, 0)), request);
  // Some proxies tell the version of SOCKS here.
  const old = begin({ username: "ann", password: "" });
  assertEquals(sent(push(old, 5, 2)), [1, 3, ...annBytes!, 0]);
  assertEquals(sent(push(old, 5, 0)), request);
});

const replies: readonly (readonly [name: string, address: readonly number[]])[] = [
  ["IPv4", [1, 192, 0, 2, 1]],
  ["a name", [3, 4, 97, 98, 99, 100]],
  ["a name of no bytes", [3, 0]],
  ["IPv6", [4, ...Array<number>(16).fill(9)]],
];

for (const [name, address] of replies) {
  test(`SOCKS5 proxy: a reply with ${name} opens the connection, and what follows is the server's`, () => {
    const ready = (): Socks5Handshake => {
      const handshake = begin();
      push(handshake, 5, 0);
      return handshake;
    };
    for (const rest of [[], [5, 1], [1, 2, 3]]) {
      pushSplitAnywhere(ready, Uint8Array.of(5, 0, 0, ...address, 0, 80), Uint8Array.from(rest));
    }
  });
}

/** What a proxy says, message by message, and what comes of it. */
const failures: readonly (readonly [
  name: string,
  answers: readonly (readonly number[])[],
  reason: ProxyErrorReason,
  state: string,
  user?: typeof ann,
])[] = [
  ["no acceptable method", [[5, 0xff]], "authentication", "it asks for credentials"],
  [
    "no acceptable method although a user is offered",
    [[5, 0xff]],
    "authentication",
    "it wants another way to authenticate than a password",
    ann,
  ],
  ["another method", [[5, 1]], "protocol", "it chose a way to authenticate that was not offered"],
  ["a method that was not offered", [[5, 2]], "protocol", "it chose a way to authenticate that was not offered"],
  ["a wrong password", [[5, 2], [1, 1]], "authentication", "it does not accept the credentials", ann],
  ["SOCKS4", [[0, 0x5a]], "protocol", "it does not speak SOCKS version 5"],
  ["HTTP", [[0x48]], "protocol", "it does not speak SOCKS version 5"],
  ["a reply of another version", [[5, 0], [4, 0]], "protocol", "it does not speak SOCKS version 5"],
  ["an unknown kind of address", [[5, 0], [5, 0, 0, 2, 0]], "protocol", "its reply has an unknown kind of address"],
  ...[
    "general failure",
    "its rules do not allow the connection",
    "the network is unreachable",
    "the host is unreachable",
    "the server refuses the connection",
    "the time to live has expired",
    "it does not know the command",
    "it does not know this kind of address",
  ].map((state, index) =>
    [`reply ${index + 1}`, [[5, 0], [5, index + 1]], "refused", `it answers ${index + 1}, ${state}`] as const
  ),
  ["reply 99", [[5, 0], [5, 99]], "refused", "it answers 99, unknown reason"],
];

for (const [name, answers, reason, state, user] of failures) {
  test(`SOCKS5 proxy: ${name} is ${reason}`, () => {
    const handshake = begin(user);
    const error = assertThrows(() => {
      for (const answer of answers) push(handshake, ...answer);
    }, ProxyError);
    assertEquals([error.reason, error.message], [reason, `${action}: ${state}`]);
  });
}

test("SOCKS5 proxy: what the protocol cannot carry is not cut off", () => {
  const long = "é".repeat(128);
  assertEquals(assertThrows(() => begin(undefined, long), ProxyError).reason, "refused");
  assertEquals(assertThrows(() => begin({ username: long, password: "" }), ProxyError).reason, "authentication");
  assertEquals(assertThrows(() => begin({ username: "ann", password: long }), ProxyError).reason, "authentication");
  assertEquals(begin({ username: "x".repeat(255), password: "y".repeat(255) }, "z".repeat(255)).greeting.length, 4);
});

const addresses: readonly (readonly [host: string, address: readonly number[]])[] = [
  ["192.0.2.255", [1, 192, 0, 2, 255]],
  ["::", [4, ...Array<number>(16).fill(0)]],
  ["::1", [4, ...Array<number>(15).fill(0), 1]],
  ["fe80::", [4, 0xfe, 0x80, ...Array<number>(14).fill(0)]],
  ["2001:DB8:1:2:3:4:5:6", [4, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]],
  ["1::3:4", [4, 0, 1, ...Array<number>(10).fill(0), 0, 3, 0, 4]],
  ["::ffff:192.0.2.1", [4, ...Array<number>(10).fill(0), 0xff, 0xff, 192, 0, 2, 1]],
];

for (const [host, address] of addresses) {
  test(`SOCKS5 proxy: ${host} is an address`, () => assertEquals(encodeAddress(host), address));
}

for (
  const host of [
    "broker.test",
    "192.0.2",
    "192.0.2.256",
    "1.2.3.4.5",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "::g",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "::12345",
  ]
) {
  test(`SOCKS5 proxy: ${host} is a name`, () => {
    const name = [...new TextEncoder().encode(host)];
    assertEquals(encodeAddress(host), [3, name.length, ...name]);
  });
}
