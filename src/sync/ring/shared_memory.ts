// The memory that a client's threads share: one buffer of words that tell how things stand, of bells, and of rings.
//
//   words │ failure │ a ring of replies for each line │ the ring of requests │ the ring of events
//
// A line is what one thread holds that uses the client. Requests come from any line, one at a time by a lock, and go to the worker; each
// line has its replies; events go to the one connection. Words that different threads write often are a cache line apart.
import { Bell } from "./bell.ts";
import { Lock } from "./lock.ts";

/** Marks a buffer as this memory in this layout. */
const LAYOUT = 0x5065_0001;

/** How far the worker is; one of the values below. */
export const STATE = 1;
/** The worker is loading. */
export const STARTING = 0;
/** The worker serves. */
export const RUNNING = 1;
/** The worker has served: its event loop is done, and everything was told. */
export const ENDED = 2;
/** The worker could not start, or has failed; the failure says why. */
export const FAILED = 3;

/** 1 once the client refuses new requests: it was disconnected or closed, or the loop is done. */
export const IS_CLOSED = 2;
/** 1 once the event loop is done: whoever still waits for admission waits in vain. */
export const IS_DONE = 3;
/** 1 once somebody has closed the client. */
export const IS_CLOSE_ASKED = 4;
/** Most bytes of an outgoing packet. */
export const MAX_PACKET_SIZE = 5;
/** Counts connections gained and lost, so that a delivery is known to be of an earlier one. */
export const GENERATION = 6;
/** The last token that was given to a tracked request or a call. */
export const TOKEN = 7;
/** Bytes of the failure. */
export const FAILURE_LENGTH = 8;
/** 1 if nothing moves because events are not taken, and all that callers have sent is dealt with; a caller that sends clears it. */
export const IS_STALLED = 9;
/** Counts the turns of the worker: a sign of life. */
export const BEATS = 10;
/** Bytes of the ring of requests, and of that of events. */
const RING_BYTES = 11;

const WORK_BELL = 16;
/** Where the bell counts that wakes all who wait for an answer. */
export const CALLER_BELL = 32;
const EVENT_BELL = 48;
const REQUEST_LOCK = 64;

/** Where a lane counts: the requests that were sent, and behind it how many of them are admitted in all. */
export const PUBLISH_LANE = 80;
/** The same for subscribe and unsubscribe. */
export const CONTROL_LANE = 96;

const REQUEST_RING = 112;
const EVENT_RING = 160;
/** A ring has three words: where it is read, where it is written, what its writer waits for. Each has a cache line of its own. */
const CACHE_LINE_WORDS = 16;
/** For each line 1 if a thread holds it. */
const LINES = 224;
/** For each line the three words of its ring, side by side. */
const REPLY_RINGS = 288;

/** How many threads can use one client at a time. */
export const MAX_LINES = 64;

const WORDS_BYTES = 2048;
/** Where a failure is written, in bytes from the beginning. */
export const FAILURE_AT: number = WORDS_BYTES;
const FAILURE_BYTES = 14 * 1024;
const REPLY_BYTES = 16 * 1024;
const REPLIES_AT = WORDS_BYTES + FAILURE_BYTES;
const RINGS_AT = REPLIES_AT + MAX_LINES * REPLY_BYTES;

/** Where a ring lies in the shared memory. */
export interface RingPlace {
  /** All words. */
  readonly cells: Int32Array;
  /** The word that says where it is read. */
  readonly head: number;
  /** The word that says where it is written. */
  readonly tail: number;
  /** The word in which its writer says how much room it waits for. */
  readonly needed: number;
  /** Its bytes, a power of two of them. */
  readonly bytes: Uint8Array;
}

/** The memory that a client's threads share. */
export class SharedMemory {
  /** The buffer, which can be given to other threads. */
  readonly buffer: SharedArrayBuffer;
  /** The words. */
  readonly cells: Int32Array;
  /** Wakes the worker. */
  readonly workBell: Bell;
  /** Wakes all who wait for an answer. */
  readonly callerBell: Bell;
  /** Wakes who waits for an event. */
  readonly eventBell: Bell;
  /** Held by who writes a request. */
  readonly requestLock: Lock;

  /**
   * Uses a buffer that `allocate` has made, in whatever thread.
   *
   * @param buffer The buffer.
   * @throws {TypeError} If it is no such buffer.
   */
  constructor(buffer: SharedArrayBuffer) {
    const isShared = typeof SharedArrayBuffer === "function" && buffer instanceof SharedArrayBuffer;
    if (!isShared || buffer.byteLength < RINGS_AT || new Int32Array(buffer, 0, 1)[0] !== LAYOUT) {
      throw new TypeError("Cannot use the shared client: it is not what share() gave in this version");
    }
    this.buffer = buffer;
    this.cells = new Int32Array(buffer, 0, WORDS_BYTES / 4);
    this.workBell = new Bell(this.cells.subarray(WORK_BELL, WORK_BELL + 2));
    this.callerBell = new Bell(this.cells.subarray(CALLER_BELL, CALLER_BELL + 2));
    this.eventBell = new Bell(this.cells.subarray(EVENT_BELL, EVENT_BELL + 2));
    this.requestLock = new Lock(this.cells.subarray(REQUEST_LOCK, REQUEST_LOCK + 1));
  }

  /**
   * Makes the memory of a new client.
   *
   * @param ringBytes Bytes of the ring of requests, and of that of events: a power of two.
   */
  static allocate(ringBytes: number): SharedMemory {
    const buffer = new SharedArrayBuffer(RINGS_AT + 2 * ringBytes);
    const cells = new Int32Array(buffer, 0, WORDS_BYTES / 4);
    cells[0] = LAYOUT;
    cells[RING_BYTES] = ringBytes;
    return new SharedMemory(buffer);
  }

  /** The ring by which requests go to the worker. */
  get requests(): RingPlace {
    return this.#ring(REQUEST_RING, 0);
  }

  /** The ring by which events go to the connection. */
  get events(): RingPlace {
    return this.#ring(EVENT_RING, 1);
  }

  /** Whether nothing moves until somebody takes events. */
  get isStalled(): boolean {
    return Atomics.load(this.cells, IS_STALLED) === 1 && Atomics.load(this.cells, this.events.needed) !== 0;
  }

  /** The ring by which replies go to a line. */
  replies(line: number): RingPlace {
    const head = REPLY_RINGS + 3 * line;
    const bytes = new Uint8Array(this.buffer, REPLIES_AT + line * REPLY_BYTES, REPLY_BYTES);
    return { cells: this.cells, head, tail: head + 1, needed: head + 2, bytes };
  }

  /** Where a failure is written, once `STATE` is to become `FAILED`. */
  get failure(): Uint8Array {
    return new Uint8Array(this.buffer, FAILURE_AT, FAILURE_BYTES);
  }

  /** Takes a line for this thread; `undefined` if all are held. */
  takeLine(): number | undefined {
    for (let line = 0; line < MAX_LINES; line++) {
      if (Atomics.compareExchange(this.cells, LINES + line, 0, 1) === 0) return line;
    }
    return undefined;
  }

  /** Gives a line back, with its ring empty; the worker does, once it has nothing more to tell it. */
  freeLine(line: number): void {
    const { head, tail, needed } = this.replies(line);
    for (const word of [head, tail, needed]) Atomics.store(this.cells, word, 0);
    Atomics.store(this.cells, LINES + line, 0);
    this.callerBell.ring();
  }

  /** Wakes everybody, for instance because the client has ended. */
  ringAll(): void {
    this.workBell.ring();
    this.callerBell.ring();
    this.eventBell.ring();
  }

  #ring(head: number, place: 0 | 1): RingPlace {
    const size = this.cells[RING_BYTES]!;
    return {
      cells: this.cells,
      head,
      tail: head + CACHE_LINE_WORDS,
      needed: head + 2 * CACHE_LINE_WORDS,
      bytes: new Uint8Array(this.buffer, RINGS_AT + place * size, size),
    };
  }
}
