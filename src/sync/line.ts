// What one thread holds that uses a client: its way to the worker and back.
//
// Theory of operation. A lane counts the requests that were sent and the requests that are admitted in all; a request whose number is
// below the latter is admitted when it is written, without a word from the worker. The worker raises that limit as the event loop takes
// requests, not always at once, so that a lane that seems full need not be: then the request says so, and the worker decides.
import { LoopClosedError, RequestFailedError } from "../loop/mod.ts";
import { Caller } from "./caller.ts";
import { DeadlockError, WaitTimeoutError } from "./error.ts";
import { decodeError } from "./ring/error_record.ts";
import { tagOf } from "./ring/event_record.ts";
import {
  ADMITTED,
  CONTROL_FLAG,
  DISCONNECT,
  type DisconnectBody,
  ERROR,
  type Fate,
  REFUSED,
  RELEASE,
  TOPIC,
  TRACKED_FLAG,
  TRY_FLAG,
  WAITING_FLAG,
  WITHDRAW,
} from "./ring/request_record.ts";
import { RingReader } from "./ring/ring_reader.ts";
import { RingWriter } from "./ring/ring_writer.ts";
import {
  CONTROL_LANE,
  ENDED,
  FAILED,
  IS_CLOSED,
  IS_DONE,
  IS_STALLED,
  type SharedMemory,
  STATE,
  TOKEN,
} from "./ring/shared_memory.ts";
import { TopicNumbers } from "./ring/topic_numbers.ts";

/** A reply that is awaited. */
export interface Reply {
  /** By what the worker knows what it replies to. */
  readonly token: number;
  /** What it is, one of the kinds of replies; 0 until it has come. */
  kind: number;
  /** Its Packet Identifier, if it has one. */
  packetId: number;
  /** Its body. */
  body: Uint8Array;
}

/** A request on its way into a lane. */
export interface LaneRequest {
  /** `PUBLISH_LANE` or `CONTROL_LANE`. */
  readonly lane: number;
  /** What was asked for, for errors: `publish`. */
  readonly action: string;
  /** `PUBLISH`, `SUBSCRIBE` or `UNSUBSCRIBE`. */
  readonly kind: number;
  /** QoS and retain. */
  readonly flags: number;
  /** The Topic Name of a publish. */
  readonly topicName: string | undefined;
  /** The payload, or the rest as JSON. */
  readonly body: Uint8Array;
  /** Where its end is to be told; `undefined` if nobody asks. */
  readonly reply: Reply | undefined;
}

/** What became of a request when it was written. */
interface Entry {
  readonly hadRoom: boolean;
  /** Its number in its lane. */
  readonly index: number;
  /** Where its end or a verdict is to be told, if it is. */
  readonly reply: Reply | undefined;
}

const NO_BODY: Uint8Array = new Uint8Array(0);

/** A thread's way to the worker and back. */
export class Line {
  /** The memory it leads through. */
  readonly memory: SharedMemory;
  /** How this thread waits. */
  readonly caller: Caller;
  readonly #number: number;
  readonly #requests: RingWriter;
  readonly #replies: RingReader;
  readonly #topics: TopicNumbers = new TopicNumbers();
  readonly #encoder: TextEncoder = new TextEncoder();
  readonly #decoder: TextDecoder = new TextDecoder();
  readonly #awaited: Map<number, Reply> = new Map();
  #isReleased = false;

  /**
   * @param memory The shared memory.
   * @param number The line, which this thread has taken.
   * @param takesEvents Whether it is this thread that takes the events.
   */
  constructor(memory: SharedMemory, number: number, takesEvents: boolean) {
    this.memory = memory;
    this.caller = new Caller(memory, takesEvents);
    this.#number = number;
    this.#requests = new RingWriter(memory.requests);
    this.#replies = new RingReader(memory.replies(number), memory.workBell);
  }

  /** Whether the client has ended, or this handle was given back: nothing would be answered any more. */
  get hasEnded(): boolean {
    return this.#isReleased || Atomics.load(this.memory.cells, STATE) === ENDED;
  }

  /** Prepares for a reply. */
  expect(): Reply {
    let token = 0;
    while (token === 0) token = Atomics.add(this.memory.cells, TOKEN, 1) + 1 | 0;
    const reply = { token, kind: 0, packetId: 0, body: NO_BODY };
    this.#awaited.set(token, reply);
    return reply;
  }

  /**
   * Sends a request, and blocks until it is admitted.
   *
   * @throws {LoopClosedError} If the client takes no more requests, or ends while this one waits.
   * @throws {WaitTimeoutError | DeadlockError} If it is not admitted in time, or never would be; it is taken back then.
   * @throws {RequestFailedError} If it cannot be taken back, and is sent once a session store has kept it; `cause` is one of the above.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  send(request: LaneRequest, timeoutMillis: number): void {
    const { lane, action } = request;
    const { index, hadRoom, reply } = this.#enter(request, true);
    if (hadRoom) return;
    const isAdmitted = (): boolean => (Atomics.load(this.memory.cells, lane + 1) - index | 0) > 0;
    const failure = this.#waitForRoom(isAdmitted, action, timeoutMillis);
    const fate = failure === undefined ? null : this.#withdraw(lane, index);
    if (fate === "admitted" || (fate === null && isAdmitted())) return;
    if (reply !== undefined) this.#awaited.delete(reply.token);
    if (fate === null) throw new LoopClosedError(action);
    throw fate === "taken-back" ? failure : new RequestFailedError(action, "cancelled", true, failure);
  }

  /**
   * Sends a request now or not at all.
   *
   * @throws {RequestChannelFullError} If there is no room.
   * @throws {LoopClosedError} If the client takes no more requests.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  trySend(request: LaneRequest): void {
    const { hadRoom, reply } = this.#enter(request, false);
    if (!hadRoom && reply !== undefined) this.#awaitVerdict(reply, request);
  }

  /** Asks for an ordered end of the connection; from now on requests are refused. Harmless when there is none to end. */
  disconnect(body: DisconnectBody): void {
    if (this.hasEnded || Atomics.load(this.memory.cells, STATE) === FAILED) return;
    this.caller.lockRequests();
    try {
      Atomics.store(this.memory.cells, IS_CLOSED, 1);
      this.#write(DISCONNECT, 0, 0, this.#encoder.encode(JSON.stringify(body)), "disconnect");
    } finally {
      this.#unlock();
    }
  }

  /**
   * Asks the worker something, and blocks until it answers.
   *
   * @param kind What is asked.
   * @param flags One byte.
   * @param a A word.
   * @returns The answer; `undefined` if the client has ended.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  call(kind: number, flags: number, a: number): unknown {
    if (this.hasEnded) return undefined;
    const reply = this.expect();
    this.tell(kind, flags, a, reply.token);
    return this.answerOf(reply);
  }

  /** Has the worker sent a message, and blocks until it answers. @returns The answer; `undefined` if the client has ended. */
  post(send: (line: number, token: number) => void): unknown {
    if (this.hasEnded) return undefined;
    const reply = this.expect();
    send(this.#number, reply.token);
    return this.answerOf(reply);
  }

  /** Tells the worker something. */
  tell(kind: number, flags: number, a: number, b: number): void {
    this.caller.lockRequests();
    try {
      this.#write(tagOf(kind, flags, this.#number), a, b, NO_BODY, "ask the worker");
    } finally {
      this.#unlock();
    }
  }

  /** Blocks until a call is answered. @returns The answer; `undefined` if the client has ended. */
  answerOf(reply: Reply): unknown {
    if (!this.await(reply, undefined, Infinity)) return undefined;
    const text = this.#decoder.decode(reply.body);
    if (reply.kind === ERROR) throw decodeError(text);
    return JSON.parse(text);
  }

  /**
   * Blocks until a reply has come.
   *
   * @param reply The reply.
   * @param action What was asked for, if its end needs somebody who takes events.
   * @param timeoutMillis For how long at most.
   * @returns Whether it has come; if not, the time is over, or the client has ended.
   * @throws {DeadlockError | WorkerFailedError} If it never would.
   */
  await(reply: Reply, action: string | undefined, timeoutMillis: number): boolean {
    const holds = (): boolean => this.#hasCome(reply);
    if (holds() || this.#isReleased) return reply.kind !== 0;
    return this.caller.block({ bell: this.memory.callerBell, holds, timeoutMillis, action });
  }

  /** Takes the replies that have come. */
  poll(): void {
    const replies = this.#replies;
    while (replies.next()) {
      const reply = this.#awaited.get(replies.a);
      if (reply === undefined) continue;
      reply.kind = replies.tag & 0xff;
      reply.packetId = replies.tag >>> 16;
      reply.body = replies.body;
      if (reply.kind !== ADMITTED) this.#awaited.delete(reply.token);
    }
  }

  /** Gives the line back; it is of no use any more. */
  release(): void {
    if (this.hasEnded) return;
    this.tell(RELEASE, 0, 0, 0);
    this.#isReleased = true;
  }

  #hasCome(reply: Reply): boolean {
    if (reply.kind === 0) this.poll();
    return reply.kind !== 0;
  }

  /** Writes a request into its lane; if there is no room, it says whether its caller waits. */
  #enter(request: LaneRequest, waits: boolean): Entry {
    const { lane, kind, topicName, body, action } = request;
    const { cells } = this.memory;
    let { flags, reply } = request;
    this.caller.lockRequests();
    try {
      if (this.#isReleased || Atomics.load(cells, IS_CLOSED) === 1) throw this.#refusal(request);
      const topic = topicName === undefined ? 0 : this.#topics.find(topicName) ?? this.#announce(topicName);
      const index = Atomics.load(cells, lane);
      const hadRoom = (Atomics.load(cells, lane + 1) - index | 0) > 0;
      Atomics.store(cells, lane, index + 1 | 0);
      if (!hadRoom) {
        flags |= waits ? WAITING_FLAG : reply === undefined ? TRY_FLAG : TRY_FLAG | TRACKED_FLAG;
        if (!waits) reply ??= this.expect();
      }
      this.#write(tagOf(kind, flags, this.#number), topic, reply?.token ?? 0, body, action);
      return { hadRoom, index, reply };
    } finally {
      this.#unlock();
    }
  }

  #announce(topicName: string): number {
    const topic = this.#topics.add(topicName);
    this.#write(tagOf(TOPIC, 0, this.#number), topic, 0, this.#encoder.encode(topicName), "publish");
    return topic;
  }

  /** Writes a record, and blocks while there is no room for the rest of it. The lock is held. */
  #write(tag: number, a: number, b: number, body: Uint8Array, action: string): void {
    const { workBell, callerBell } = this.memory;
    if (this.#requests.write(tag, a, b, body)) return;
    const holds = (): boolean => {
      const isWhole = this.#requests.advance();
      workBell.ring();
      return isWhole;
    };
    if (this.caller.block({ bell: callerBell, holds, timeoutMillis: Infinity, action: undefined })) return;
    throw new LoopClosedError(action);
  }

  #unlock(): void {
    Atomics.store(this.memory.cells, IS_STALLED, 0);
    this.memory.requestLock.release();
    this.memory.workBell.ring();
  }

  #refusal({ action, reply }: LaneRequest): Error {
    if (reply !== undefined) this.#awaited.delete(reply.token);
    this.caller.throwIfFailed();
    return new LoopClosedError(action);
  }

  /** @returns Why there is none; `undefined` if the request is admitted, or the client has ended. */
  #waitForRoom(isAdmitted: () => boolean, action: string, timeoutMillis: number): Error | undefined {
    const { cells, callerBell } = this.memory;
    const holds = (): boolean => isAdmitted() || Atomics.load(cells, IS_DONE) === 1;
    try {
      if (this.caller.block({ bell: callerBell, holds, timeoutMillis, action }) || this.hasEnded) return undefined;
      return new WaitTimeoutError(action, "no room in the request channel", timeoutMillis);
    } catch (error) {
      if (error instanceof DeadlockError) return error;
      throw error;
    }
  }

  /** Takes a request back that waits for admission. @returns What has become of it; `null` also if the client has ended. */
  #withdraw(lane: number, index: number): Fate {
    return this.call(WITHDRAW, lane === CONTROL_LANE ? CONTROL_FLAG : 0, index) as Fate | undefined ?? null;
  }

  /** Blocks until the worker says whether a request that was tried is admitted. @throws If it is not. */
  #awaitVerdict(reply: Reply, { action, reply: tracked }: LaneRequest): void {
    if (!this.await(reply, undefined, Infinity)) throw new LoopClosedError(action);
    if (reply.kind === REFUSED) throw decodeError(this.#decoder.decode(reply.body));
    if (tracked === undefined) this.#awaited.delete(reply.token);
    else if (reply.kind === ADMITTED) reply.kind = 0;
  }
}
