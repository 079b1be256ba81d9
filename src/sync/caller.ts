// How a thread blocks: until something holds, for a limited time, and never on a worker that is gone.
import { systemClock } from "../loop/mod.ts";
import type { Bell } from "./ring/bell.ts";
import { DeadlockError, WorkerFailedError } from "./error.ts";
import { decodeError } from "./ring/error_record.ts";
import {
  BEATS,
  ENDED,
  FAILED,
  FAILURE_LENGTH,
  IS_CLOSED,
  RUNNING,
  type SharedMemory,
  STARTING,
  STATE,
} from "./ring/shared_memory.ts";

/** After so long without an answer the worker is asked whether it lives, in milliseconds. */
const PULSE_MILLIS = 5_000;
/** So many times in a row unanswered means that it does not. */
const MAX_SILENT_PULSES = 6;
/** How long the event loop must have stood before a wait for it is called a deadlock, in milliseconds: a write may be on its way. */
const STALL_MILLIS = 500;

/** A wait. */
export interface Wait {
  /** What wakes this thread; rung whenever `holds` may have changed. */
  readonly bell: Bell;
  /** Whether the wait is over; asked anew after each ring. */
  readonly holds: () => boolean;
  /** For how long at most, in milliseconds. */
  readonly timeoutMillis: number;
  /** What the worker must do for it, if that needs somebody to take events; `undefined` if it does not. */
  readonly action: string | undefined;
}

/** One thread that waits for the worker. */
export class Caller {
  readonly #memory: SharedMemory;
  readonly #takesEvents: boolean;
  readonly #pulseMillis: number;

  /**
   * @param memory The shared memory.
   * @param takesEvents Whether it is this thread that takes the events, so that while it waits nobody does.
   * @param pulseMillis After how long without an answer the worker is asked whether it lives.
   */
  constructor(memory: SharedMemory, takesEvents: boolean, pulseMillis: number = PULSE_MILLIS) {
    this.#memory = memory;
    this.#takesEvents = takesEvents;
    this.#pulseMillis = pulseMillis;
  }

  /**
   * Blocks this thread until something holds.
   *
   * @returns Whether it holds; if not, the time is over, or the client has ended.
   * @throws {WorkerFailedError} If the worker has failed, or does not answer.
   * @throws {DeadlockError} If the wait would never end.
   */
  block({ bell, holds, timeoutMillis, action }: Wait): boolean {
    const { cells } = this.#memory;
    const end = timeoutMillis === Infinity ? Infinity : systemClock.now() + timeoutMillis;
    const pulse = new Pulse(this.#memory);
    for (;;) {
      const armed = bell.arm();
      // First the state: all that a worker had to tell was told before it changed.
      const state = Atomics.load(cells, STATE);
      if (holds()) return true;
      if (state === FAILED) throw this.#failure();
      if (state === ENDED) return false;
      const left = end === Infinity ? Infinity : end - systemClock.now();
      if (left <= 0) return false;
      const isStalled = action !== undefined && this.#takesEvents && this.#memory.isStalled;
      const slice = Math.min(left, isStalled ? STALL_MILLIS : this.#pulseMillis);
      if (bell.wait(armed, slice)) continue;
      if (isStalled && slice === STALL_MILLIS && this.#memory.isStalled && !holds()) throw new DeadlockError(action);
      if (slice === this.#pulseMillis && !pulse.isFelt()) this.#giveUp("the worker of the client does not answer");
    }
  }

  /** @throws {WorkerFailedError} If the worker has failed. */
  throwIfFailed(): void {
    if (Atomics.load(this.#memory.cells, STATE) === FAILED) throw this.#failure();
  }

  /** Blocks until this thread may write requests. @throws {WorkerFailedError} If another one never gives them free. */
  lockRequests(): void {
    const { requestLock, cells, requests } = this.#memory;
    let tail = Atomics.load(cells, requests.tail);
    for (let silent = 0; !requestLock.acquire(this.#pulseMillis); silent++) {
      const next = Atomics.load(cells, requests.tail);
      if (next !== tail) silent = 0;
      tail = next;
      if (silent >= MAX_SILENT_PULSES) this.#giveUp("a thread has ended while it was writing a request");
    }
  }

  #giveUp(state: string): never {
    markFailed(this.#memory);
    throw new WorkerFailedError(state);
  }

  #failure(): WorkerFailedError {
    const cause = failureOf(this.#memory);
    if (cause === undefined) return new WorkerFailedError("the worker of the client has failed");
    return new WorkerFailedError(`the worker of the client has failed: ${describe(cause)}`, cause);
  }
}

/** Whether a worker that says nothing lives. */
class Pulse {
  readonly #memory: SharedMemory;
  #beats: number;
  #silent = 0;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.#beats = Atomics.load(memory.cells, BEATS);
  }

  /** Asks for a sign of life, and looks for that which was asked for before. */
  isFelt(): boolean {
    const beats = Atomics.load(this.#memory.cells, BEATS);
    this.#silent = beats === this.#beats ? this.#silent + 1 : 0;
    this.#beats = beats;
    this.#memory.workBell.ring();
    return this.#silent <= MAX_SILENT_PULSES;
  }
}

/** What the worker told of its failure; `undefined` if it told nothing. */
export function failureOf(memory: SharedMemory): unknown {
  const length = Atomics.load(memory.cells, FAILURE_LENGTH);
  // A decoder does not read shared memory.
  return length === 0 ? undefined : decodeError(new TextDecoder().decode(memory.failure.slice(0, length)));
}

/** Declares the worker failed, if it was still there. @returns Whether it was. */
export function markFailed(memory: SharedMemory): boolean {
  const { cells } = memory;
  const wasThere = Atomics.compareExchange(cells, STATE, RUNNING, FAILED) === RUNNING ||
    Atomics.compareExchange(cells, STATE, STARTING, FAILED) === STARTING;
  if (!wasThere) return false;
  Atomics.store(cells, IS_CLOSED, 1);
  memory.ringAll();
  return true;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
