// Every option: its default, the edges of its range, and each bad value with the error that names it.

import { assert, assertEquals, assertFalse, assertStringIncludes, assertThrows } from "@std/assert";
import { resolveOptions } from "../../src/client/options.ts";
import { type ConnectionError, ConnectionLostError, type MqttOptions, systemClock } from "../../src/loop/mod.ts";
import { ConnectionRefusedError } from "../../src/session/mod.ts";
import { ManualClock, MemoryNetwork } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";

const MINIMUM: MqttOptions = { clientId: "tern", broker: "mqtt://broker.test" };

function resolve(options: Record<string, unknown> = {}) {
  return resolveOptions({ ...MINIMUM, ...options } as MqttOptions);
}

test("two options are enough; the rest has its default", () => {
  const { brokers, reconnect, dial, random, clock, ...rest } = resolve();
  assertEquals(rest, {
    clientId: "tern",
    keepAlive: 60,
    cleanSession: true,
    username: undefined,
    password: undefined,
    credentials: undefined,
    will: undefined,
    maxIncomingPacketSize: 16 * 1024 * 1024,
    maxOutgoingPacketSize: 268_435_460,
    capacity: 100,
    inflight: 100,
    inflightQos2: 20,
    ackMode: "automatic",
    connectTimeoutMillis: 5000,
    resubscribe: true,
    onSessionLost: { qos1: "resend", qos2: "fail" },
    pendingThrottleMillis: 0,
    throttle: undefined,
    outgoingEvents: true,
    onPacket: undefined,
    onLog: undefined,
    sessionStore: undefined,
  });
  assertEquals(brokers, [{
    label: "mqtt://broker.test:1883",
    target: { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true },
    username: undefined,
    password: undefined,
  }]);
  assert(reconnect !== false);
  const { giveUpOn, ...policy } = reconnect;
  assertEquals(policy, {
    minDelayMillis: 100,
    maxDelayMillis: 30_000,
    factor: 2,
    jitter: "full",
    maxAttempts: Infinity,
    resetAfterMillis: 5000,
  });
  assertEquals([typeof giveUpOn, typeof dial, clock, random], ["function", "function", systemClock, Math.random]);
});

test("undefined stands for the default", () => {
  const names = Object.keys(resolve()).concat("reconnect", "transport", "noDelay").filter((name) =>
    name !== "clientId" && name !== "brokers" && name !== "dial"
  );
  const undefinedOptions = Object.fromEntries(names.map((name) => [name, undefined]));
  const { reconnect: _, dial: __, ...rest } = resolve(undefinedOptions);
  const { reconnect: ___, dial: ____, ...defaults } = resolve();
  assertEquals(rest, defaults);
  assertEquals(resolve({ onSessionLost: { qos1: undefined, qos2: "resend" } }).onSessionLost, {
    qos1: "resend",
    qos2: "resend",
  });
  assertEquals(
    (resolve({ reconnect: { minDelayMillis: undefined } }).reconnect as { minDelayMillis: number }).minDelayMillis,
    100,
  );
});

test("the default policy gives up on refusals of a client that never was connected, but not on return code 3", () => {
  const { reconnect } = resolve();
  assert(reconnect !== false);
  const givesUp = (error: ConnectionError, hasConnected: boolean, untriedBrokers = 0): boolean =>
    reconnect.giveUpOn(error, { attempts: 1, hasConnected, untriedBrokers });
  for (const returnCode of [1, 2, 4, 5] as const) {
    assert(givesUp(new ConnectionRefusedError(returnCode), false));
    assertFalse(givesUp(new ConnectionRefusedError(returnCode), true));
    // Another server may know this client.
    assertFalse(givesUp(new ConnectionRefusedError(returnCode), false, 1));
  }
  assertFalse(givesUp(new ConnectionRefusedError(3), false));
  assertFalse(givesUp(new ConnectionLostError("dial-failed", "Cannot connect: nobody listens"), false));
});

const clock = new ManualClock();
const random = (): number => 0.5;
const { dial } = new MemoryNetwork();
const giveUpOn = (): boolean => true;

/** Values that are taken as they are: option, value. */
const VALID: [string, unknown][] = [
  ["clientId", ""],
  ["clientId", "x".repeat(65_535)],
  ["clientId", "日本"],
  ["keepAlive", 0],
  ["keepAlive", 65_535],
  ["cleanSession", false],
  ["username", ""],
  ["username", "ann"],
  ["maxIncomingPacketSize", 2],
  ["maxIncomingPacketSize", 268_435_460],
  ["maxOutgoingPacketSize", 2],
  ["maxOutgoingPacketSize", 268_435_460],
  ["capacity", 0],
  ["capacity", Number.MAX_SAFE_INTEGER],
  ["capacity", Infinity],
  ["inflight", 1],
  ["inflight", 65_535],
  ["inflightQos2", 1],
  ["inflightQos2", 65_535],
  ["ackMode", "manual"],
  ["connectTimeoutMillis", 1],
  ["connectTimeoutMillis", 0x7fff_ffff],
  ["reconnect", false],
  ["reconnect", {
    minDelayMillis: 0,
    maxDelayMillis: 0x7fff_ffff,
    factor: 1,
    jitter: "none",
    maxAttempts: 1,
    resetAfterMillis: 0,
    giveUpOn,
  }],
  ["resubscribe", false],
  ["onSessionLost", { qos1: "fail", qos2: "resend" }],
  ["pendingThrottleMillis", 0x7fff_ffff],
  ["throttle", { messagesPerSecond: 0.000001, burst: 1 }],
  ["throttle", { messagesPerSecond: 1_000_000, burst: 1_000_000 }],
  ["outgoingEvents", false],
  ["clock", clock],
  ["random", random],
];

for (const [name, value] of VALID) {
  test(`${name} may be ${show(value)}`, () => {
    assertEquals((resolve({ [name]: value }) as unknown as Record<string, unknown>)[name], value);
  });
}

test("onPacket and onLog are functions", () => {
  const watch = (): void => {};
  const { onPacket, onLog } = resolve({ onPacket: watch, onLog: watch });
  assertEquals([onPacket, onLog], [watch, watch]);
  for (const name of ["onPacket", "onLog"]) {
    assertThrows(() => resolve({ [name]: "x" }), TypeError, `Cannot use option "${name}": "x" is no function`);
  }
});

test("transport is dialled instead of the runtime's sockets", () => {
  assertEquals(resolve({ transport: dial }).dial, dial);
});

test("noDelay goes to the target", () => {
  const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: false } as const;
  assertEquals(resolve({ noDelay: false }).brokers.map((address) => address.target), [target]);
});

test("noDelay: what is given outright wins, then the address; addresses need not agree", () => {
  const broker = ["mqtt://a.test?no_delay=false", "mqtt://b.test?no_delay=true", "mqtt://c.test"];
  const noDelays = (options: Record<string, unknown>) =>
    resolve({ broker, ...options }).brokers.map(({ target }) => target.kind === "tcp" && target.noDelay);
  assertEquals(noDelays({}), [false, true, true]);
  assertEquals(noDelays({ noDelay: true }), [true, true, true]);
  assertEquals(noDelays({ noDelay: false }), [false, false, false]);
});

/** Values that are refused: option, value, class, message. */
const BAD: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
  ["clientId", undefined, TypeError, 'Cannot use option "clientId": it is required'],
  ["clientId", null, TypeError, 'Cannot use option "clientId": null is not a string [MQTT-1.5.3]'],
  ["clientId", 5, TypeError, 'Cannot use option "clientId": 5 is not a string [MQTT-1.5.3]'],
  ["clientId", "a\0b", TypeError, 'Cannot use option "clientId": "a\\u0000b" contains U+0000 [MQTT-1.5.3-2]'],
  ["clientId", "\ud800", TypeError, "[MQTT-1.5.3-1]"],
  ["clientId", "x".repeat(65_536), TypeError, "65535"],
  ["broker", undefined, TypeError, 'Cannot use option "broker": it is required'],
  ["broker", [], TypeError, 'Cannot use option "broker": the list is empty'],
  ["broker", 5, TypeError, 'Cannot use option "broker": number is no URL'],
  ["broker", [5], TypeError, 'Cannot use option "broker": number is no URL'],
  ["broker", null, TypeError, 'Cannot use option "broker": object is no URL'],
  ["keepAlive", "60", TypeError, 'Cannot use option "keepAlive": "60" is no number'],
  ["keepAlive", -1, RangeError, 'Cannot use option "keepAlive": -1 is not from 0 to 65535'],
  ["keepAlive", 65_536, RangeError, 'Cannot use option "keepAlive": 65536 is not from 0 to 65535'],
  ["keepAlive", 1.5, RangeError, 'Cannot use option "keepAlive": 1.5 is no whole number'],
  ["keepAlive", NaN, RangeError, 'Cannot use option "keepAlive": NaN is not from 0 to 65535'],
  ["keepAlive", null, TypeError, 'Cannot use option "keepAlive": null is no number'],
  ["cleanSession", 1, TypeError, 'Cannot use option "cleanSession": 1 is neither true nor false'],
  ["username", 5, TypeError, 'Cannot use option "username": 5 is not a string [MQTT-1.5.3]'],
  ["credentials", {}, TypeError, 'Cannot use option "credentials": [object Object] is no function'],
  ["will", null, TypeError, 'Cannot use option "will": null is no object'],
  ["will", "gone", TypeError, 'Cannot use option "will": "gone" is no object'],
  ["will", { payload: "x" }, TypeError, 'Cannot use option "will.topicName": it is not a string [MQTT-1.5.3]'],
  ["will", { topicName: "a/#", payload: "x" }, TypeError, 'Cannot use option "will.topicName": it contains "#"'],
  ["will", { topicName: "a", payload: 5 }, TypeError, 'Cannot use option "will.payload": it is neither text nor bytes'],
  ["will", { topicName: "a", payload: "x", retained: true }, TypeError, '"will.retained": there is no such option'],
  ["will", { topicName: "a", payload: "x", qos: 3 }, TypeError, '"will.qos": 3 is none of 0, 1, 2'],
  ["will", { topicName: "a", payload: "x", retain: 1 }, TypeError, '"will.retain": 1 is neither true nor false'],
  ["will", { topicName: "a", payload: new Uint8Array(65_536) }, RangeError, "65536 bytes are more than 65535"],
  ["maxIncomingPacketSize", 1, RangeError, '"maxIncomingPacketSize": 1 is not from 2 to 268435460'],
  ["maxIncomingPacketSize", 268_435_461, RangeError, "268435461 is not from 2 to 268435460"],
  ["maxOutgoingPacketSize", 1, RangeError, '"maxOutgoingPacketSize": 1 is not from 2 to 268435460'],
  ["maxOutgoingPacketSize", Infinity, RangeError, "Infinity is not from 2 to 268435460"],
  ["capacity", -1, RangeError, '"capacity": -1 is not from 0'],
  ["capacity", 0.5, RangeError, '"capacity": 0.5 is no whole number'],
  ["inflight", 0, RangeError, '"inflight": 0 is not from 1 to 65535'],
  ["inflight", 65_536, RangeError, '"inflight": 65536 is not from 1 to 65535'],
  ["inflightQos2", 0, RangeError, '"inflightQos2": 0 is not from 1 to 65535'],
  ["ackMode", "auto", TypeError, '"ackMode": "auto" is none of "automatic", "manual"'],
  ["connectTimeoutMillis", 0, RangeError, '"connectTimeoutMillis": 0 is not from 1 to 2147483647'],
  ["connectTimeoutMillis", Infinity, RangeError, '"connectTimeoutMillis": Infinity is not from 1 to 2147483647'],
  ["reconnect", true, TypeError, 'Cannot use option "reconnect": true is no object'],
  ["reconnect", null, TypeError, 'Cannot use option "reconnect": null is no object'],
  ["reconnect", { delay: 5 }, TypeError, '"reconnect.delay": there is no such option'],
  ["reconnect", { minDelayMillis: -1 }, RangeError, '"reconnect.minDelayMillis": -1 is not from 0 to 2147483647'],
  ["reconnect", { minDelayMillis: 500, maxDelayMillis: 499 }, RangeError, '"reconnect.maxDelayMillis": 499'],
  ["reconnect", { factor: 0.9 }, RangeError, '"reconnect.factor": 0.9 is not from 1'],
  ["reconnect", { factor: Infinity }, RangeError, '"reconnect.factor": Infinity is not from 1'],
  ["reconnect", { jitter: "half" }, TypeError, '"reconnect.jitter": "half" is none of "full", "none"'],
  ["reconnect", { maxAttempts: 0 }, RangeError, '"reconnect.maxAttempts": 0 is not from 1'],
  ["reconnect", { maxAttempts: 1.5 }, RangeError, '"reconnect.maxAttempts": 1.5 is no whole number'],
  ["reconnect", { resetAfterMillis: -1 }, RangeError, '"reconnect.resetAfterMillis": -1 is not from 0'],
  ["reconnect", { giveUpOn: "never" }, TypeError, '"reconnect.giveUpOn": "never" is no function'],
  ["resubscribe", "yes", TypeError, '"resubscribe": "yes" is neither true nor false'],
  ["onSessionLost", "fail", TypeError, 'Cannot use option "onSessionLost": "fail" is no object'],
  ["onSessionLost", { qos0: "fail" }, TypeError, '"onSessionLost.qos0": there is no such option'],
  ["onSessionLost", { qos1: "drop" }, TypeError, '"onSessionLost.qos1": "drop" is none of "resend", "fail"'],
  ["onSessionLost", { qos2: null }, TypeError, '"onSessionLost.qos2": null is none of "resend", "fail"'],
  ["pendingThrottleMillis", -1, RangeError, '"pendingThrottleMillis": -1 is not from 0'],
  ["throttle", 10, TypeError, 'Cannot use option "throttle": 10 is no object'],
  ["throttle", null, TypeError, 'Cannot use option "throttle": null is no object'],
  ["throttle", {}, TypeError, 'Cannot use option "throttle.messagesPerSecond": undefined is no number'],
  ["throttle", { messagesPerSecond: 10, rate: 1 }, TypeError, '"throttle.rate": there is no such option'],
  ["throttle", { messagesPerSecond: "10" }, TypeError, '"throttle.messagesPerSecond": "10" is no number'],
  ["throttle", { messagesPerSecond: 0 }, RangeError, '"throttle.messagesPerSecond": 0 is not from 0.000001 to 1000000'],
  ["throttle", { messagesPerSecond: -1 }, RangeError, '"throttle.messagesPerSecond": -1 is not from 0.000001'],
  ["throttle", { messagesPerSecond: NaN }, RangeError, '"throttle.messagesPerSecond": NaN is not from 0.000001'],
  ["throttle", { messagesPerSecond: Infinity }, RangeError, '"throttle.messagesPerSecond": Infinity is not from'],
  ["throttle", { messagesPerSecond: 10, burst: 0 }, RangeError, '"throttle.burst": 0 is not from 1 to 1000000'],
  ["throttle", { messagesPerSecond: 10, burst: 1.5 }, RangeError, '"throttle.burst": 1.5 is no whole number'],
  ["throttle", { messagesPerSecond: 10, burst: Infinity }, RangeError, '"throttle.burst": Infinity is not from 1'],
  ["throttle", { messagesPerSecond: 10, burst: null }, TypeError, '"throttle.burst": null is no number'],
  ["outgoingEvents", 0, TypeError, '"outgoingEvents": 0 is neither true nor false'],
  ["noDelay", 0, TypeError, '"noDelay": 0 is neither true nor false'],
  ["noDelay", null, TypeError, '"noDelay": null is neither true nor false'],
  ["transport", "tcp", TypeError, '"transport": "tcp" is no function'],
  ["clock", 5, TypeError, 'Cannot use option "clock": it has no functions "now" and "schedule"'],
  ["clock", null, TypeError, 'Cannot use option "clock": it has no functions "now" and "schedule"'],
  ["clock", { now: () => 0 }, TypeError, 'Cannot use option "clock": it has no functions "now" and "schedule"'],
  ["random", 0.5, TypeError, '"random": 0.5 is no function'],
  ["keepalive", 60, TypeError, 'Cannot use option "keepalive": there is no such option'],
  ["toString", "x", TypeError, 'Cannot use option "toString": there is no such option'],
];

for (const [name, value, errorClass, message] of BAD) {
  test(`${name} may not be ${show(value)}`, () => {
    const error = assertThrows(() => resolve({ [name]: value }), errorClass);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, `"${name}`);
  });
}

test("options have to be an object", () => {
  for (const options of [undefined, null, "mqtt://broker.test"]) {
    const error = assertThrows(() => resolveOptions(options as unknown as MqttOptions), TypeError);
    assertEquals(error.message, "Cannot use options: they are no object");
  }
});

test("a client id is needed without a clean session [MQTT-3.1.3-7]", () => {
  const error = assertThrows(() => resolve({ clientId: "", cleanSession: false }), TypeError);
  assertEquals(error.message, 'Cannot use option "clientId": "" needs cleanSession true [MQTT-3.1.3-7]');
});

test("a password is text or bytes, and the options have bytes of their own", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const resolved = resolve({ username: "ann", password: bytes });
  bytes[0] = 9;
  assertEquals(resolved.password, Uint8Array.of(1, 2, 3));
  assertEquals(resolve({ username: "ann", password: "é" }).password, Uint8Array.of(0xc3, 0xa9));
});

test("a password needs a user name from somewhere [MQTT-3.1.2-22]", () => {
  const error = assertThrows(() => resolve({ password: "hunter2" }), TypeError);
  assertEquals(error.message, 'Cannot use option "password": it needs a username [MQTT-3.1.2-22]');
  assert(resolve({ password: "hunter2", broker: "mqtt://ann@broker.test" }).password);
  assert(resolve({ password: "hunter2", credentials: () => ({ username: "ann" }) }).password);
  assertThrows(
    () => resolve({ password: "hunter2", broker: ["mqtt://ann@a.test", "mqtt://b.test"] }),
    TypeError,
    "[MQTT-3.1.2-22]",
  );
});

test("an address with a password needs a user name [MQTT-3.1.2-22]", () => {
  const error = assertThrows(() => resolve({ broker: "mqtt://:hunter2@broker.test" }), TypeError);
  assertStringIncludes(error.message, "[MQTT-3.1.2-22]");
});

test("no message shows a password", () => {
  const secret = "hunter2";
  const bad: Record<string, unknown>[] = [
    { password: secret },
    { username: "ann", password: { secret } },
    { username: "ann", password: secret.repeat(10_000) },
    { broker: `mqtt://ann:${secret}@` },
    { broker: `mqtt://:${secret}@broker.test` },
    { broker: `mqtt://ann:${secret}@broker.test:99999` },
    { broker: `mqtt://ann:${secret}@broker.test/path` },
    { broker: `mqtt://ann:${secret}@broker.test#hash` },
    { broker: `mqtt://ann:${secret}@broker.test?keep_alive=x` },
    { broker: `mqtt://ann:${secret}@broker.test?keepalive=5` },
    { broker: `ws://ann:${secret}@broker.test/?token=x` },
    { broker: `gopher://ann:${secret}@broker.test` },
    { broker: `mqtt://ann:${secret}%ff@broker.test` },
    { broker: `ann:${secret}@broker.test` },
  ];
  for (const options of bad) {
    const error = assertThrows(() => resolve(options));
    assertFalse(error.message.includes(secret), error.message);
    assertFalse(String(error.cause).includes(secret), String(error.cause));
  }
});

test("the Will Message is bytes of its own, with its defaults", () => {
  const payload = Uint8Array.of(1, 2, 3);
  const { will } = resolve({ will: { topicName: "gone", payload } });
  payload[0] = 9;
  assertEquals(will, { topicName: "gone", payload: Uint8Array.of(1, 2, 3), qos: 0, retain: false });
  assertEquals(resolve({ will: { topicName: "gone", payload: "é", qos: 2, retain: true } }).will, {
    topicName: "gone",
    payload: Uint8Array.of(0xc3, 0xa9),
    qos: 2,
    retain: true,
  });
  assertEquals(resolve({ will: { topicName: "gone", payload: new Uint8Array(65_535) } }).will?.payload.length, 65_535);
});

test("an address may give options, and what is given outright wins", () => {
  const broker = "mqtt://broker.test?client_id=hall&keep_alive=30&clean_session=false";
  const fromAddress = resolveOptions({ broker });
  assertEquals([fromAddress.clientId, fromAddress.keepAlive, fromAddress.cleanSession], ["hall", 30, false]);
  const outright = resolve({ broker, keepAlive: 5 });
  assertEquals([outright.clientId, outright.keepAlive, outright.cleanSession], ["tern", 5, false]);
});

test("the range of an option in an address is checked as any other", () => {
  assertThrows(
    () => resolve({ broker: "mqtt://broker.test?keep_alive=65536" }),
    RangeError,
    'Cannot use option "keepAlive": 65536 is not from 0 to 65535',
  );
});

test("several addresses keep their order and must agree on their options", () => {
  const { brokers } = resolve({ broker: ["mqtt://a.test?keep_alive=5", new URL("tcp://b.test:1999?keep_alive=5")] });
  assertEquals(brokers.map(({ label }) => label), ["mqtt://a.test:1883", "tcp://b.test:1999"]);
  assertThrows(
    () => resolve({ broker: ["mqtt://a.test?keep_alive=5", "mqtt://b.test?keep_alive=6"] }),
    TypeError,
    'Cannot use option "broker": the addresses do not agree on "keepAlive"',
  );
});

test("a long value is not shown whole", () => {
  const error = assertThrows(() => resolve({ ackMode: "x".repeat(10_000) }), TypeError);
  assert(error.message.length < 200, `${error.message.length}`);
});

function show(value: unknown): string {
  if (value instanceof ManualClock) return "a clock";
  if (typeof value === "function") return "a function";
  const text = JSON.stringify(value, (_key, field) => {
    if (field instanceof Uint8Array) return `${field.length} bytes`;
    return typeof field === "number" || typeof field === "function" ? String(field) : field;
  }) ?? "undefined";
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}
