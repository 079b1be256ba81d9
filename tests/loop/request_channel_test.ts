// The bounded channel: who is admitted, who waits, in which order, and what an abort or a close does to each.

import { assert, assertEquals, assertFalse, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { LoopClosedError, RequestChannelFullError, RequestFailedError } from "../../src/loop/error.ts";
import type { DisconnectRequest, Request, RequestConsumer } from "../../src/loop/request.ts";
import { RequestChannel } from "../../src/loop/request_channel.ts";
import type { AdmissionGate } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { nameOf, publishRequest, subscribeRequest, trackedPublish } from "./requests.ts";
import { watch } from "./scene.ts";

const OPEN: AdmissionGate = { canPublish: () => true, canControl: () => true };
const FULL_WINDOW: AdmissionGate = { canPublish: (qos) => qos === 0, canControl: () => true };
const CLOSED: AdmissionGate = { canPublish: () => false, canControl: () => false };

/** A consumer that writes down what it is told. */
class Listener implements RequestConsumer {
  readonly told: string[] = [];
  canTakeNow = false;
  handleRequest(): void {
    this.told.push("request");
  }
  handleDisconnect(request: DisconnectRequest): void {
    this.told.push(`disconnect ${request.mode}`);
  }
  canTake(): boolean {
    return this.canTakeNow;
  }
  acknowledge(): boolean {
    this.told.push("acknowledge");
    return true;
  }
  cancel(request: Request): void {
    this.told.push(`cancel ${nameOf(request)}`);
  }
}

function drain(channel: RequestChannel, gate: AdmissionGate = OPEN): (string | undefined)[] {
  const names: (string | undefined)[] = [];
  for (let request = channel.next(gate); request !== undefined; request = channel.next(gate)) {
    names.push(nameOf(request));
  }
  return names;
}

test("send() admits as many as the capacity and makes the next caller wait", async () => {
  const channel = new RequestChannel(2);
  const sends = ["a", "b", "c", "d"].map((name) => watch(channel.send(publishRequest(name))));
  await settle();
  assertEquals(sends.map(({ state }) => state), ["fulfilled", "fulfilled", "pending", "pending"]);
  assertEquals(channel.diagnostics(), { publishes: 4, controls: 0 });
  assertFalse(channel.hasRoom);
});

test("taking a request admits the waiting callers in the order they came", async () => {
  const channel = new RequestChannel(1);
  const admitted: string[] = [];
  for (const name of ["a", "b", "c"]) void channel.send(publishRequest(name)).then(() => admitted.push(name));
  await settle();
  assertEquals(admitted, ["a"]);
  assertEquals(nameOf(channel.next(OPEN)), "a");
  await settle();
  assertEquals(admitted, ["a", "b"]);
  assertEquals(drain(channel), ["b", "c"]);
  await settle();
  assertEquals(admitted, ["a", "b", "c"]);
  assert(channel.isEmpty);
});

test("each lane has the capacity of its own", async () => {
  const channel = new RequestChannel(1);
  const publish = watch(channel.send(publishRequest("p")));
  const control = watch(channel.send(subscribeRequest("s")));
  const second = watch(channel.send(subscribeRequest("s2")));
  await settle();
  assertEquals([publish.state, control.state, second.state], ["fulfilled", "fulfilled", "pending"]);
  assertEquals(channel.diagnostics(), { publishes: 1, controls: 2 });
});

test("trySend() throws when the lane is full and enqueues nothing", () => {
  const channel = new RequestChannel(1);
  channel.trySend(publishRequest("a"));
  const error = assertThrows(() => channel.trySend(publishRequest("b")), RequestChannelFullError);
  assertEquals(error.message, "Cannot publish now: the request channel is full at capacity 1");
  channel.trySend(subscribeRequest("s"));
  assertEquals(drain(channel), ["a", "s"]);
});

test("trySend() does not overtake callers that wait", async () => {
  const channel = new RequestChannel(1);
  void channel.send(publishRequest("a"));
  void channel.send(publishRequest("b"));
  assertEquals(nameOf(channel.next(OPEN)), "a");
  await settle();
  assertThrows(() => channel.trySend(publishRequest("c")), RequestChannelFullError);
  assertEquals(drain(channel), ["b"]);
});

test("capacity 0 admits a request when it is taken", async () => {
  const channel = new RequestChannel(0);
  const first = watch(channel.send(publishRequest("a")));
  const second = watch(channel.send(publishRequest("b")));
  await settle();
  assertEquals([first.state, second.state], ["pending", "pending"]);
  assertEquals(nameOf(channel.next(OPEN)), "a");
  await settle();
  assertEquals([first.state, second.state], ["fulfilled", "pending"]);
  assertEquals(nameOf(channel.next(OPEN)), "b");
  await settle();
  assertEquals(second.state, "fulfilled");
});

test("capacity 0 lets trySend() through only to a loop that takes it this very moment", () => {
  const channel = new RequestChannel(0);
  assertThrows(() => channel.trySend(publishRequest("a")), RequestChannelFullError);
  const listener = new Listener();
  channel.attach(listener);
  assertThrows(() => channel.trySend(publishRequest("a")), RequestChannelFullError);
  listener.canTakeNow = true;
  channel.trySend(publishRequest("a"));
  // The first one has not been taken yet: there is no room behind it.
  assertThrows(() => channel.trySend(publishRequest("b")), RequestChannelFullError);
  assertEquals(drain(channel), ["a"]);
  channel.trySend(publishRequest("c"));
  assertEquals(drain(channel), ["c"]);
});

test("capacity Infinity never makes a caller wait", async () => {
  const channel = new RequestChannel(Infinity);
  const sends = Array.from({ length: 3000 }, (_, i) => watch(channel.send(publishRequest(`${i}`))));
  channel.trySend(publishRequest("last"));
  await settle();
  assert(sends.every(({ state }) => state === "fulfilled"));
  assert(channel.hasRoom);
  assertEquals(drain(channel), [...sends.keys().map(String), "last"]);
});

test("next() gives both lanes in the order of the calls", () => {
  const channel = new RequestChannel(10);
  channel.trySend(publishRequest("a"));
  channel.trySend(subscribeRequest("b"));
  channel.trySend(publishRequest("c"));
  channel.trySend(subscribeRequest("d"));
  assertEquals(drain(channel), ["a", "b", "c", "d"]);
});

test("a control request passes publishes that the window holds back, and nothing else", () => {
  const channel = new RequestChannel(10);
  channel.trySend(publishRequest("zero", 0));
  channel.trySend(publishRequest("one", 1));
  channel.trySend(publishRequest("zero again", 0));
  channel.trySend(subscribeRequest("control"));
  assertEquals(drain(channel, FULL_WINDOW), ["zero", "control"]);
  assertEquals(drain(channel), ["one", "zero again"]);
});

test("a publish passes nothing: not a control request, and not another publish", () => {
  const channel = new RequestChannel(10);
  channel.trySend(subscribeRequest("control"));
  channel.trySend(publishRequest("zero", 0));
  assertEquals(drain(channel, { canPublish: () => true, canControl: () => false }), []);
  assertEquals(drain(channel), ["control", "zero"]);
});

test("next() gives nothing while the gate is closed", () => {
  const channel = new RequestChannel(10);
  channel.trySend(publishRequest("a"));
  channel.trySend(subscribeRequest("b"));
  assertEquals(channel.next(CLOSED), undefined);
  assertEquals(channel.length, 2);
});

test("an aborted signal keeps a request out", async () => {
  const channel = new RequestChannel(1);
  const reason = new Error("no longer wanted");
  const error = await assertRejects(() => channel.send(publishRequest("a"), AbortSignal.abort(reason)), Error);
  assertEquals(error, reason);
  assert(channel.isEmpty);
});

test("an abort while the caller waits takes the request out; those behind it keep their order", async () => {
  const channel = new RequestChannel(1);
  const controller = new AbortController();
  void channel.send(publishRequest("a"));
  const waiting = watch(channel.send(publishRequest("b"), controller.signal));
  const behind = watch(channel.send(publishRequest("c")));
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  await settle();
  assertEquals([waiting.state, waiting.error, behind.state], ["rejected", reason, "pending"]);
  assertEquals(drain(channel), ["a", "c"]);
  await settle();
  assertEquals(behind.state, "fulfilled");
});

test("one abort ends all callers that wait with its signal, whatever room the first of them leave", async () => {
  const channel = new RequestChannel(1);
  const controller = new AbortController();
  const { signal } = controller;
  await channel.send(trackedPublish("a"), signal);
  const waiting = ["b", "c"].map((name) => watch(channel.send(publishRequest(name), signal)));
  const other = watch(channel.send(publishRequest("d")));
  await settle();
  controller.abort("enough");
  await settle();
  assertEquals(waiting.map(({ error }) => error), ["enough", "enough"]);
  assertEquals(other.state, "fulfilled");
  assertEquals(drain(channel), ["d"]);
});

test("whoever waits with an aborted signal does not join the publishes that wait as bytes", async () => {
  const channel = new RequestChannel(1);
  const controller = new AbortController();
  const { signal } = controller;
  await channel.send(trackedPublish("a", 0), signal);
  const waiting = watch(channel.send(publishRequest("b", 0), signal));
  const other = watch(channel.send(publishRequest("c", 0)));
  await settle();
  controller.abort("enough");
  await settle();
  assertEquals([waiting.error, other.state], ["enough", "fulfilled"]);
  assertEquals(drain(channel), ["run of 1"]);
});

test("the abort of a plain request changes nothing once it is admitted", async () => {
  const channel = new RequestChannel(1);
  const controller = new AbortController();
  await channel.send(publishRequest("a"), controller.signal);
  const waiting = watch(channel.send(publishRequest("b"), controller.signal));
  assertEquals(nameOf(channel.next(OPEN)), "a");
  await settle();
  assertEquals(waiting.state, "fulfilled");
  controller.abort();
  await settle();
  assertEquals(drain(channel), ["b"]);
});

test("the abort of an admitted tracked request takes it back, and it was not delivered", async () => {
  const channel = new RequestChannel(1);
  const listener = new Listener();
  channel.attach(listener);
  const controller = new AbortController();
  const request = trackedPublish("a");
  await channel.send(request, controller.signal);
  const behind = watch(channel.send(publishRequest("b")));
  const end = watch(request.completion.wait());
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  await settle();
  assertInstanceOf(end.error, RequestFailedError);
  assertEquals([end.error.reason, end.error.mayHaveBeenDelivered, end.error.cause], ["cancelled", false, reason]);
  // Its place is free: the one behind it has moved up.
  assertEquals(behind.state, "fulfilled");
  assertEquals(drain(channel), ["b"]);
  assertEquals(listener.told, ["request", "request"]);
});

test("the abort of a tracked request that was taken ends the interest in it: it may have been delivered", async () => {
  const channel = new RequestChannel(1);
  const listener = new Listener();
  channel.attach(listener);
  const controller = new AbortController();
  const request = trackedPublish("a");
  await channel.send(request, controller.signal);
  const end = watch(request.completion.wait());
  assertEquals(drain(channel), ["a"]);
  controller.abort();
  await settle();
  assertInstanceOf(end.error, RequestFailedError);
  assertEquals([end.error.reason, end.error.mayHaveBeenDelivered], ["cancelled", true]);
  assertEquals(listener.told, ["request", "cancel a"]);
});

test("an abort after a tracked request has ended changes nothing", async () => {
  const channel = new RequestChannel(1);
  const listener = new Listener();
  channel.attach(listener);
  const controller = new AbortController();
  const request = trackedPublish("a", 0);
  await channel.send(request, controller.signal);
  channel.next(OPEN);
  request.completion.resolve({ type: "qos0-flushed" });
  controller.abort();
  assertEquals(await request.completion.wait(), { type: "qos0-flushed" });
  assertEquals(listener.told, ["request"]);
});

test("a tracked caller whose signal is aborted while it waits gets the reason, and nothing is enqueued", async () => {
  const channel = new RequestChannel(0);
  const controller = new AbortController();
  const request = trackedPublish("a");
  const sending = watch(channel.send(request, controller.signal));
  controller.abort("enough");
  await settle();
  assertEquals([sending.state, sending.error], ["rejected", "enough"]);
  assert(channel.isEmpty);
});

test("close() gives the admitted requests back and refuses those who wait", async () => {
  const channel = new RequestChannel(1);
  const admitted = watch(channel.send(publishRequest("a")));
  const waiting = watch(channel.send(publishRequest("b")));
  const { signal } = new AbortController();
  const waitingWithSignal = watch(channel.send(publishRequest("c"), signal));
  void channel.send(subscribeRequest("s"));
  assertEquals(channel.close().map(nameOf), ["a", "s"]);
  await settle();
  assertEquals(admitted.state, "fulfilled");
  assertInstanceOf(waiting.error, LoopClosedError);
  assertInstanceOf(waitingWithSignal.error, LoopClosedError);
  assert(channel.isEmpty);
  assert(channel.isClosed);
});

test("a closed channel refuses everything by name", async () => {
  const channel = new RequestChannel(1);
  channel.close();
  const error = await assertRejects(() => channel.send(publishRequest("a")), LoopClosedError);
  assertEquals(error.message, "Cannot publish: the event loop takes no more requests");
  assertThrows(() => channel.trySend(subscribeRequest("s")), LoopClosedError, "Cannot subscribe:");
});

test("disconnect() closes the channel behind what is in it, callers that wait included", async () => {
  const channel = new RequestChannel(1);
  const listener = new Listener();
  channel.attach(listener);
  void channel.send(publishRequest("a"));
  const waiting = watch(channel.send(publishRequest("b")));
  channel.disconnect({ mode: "drained", timeoutMillis: undefined });
  assertThrows(() => channel.trySend(publishRequest("c")), LoopClosedError);
  assertEquals(drain(channel), ["a", "b"]);
  await settle();
  assertEquals(waiting.state, "fulfilled");
  assertEquals(listener.told, ["request", "request", "disconnect drained"]);
});

test("acknowledge() is false without a loop, and asks the loop otherwise", () => {
  const publish = {
    type: "publish",
    topicName: "t",
    payload: new Uint8Array(0),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 1,
  } as const;
  const channel = new RequestChannel(1);
  assertFalse(channel.acknowledge(publish));
  const listener = new Listener();
  channel.attach(listener);
  assert(channel.acknowledge(publish));
  assertEquals(listener.told, ["acknowledge"]);
});

test("an abort listener does not outlive what it was for", async () => {
  const channel = new RequestChannel(1);
  const { signal, listeners } = countingSignal();
  const first = trackedPublish("a", 0);
  await channel.send(first, signal);
  const waiting = channel.send(publishRequest("b"), signal);
  assertEquals(listeners(), 2);
  channel.next(OPEN);
  await waiting;
  assertEquals(listeners(), 1);
  first.completion.resolve({ type: "qos0-flushed" });
  assertEquals(listeners(), 0);
});

/** A signal that tells how many listeners it has. */
function countingSignal(): { readonly signal: AbortSignal; listeners(): number } {
  const { signal } = new AbortController();
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: unknown[]): void => {
    count++;
    (add as (...args: unknown[]) => void)(...args);
  };
  signal.removeEventListener = (...args: unknown[]): void => {
    count--;
    (remove as (...args: unknown[]) => void)(...args);
  };
  return { signal, listeners: () => count };
}
