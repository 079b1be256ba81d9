// A transport that throws, as one of the user's own may: the connection is lost, with what was thrown as the cause, and the loop goes on.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ConnectionLostError, type MqttOptions, RequestFailedError } from "../../src/loop/mod.ts";
import { MemoryNetwork, ScriptedServer, settle } from "../../src/testing/mod.ts";
import type { Dial, Transport } from "../../src/transport/transport.ts";
import { HeldStore } from "../store/held_store.ts";
import { test } from "../support/test.ts";
import { message, type Run, Scene, type ServerSide, watch, words } from "./scene.ts";

type Method = "write" | "pause" | "resume" | "shutdown" | "destroy";

/** What the transports of a scene do wrong, once it is set. */
interface Fault {
  method: Method | undefined;
  /** Throws, or gives something in place of an answer. */
  act: () => unknown;
}

/** A scene over the memory network whose transports fail as a fault says. */
class FaultyScene extends Scene {
  constructor(fault: Fault, options: MqttOptions = {}) {
    const network = new MemoryNetwork();
    super({ transport: faultyDial(network, fault), keepAlive: 0, outgoingEvents: false, ...options });
    Object.assign(this, { network, server: new ScriptedServer(network) });
  }
}

function faultyDial(network: MemoryNetwork, fault: Fault): Dial {
  return async (target, handlers, options) => {
    const transport = await network.dial(target, handlers, options);
    const isAtFault = (method: Method): boolean => fault.method === method;
    const call = (method: Exclude<Method, "write">) => (): void => {
      if (isAtFault(method)) fault.act();
      else transport[method]();
    };
    return {
      canPause: true,
      write: (chunk, length) => isAtFault("write") ? fault.act() as undefined : transport.write(chunk, length),
      pause: call("pause"),
      resume: call("resume"),
      shutdown: call("shutdown"),
      destroy: call("destroy"),
    } satisfies Transport;
  };
}

const BROKEN = new Error("the cable is broken");

function throwing(): Fault {
  return {
    method: undefined,
    act: () => {
      throw BROKEN;
    },
  };
}

async function connected(fault: Fault): Promise<{ scene: Scene; run: Run; server: ServerSide }> {
  const scene = new FaultyScene(fault);
  const run = scene.run();
  return { scene, run, server: await scene.acceptConnect() };
}

/** The errors of the losses that were told. */
function losses({ events }: Run): ConnectionLostError[] {
  return events.flatMap((event) => {
    if (event.type !== "disconnected") return [];
    assert(event.error instanceof ConnectionLostError);
    return [event.error];
  });
}

/** Asserts that a connection was lost for what the transport threw, and that the next one works. */
async function assertGoesOn(scene: Scene, run: Run, fault: Fault, cause: unknown = BROKEN): Promise<void> {
  const [error, ...others] = losses(run);
  assertEquals([error?.reason, others.length, run.end.state], ["transport-failed", 0, "pending"]);
  assertStrictEquals(error?.cause, cause);
  fault.method = undefined;
  await scene.passDelay();
  const next = await scene.acceptConnect();
  assertEquals(words(run.events).filter((word) => word !== "incoming publish"), [
    "connected",
    "disconnected",
    "connected",
  ]);
  const published = watch(scene.client.publish("after", "x", { qos: 1 }));
  await settle();
  assertEquals([published.state, next.takeWords().at(-1)], ["fulfilled", "publish 1"]);
  scene.eventLoop.close();
}

test("a write that throws loses the connection", async () => {
  const fault = throwing();
  const { scene, run } = await connected(fault);
  fault.method = "write";
  const flushed = scene.client.tryPublishTracked("a", "x");
  const failed = watch(flushed.wait());
  await settle();
  assert(failed.error instanceof RequestFailedError);
  assertEquals([failed.error.reason, failed.error.mayHaveBeenDelivered], ["disconnected", true]);
  assertEquals(losses(run)[0]?.message, "Cannot keep the connection to mqtt://broker.test:1883: the cable is broken");
  await assertGoesOn(scene, run, fault);
});

test("a write that throws later, in the middle of a large packet, loses the connection", async () => {
  const fault = throwing();
  const { scene, run } = await connected(fault);
  const taken = Promise.withResolvers<void>();
  fault.method = "write";
  const { act } = fault;
  fault.act = () => {
    fault.act = act;
    return taken.promise;
  };
  scene.client.tryPublish("a", new Uint8Array(1024 * 1024));
  await settle();
  assertEquals(losses(run), []);
  taken.resolve();
  await settle();
  await assertGoesOn(scene, run, fault);
});

test("a write that rejects, or gives no promise, loses the connection", async () => {
  const fault = throwing();
  fault.act = () => Promise.reject(BROKEN);
  const { scene, run } = await connected(fault);
  fault.method = "write";
  scene.client.tryPublish("a", "x");
  await settle();
  await assertGoesOn(scene, run, fault);
  const other = throwing();
  other.act = () => 5;
  const second = await connected(other);
  other.method = "write";
  second.scene.client.tryPublish("a", "x");
  await settle();
  assertEquals((losses(second.run)[0]?.cause as Error).name, "TypeError");
  second.scene.eventLoop.close();
});

for (
  const [how, act] of Object.entries({
    "throws": () => {
      throw BROKEN;
    },
    "rejects": () => Promise.reject(BROKEN),
  })
) {
  test(`a write that waited for the session store and ${how} loses the connection`, async () => {
    const sessionStore = new HeldStore();
    const endAll = async (): Promise<void> => {
      for (await settle(); sessionStore.waiting > 0; await settle()) sessionStore.end();
    };
    const fault: Fault = { method: undefined, act };
    const scene = new FaultyScene(fault, { cleanSession: false, sessionStore });
    const run = scene.run();
    const accepting = watch(scene.acceptConnect());
    // What keeps a session is loaded first, in its own time.
    while (accepting.state === "pending") await endAll();
    await endAll();
    fault.method = "write";
    const published = watch(scene.client.publish("a", "x", { qos: 1 }));
    await settle();
    assertEquals([sessionStore.waiting, losses(run)], [1, []]);
    await endAll();
    const [error] = losses(run);
    assertEquals([published.state, error?.reason], ["fulfilled", "transport-failed"]);
    assertStrictEquals(error?.cause, BROKEN);
    fault.method = undefined;
    await scene.passDelay();
    const again = watch(scene.acceptConnect({ sessionPresent: true }));
    while (again.state === "pending") await endAll();
    await endAll();
    assertEquals(again.value?.takeWords(), ["publish 1"]);
    scene.eventLoop.close();
  });
}

test("what a write rejects with may be no error", async () => {
  const fault = throwing();
  fault.act = () => Promise.reject("broken");
  const { scene, run } = await connected(fault);
  fault.method = "write";
  scene.client.tryPublish("a", "x");
  await settle();
  const cause = losses(run)[0]?.cause;
  assert(cause instanceof Error);
  assertEquals([cause.message, cause.cause], ["broken", "broken"]);
  await assertGoesOn(scene, run, fault, cause);
});

/** More than what may wait undecoded. */
const LARGE = Array.from({ length: 4 }, () => ({ ...message("a"), payload: new Uint8Array(100 * 1024) }));

test("a pause that throws loses the connection, behind the packets that came before", async () => {
  const fault = throwing();
  const { scene, run, server } = await connected(fault);
  fault.method = "pause";
  scene.eventLoop.holdIncoming();
  await server.send(...LARGE);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals(words(run.events), ["connected", "incoming publish", "incoming publish", "disconnected"]);
  await assertGoesOn(scene, run, fault);
});

test("a resume that throws loses the connection, behind the packets that came before", async () => {
  const fault = throwing();
  const { scene, run, server } = await connected(fault);
  fault.method = "resume";
  scene.eventLoop.holdIncoming();
  await server.send(...LARGE);
  assertEquals(words(run.events), ["connected"]);
  scene.eventLoop.releaseIncoming();
  await settle();
  assertEquals(words(run.events), ["connected", "incoming publish", "incoming publish", "disconnected"]);
  await assertGoesOn(scene, run, fault);
});

test("a shutdown that throws ends a disconnect at once", async () => {
  const fault = throwing();
  const { scene, run, server } = await connected(fault);
  fault.method = "shutdown";
  await scene.client.disconnect();
  await settle();
  assertEquals([run.end, server.takeWords().at(-1)], [
    { state: "fulfilled", value: undefined, error: undefined },
    "disconnect",
  ]);
});

test("a destroy that throws hides nothing: the connection was to end for a reason of its own", async () => {
  const fault = throwing();
  const { scene, run, server } = await connected(fault);
  fault.method = "destroy";
  // A packet that only a client sends.
  await server.send({ type: "pingreq" });
  const [lost] = run.events.slice(1);
  assertEquals(lost?.type === "disconnected" && lost.error.name, "ProtocolError");
  await scene.passDelay();
  await scene.acceptConnect();
  scene.eventLoop.clean();
  await settle();
  await scene.acceptConnect();
  scene.eventLoop.close();
  await settle();
  assertEquals([words(run.events), run.end.state], [
    ["connected", "disconnected", "connected", "connected"],
    "fulfilled",
  ]);
});

test("a transport whose every method throws is one that cannot connect, and the policy decides", async () => {
  const broken = (): never => {
    throw BROKEN;
  };
  const transport = {
    canPause: true,
    ...{ write: broken, pause: broken, resume: broken, shutdown: broken, destroy: broken },
  };
  const scene = new Scene({ transport: () => Promise.resolve(transport), reconnect: { maxAttempts: 3 } });
  const run = scene.run();
  for (let i = 0; i < 3; i++) await scene.clock.advance(1000);
  assertEquals([losses(run).length, run.end.state], [2, "rejected"]);
  assertStrictEquals((run.end.error as ConnectionLostError).cause, BROKEN);
});
