// The runtime's clock, as far as it can be seen without waiting.

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/loop/clock.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";

test("the system clock does not go back", () => {
  const first = systemClock.now();
  assert(Number.isFinite(first));
  assert(systemClock.now() >= first);
});

test("a timer of the system clock fires once", async () => {
  const fired = Promise.withResolvers<void>();
  let times = 0;
  systemClock.schedule(() => {
    times++;
    fired.resolve();
  }, 0);
  assertEquals(times, 0);
  await fired.promise;
  await settle();
  assertEquals(times, 1);
});

test("a cancelled timer of the system clock does not fire, and cancelling again is harmless", async () => {
  let times = 0;
  const cancel = systemClock.schedule(() => times++, 0);
  cancel();
  cancel();
  const later = Promise.withResolvers<void>();
  systemClock.schedule(later.resolve, 0);
  await later.promise;
  assertEquals(times, 0);
});

test("delays are rounded up, and never longer than a timer can hold", () => {
  const delays: unknown[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((_callback: unknown, delay: unknown) => delays.push(delay)) as unknown as typeof setTimeout;
  try {
    for (const delay of [0, 0.2, 17, 2 ** 31, Infinity]) systemClock.schedule(() => {}, delay);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(delays, [0, 1, 17, 2 ** 31 - 1, 2 ** 31 - 1]);
});
