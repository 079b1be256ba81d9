// The worker's end of the requests: it reads them and does as they say, by the asynchronous client that it has.
import { PreparedTopic, type QoS, type Suback, type Subscription, type Unsuback } from "../../codec/mod.ts";
import type { AsyncClient } from "../../client/mod.ts";
import {
  type EventLoop,
  LoopClosedError,
  type PublishNotice,
  type PublishResult,
  RequestFailedError,
  type SubscribeNotice,
  type UnsubscribeNotice,
} from "../../loop/mod.ts";
import { AdmissionLane } from "./admission_lane.ts";
import type { Deliveries } from "./deliveries.ts";
import type { ReplyDesk } from "./reply_desk.ts";
import {
  ACKNOWLEDGE,
  ACKNOWLEDGED,
  ADMITTED,
  CLEAN,
  COMPLETED,
  CONTROL_FLAG,
  DIAGNOSTICS,
  DISCONNECT,
  type DisconnectBody,
  ERROR,
  type Fate,
  FLUSHED,
  PACKET_ID,
  PUBLISH,
  REFUSED,
  RELEASE,
  RETAIN_FLAG,
  SUBACK,
  SUBSCRIBE,
  TOPIC,
  TRACKED_FLAG,
  TRY_FLAG,
  UNSUBACK,
  UNSUBSCRIBE,
  WAITING_FLAG,
  WITHDRAW,
} from "../ring/request_record.ts";
import { RingReader } from "../ring/ring_reader.ts";
import { CONTROL_LANE, PUBLISH_LANE, type SharedMemory } from "../ring/shared_memory.ts";

/** Requests that are read before the rest of the worker has its turn. */
const MAX_READ = 1024;

/** The fate of any tracked request. */
type Notice = PublishNotice | SubscribeNotice | UnsubscribeNotice;

/** One request, in the ways in which it can be made. */
interface Attempt {
  /** Waits for room. */
  readonly send: (isTracked: boolean, signal: AbortSignal) => Promise<Notice | void>;
  /** Now or not at all. */
  readonly trySend: (isTracked: boolean) => Notice | void;
}

/** A request that waits for admission. */
interface WaitingRequest {
  /** Takes it back. */
  readonly controller: AbortController;
  /** Settles when the client has admitted it, or not. */
  readonly sent: Promise<unknown>;
}

interface Lane {
  readonly admission: AdmissionLane;
  /** The requests that wait for admission, by their numbers. */
  readonly waiting: Map<number, WaitingRequest>;
  /** Settles when the last of those requests is admitted, and so all before it. */
  last: Promise<unknown>;
}

/** What the desk works with. */
export interface DeskTools {
  /** The shared memory. */
  readonly memory: SharedMemory;
  /** The client. */
  readonly client: AsyncClient;
  /** Its event loop. */
  readonly eventLoop: EventLoop;
  /** Where replies go. */
  readonly replies: ReplyDesk;
  /** Messages that were given out. */
  readonly deliveries: Deliveries;
  /** The capacity of the request channel. */
  readonly capacity: number;
  /** Whether a session store keeps publishes, so that each is admitted only when it has it. */
  readonly isKept: boolean;
}

/** Reads requests and acts on them. */
export class RequestDesk {
  readonly #tools: DeskTools;
  readonly #ring: RingReader;
  readonly #publishes: Lane;
  readonly #controls: Lane;
  /** The topics of each line. */
  readonly #topics: Map<number, PreparedTopic[]> = new Map();
  readonly #notices: Map<number, Notice> = new Map();
  #hasRefused = false;
  readonly #decoder: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /**
   * @param tools What it works with.
   */
  constructor(tools: DeskTools) {
    const { memory, capacity, isKept } = tools;
    this.#tools = tools;
    this.#ring = new RingReader(memory.requests, memory.callerBell);
    const openLane = (lane: number, isKept: boolean): Lane => ({
      admission: new AdmissionLane(memory, lane, capacity, isKept),
      waiting: new Map(),
      last: Promise.resolve(),
    });
    this.#publishes = openLane(PUBLISH_LANE, isKept);
    this.#controls = openLane(CONTROL_LANE, false);
  }

  /** Whether callers wait for a session store, which goes on whether or not events are taken. */
  get isKeeping(): boolean {
    return this.#tools.isKept && this.#tools.eventLoop.diagnostics().sessionStore?.isCommitting === true;
  }

  /** Whether a request that waited was refused, because the event loop is done. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  /** Reads requests and acts on them. @returns Whether there were any. */
  turn(): boolean {
    const ring = this.#ring;
    let count = 0;
    while (count < MAX_READ && ring.next()) {
      count++;
      this.#handle(ring.tag & 0xff, ring.tag >>> 8 & 0xff, ring.tag >>> 16);
    }
    if (count > 0) this.#refresh();
    return count > 0;
  }

  /** Lets callers know of room in the channel, if they may soon need to. */
  handleBatch(): void {
    if (this.#publishes.admission.isLow || this.#controls.admission.isLow) this.#refresh();
  }

  #refresh(): void {
    const { isDone, requests } = this.#tools.eventLoop.diagnostics();
    if (isDone) return;
    this.#publishes.admission.refresh(requests.publishes);
    this.#controls.admission.refresh(requests.controls);
  }

  #handle(kind: number, flags: number, line: number): void {
    switch (kind) {
      case PUBLISH:
        return this.#publish(flags, line);
      case TOPIC:
        return this.#learnTopic(line);
      case SUBSCRIBE:
        return this.#subscribe(flags, line);
      case UNSUBSCRIBE:
        return this.#unsubscribe(flags, line);
      case DISCONNECT:
        return this.#disconnect(this.#json());
      case RELEASE:
        this.#topics.delete(line);
        return this.#tools.replies.release(line);
      default:
        return this.#answer(line, this.#ring.b, this.#answerOf(kind, flags, this.#ring.a));
    }
  }

  /** Answers a call, at once if the answer is known. */
  #answer(line: number, token: number, answer: unknown): void {
    const { replies, memory } = this.#tools;
    if (!(answer instanceof Promise)) return replies.answer(line, token, answer);
    answer.then((value) => replies.answer(line, token, value), (error) => replies.sendError(line, token, ERROR, error))
      .then(() => memory.workBell.ring());
  }

  #answerOf(kind: number, flags: number, a: number): unknown {
    const { client, eventLoop, deliveries } = this.#tools;
    switch (kind) {
      case WITHDRAW:
        return this.#withdraw(flags === CONTROL_FLAG ? this.#controls : this.#publishes, a);
      case ACKNOWLEDGE: {
        const publish = deliveries.take(a);
        if (publish === undefined) return !deliveries.isManual;
        return this.#tools.isKept && (flags & TRY_FLAG) === 0 ? client.ack(publish) : client.tryAck(publish);
      }
      case PACKET_ID:
        return this.#notices.get(a)?.packetId;
      case DIAGNOSTICS:
        return eventLoop.diagnostics();
      case CLEAN:
        return eventLoop.clean();
      default:
        throw new Error(`Cannot read requests: record ${kind} is unknown`);
    }
  }

  #learnTopic(line: number): void {
    let topics = this.#topics.get(line);
    if (topics === undefined) this.#topics.set(line, topics = []);
    topics[this.#ring.a] = new PreparedTopic(this.#decoder.decode(this.#ring.body));
  }

  #publish(flags: number, line: number): void {
    const { client } = this.#tools;
    const { a, body } = this.#ring;
    const topic = this.#topics.get(line)![a]!;
    const options = { qos: (flags & 3) as QoS, retain: (flags & RETAIN_FLAG) !== 0 };
    this.#admit(this.#publishes, "publish", flags, line, {
      send: (isTracked, signal) =>
        isTracked
          ? client.publishTracked(topic, body, { ...options, signal })
          : client.publish(topic, body, { ...options, signal }),
      trySend: (isTracked) =>
        isTracked ? client.tryPublishTracked(topic, body, options) : client.tryPublish(topic, body, options),
    });
  }

  #subscribe(flags: number, line: number): void {
    const { client } = this.#tools;
    const subscriptions: Subscription[] = this.#json();
    this.#admit(this.#controls, "subscribe", flags, line, {
      send: (isTracked, signal) =>
        isTracked
          ? client.subscribeManyTracked(subscriptions, { signal })
          : client.subscribeMany(subscriptions, { signal }),
      trySend: (isTracked) =>
        isTracked ? client.trySubscribeManyTracked(subscriptions) : client.trySubscribeMany(subscriptions),
    });
  }

  #unsubscribe(flags: number, line: number): void {
    const { client } = this.#tools;
    const topicFilters: string[] = this.#json();
    this.#admit(this.#controls, "unsubscribe", flags, line, {
      send: (isTracked, signal) =>
        isTracked
          ? client.unsubscribeManyTracked(topicFilters, { signal })
          : client.unsubscribeMany(topicFilters, { signal }),
      trySend: (isTracked) =>
        isTracked ? client.tryUnsubscribeManyTracked(topicFilters) : client.tryUnsubscribeMany(topicFilters),
    });
  }

  #disconnect({ mode, timeoutMillis }: DisconnectBody): void {
    const { client } = this.#tools;
    if (mode === "now") void client.disconnectNow();
    else if (timeoutMillis === null) void client.disconnect();
    else void client.disconnectWithTimeout(timeoutMillis);
  }

  #admit(lane: Lane, action: string, flags: number, line: number, attempt: Attempt): void {
    const { admission, waiting } = lane;
    const token = this.#ring.b;
    const index = admission.receive();
    const isTried = (flags & TRY_FLAG) !== 0;
    const isTracked = isTried ? (flags & TRACKED_FLAG) !== 0 : token !== 0;
    if ((flags & WAITING_FLAG) !== 0) {
      const controller = new AbortController();
      const sent = attempt.send(isTracked, controller.signal);
      // Its end is looked at in its turn, and it may have failed long before.
      sent.catch(() => {});
      waiting.set(index, { controller, sent });
      // Whoever is admitted is so with all before: a message that nobody keeps must not overtake one that is being kept.
      const admitted = this.#tools.isKept ? lane.last.then(() => sent) : sent;
      lane.last = Promise.allSettled([admitted]);
      admitted.then((notice) => {
        waiting.delete(index);
        admission.admit(index);
        if (notice !== undefined) this.#track(line, token, notice);
        if (this.#tools.isKept) this.#tools.memory.workBell.ring();
      }, (error) => {
        waiting.delete(index);
        this.#handleRefusal(error);
      });
      return;
    }
    try {
      const notice = attempt.trySend(isTracked);
      if (isTried) this.#tools.replies.send(line, token, ADMITTED);
      if (notice !== undefined) this.#track(line, token, notice);
    } catch (error) {
      if (isTried) return this.#tools.replies.sendError(line, token, REFUSED, error);
      if (!(error instanceof LoopClosedError)) throw error;
      // Its caller was told that it is admitted, and then the loop ended.
      if (isTracked) {
        const failure = new RequestFailedError(action, "loop-closed", false, error);
        this.#tools.replies.sendError(line, token, ERROR, failure);
      }
    }
  }

  /** A request that waited is not admitted: the loop has ended, or it was taken back. */
  #handleRefusal(error: unknown): void {
    const isStoreFailure = error instanceof RequestFailedError && error.reason === "persistence";
    if (!isStoreFailure && !(error instanceof LoopClosedError)) return;
    this.#hasRefused = true;
    this.#tools.memory.workBell.ring();
  }

  #withdraw({ waiting }: Lane, index: number): Promise<Fate> | Fate {
    const request = waiting.get(index);
    if (request === undefined) return null;
    const { controller, sent } = request;
    controller.abort();
    return sent.then(() => "admitted", (error): Fate => {
      if (error === controller.signal.reason) return "taken-back";
      return error instanceof RequestFailedError && error.reason === "cancelled" ? "being-kept" : null;
    });
  }

  #track(line: number, token: number, notice: Notice): void {
    const { replies } = this.#tools;
    this.#notices.set(token, notice);
    const ended: Promise<PublishResult | Suback | Unsuback> = notice.wait();
    ended.then((result) => {
      this.#notices.delete(token);
      switch (result.type) {
        case "qos0-flushed":
          return replies.send(line, token, FLUSHED);
        case "qos1-acknowledged":
          return replies.send(line, token, ACKNOWLEDGED, result.packet.packetId);
        case "qos2-completed":
          return replies.send(line, token, COMPLETED, result.packet.packetId);
        case "suback":
          return replies.send(line, token, SUBACK, result.packetId, Uint8Array.from(result.returnCodes));
        case "unsuback":
          return replies.send(line, token, UNSUBACK, result.packetId);
      }
    }, (error) => {
      this.#notices.delete(token);
      replies.sendError(line, token, ERROR, error);
    });
  }

  #json<T>(): T {
    return JSON.parse(this.#decoder.decode(this.#ring.body));
  }
}
