// `for await` over the loop: losses are events, leaving closes nothing, and only giving up throws.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionLostError, type Event } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, watch, words } from "./scene.ts";

test("a lost connection is an event, and the iteration goes on", async () => {
  const { scene, run, server } = await connectedScene();
  await server.cut(new Error("the cable was pulled"));
  const lost = run.events.at(-1);
  assert(lost?.type === "disconnected");
  assertInstanceOf(lost.error, ConnectionLostError);
  assertEquals([lost.error.reason, lost.retryInMillis, lost.flap], ["transport-failed", 50, undefined]);
  await scene.clock.advance(49);
  assertEquals(scene.network.dialCount, 1);
  await scene.clock.advance(1);
  await scene.acceptConnect();
  assertEquals(words(run.events), [
    "outgoing connect",
    "connected",
    "disconnected",
    "outgoing connect",
    "connected",
  ]);
  assertEquals(run.end.state, "pending");
  scene.eventLoop.close();
});

test("the first retry after a stable connection is prompt", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.clock.advance(5000);
  await server.close();
  const lost = run.events.find((event) => event.type === "disconnected");
  // No time has passed since the loss.
  assertEquals([lost?.retryInMillis, scene.network.dialCount], [0, 2]);
  scene.eventLoop.close();
});

test("attempts that fail are events, each with its delay", async () => {
  const scene = new Scene({ reconnect: { jitter: "none" } });
  scene.network.refuse(new Error("nobody listens"), 3);
  const run = scene.run();
  await scene.clock.advance(1000);
  const delays = run.events.flatMap((event) => event.type === "disconnected" ? [event.retryInMillis] : []);
  assertEquals([delays, scene.network.dialCount], [[100, 200, 400], 4]);
  scene.eventLoop.close();
});

test("the iteration throws when the policy gives up, and the loop is done", async () => {
  const scene = new Scene({ reconnect: { maxAttempts: 2 } });
  scene.network.refuse(new Error("nobody listens"), Infinity);
  const run = scene.run();
  await scene.clock.advance(1000);
  assertEquals(words(run.events), ["disconnected"]);
  assertInstanceOf(run.end.error, ConnectionLostError);
  assertEquals(run.end.error.reason, "dial-failed");
  assert(scene.eventLoop.diagnostics().isDone);
  assertEquals(await scene.eventLoop.poll(), undefined);
  for await (const _event of scene.eventLoop) throw new Error("a loop that is done has no events");
  assertEquals(scene.clock.pendingTimers, 0);
});

test("without a reconnect policy the first loss ends the iteration", async () => {
  const { scene, run, server } = await connectedScene({ reconnect: false });
  await server.close();
  assertInstanceOf(run.end.error, ConnectionLostError);
  assertEquals(run.end.error.reason, "closed-by-server");
  assert(scene.eventLoop.diagnostics().isDone);
});

test("leaving the iteration closes nothing: iterate again to go on", async () => {
  const scene = new Scene();
  const seen: string[] = [];
  const leaving = (async () => {
    for await (const event of scene.eventLoop) {
      seen.push(...words([event]));
      if (event.type === "connected") break;
    }
  })();
  const server = await scene.acceptConnect();
  await leaving;
  await server.send(message("a"));
  await scene.clock.advance(10_000);
  assertEquals(seen, ["outgoing connect", "connected"]);
  // Nobody polls: no timer is left either.
  assertEquals(scene.clock.pendingTimers, 0);
  const run = scene.run();
  await settle();
  assertEquals(words(run.events), ["incoming publish"]);
  scene.eventLoop.close();
});

test("an error thrown in the body leaves the loop usable", async () => {
  const { scene, server } = await throwOnMessage();
  const run = scene.run();
  await server.send(message("b", 1, 2));
  assertEquals(run.events, [{ type: "incoming", packet: message("b", 1, 2) }]);
  assertEquals(server.takeWords(), ["puback 2"]);
  scene.eventLoop.close();
});

async function throwOnMessage() {
  const scene = new Scene({ outgoingEvents: false });
  const iteration = watch((async () => {
    for await (const event of scene.eventLoop) {
      if (event.type === "incoming") throw new Error("a defect in the application");
    }
  })());
  const server = await scene.acceptConnect();
  await server.send(message("a"));
  assertInstanceOf(iteration.error, Error);
  assertEquals(iteration.error.message, "a defect in the application");
  return { scene, server };
}

test("the iteration ends when the loop is done", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.disconnect();
  await settle();
  assertEquals(run.end.state, "fulfilled");
  assertEquals(server.takeWords(), ["disconnect"]);
  assertEquals(words(run.events).at(-1), "outgoing disconnect");
});

test("an iterator asked twice at once refuses the second time and goes on with the first", async () => {
  const { scene } = await iteratedScene();
  const iterator = scene.eventLoop[Symbol.asyncIterator]();
  const first = watch(iterator.next());
  await assertRejects(() => iterator.next(), Error, "Cannot poll: another poll is pending");
  await settle();
  assertEquals(first.state, "pending");
  scene.eventLoop.close();
  await settle();
  assertEquals(first.value, { done: true, value: undefined });
});

test("return() beside a pending next() leaves time to it", async () => {
  const { scene, server } = await iteratedScene({ keepAlive: 10 });
  const iterator = scene.eventLoop[Symbol.asyncIterator]();
  const next = watch(iterator.next());
  await settle();
  assertEquals(await iterator.return?.(), { done: true, value: undefined });
  await scene.clock.advance(10_000);
  assertEquals(server.takeWords(), ["pingreq"]);
  assertEquals(next.value?.value?.type, "outgoing");
  scene.eventLoop.close();
});

/** A connected scene that nobody polls. */
async function iteratedScene(options: ConstructorParameters<typeof Scene>[0] = {}) {
  const scene = new Scene(options);
  const events: Event[] = [];
  const iteration = (async () => {
    for await (const event of scene.eventLoop) {
      events.push(event);
      if (event.type === "connected") return;
    }
  })();
  const server = await scene.acceptConnect();
  await iteration;
  return { scene, server };
}

test("poll and iteration take turns over the same events", async () => {
  const { scene, server } = await iteratedScene();
  await server.send(message("a"), message("b"), message("c"));
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  for await (const event of scene.eventLoop) {
    assertEquals(event, { type: "incoming", packet: message("b") });
    break;
  }
  assertEquals(await scene.eventLoop.pollBatch(), [{ type: "incoming", packet: message("c") }]);
  scene.eventLoop.close();
});

test("a loss that poll would reject with is an event for an iteration that comes after it", async () => {
  const { scene, server } = await iteratedScene();
  await server.send(message("a"));
  await server.cut();
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  for await (const event of scene.eventLoop) {
    assertEquals(event.type, "disconnected");
    break;
  }
  scene.eventLoop.close();
});

test("a flap is told with its likely cause", async () => {
  const { scene, run, server } = await connectedScene();
  await server.close();
  for (let i = 0; i < 2; i++) {
    await scene.clock.advance(1000);
    await (await scene.acceptConnect()).close();
  }
  const flaps = run.events.flatMap((event) => event.type === "disconnected" ? [event.flap] : []);
  assertEquals(flaps, [undefined, undefined, { losses: 3, likelyCause: "client-id-in-use" }]);
  scene.eventLoop.close();
});

test("an iteration over batches gives all that is at hand, a loss too, and goes on behind it", async () => {
  const scene = new Scene({ outgoingEvents: false });
  const batches = scene.eventLoop.batches();
  const connecting = batches.next();
  const server = await scene.acceptConnect();
  assertEquals(words((await connecting).value), ["connected"]);
  const receiving = batches.next();
  await server.send(message("a"), message("b"));
  assertEquals(words((await receiving).value), ["incoming publish", "incoming publish"]);
  const losing = batches.next();
  await server.cut(new Error("the cable was pulled"));
  assertEquals(words((await losing).value), ["disconnected"]);
  const reconnecting = batches.next();
  await scene.passDelay();
  await scene.acceptConnect();
  assertEquals(words((await reconnecting).value), ["connected"]);
  scene.eventLoop.close();
  assertEquals(await batches.next(), { done: true, value: undefined });
});
