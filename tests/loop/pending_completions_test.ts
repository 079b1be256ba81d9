// Tracked requests between the session and the caller: who is told what, and that nobody is told twice or never.

import { assertEquals, assertInstanceOf } from "@std/assert";
import type { Suback, Unsuback } from "../../src/codec/mod.ts";
import { RequestFailedError } from "../../src/loop/error.ts";
import { Completion } from "../../src/loop/notice.ts";
import { PendingCompletions } from "../../src/loop/pending_completions.ts";
import type { SubscribeRequest, UnsubscribeRequest } from "../../src/loop/request.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { publishRequest, subscribeRequest, trackedPublish } from "./requests.ts";
import { type Outcome, watch } from "./scene.ts";

function failure(outcome: Outcome<unknown>): [string, boolean, unknown] {
  assertInstanceOf(outcome.error, RequestFailedError);
  return [outcome.error.reason, outcome.error.mayHaveBeenDelivered, outcome.error.cause];
}

test("a request nobody tracks has no token and is not counted", () => {
  const pending = new PendingCompletions();
  assertEquals(pending.open(publishRequest("a", 1)), 0);
  assertEquals(pending.open(publishRequest("a", 0)), 0);
  assertEquals(pending.open(subscribeRequest("a")), 0);
  assertEquals(pending.size, 0);
});

test("tokens are unlike each other and never 0", () => {
  const pending = new PendingCompletions();
  const tokens = [1, 2, 3].map(() => pending.open(trackedPublish("a", 1)));
  assertEquals(tokens, [1, 2, 3]);
  assertEquals(pending.size, 3);
});

test("PUBACK and PUBCOMP complete a publish, each by its name", async () => {
  const pending = new PendingCompletions();
  const one = trackedPublish("a", 1);
  const two = trackedPublish("b", 2);
  const answeredAtQos1 = trackedPublish("c", 2);
  const tokens = [one, two, answeredAtQos1].map((request) => pending.open(request));
  pending.handleCompleted(tokens[1]!, { type: "pubcomp", packetId: 2 });
  pending.handleCompleted(tokens[0]!, { type: "puback", packetId: 1 });
  pending.handleCompleted(tokens[2]!, { type: "puback", packetId: 3 });
  assertEquals(await one.completion.wait(), { type: "qos1-acknowledged", packet: { type: "puback", packetId: 1 } });
  assertEquals(await two.completion.wait(), { type: "qos2-completed", packet: { type: "pubcomp", packetId: 2 } });
  assertEquals(await answeredAtQos1.completion.wait(), {
    type: "qos1-acknowledged",
    packet: { type: "puback", packetId: 3 },
  });
  assertEquals(pending.size, 0);
});

test("SUBACK and UNSUBACK complete the requests they answer", async () => {
  const pending = new PendingCompletions();
  const subscribe: SubscribeRequest = { ...subscribeRequest("a"), completion: new Completion<Suback>() };
  const unsubscribe: UnsubscribeRequest = {
    kind: "unsubscribe",
    order: 0,
    caller: undefined,
    topicFilters: ["a"],
    completion: new Completion<Unsuback>(),
  };
  const suback: Suback = { type: "suback", packetId: 1, returnCodes: [0] };
  pending.handleCompleted(pending.open(subscribe), suback);
  pending.handleCompleted(pending.open(unsubscribe), { type: "unsuback", packetId: 2 });
  assertEquals(await subscribe.completion?.wait(), suback);
  assertEquals(await unsubscribe.completion?.wait(), { type: "unsuback", packetId: 2 });
});

test("the Packet Identifier is told when the session has assigned it", () => {
  const pending = new PendingCompletions();
  const request = trackedPublish("a", 1);
  const token = pending.open(request);
  assertEquals(request.completion.packetId, 0);
  pending.assign(request, token, 12);
  assertEquals(request.completion.packetId, 12);
});

test("a failed request is told why", async () => {
  const pending = new PendingCompletions();
  const request = trackedPublish("a", 2);
  const end = watch(request.completion.wait());
  pending.handleFailed(pending.open(request), "session-lost", true);
  await settle();
  assertEquals(failure(end), ["session-lost", true, undefined]);
  assertEquals(pending.size, 0);
});

test("the end of a token that is not known is ignored", () => {
  const pending = new PendingCompletions();
  pending.handleCompleted(5, { type: "puback", packetId: 1 });
  pending.handleFailed(5, "session-lost", true);
  assertEquals(pending.size, 0);
});

test("QoS 0 completes when the write is done, each once", async () => {
  const pending = new PendingCompletions();
  const requests = [trackedPublish("a", 0), trackedPublish("b", 0)];
  for (const request of requests) assertEquals(pending.open(request), 0);
  assertEquals(pending.size, 2);
  pending.handleFlushed();
  assertEquals(pending.size, 0);
  pending.handleConnectionLost();
  for (const request of requests) assertEquals(await request.completion.wait(), { type: "qos0-flushed" });
});

test("QoS 0 on its way when the connection is lost fails, and may have been delivered; the rest goes on", async () => {
  const pending = new PendingCompletions();
  const zero = trackedPublish("a", 0);
  const one = trackedPublish("b", 1);
  pending.open(zero);
  pending.open(one);
  const ends = [watch(zero.completion.wait()), watch(one.completion.wait())] as const;
  pending.handleConnectionLost();
  await settle();
  assertEquals(failure(ends[0]), ["disconnected", true, undefined]);
  assertEquals(ends[1].state, "pending");
  assertEquals(pending.size, 1);
});

test("failAll() fails everything that is left, with the cause", async () => {
  const pending = new PendingCompletions();
  const requests = [trackedPublish("a", 0), trackedPublish("b", 1)];
  const ends = requests.map((request) => {
    pending.open(request);
    return watch(request.completion.wait());
  });
  const cause = new Error("the policy gave up");
  pending.failAll("loop-closed", cause);
  await settle();
  assertEquals(ends.map(failure), [["loop-closed", true, cause], ["loop-closed", true, cause]]);
  assertEquals(pending.size, 0);
});

test("cancel() forgets a request and says by what the session knows it", async () => {
  const pending = new PendingCompletions();
  const request = trackedPublish("a", 1);
  const token = pending.open(request);
  pending.assign(request, token, 12);
  const known = pending.cancel(request);
  assertEquals([known?.token, known?.packetId], [token, 12]);
  const end = watch(request.completion.wait());
  pending.handleCompleted(token, { type: "puback", packetId: 12 });
  await settle();
  assertEquals(end.state, "pending");
  assertEquals(pending.cancel(request), undefined);
});
