// When the next attempt is made, and where: the policy as numbers.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { type ConnectionError, ConnectionLostError } from "../../src/loop/error.ts";
import type { BrokerAddress, FailureContext, ReconnectOptions } from "../../src/loop/options.ts";
import { ReconnectSchedule } from "../../src/loop/reconnect_schedule.ts";
import { test } from "../support/test.ts";

const POLICY: ReconnectOptions = {
  minDelayMillis: 100,
  maxDelayMillis: 2000,
  factor: 2,
  jitter: "none",
  maxAttempts: Infinity,
  resetAfterMillis: 5000,
  giveUpOn: () => false,
};

const FAILED: ConnectionError = new ConnectionLostError("dial-failed", "Cannot connect: nobody listens");

function addresses(...hosts: string[]): BrokerAddress[] {
  return hosts.map((hostname) => ({
    label: `mqtt://${hostname}:1883`,
    target: { kind: "tcp", hostname, port: 1883, noDelay: true },
    username: undefined,
    password: undefined,
  }));
}

function schedule(
  policy: Partial<ReconnectOptions> = {},
  hosts: string[] = ["a"],
  random: () => number = () => 0,
): ReconnectSchedule {
  const options = { ...POLICY, ...policy };
  const made = new ReconnectSchedule(options, random);
  made.configure(options, addresses(...hosts));
  return made;
}

function hostOf({ target }: BrokerAddress): string | undefined {
  return target.kind === "tcp" ? target.hostname : undefined;
}

/** Lets attempts fail one after another, each as soon as it is due. @returns The delays before each. */
function delaysOf(made: ReconnectSchedule, times: number, from = 0): number[] {
  const delays: number[] = [];
  let now = from;
  for (let i = 0; i < times; i++) {
    made.handleAttempt(now);
    made.handleFailure(FAILED, now);
    const { at } = made.next(now);
    delays.push(at - now);
    now = at;
  }
  return delays;
}

test("the first attempt is due at once", () => {
  assert(schedule().next(17).at <= 17);
});

test("the delay doubles with each failure up to the bound", () => {
  assertEquals(delaysOf(schedule(), 7), [100, 200, 400, 800, 1600, 2000, 2000]);
});

test("factor 1 keeps the delay", () => {
  assertEquals(delaysOf(schedule({ factor: 1 }), 3), [100, 100, 100]);
});

test("full jitter draws each delay from 0 up to its bound", () => {
  const drawn = [0.5, 0, 0.999, 0.25];
  const made = schedule({ jitter: "full" }, ["a"], () => drawn.shift()!);
  assertEquals(delaysOf(made, 4), [50, 0, 399.6, 200]);
});

test("the delays stay numbers after any number of failures", () => {
  for (const minDelayMillis of [0, 100]) {
    const delays = delaysOf(schedule({ minDelayMillis }), 1100);
    assertEquals(delays.at(-1), minDelayMillis === 0 ? 0 : 2000);
  }
});

test("the first retry after a stable connection is prompt, and the back-off begins anew after it", () => {
  const made = schedule();
  delaysOf(made, 4);
  made.handleAttempt(10_000);
  made.handleConnected(10_000);
  made.handleFailure(FAILED, 15_000);
  assertEquals(made.next(15_000).at, 15_000);
  assertEquals(delaysOf(made, 2, 15_000), [100, 200]);
});

test("a connection lost before it was stable counts as a failure", () => {
  const made = schedule();
  let now = 0;
  const delays: number[] = [];
  for (let i = 0; i < 3; i++) {
    made.handleAttempt(now);
    made.handleConnected(now);
    const lostAt = now + 4999;
    assert(made.handleFailure(FAILED, lostAt));
    delays.push(made.next(lostAt).at - lostAt);
    now = made.next(lostAt).at;
  }
  assertEquals(delays, [100, 200, 400]);
});

test("attempts are counted from the last accepted connection", () => {
  const made = schedule();
  assertEquals(made.attempts, 0);
  delaysOf(made, 3);
  assertEquals(made.attempts, 3);
  made.handleAttempt(1000);
  made.handleConnected(1000);
  assertEquals(made.attempts, 0);
  made.handleFailure(FAILED, 1001);
  made.handleAttempt(2000);
  assertEquals(made.attempts, 1);
});

test("maxAttempts ends a row of failed attempts, not a lost connection", () => {
  const made = schedule({ maxAttempts: 2 });
  made.handleAttempt(0);
  assert(made.handleFailure(FAILED, 0));
  made.handleAttempt(100);
  made.handleConnected(100);
  assert(made.handleFailure(FAILED, 101));
  made.handleAttempt(400);
  assert(made.handleFailure(FAILED, 400));
  made.handleAttempt(900);
  assertFalse(made.handleFailure(FAILED, 900));
});

test("giveUpOn decides about failed attempts with the error and its context", () => {
  const seen: [ConnectionError, FailureContext][] = [];
  const made = schedule({
    giveUpOn: (error, context) => {
      seen.push([error, context]);
      return context.attempts === 2 && context.hasConnected;
    },
  });
  made.handleAttempt(0);
  assert(made.handleFailure(FAILED, 0));
  made.handleAttempt(100);
  assert(made.handleFailure(FAILED, 100));
  made.handleAttempt(400);
  made.handleConnected(400);
  // The loss of a connection that was accepted is no question.
  assert(made.handleFailure(FAILED, 401));
  made.handleAttempt(1000);
  assert(made.handleFailure(FAILED, 1000));
  made.handleAttempt(2000);
  assertFalse(made.handleFailure(FAILED, 2000));
  assertEquals(seen, [
    [FAILED, { attempts: 1, hasConnected: false, untriedBrokers: 0 }],
    [FAILED, { attempts: 2, hasConnected: false, untriedBrokers: 0 }],
    [FAILED, { attempts: 1, hasConnected: true, untriedBrokers: 0 }],
    [FAILED, { attempts: 2, hasConnected: true, untriedBrokers: 0 }],
  ]);
});

test("giveUpOn is told how many addresses were never tried", () => {
  const seen: number[] = [];
  const made = new ReconnectSchedule(false, () => 0);
  const policy: ReconnectOptions = {
    ...POLICY,
    giveUpOn: (_error, { untriedBrokers }) => {
      seen.push(untriedBrokers);
      return false;
    },
  };
  made.configure(policy, addresses("a", "b"));
  for (const now of [0, 1, 1000]) {
    made.handleAttempt(now);
    made.handleFailure(FAILED, now);
  }
  made.configure(policy, addresses("a", "b", "c"));
  made.handleAttempt(2000);
  made.handleFailure(FAILED, 2000);
  assertEquals(seen, [1, 0, 0, 1]);
});

test("without a policy the first failure or loss is the last", () => {
  const made = new ReconnectSchedule(false, () => 0);
  made.configure(false, addresses("a"));
  made.handleAttempt(0);
  assertFalse(made.handleFailure(FAILED, 0));
  made.handleAttempt(0);
  made.handleConnected(0);
  assertFalse(made.handleFailure(FAILED, 10_000));
});

test("a failed address is left for the next at once, and each waits by its own back-off", () => {
  const made = schedule({}, ["a", "b"]);
  const dialled: string[] = [];
  let now = 0;
  for (let i = 0; i < 6; i++) {
    const { address, at } = made.next(now);
    now = Math.max(now, at);
    dialled.push(`${hostOf(address)} at ${now}`);
    made.handleAttempt(now);
    made.handleFailure(FAILED, now);
  }
  assertEquals(dialled, ["a at 0", "b at 0", "a at 100", "b at 100", "a at 300", "b at 300"]);
});

test("the first address is returned to as soon as it may be tried again", () => {
  const made = schedule({}, ["a", "b", "c"]);
  made.handleAttempt(0);
  made.handleFailure(FAILED, 0);
  made.handleAttempt(0);
  made.handleConnected(0);
  // "b" was stable, and may be tried at once; "a" comes first in the list, and its delay is over.
  made.handleFailure(FAILED, 9000);
  assertEquals(hostOf(made.next(9000).address), "a");
  made.handleAttempt(9000);
  made.handleFailure(FAILED, 9000);
  assertEquals(hostOf(made.next(9000).address), "b");
});

test("if no address may be tried, the one whose delay ends first is next", () => {
  const made = schedule({}, ["a", "b"]);
  for (const now of [0, 60, 100]) {
    made.handleAttempt(now);
    made.handleFailure(FAILED, now);
  }
  // "a" failed twice and waits until 300, "b" once, at 60.
  assertEquals([hostOf(made.next(110).address), made.next(110).at], ["b", 160]);
});

test("reset() lets every address be tried at once", () => {
  const made = schedule({}, ["a", "b"]);
  delaysOf(made, 6);
  made.reset();
  assert(made.next(0).at <= 0);
  assertEquals(hostOf(made.next(0).address), "a");
  assertEquals(delaysOf(made, 2), [0, 100]);
});

test("configure() keeps the back-off of an address that stays", () => {
  const made = schedule({}, ["a", "b"]);
  made.handleAttempt(0);
  made.handleFailure(FAILED, 0);
  made.configure(POLICY, addresses("c", "a"));
  assertEquals(hostOf(made.next(0).address), "c");
  made.handleAttempt(0);
  made.handleFailure(FAILED, 0);
  assertEquals(made.next(0), { address: addresses("c")[0]!, at: 100 });
});

test("configure() during an attempt leaves its failure with its address", () => {
  const made = schedule();
  made.handleAttempt(0);
  made.configure(POLICY, addresses("a"));
  made.handleFailure(FAILED, 0);
  assertEquals(made.next(0).at, 100);
});

test("configure() gives an address that stays its new credentials", () => {
  const made = schedule();
  const renewed = { ...addresses("a")[0]!, username: "ann" };
  made.configure(POLICY, [renewed]);
  assertEquals(made.next(0).address.username, "ann");
});
