// An aborted poll loses nothing: the next one goes on where it stood, whatever the loop was about.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ConnectionLostError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { message, type Outcome, Scene, type ServerSide, watch, words } from "./scene.ts";

/** Polls until there is nothing more at hand, and aborts that poll. @returns What it gave, and how it ended. */
async function pollThenAbort(scene: Scene): Promise<Outcome<unknown>> {
  const controller = new AbortController();
  const poll = watch(scene.eventLoop.poll({ signal: controller.signal }));
  await settle();
  assertEquals(poll.state, "pending");
  controller.abort(new Error("enough"));
  await settle();
  assertInstanceOf(poll.error, Error);
  assertEquals(poll.error.message, "enough");
  assertEquals(scene.clock.pendingTimers, 0);
  return poll;
}

async function connect(scene: Scene): Promise<ServerSide> {
  const iteration = (async () => {
    for await (const event of scene.eventLoop) if (event.type === "connected") return;
  })();
  const server = await scene.acceptConnect();
  await iteration;
  return server;
}

test("a poll with an aborted signal takes no event and moves nothing", async () => {
  const scene = new Scene();
  const signal = AbortSignal.abort("enough");
  assertEquals(await scene.eventLoop.poll({ signal }).catch((reason) => reason), "enough");
  assertEquals(await scene.eventLoop.pollBatch({ signal }).catch((reason) => reason), "enough");
  assertEquals(scene.network.dialCount, 0);
  const server = await connect(scene);
  await server.send(message("a"));
  assertEquals(await scene.eventLoop.poll({ signal }).catch((reason) => reason), "enough");
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  scene.eventLoop.close();
});

test("aborted during a dial: the dial goes on, and the next poll finds it open", async () => {
  const scene = new Scene();
  await pollThenAbortDialling(scene);
  assertEquals(scene.network.dialCount, 1);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  assertEquals([words([poll.value!]), scene.network.dialCount], [["outgoing connect"], 1]);
  scene.eventLoop.close();
});

async function pollThenAbortDialling(scene: Scene): Promise<void> {
  const controller = new AbortController();
  const poll = watch(scene.eventLoop.poll({ signal: controller.signal }));
  controller.abort("enough");
  await settle();
  assertEquals([poll.state, poll.error], ["rejected", "enough"]);
}

test("aborted during a dial that fails: the next poll is told", async () => {
  const scene = new Scene();
  scene.network.refuse(new Error("nobody listens"));
  await pollThenAbortDialling(scene);
  const poll = watch(scene.eventLoop.poll());
  await settle();
  assertInstanceOf(poll.error, ConnectionLostError);
  assertEquals(poll.error.reason, "dial-failed");
  scene.eventLoop.close();
});

test("aborted during a dial that hangs: its time goes on", async () => {
  const scene = new Scene({ connectTimeoutMillis: 3000 });
  scene.network.stall();
  await pollThenAbort(scene);
  await scene.clock.advance(2000);
  const poll = watch(scene.eventLoop.poll());
  await scene.clock.advance(999);
  assertEquals(poll.state, "pending");
  await scene.clock.advance(1);
  assertInstanceOf(poll.error, ConnectionLostError);
  assertEquals([poll.error.reason, scene.network.dialCount], ["connect-timeout", 1]);
  scene.eventLoop.close();
});

test("aborted while CONNACK is awaited: it is found by the next poll", async () => {
  const scene = new Scene();
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  await pollThenAbort(scene);
  const server = await scene.acceptConnect();
  assertEquals(await scene.eventLoop.poll(), { type: "connected", sessionPresent: false });
  assertEquals(server.takeWords(), []);
  scene.eventLoop.close();
});

test("aborted on an idle connection: what comes is found by the next poll, and pings go on", async () => {
  const scene = new Scene({ keepAlive: 10 });
  const server = await connect(scene);
  await pollThenAbort(scene);
  await server.send(message("a", 2, 3));
  assertEquals(await scene.eventLoop.poll(), { type: "incoming", packet: message("a", 2, 3) });
  assertEquals(await scene.eventLoop.poll(), { type: "outgoing", packetType: "pubrec", packetId: 3 });
  await pollThenAbort(scene);
  const poll = watch(scene.eventLoop.poll());
  await scene.clock.advance(10_000);
  assertEquals([poll.value, server.takeWords()], [
    { type: "outgoing", packetType: "pingreq", packetId: 0 },
    ["pubrec 3", "pingreq"],
  ]);
  scene.eventLoop.close();
});

test("aborted with a request in flight: its notice is told by the next poll", async () => {
  const scene = new Scene();
  const server = await connect(scene);
  const notice = await scene.client.publishTracked("a", "x", { qos: 1 });
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  await pollThenAbort(scene);
  const end = watch(notice.wait());
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(end.state, "pending");
  assertEquals((await scene.eventLoop.poll())?.type, "incoming");
  await settle();
  assertEquals(end.value?.type, "qos1-acknowledged");
  scene.eventLoop.close();
});

test("aborted with a request that has just come: the next poll sends it", async () => {
  const scene = new Scene();
  const server = await connect(scene);
  const controller = new AbortController();
  const poll = watch(scene.eventLoop.poll({ signal: controller.signal }));
  scene.client.tryPublish("a", "x");
  controller.abort("enough");
  await settle();
  assertEquals([poll.error, server.takeWords()], ["enough", []]);
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  await settle();
  assertEquals(server.takeWords(), ["publish"]);
  scene.eventLoop.close();
});

test("aborted during a back-off: the delay goes on", async () => {
  const scene = new Scene({ reconnect: { jitter: "none", minDelayMillis: 400 } });
  scene.network.refuse(new Error("nobody listens"));
  const first = watch(scene.eventLoop.poll());
  await settle();
  assertEquals(first.state, "rejected");
  await pollThenAbort(scene);
  await scene.clock.advance(300);
  const poll = watch(scene.eventLoop.poll());
  await scene.clock.advance(99);
  assertEquals([scene.network.dialCount, poll.state], [1, "pending"]);
  await scene.clock.advance(1);
  assertEquals([scene.network.dialCount, poll.value?.type], [2, "outgoing"]);
  scene.eventLoop.close();
});

test("aborted during a drain: the drain goes on with the next poll", async () => {
  const scene = new Scene();
  const server = await connect(scene);
  await scene.client.publish("a", "x", { qos: 1 });
  await scene.client.disconnect();
  assertEquals((await scene.eventLoop.poll())?.type, "outgoing");
  await pollThenAbort(scene);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(words(await scene.eventLoop.pollBatch()), ["incoming puback", "outgoing disconnect"]);
  assertEquals(await scene.eventLoop.poll(), undefined);
  assertEquals(server.takeWords(), ["publish 1", "disconnect"]);
});

test("a poll that is not aborted leaves nothing on its signal", async () => {
  const scene = new Scene();
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
  const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
  signal.addEventListener = (...args: unknown[]): void => (listeners++, add(...args));
  signal.removeEventListener = (...args: unknown[]): void => (listeners--, remove(...args));
  scene.network.refuse(new Error("nobody listens"));
  // A rejection, an event, an end.
  assertInstanceOf(await scene.eventLoop.poll({ signal }).catch((error) => error), ConnectionLostError);
  const poll = watch(scene.eventLoop.poll({ signal }));
  assertEquals(listeners, 1);
  await scene.clock.advance(50);
  assertEquals([poll.value?.type, listeners], ["outgoing", 0]);
  const last = watch(scene.eventLoop.poll({ signal }));
  scene.eventLoop.close();
  await settle();
  assertEquals([last.state, listeners], ["fulfilled", 0]);
});

test("an abort after the loop is done is no error", async () => {
  const scene = new Scene();
  const controller = new AbortController();
  const poll = watch(scene.eventLoop.poll({ signal: controller.signal }));
  scene.eventLoop.close();
  controller.abort();
  await settle();
  assertEquals([poll.state, poll.value], ["fulfilled", undefined]);
  assert(scene.eventLoop.diagnostics().isDone);
});
