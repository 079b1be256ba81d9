// How a thread waits for a worker that answers, is gone, or was never there. No worker runs: this thread plays its part in between.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DeadlockError, WorkerFailedError } from "@petrel/mqtt/sync";
import { LoopClosedError } from "../../mod.ts";
import { Caller, markFailed, type Wait } from "../../src/sync/caller.ts";
import { Line } from "../../src/sync/line.ts";
import { encodeError } from "../../src/sync/ring/error_record.ts";
import {
  BEATS,
  ENDED,
  FAILURE_LENGTH,
  IS_STALLED,
  RUNNING,
  SharedMemory,
  STATE,
} from "../../src/sync/ring/shared_memory.ts";
import { test } from "../support/test.ts";

const PULSE_MILLIS = 5;

function runningMemory(): SharedMemory {
  const memory = SharedMemory.allocate(1024);
  memory.cells[STATE] = RUNNING;
  return memory;
}

function waitFor(memory: SharedMemory, wait: Partial<Wait>): Wait {
  return { bell: memory.callerBell, holds: () => false, timeoutMillis: Infinity, action: undefined, ...wait };
}

test("a wait for a worker that gives no sign of life ends, and with it those of all other threads", () => {
  const memory = runningMemory();
  const caller = new Caller(memory, false, PULSE_MILLIS);
  assertThrows(() => caller.block(waitFor(memory, {})), WorkerFailedError, "does not answer");
  assertThrows(() => new Caller(memory, false).block(waitFor(memory, {})), WorkerFailedError, "has failed");
  assertThrows(() => caller.throwIfFailed(), WorkerFailedError);
});

test("a wait for a worker that lives is as long as it takes", () => {
  const memory = runningMemory();
  let asked = 0;
  const holds = (): boolean => {
    // What a worker does when it is rung.
    Atomics.add(memory.cells, BEATS, 1);
    return ++asked === 20;
  };
  assertEquals(new Caller(memory, false, PULSE_MILLIS).block(waitFor(memory, { holds })), true);
});

test("a wait in limited time ends with it", () => {
  const memory = runningMemory();
  const begin = performance.now();
  assertEquals(new Caller(memory, false).block(waitFor(memory, { timeoutMillis: 30 })), false);
  assert(performance.now() - begin >= 29);
  assertEquals(new Caller(memory, false).block(waitFor(memory, { timeoutMillis: 0, holds: () => true })), true);
});

test("a wait sees what was told before the worker ended, and ends with it otherwise", () => {
  const memory = runningMemory();
  memory.cells[STATE] = ENDED;
  const caller = new Caller(memory, false);
  assertEquals(caller.block(waitFor(memory, { holds: () => true })), true);
  assertEquals(caller.block(waitFor(memory, {})), false);
});

test("a failure is told with the worker's own error behind it", () => {
  const memory = runningMemory();
  const text = new TextEncoder().encode(encodeError(new RangeError("too far")));
  memory.failure.set(text);
  memory.cells[FAILURE_LENGTH] = text.length;
  assertEquals([markFailed(memory), markFailed(memory)], [true, false]);
  const error = assertThrows(() => new Caller(memory, false).block(waitFor(memory, {})), WorkerFailedError, "too far");
  assertInstanceOf(error.cause, RangeError);
});

test("a wait that nobody else could end throws; another thread's, or one that events do not hold up, goes on", () => {
  const memory = runningMemory();
  memory.cells[IS_STALLED] = 1;
  memory.cells[memory.events.needed] = 16;
  const stalled = waitFor(memory, { action: "publish", timeoutMillis: 700 });
  const error = assertThrows(() => new Caller(memory, true).block(stalled), DeadlockError, "Cannot publish:");
  assertEquals(error.name, "DeadlockError");
  assertEquals(new Caller(memory, false).block(stalled), false);
  assertEquals(new Caller(memory, true).block({ ...stalled, action: undefined }), false);
  // There is room: the worker only has not seen it yet.
  memory.cells[memory.events.needed] = 0;
  assertEquals(new Caller(memory, true).block(stalled), false);
});

test("a lock whose holder is gone is given up, and the client with it", () => {
  const memory = runningMemory();
  const caller = new Caller(memory, false, PULSE_MILLIS);
  caller.lockRequests();
  assertThrows(() => caller.lockRequests(), WorkerFailedError, "a thread has ended");
  assertThrows(() => caller.throwIfFailed(), WorkerFailedError);
});

test("a line whose client has ended answers nothing, and a request on it is refused", () => {
  const memory = runningMemory();
  markFailed(memory);
  const line = new Line(memory, memory.takeLine()!, false);
  const request = {
    lane: 80,
    action: "publish",
    kind: 2,
    flags: 0,
    topicName: "a",
    body: new Uint8Array(0),
    reply: undefined,
  };
  assertThrows(() => line.trySend(request), WorkerFailedError);
  memory.cells[STATE] = ENDED;
  assertThrows(() => line.send(request, Infinity), LoopClosedError);
  assertEquals(line.call(9, 0, 0), undefined);
});
