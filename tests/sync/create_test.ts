// What `Client.create` and `Client.from` refuse, before anything is started.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemoryNetwork } from "@petrel/mqtt/testing";
import { Client, type SyncOptions, UnsupportedRuntimeError } from "@petrel/mqtt/sync";
import { AsyncClient, type MqttOptions, UnsupportedOptionError } from "../../mod.ts";
import { crossableOptions } from "../../src/sync/crossable_options.ts";
import { requireBlocking, requireThreads } from "../../src/sync/threads.ts";
import { test } from "../support/test.ts";

const valid: MqttOptions = { clientId: "a", broker: "mqtt://127.0.0.1:1" };

/** Options that are wrong for both forms. */
const wrong: readonly (readonly [string, object])[] = [
  ["clientId", { broker: "mqtt://x" }],
  ["broker", { clientId: "a" }],
  ["keepAlive", { ...valid, keepAlive: -1 }],
  ["capacity", { ...valid, capacity: 1.5 }],
  ["nonsense", { ...valid, nonsense: true }],
  ["will", { ...valid, will: { topicName: "a/#", payload: "" } }],
];

for (const [name, options] of wrong) {
  test(`a wrong option "${name}" is refused as AsyncClient does`, () => {
    const expected = assertThrows(() => AsyncClient.create(options), Error);
    const error = assertThrows(() => Client.create(options), Error);
    assertEquals([error.constructor, error.message], [expected.constructor, expected.message]);
  });
}

const functions: readonly (readonly [string, MqttOptions])[] = [
  ["credentials", { ...valid, credentials: () => ({}) }],
  ["transport", { ...valid, transport: new MemoryNetwork().dial }],
  ["clock", { ...valid, clock: { now: () => 0, schedule: () => () => {} } }],
  ["random", { ...valid, random: () => 0 }],
  ["reconnect.giveUpOn", { ...valid, reconnect: { giveUpOn: () => false } }],
];

for (const [name, options] of functions) {
  test(`option "${name}" cannot cross to the worker and is refused by name`, () => {
    const error = assertThrows(() => Client.create(options), UnsupportedOptionError, "cannot cross to the worker");
    assert(error.option === name || error.option.startsWith(`${name}.`), error.option);
  });
}

test("the instance of a class cannot cross to the worker either", () => {
  class Store {}
  const error = assertThrows(() => crossableOptions({ will: new Store() } as MqttOptions), UnsupportedOptionError);
  assertEquals(error.option, "will");
});

test("options that are data cross as copies, URLs as text", () => {
  const password = Uint8Array.of(1, 2, 3).subarray(1);
  const options: MqttOptions = {
    clientId: "a",
    broker: [new URL("mqtt://host:1"), "mqtt://other"],
    password,
    capacity: Infinity,
    keepAlive: undefined,
    reconnect: { maxAttempts: Infinity },
    tls: { ca: ["x", Uint8Array.of(4)] },
  };
  const crossed = crossableOptions(options);
  assertEquals(crossed, { ...options, broker: ["mqtt://host:1", "mqtt://other"] });
  assertEquals((crossed.password as Uint8Array).buffer.byteLength, 2);
  assertEquals(structuredClone(crossed), crossed);
});

test("a module that is no URL, and rings of no proper size, are refused", () => {
  assertThrows(() => Client.create({ ...valid, module: "./options.ts" }), TypeError, 'option "module"');
  for (const ringBytes of [0, 512, 1000, 3072, 2 ** 29, NaN]) {
    assertThrows(() => Client.create(valid, { ringBytes }), RangeError, 'option "ringBytes"');
  }
});

test("Client.from() refuses what share() did not give", () => {
  for (const shared of [undefined, {}, { memory: new SharedArrayBuffer(8) }]) {
    assertThrows(() => Client.from(shared as never), TypeError, "not what share() gave");
  }
});

/** Global scopes where blocking, or a worker, cannot be had. */
const scopes: readonly (readonly [string, object, string])[] = [
  ["without shared memory, as an edge worker", { Atomics }, "no SharedArrayBuffer"],
  ["without Atomics.waitAsync", { SharedArrayBuffer, Atomics: { wait: () => "timed-out" } }, "no Atomics.waitAsync"],
  [
    "whose thread must not block, as the main thread of a browser",
    { SharedArrayBuffer, Atomics: { wait: refuseToBlock, waitAsync: () => {} } },
    "this thread must not block",
  ],
];

function refuseToBlock(): never {
  throw new TypeError("Atomics.wait cannot be called in this context");
}

for (const [name, scope, state] of scopes) {
  test(`a runtime ${name} is unsupported at once`, () => {
    assertThrows(() => requireBlocking(scope), UnsupportedRuntimeError, state);
  });
}

test("a runtime without node:worker_threads is unsupported at once", () => {
  for (const process of [undefined, {}, { getBuiltinModule: () => undefined }, { getBuiltinModule: () => ({}) }]) {
    const scope = { SharedArrayBuffer, Atomics, process };
    assertThrows(() => requireThreads(scope), UnsupportedRuntimeError, "no node:worker_threads");
  }
});

test("this runtime is supported", () => {
  assertEquals(typeof requireThreads().threads.Worker, "function");
  const options: SyncOptions = valid;
  assertEquals(crossableOptions(options), valid);
});
