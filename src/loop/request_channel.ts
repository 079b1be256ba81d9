// The bounded channel between handles and the event loop.
//
// Theory of operation. Two lanes keep publishes and control requests in order; the session's admission rule chooses between their
// fronts. The first `capacity` requests of a lane are admitted; those behind belong to callers who wait. Taking one from the front
// admits the one that moves up. QoS 0 publishes that nobody tracks, nearly all there are in a flood, wait as bytes in runs, see
// `publish_run.ts`. A disconnect is not in a lane: it closes the channel, so that everything in the lanes is before it.
import type { OutgoingPublish, Publish } from "../codec/mod.ts";
import { type AdmissionGate, nextLane } from "../session/mod.ts";
import { LoopClosedError, RequestChannelFullError, RequestFailedError, SessionStoreError } from "./error.ts";
import { Lane } from "./lane.ts";
import type { PublishRun } from "./publish_run.ts";
import type {
  ControlRequest,
  DisconnectRequest,
  PublishRequest,
  Request,
  RequestConsumer,
  RequestJournal,
} from "./request.ts";

/** What a caller gets whose request was admitted at once. */
export const ADMITTED: Promise<void> = Promise.resolve();

/** How many requests wait in a channel. */
export interface RequestChannelDiagnostics {
  /** Publishes that wait, those of waiting callers included. */
  readonly publishes: number;
  /** Control requests that wait, those of waiting callers included. */
  readonly controls: number;
}

/**
 * The bounded channel between handles and the event loop. `AsyncClient.create` makes one for each pair.
 *
 * @internal
 */
export class RequestChannel {
  /** How many requests of each lane are admitted at once. */
  readonly capacity: number;
  readonly #publishes: Lane<PublishRequest>;
  readonly #controls: Lane<ControlRequest>;
  #consumer: RequestConsumer | undefined;
  #journal: RequestJournal | undefined;
  #isClosed = false;
  #nextOrder = 0;

  /**
   * @param capacity How many requests of each lane are admitted at once; 0 admits a request only when the loop takes it.
   */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#publishes = new Lane(capacity);
    this.#controls = new Lane(capacity);
  }

  /** What keeps publishes at QoS 1 and 2 beyond the life of this process, if anything does. */
  get journal(): RequestJournal | undefined {
    return this.#journal;
  }

  /** Lets publishes at QoS 1 and 2 be kept. */
  set journal(journal: RequestJournal | undefined) {
    this.#journal = journal;
    this.#publishes.handleAdmitted = (request) => {
      if (isKept(request)) journal?.enqueue(request);
    };
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#publishes.length === 0 && this.#controls.length === 0;
  }

  /** Whether any request would be admitted at once. */
  get hasRoom(): boolean {
    return this.#publishes.hasRoom && this.#controls.hasRoom;
  }

  /** Whether a caller waits for room. */
  get isBlocked(): boolean {
    return this.#publishes.isBlocked || this.#controls.isBlocked;
  }

  /** How many requests wait, those of waiting callers included. */
  get length(): number {
    return this.#publishes.length + this.#controls.length;
  }

  /** Whether requests are refused. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many requests wait in each lane. */
  diagnostics(): RequestChannelDiagnostics {
    return { publishes: this.#publishes.length, controls: this.#controls.length };
  }

  /** Names the event loop that takes the requests. */
  attach(consumer: RequestConsumer): void {
    this.#consumer = consumer;
  }

  /**
   * Enqueues a request, waiting for room.
   *
   * @param request The request.
   * @param signal Ends the wait; of a request with a completion, also the interest in it after that.
   * @returns A promise that resolves on admission, and once the request is kept if it is to be.
   * @throws {LoopClosedError} If the channel is closed, or is closed while the request waits.
   * @throws {RequestFailedError} If it cannot be kept, or is given up when the session has it already.
   */
  send(request: Request, signal?: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.reject(new LoopClosedError(request.kind));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const lane = this.#laneOf(request);
    const hasRoom = lane.hasRoom;
    this.#enqueue(lane, request);
    if (signal === undefined) return this.#whenKept(request, hasRoom ? ADMITTED : waitForAdmission(request));
    const admitted = this.#whenKept(request, hasRoom ? ADMITTED : this.#waitOrAbort(request, lane, signal), signal);
    return request.completion === undefined ? admitted : admitted.then(() => this.#cancelOnAbort(request, signal));
  }

  /**
   * Enqueues a request now or not at all.
   *
   * @throws {RequestChannelFullError} If there is no room.
   * @throws {LoopClosedError} If the channel is closed.
   */
  trySend(request: Request): void {
    if (this.#isClosed) throw new LoopClosedError(request.kind);
    const lane = this.#laneOf(request);
    const canEnqueue = lane.hasRoom ||
      (this.capacity === 0 && this.isEmpty && this.#canTake(request));
    if (!canEnqueue) throw new RequestChannelFullError(request.kind, this.capacity);
    this.#enqueue(lane, request);
  }

  /** Whether QoS 0 publishes may wait as bytes; not if somebody wants to see each packet that is sent. */
  set makesRuns(makesRuns: boolean) {
    this.#publishes.makesRuns = makesRuns;
  }

  /**
   * Finds out whether a QoS 0 publish that nobody tracks can join those that wait as bytes.
   *
   * @returns The run to add it to by `addToRun`; `undefined` if it must be sent as a request.
   */
  findRun(): PublishRun | undefined {
    return this.#isClosed ? undefined : this.#publishes.findRun(this.#nextOrder, this.#canTake);
  }

  /**
   * Enqueues a publish now.
   *
   * @param run What `findRun` has found.
   * @param packet The publish; nothing of it is kept but a payload that is sent by reference.
   * @throws {TypeError | RangeError} If it is not valid.
   */
  addToRun(run: PublishRun, packet: OutgoingPublish): void {
    this.#publishes.addToRun(run, packet, this.#nextOrder);
    this.#nextOrder++;
    this.#consumer?.handleRequest();
  }

  /**
   * Takes the request that may go next, or the run of publishes; `undefined` if none may. The packets of a run must be taken over
   * at once: it belongs to the channel.
   */
  next(gate: AdmissionGate): Request | PublishRun | undefined {
    const lane = nextLane(this.#publishes.front, this.#controls.front, gate);
    if (lane === undefined) return undefined;
    return lane === "publish" ? this.#publishes.shift() : this.#controls.shift();
  }

  /**
   * Closes the channel and asks the loop to end the connection. Callers that wait for room keep their place before the disconnect.
   */
  disconnect(request: DisconnectRequest): void {
    this.#isClosed = true;
    this.#consumer?.handleDisconnect(request);
  }

  /** Puts publishes of an earlier process before all others. */
  restore(requests: readonly PublishRequest[]): void {
    this.#publishes.restore(requests);
  }

  /**
   * Waits until all that was asked for so far is kept; at once if nothing is.
   *
   * @param action What was asked for, for the error.
   * @throws {RequestFailedError} If it cannot be kept.
   * @throws {LoopClosedError} If the event loop has ended before the session was loaded.
   */
  async whenDurable(action: string): Promise<void> {
    try {
      await this.journal?.whenDurable();
    } catch (cause) {
      if (!(cause instanceof SessionStoreError)) throw new LoopClosedError(action);
      throw new RequestFailedError(action, "persistence", cause.reason === "commit-timeout", cause);
    }
  }

  /** Acknowledges a delivery in manual mode; `false` if its connection is gone. */
  acknowledge(publish: Publish): boolean {
    return this.#consumer?.acknowledge(publish) ?? false;
  }

  /** Closes the channel for good. Callers that wait are refused. @returns The requests that had been admitted. */
  close(): Request[] {
    this.#isClosed = true;
    return [...this.#publishes.close(), ...this.#controls.close()];
  }

  readonly #canTake = (request: Request | PublishRun): boolean => this.#consumer?.canTake(request) === true;

  #laneOf(request: Request): Lane<Request> {
    return (request.kind === "publish" ? this.#publishes : this.#controls) as Lane<Request>;
  }

  #enqueue(lane: Lane<Request>, request: Request): void {
    const isToBeKept = this.journal !== undefined && isKept(request) && lane.hasRoom;
    request.order = this.#nextOrder++;
    lane.push(request);
    this.#consumer?.handleRequest();
    // Not before the consumer: a turn that it makes commits this request together with what follows from it.
    if (isToBeKept) this.journal?.enqueue(request as PublishRequest);
  }

  /** A promise that resolves when a request is admitted, and kept if it is to be. */
  #whenKept(request: Request, admitted: Promise<void>, signal?: AbortSignal): Promise<void> {
    if (this.journal === undefined || !isKept(request)) return admitted;
    return admitted.then(() => {
      const kept = this.whenDurable(request.kind);
      return signal === undefined ? kept : this.#keepOrAbort(request, kept, signal);
    });
  }

  #keepOrAbort(request: PublishRequest, kept: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        // What the session has is sent once it is kept, whether or not anybody waits for that.
        if (this.#takeBack(request)) reject(signal.reason);
        else reject(new RequestFailedError(request.kind, "cancelled", true, signal.reason));
      };
      const settled = (): void => signal.removeEventListener("abort", abort);
      kept.then(() => (settled(), resolve()), (error) => (settled(), reject(error)));
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  #waitOrAbort(request: Request, lane: Lane<Request>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        lane.withdraw(request);
        reject(signal.reason);
      };
      const settled = (): void => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort, { once: true });
      request.caller = {
        signal,
        admit: () => (settled(), resolve()),
        refuse: (error) => (settled(), reject(error)),
      };
    });
  }

  #cancelOnAbort(request: Request, signal: AbortSignal): void {
    const completion = request.completion;
    if (completion === undefined || completion.isSettled) return;
    const abort = (): void => {
      const isTakenBack = this.#takeBack(request);
      completion.reject(new RequestFailedError(request.kind, "cancelled", !isTakenBack, signal.reason));
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    completion.onSettled = () => signal.removeEventListener("abort", abort);
  }

  /** Ends the interest in an admitted request. @returns Whether the session did not have it, so that it is sent by nobody. */
  #takeBack(request: Request): boolean {
    const isTakenBack = this.#laneOf(request).withdraw(request);
    if (!isTakenBack) this.#consumer?.cancel(request);
    else if (isKept(request)) this.journal?.withdraw(request);
    return isTakenBack;
  }
}

/** Whether a session store has to keep a request. */
function isKept(request: Request): request is PublishRequest {
  return request.kind === "publish" && request.qos > 0;
}

function waitForAdmission(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request.caller = { signal: undefined, admit: resolve, refuse: reject };
  });
}
