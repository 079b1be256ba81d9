import { assertEquals, assertThrows } from "@std/assert";
import { AsyncClient, parseBrokerUrl } from "../../mod.ts";
import { test } from "../support/test.ts";

test("the address of a unix socket is its path, decoded once, and options", () => {
  const { address, options } = parseBrokerUrl("unix:///run/a%20b%2525%C3%BC.sock?client_id=hall&keep_alive=30");
  assertEquals(address.target, { kind: "unix", path: "/run/a b%25ü.sock" });
  assertEquals(address.label, "unix:///run/a%20b%2525%C3%BC.sock");
  assertEquals([address.username, address.password], [undefined, undefined]);
  assertEquals(options, { clientId: "hall", keepAlive: 30 });
  assertEquals(parseBrokerUrl(new URL("unix:/run/b.sock")).address.target, { kind: "unix", path: "/run/b.sock" });
});

const refused: readonly (readonly [url: string, state: string])[] = [
  ["unix://run/mqtt.sock", "it has a host; the path follows three slashes: unix:///path (unix:)"],
  ["unix://localhost:1883/mqtt.sock", "it has a host; the path follows three slashes: unix:///path (unix:)"],
  ["unix:mqtt.sock", "its path is not absolute, as in unix:///path (unix:mqtt.sock)"],
  ["unix:", "its path is not absolute, as in unix:///path (unix:)"],
  ["unix:///", "its path names no file (unix:///)"],
  ["unix:///run/", "its path names no file (unix:///run/)"],
  ["unix:///a%00b", "its path contains U+0000 (unix:///a%00b)"],
  ["unix:///a%FFb", "its path is not percent-encoded UTF-8 (unix:///a%FFb)"],
  ["unix:///run/mqtt.sock#1", "it has a fragment (unix:///run/mqtt.sock)"],
  [
    "unix:///run/mqtt.sock?no_delay=1",
    '"no_delay" in its query means nothing to a unix socket (unix:///run/mqtt.sock)',
  ],
  ["unix:///run/mqtt.sock?path=x", 'its query has the unknown option "path" (unix:///run/mqtt.sock)'],
];

for (const [url, state] of refused) {
  test(`${url} is no address of a unix socket`, () => {
    const error = assertThrows(() => parseBrokerUrl(url), TypeError);
    assertEquals(error.message, `Cannot use option "broker": ${state}`);
  });
}

test("a client takes the address of a unix socket on this runtime", () => {
  const { eventLoop } = AsyncClient.create({ clientId: "unix", broker: "unix:///run/mqtt.sock" });
  eventLoop.close();
});
