// Completions settle once and tell everybody who asks; notices show them by kind.

import { assert, assertEquals, assertFalse, assertInstanceOf, assertRejects } from "@std/assert";
import type { Suback, Unsuback } from "../../src/codec/mod.ts";
import { RequestFailedError, SubscribeRefusedError } from "../../src/loop/error.ts";
import {
  Completion,
  PublishNotice,
  type PublishResult,
  SubscribeNotice,
  UnsubscribeNotice,
} from "../../src/loop/notice.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { watch } from "./scene.ts";

const FAILED = new RequestFailedError("publish", "session-lost", true);

test("a completion tells its result to those who wait and to those who come later", async () => {
  const completion = new Completion<number>();
  const early = [watch(completion.wait()), watch(completion.wait())];
  await settle();
  assertEquals(early.map(({ state }) => state), ["pending", "pending"]);
  assertFalse(completion.isSettled);
  completion.resolve(7);
  assert(completion.isSettled);
  await settle();
  assertEquals(early.map(({ value }) => value), [7, 7]);
  assertEquals(await completion.wait(), 7);
});

test("a completion tells its error to those who wait and to those who come later", async () => {
  const completion = new Completion<number>();
  const early = watch(completion.wait());
  completion.reject(FAILED);
  assert(completion.isSettled);
  await settle();
  assertEquals(early.error, FAILED);
  assertEquals(await assertRejects(() => completion.wait()), FAILED);
});

test("a completion settles once", async () => {
  const fulfilled = new Completion<number>();
  let ends = 0;
  fulfilled.onSettled = () => ends++;
  fulfilled.resolve(1);
  fulfilled.resolve(2);
  fulfilled.reject(FAILED);
  assertEquals(await fulfilled.wait(), 1);
  const rejected = new Completion<number>();
  rejected.onSettled = () => ends++;
  rejected.reject(FAILED);
  rejected.resolve(2);
  rejected.reject(new Error("another"));
  assertEquals(await assertRejects(() => rejected.wait()), FAILED);
  assertEquals(ends, 2);
});

test("a failure that nobody asks about is no unhandled rejection", async () => {
  const completion = new Completion<number>();
  new PublishNotice(completion as unknown as Completion<PublishResult>);
  completion.reject(FAILED);
  // Both runtimes fail a test with an unhandled rejection.
  await settle();
  assert(completion.isSettled);
});

test("a signal ends the wait, not the request", async () => {
  const completion = new Completion<number>();
  const controller = new AbortController();
  const aborted = watch(completion.wait({ signal: controller.signal }));
  const other = watch(completion.wait());
  controller.abort("enough");
  await settle();
  assertEquals([aborted.state, aborted.error], ["rejected", "enough"]);
  assertEquals(other.state, "pending");
  assertFalse(completion.isSettled);
  completion.resolve(7);
  await settle();
  assertEquals(other.value, 7);
});

test("a signal that is aborted already rejects a wait, unless the end is known", async () => {
  const completion = new Completion<number>();
  const signal = AbortSignal.abort("enough");
  assertEquals(await completion.wait({ signal }).catch((reason) => reason), "enough");
  completion.resolve(7);
  assertEquals(await completion.wait({ signal }), 7);
});

test("a signal aborted after the end changes nothing", async () => {
  for (const end of ["resolve", "reject"] as const) {
    const completion = new Completion<number>();
    const controller = new AbortController();
    const outcome = watch(completion.wait({ signal: controller.signal }));
    if (end === "resolve") completion.resolve(7);
    else completion.reject(FAILED);
    controller.abort("enough");
    await settle();
    assertEquals([outcome.value, outcome.error], end === "resolve" ? [7, undefined] : [undefined, FAILED]);
  }
});

test("a publish notice shows the Packet Identifier once there is one", async () => {
  const completion = new Completion<PublishResult>();
  const notice = new PublishNotice(completion);
  assertEquals(notice.packetId, undefined);
  completion.packetId = 9;
  assertEquals(notice.packetId, 9);
  const result: PublishResult = { type: "qos1-acknowledged", packet: { type: "puback", packetId: 9 } };
  completion.resolve(result);
  assertEquals(await notice.wait(), result);
  assertEquals(await notice.waitCompletion(), undefined);
});

test("a subscribe notice gives the SUBACK, and its completion is refused if one filter is [MQTT-3.8.4-5]", async () => {
  const completion = new Completion<Suback>();
  const notice = new SubscribeNotice(completion);
  completion.packetId = 3;
  assertEquals(notice.packetId, 3);
  const suback: Suback = { type: "suback", packetId: 3, returnCodes: [1, 0x80, 0] };
  completion.resolve(suback);
  assertEquals(await notice.wait(), suback);
  const error = await assertRejects(() => notice.waitCompletion(), SubscribeRefusedError);
  assertEquals(error.returnCodes, [1, 0x80, 0]);
  assertEquals(error.message, "Cannot subscribe: the server refused 1 of 3 topic filters [MQTT-3.8.4-5]");
});

test("a subscribe notice completes if every filter is granted, at whatever QoS", async () => {
  const completion = new Completion<Suback>();
  completion.resolve({ type: "suback", packetId: 3, returnCodes: [0, 1, 2] });
  assertEquals(await new SubscribeNotice(completion).waitCompletion(), undefined);
});

test("an unsubscribe notice gives the UNSUBACK", async () => {
  const completion = new Completion<Unsuback>();
  const notice = new UnsubscribeNotice(completion);
  assertEquals(notice.packetId, undefined);
  completion.packetId = 4;
  completion.resolve({ type: "unsuback", packetId: 4 });
  assertEquals(notice.packetId, 4);
  assertEquals(await notice.wait(), { type: "unsuback", packetId: 4 });
  assertEquals(await notice.waitCompletion(), undefined);
});

test("every kind of notice fails by the error of its request, both ways of waiting", async () => {
  const publish = new Completion<PublishResult>();
  const subscribe = new Completion<Suback>();
  const unsubscribe = new Completion<Unsuback>();
  const notices = [new PublishNotice(publish), new SubscribeNotice(subscribe), new UnsubscribeNotice(unsubscribe)];
  for (const completion of [publish, subscribe, unsubscribe]) completion.reject(FAILED);
  for (const notice of notices) {
    const error = await assertRejects(() => notice.wait());
    assertInstanceOf(error, RequestFailedError);
    assertEquals(await assertRejects(() => notice.waitCompletion()), error);
  }
});
