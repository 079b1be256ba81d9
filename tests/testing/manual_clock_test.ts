import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ManualClock } from "../../src/testing/manual_clock.ts";
import { settle } from "../../src/testing/settle.ts";
import { test } from "../support/test.ts";

test("ManualClock stands still by itself", async () => {
  const clock = new ManualClock(5_000);
  let fired = 0;
  clock.schedule(() => fired++, 0);
  await settle();
  assertEquals([clock.now(), fired, clock.pendingTimers, clock.nextDeadline], [5_000, 0, 1, 5_000]);
});

test("ManualClock fires timers by deadline, equal ones in the order they were set, at their own time", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const set = (name: string, delayMillis: number) =>
    clock.schedule(() => log.push(`${name}@${clock.now()}`), delayMillis);
  set("late", 30);
  set("first", 10);
  set("second", 10);
  set("never", 31);
  assertEquals(clock.nextDeadline, 10);
  await clock.advance(30);
  assertEquals(log, ["first@10", "second@10", "late@30"]);
  assertEquals([clock.now(), clock.pendingTimers, clock.nextDeadline], [30, 1, 31]);
});

test("ManualClock fires within one advance what its timers set", async () => {
  const clock = new ManualClock();
  const times: number[] = [];
  const beat = (): void => {
    times.push(clock.now());
    clock.schedule(beat, 7);
  };
  clock.schedule(beat, 7);
  await clock.advance(30);
  assertEquals(times, [7, 14, 21, 28]);
  assertEquals(clock.nextDeadline, 35);
});

test("a cancelled timer does not fire, not even when a timer of the same moment cancels it", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const cancelFirst = clock.schedule(() => log.push("first"), 1);
  clock.schedule(() => cancelThird(), 2);
  const cancelThird = clock.schedule(() => log.push("third"), 2);
  cancelFirst();
  cancelFirst();
  await clock.advance(10);
  assertEquals(log, []);
  assertEquals([clock.pendingTimers, clock.nextDeadline], [0, undefined]);
});

test("advance lets everything that awaits run between two timers", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const sleep = (millis: number) => new Promise<void>((resolve) => clock.schedule(resolve, millis));
  const work = (async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(10);
      for (let step = 0; step < 500; step++) await undefined;
      log.push(`step ${i} at ${clock.now()}`);
    }
  })();
  clock.schedule(() => log.push(`other at ${clock.now()}`), 11);
  await clock.advance(100);
  await work;
  assertEquals(log, ["step 0 at 10", "other at 11", "step 1 at 20", "step 2 at 30"]);
  assertEquals(clock.now(), 100);
});

test("advance lets pending work set its timers before time moves", async () => {
  const clock = new ManualClock();
  let firedAt = -1;
  void Promise.resolve().then(() => clock.schedule(() => firedAt = clock.now(), 5));
  await clock.advance(50);
  assertEquals(firedAt, 5);
});

test("tick fires in the call, with nothing in between", async () => {
  const clock = new ManualClock();
  const log: string[] = [];
  clock.schedule(() => {
    log.push("one");
    void Promise.resolve().then(() => log.push("promise"));
  }, 1);
  clock.schedule(() => log.push("two"), 2);
  clock.tick(2);
  assertEquals(log, ["one", "two"]);
  await settle();
  assertEquals(log, ["one", "two", "promise"]);
});

test("advance and tick without a span fire what is due now", async () => {
  const clock = new ManualClock();
  let fired = 0;
  clock.schedule(() => fired++, 0);
  clock.tick();
  assertEquals(fired, 1);
  clock.schedule(() => fired++, 0);
  await clock.advance();
  assertEquals([fired, clock.now()], [2, 0]);
});

test("ManualClock refuses a span that is none", async () => {
  const clock = new ManualClock();
  assertThrows(() => clock.schedule(() => {}, -1), RangeError, "-1 is not a span");
  assertThrows(() => clock.schedule(() => {}, NaN), RangeError, "NaN is not a span");
  assertThrows(() => clock.tick(-1), RangeError);
  await assertRejects(() => clock.advance(-1), RangeError);
});

test("time is moved by one at a time", async () => {
  const clock = new ManualClock();
  const advancing = clock.advance(10);
  assertThrows(() => clock.tick(1), Error, "being moved already");
  await assertRejects(() => clock.advance(1), Error, "being moved already");
  await advancing;
  clock.tick(1);
  assertEquals(clock.now(), 11);
});

test("a timer that throws leaves the clock usable, at that time", async () => {
  const clock = new ManualClock();
  clock.schedule(() => {
    throw new Error("a faulty callback");
  }, 3);
  await assertRejects(() => clock.advance(10), Error, "a faulty callback");
  assertEquals(clock.now(), 3);
  await clock.advance(7);
  assertEquals(clock.now(), 10);
});
