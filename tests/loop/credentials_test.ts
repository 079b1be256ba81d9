// The provider that is asked for credentials before every attempt.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  ConnectionLostError,
  type Credentials,
  type CredentialsRequest,
  type MqttOptions,
} from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import type { DialTarget } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { placeOf, type Run, Scene, type ServerSide, words } from "./scene.ts";

type Provider = (request: CredentialsRequest) => Credentials | Promise<Credentials>;

function provided(credentials: Provider, options: MqttOptions = {}): { scene: Scene; run: Run } {
  const scene = new Scene({ credentials, reconnect: { jitter: "none" }, ...options });
  return { scene, run: scene.run() };
}

function user(server: ServerSide): [string | undefined, string | undefined] {
  const [connect] = server.take();
  assert(connect?.type === "connect");
  return [connect.username, connect.password === undefined ? undefined : new TextDecoder().decode(connect.password)];
}

function failure(run: Run): ConnectionLostError {
  const lost = run.events.findLast((event) => event.type === "disconnected");
  assertInstanceOf(lost?.error, ConnectionLostError);
  return lost.error;
}

const PROVIDERS: [string, Provider][] = [
  ["a plain object", () => ({ username: "ann", password: "fresh" })],
  ["a promise", () => Promise.resolve({ username: "ann", password: new TextEncoder().encode("fresh") })],
];
for (const [name, credentials] of PROVIDERS) {
  test(`credentials from ${name} go into CONNECT, in place of those in the options and the address`, async () => {
    const { scene } = provided(credentials, {
      broker: "mqtt://bob:url@broker.test",
      username: "carl",
      password: "stale",
    });
    assertEquals(user(await scene.accept()), ["ann", "fresh"]);
    scene.eventLoop.close();
  });
}

test("what the provider leaves out stays as it is", async () => {
  const { scene } = provided(() => ({ password: "fresh" }), { username: "carl", password: "stale" });
  assertEquals(user(await scene.accept()), ["carl", "fresh"]);
  scene.eventLoop.close();
});

test("the provider is asked before every attempt and told which", async () => {
  const asked: [string, number][] = [];
  const { scene } = provided(({ broker, attempt }) => {
    asked.push([broker, attempt]);
    return { username: `attempt ${attempt}` };
  }, { broker: "mqtt://bob:secret@broker.test" });
  scene.network.refuse(new Error("nobody listens"));
  await settle();
  await scene.clock.advance(100);
  const server = await scene.acceptConnect();
  await server.cut();
  await scene.clock.advance(1000);
  const label = "mqtt://broker.test:1883";
  assertEquals(asked, [[label, 1], [label, 2], [label, 1]]);
  assertEquals(user(await scene.accept()), ["attempt 1", "secret"]);
  scene.eventLoop.close();
});

test("the provider may change the address for one attempt", async () => {
  const { scene, run } = provided(({ attempt }) => attempt === 1 ? { broker: "mqtt://other.test:1999" } : {});
  scene.network.refuse(new Error("nobody listens"));
  await settle();
  assertEquals(failure(run).message, "Cannot connect to mqtt://other.test:1999: nobody listens");
  await scene.clock.advance(100);
  assertEquals(scene.network.targets.map(placeOf), [
    "other.test:1999",
    "broker.test:1883",
  ]);
  scene.eventLoop.close();
});

test("messages name the address that was really dialled", async () => {
  const { scene, run } = provided(() => ({ broker: "mqtt://other.test" }));
  const server = await scene.acceptConnect();
  await server.close();
  assertEquals(failure(run).message, "Cannot keep the connection to mqtt://other.test:1883: the server closed it");
  scene.eventLoop.close();
});

const DEFECT = new Error("the token service is down");
const FAILING: [string, Provider][] = [
  ["throws", () => {
    throw DEFECT;
  }],
  ["rejects", () => Promise.reject(DEFECT)],
];
for (const [name, credentials] of FAILING) {
  test(`a provider that ${name} fails the attempt, and the next one is made`, async () => {
    const { scene, run } = provided(credentials);
    await settle();
    const error = failure(run);
    assertEquals([error.reason, error.cause], ["credentials-failed", DEFECT]);
    assertEquals(error.message, "Cannot connect to mqtt://broker.test:1883: the credentials provider failed");
    assertEquals([scene.network.dialCount, words(run.events)], [0, ["disconnected"]]);
    await scene.clock.advance(100);
    assertEquals(words(run.events), ["disconnected", "disconnected"]);
    scene.eventLoop.close();
  });
}

const UNUSABLE: [string, unknown, string][] = [
  ["nothing", undefined, "credentials"],
  ["an unknown field", { token: "x" }, "credentials.token"],
  ["a user name that is no text", { username: 5 }, "credentials.username"],
  ["a password that is neither text nor bytes", { username: "ann", password: 5 }, "password"],
  ["an address that is none", { broker: "http://broker.test" }, "broker"],
  ["an address with options for the client", { broker: "mqtt://broker.test?keep_alive=5" }, "keepAlive"],
];
for (const [name, credentials, names] of UNUSABLE) {
  test(`a provider that gives ${name} fails the attempt`, async () => {
    const { scene, run } = provided(() => credentials as Credentials);
    await settle();
    const error = failure(run);
    assertEquals(error.reason, "credentials-failed");
    assertInstanceOf(error.cause, TypeError);
    assert(error.cause.message.includes(names), error.cause.message);
    assertEquals([run.end.state, scene.network.dialCount], ["pending", 0]);
    scene.eventLoop.close();
  });
}

test("a provider that gives a password without a user name fails the attempt [MQTT-3.1.2-22]", async () => {
  const { scene, run } = provided(() => ({ password: "x" }));
  await settle();
  const error = failure(run);
  assertEquals(error.reason, "credentials-failed");
  assert(error.message.includes("[MQTT-3.1.2-22]"), error.message);
  assertEquals([run.end.state, scene.network.dialCount], ["pending", 0]);
  scene.eventLoop.close();
});

test("a provider that hangs is given up at the limit, and its signal is aborted", async () => {
  let signal: AbortSignal | undefined;
  const { scene, run } = provided((request) => {
    signal = request.signal;
    return new Promise(() => {});
  }, { connectTimeoutMillis: 3000 });
  await scene.clock.advance(2999);
  assertEquals([signal?.aborted, run.events], [false, []]);
  await scene.clock.advance(1);
  assertEquals([signal?.aborted, failure(run).reason], [true, "connect-timeout"]);
  scene.eventLoop.close();
});

test("a provider that answers too late dials nothing", async () => {
  const answers: (() => void)[] = [];
  const { scene } = provided(() => new Promise((resolve) => answers.push(() => resolve({}))), {
    connectTimeoutMillis: 3000,
  });
  await scene.clock.advance(3000);
  answers[0]!();
  await settle();
  assertEquals(scene.network.dialCount, 0);
  scene.eventLoop.close();
});

test("a provider may end the loop", async () => {
  const closing: { scene?: Scene } = {};
  const { scene, run } = provided(() => {
    closing.scene?.eventLoop.close();
    return {};
  });
  closing.scene = scene;
  await settle();
  assertEquals([run.end.state, scene.eventLoop.diagnostics().isDone], ["fulfilled", true]);
  assertEquals([scene.network.dialCount, scene.clock.pendingTimers], [0, 0]);
});

test("a provider may disconnect the client", async () => {
  const closing: { scene?: Scene } = {};
  const { scene, run } = provided(() => {
    void closing.scene?.client.disconnectNow();
    return {};
  });
  closing.scene = scene;
  await settle();
  assertEquals([run.end.state, scene.eventLoop.diagnostics().isDone], ["fulfilled", true]);
  assertEquals([scene.network.dialCount, scene.clock.pendingTimers], [0, 0]);
});

test("headers of the provider take the place of those in the options, at a WebSocket", async () => {
  const targets: DialTarget[] = [];
  const { scene } = provided(() => ({ headers: { authorization: "fresh" } }), {
    broker: "ws://broker.test/mqtt",
    headers: { authorization: "stale", "x-more": "gone" },
    transport: (target) => {
      targets.push(target);
      return Promise.reject(new Error("seen"));
    },
  });
  await settle();
  const [target] = targets;
  assert(target?.kind === "websocket" && target.headers !== undefined);
  const { signal } = new AbortController();
  assertEquals(await target.headers({ url: target.url, signal }), { authorization: "fresh" });
  scene.eventLoop.close();
});

test("headers of the provider for an address without WebSocket fail the attempt", async () => {
  const { scene, run } = provided(() => ({ headers: { authorization: "fresh" } }));
  await settle();
  const { reason, message } = failure(run);
  assertEquals(reason, "credentials-failed");
  assert(message.endsWith("its headers need an address with WebSocket (ws:, wss:)"), message);
  scene.eventLoop.close();
});
