// Addresses as URLs: what each part becomes, and what is refused.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseAddress, parseBrokerUrl } from "../../src/client/broker_url.ts";
import { resolveNetworkOptions } from "../../src/client/network_options.ts";
import type { MqttOptions } from "../../src/loop/mod.ts";
import { test } from "../support/test.ts";

/** Address, label, host, port. */
const ADDRESSES: [string, string, string, number][] = [
  ["mqtt://broker.test", "mqtt://broker.test:1883", "broker.test", 1883],
  ["mqtt://broker.test/", "mqtt://broker.test:1883", "broker.test", 1883],
  ["MQTT://broker.test", "mqtt://broker.test:1883", "broker.test", 1883],
  ["tcp://broker.test", "tcp://broker.test:1883", "broker.test", 1883],
  ["mqtt://broker.test:1", "mqtt://broker.test:1", "broker.test", 1],
  ["mqtt://broker.test:65535", "mqtt://broker.test:65535", "broker.test", 65_535],
  ["mqtt://broker.test:80", "mqtt://broker.test:80", "broker.test", 80],
  ["mqtt://127.0.0.1:1999", "mqtt://127.0.0.1:1999", "127.0.0.1", 1999],
  ["mqtt://[::1]", "mqtt://[::1]:1883", "::1", 1883],
  ["mqtt://[fe80::1]:1999", "mqtt://[fe80::1]:1999", "fe80::1", 1999],
  ["mqtt://ann:secret@broker.test", "mqtt://broker.test:1883", "broker.test", 1883],
];

for (const [url, label, hostname, port] of ADDRESSES) {
  test(`parseBrokerUrl(${url})`, () => {
    const { address } = parseBrokerUrl(url);
    assertEquals([address.label, address.target], [label, { kind: "tcp", hostname, port, noDelay: true }]);
    assertEquals(parseBrokerUrl(new URL(url)), parseBrokerUrl(url));
  });
}

/** Address, label, path. */
const SOCKETS: [string, string, string][] = [
  ["unix:///run/mqtt.sock", "unix:///run/mqtt.sock", "/run/mqtt.sock"],
  ["unix:/run/mqtt.sock", "unix:///run/mqtt.sock", "/run/mqtt.sock"],
  ["unix:///run/my%20socket", "unix:///run/my%20socket", "/run/my socket"],
  ["unix:///run/mqtt.sock?client_id=hall", "unix:///run/mqtt.sock", "/run/mqtt.sock"],
];

for (const [url, label, path] of SOCKETS) {
  test(`parseBrokerUrl(${url})`, () => {
    const { address } = parseBrokerUrl(url);
    assertEquals([address.label, address.target], [label, { kind: "unix", path }]);
  });
}

/** User information, user name, password. */
const USERS: [string, string | undefined, string | undefined][] = [
  ["", undefined, undefined],
  ["ann@", "ann", undefined],
  ["ann:secret@", "ann", "secret"],
  ["ann:@", "ann", undefined],
  [":secret@", undefined, "secret"],
  ["a%40b:p%3Aq%2Fr%20s@", "a@b", "p:q/r s"],
  ["%C3%A9:%E6%97%A5@", "é", "日"],
  ["ann:a:b@", "ann", "a:b"],
  ["ann+b:p+q@", "ann+b", "p+q"],
];

for (const [userInfo, username, password] of USERS) {
  test(`the user information "${userInfo}" is decoded`, () => {
    const { address } = parseBrokerUrl(`mqtt://${userInfo}broker.test`);
    const text = address.password === undefined ? undefined : new TextDecoder().decode(address.password);
    assertEquals([address.username, text], [username, password]);
  });
}

/** Query, options. */
const QUERIES: [string, MqttOptions][] = [
  ["client_id=hall", { clientId: "hall" }],
  ["client_id=", { clientId: "" }],
  ["client_id=h%C3%A4ll%26", { clientId: "häll&" }],
  ["keep_alive=30", { keepAlive: 30 }],
  ["clean_session=true", { cleanSession: true }],
  ["clean_session=1", { cleanSession: true }],
  ["clean_session=false", { cleanSession: false }],
  ["clean_session=0", { cleanSession: false }],
  ["connect_timeout_millis=100", { connectTimeoutMillis: 100 }],
  ["max_incoming_packet_size=100", { maxIncomingPacketSize: 100 }],
  ["max_outgoing_packet_size=100", { maxOutgoingPacketSize: 100 }],
  ["capacity=0", { capacity: 0 }],
  ["inflight=5", { inflight: 5 }],
  ["inflight_qos2=5", { inflightQos2: 5 }],
  ["ack_mode=manual", { ackMode: "manual" }],
  ["resubscribe=false", { resubscribe: false }],
  ["pending_throttle_millis=5", { pendingThrottleMillis: 5 }],
  ["outgoing_events=false", { outgoingEvents: false }],
  ["no_delay=false", { noDelay: false }],
  ["client_id=a&keep_alive=1&inflight=2", { clientId: "a", keepAlive: 1, inflight: 2 }],
  ["", {}],
];

for (const [query, options] of QUERIES) {
  test(`the query "${query}" is parsed`, () => {
    assertEquals(parseBrokerUrl(`mqtt://broker.test?${query}`).options, options);
  });
}

test("noDelay goes to the target: outright, by the query, by default", () => {
  const noDelay = (query: string, given?: boolean): boolean => {
    const { target } = parseAddress(`mqtt://broker.test${query}`, resolveNetworkOptions({ noDelay: given })).address;
    return target.kind === "tcp" && target.noDelay;
  };
  assertEquals([noDelay(""), noDelay("", false), noDelay("?no_delay=false")], [true, false, false]);
  assertEquals([noDelay("?no_delay=false", true), noDelay("?no_delay=true", false)], [true, false]);
});

/** Address, part of the message. */
const BAD: [unknown, string][] = [
  ["", "it is no URL"],
  ["broker.test", "it is no URL"],
  ["mqtt://", "it has no host"],
  ["mqtt:broker.test", "it has no host"],
  ["mqtt://broker.test:65536", "it is no URL"],
  ["mqtt://broker.test:x", "it is no URL"],
  ["mqtt://broker.test:0", "its port is 0"],
  ["mqtt://broker.test/topic", "it has a path"],
  ["mqtt://broker.test#part", "it has a fragment"],
  ["http://broker.test", "its scheme is none of mqtt:, tcp:"],
  ["mqtt://ann%ff@broker.test", "its user information is not percent-encoded UTF-8"],
  ["mqtt://a%00b@broker.test", "its user name contains U+0000 [MQTT-1.5.3-2]"],
  [`mqtt://ann:${"x".repeat(65_536)}@broker.test`, "65536 bytes are more than 65535"],
  ["mqtt://broker.test?keepalive=5", 'its query has the unknown option "keepalive"'],
  ["mqtt://broker.test?toString=5", 'its query has the unknown option "toString"'],
  ["mqtt://broker.test?__proto__=5", 'its query has the unknown option "__proto__"'],
  ["mqtt://broker.test?username=ann", 'its query has the unknown option "username"'],
  ["mqtt://broker.test?keep_alive=5&keep_alive=6", 'its query has "keep_alive" twice'],
  ["mqtt://broker.test?keep_alive=", '"keep_alive" in its query is "", not a number'],
  ["mqtt://broker.test?keep_alive=-5", '"keep_alive" in its query is "-5", not a number'],
  ["mqtt://broker.test?keep_alive=5.0", '"keep_alive" in its query is "5.0", not a number'],
  ["mqtt://broker.test?keep_alive=0x10", '"keep_alive" in its query is "0x10", not a number'],
  ["mqtt://broker.test?clean_session=yes", '"clean_session" in its query is "yes", not true or false'],
  ["unix://broker.test/run/mqtt.sock", "it has a host"],
  ["unix:///run/", "its path names no file"],
  ["unix:///run/a%00b", "its path contains U+0000"],
  ["unix:///run/a%ffb", "its path is not percent-encoded UTF-8"],
  ["unix:///run/mqtt.sock?no_delay=true", '"no_delay" in its query means nothing to a unix socket'],
  [5, "number is no URL"],
  [undefined, "undefined is no URL"],
];

for (const [url, message] of BAD) {
  test(`parseBrokerUrl(${String(url).slice(0, 60)}) is refused`, () => {
    const error = assertThrows(() => parseBrokerUrl(url as string));
    assertStringIncludes(error.message, 'Cannot use option "broker":');
    assertStringIncludes(error.message, message);
    assertEquals(error instanceof TypeError || error instanceof RangeError, true);
  });
}
