// One lane of the request channel: requests that were admitted, and behind them those of callers who wait for room. Publishes at
// QoS 0 that nobody tracks are admitted into runs: each counts for the capacity, but the lane holds one thing for many of them.
import type { OutgoingPublish, Publish } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import { LoopClosedError } from "./error.ts";
import { PublishRun } from "./publish_run.ts";
import type { ControlRequest, PublishRequest } from "./request.ts";

/** Runs that are kept to be used again. */
const MAX_SPARE_RUNS = 8;

/** Requests of one kind, in the order in which they were made. */
export class Lane<T extends PublishRequest | ControlRequest> {
  readonly #capacity: number;
  readonly #admitted: Fifo<T | PublishRun> = new Fifo();
  /** How many are admitted, each publish of a run for itself. */
  #admittedCount = 0;
  readonly #waiting: Fifo<T> = new Fifo();
  /** The run at the end of what was admitted, if one is there. */
  #lastRun: PublishRun | undefined;
  readonly #spareRuns: PublishRun[] = [];
  #makesRuns = true;
  /** Told of each request of a caller who has waited, when it is admitted. */
  handleAdmitted: ((request: T) => void) | undefined;

  /**
   * @param capacity How many are admitted at once.
   */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Whether publishes at QoS 0 are encoded at once; otherwise each is a packet of its own until it is sent, those that wait too. */
  set makesRuns(makesRuns: boolean) {
    if (this.#makesRuns && !makesRuns) this.#unpackRuns();
    this.#makesRuns = makesRuns;
  }

  /** How many wait, those of waiting callers included. */
  get length(): number {
    return this.#admittedCount + this.#waiting.length;
  }

  /** Whether one more would be admitted at once. */
  get hasRoom(): boolean {
    return this.length < this.#capacity;
  }

  /** Whether a caller waits for room. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0;
  }

  /** What is first; `undefined` if nothing waits. */
  get front(): T | PublishRun | undefined {
    return this.#admitted.peek() ?? this.#waiting.peek();
  }

  /** Adds a request. */
  push(request: T): void {
    if (this.hasRoom) this.#enter(request);
    else this.#waiting.push(request);
  }

  /**
   * Finds the run that a publish can be added to, by `addToRun`.
   *
   * @param order The place of the publish among all requests.
   * @param canTake Whether the loop would take a run this very moment: then one run may be longer than the capacity.
   * @returns The run; `undefined` if the publish must be a request of its own.
   */
  findRun(order: number, canTake: (run: PublishRun) => boolean): PublishRun | undefined {
    const last = this.#lastRun;
    if (this.hasRoom) return last?.hasRoomFor(order) ? last : this.#spareRun();
    if (last === undefined || this.isBlocked || this.#admitted.length > 1 || !last.hasRoomFor(order)) return undefined;
    return canTake(last) ? last : undefined;
  }

  /** Adds a publish to a run that was found for it. @throws {TypeError | RangeError} If it is not valid. */
  addToRun(run: PublishRun, packet: OutgoingPublish, order: number): void {
    run.add(packet, order);
    this.#admittedCount++;
    if (run === this.#lastRun) return;
    this.#admitted.push(run);
    this.#lastRun = run;
    this.#spareRuns.pop();
  }

  /** Puts requests of an earlier process before all others. They are admitted, whatever the capacity. */
  restore(requests: readonly T[]): void {
    const admitted = this.#admitted.take();
    for (const request of requests) this.#admitted.push(request);
    for (const request of admitted) this.#admitted.push(request);
    this.#admittedCount += requests.length;
  }

  /** Takes what is first. The packets of a run must be taken over before anything is added: it may be used again. */
  shift(): T | PublishRun | undefined {
    const first = this.#admitted.shift();
    if (first === undefined) {
      // Without capacity a request is admitted by being taken.
      const request = this.#waiting.shift();
      if (request !== undefined) this.#admit(request);
      return request;
    }
    if (first.kind === "run") {
      if (first === this.#lastRun) this.#lastRun = undefined;
      this.#admittedCount -= first.count;
    } else {
      this.#admittedCount--;
    }
    this.#moveUp();
    if (first.kind === "run" && this.#spareRuns.length < MAX_SPARE_RUNS) this.#spareRuns.push(first);
    return first;
  }

  /** Takes a request out of the middle. @returns Whether it was there. */
  withdraw(request: T): boolean {
    if (this.#waiting.remove(request)) return true;
    if (!this.#admitted.remove(request)) return false;
    this.#admittedCount--;
    this.#moveUp();
    return true;
  }

  /** Takes all requests, and refuses those of waiting callers. @returns The admitted ones. */
  close(): T[] {
    const admitted = this.#admitted.take().filter((one): one is T => one.kind !== "run");
    this.#admittedCount = 0;
    this.#lastRun = undefined;
    this.#spareRuns.length = 0;
    for (const request of this.#waiting.take()) {
      if (request.caller === undefined) admitted.push(request);
      else request.caller.refuse(new LoopClosedError(request.kind));
    }
    return admitted;
  }

  /** Admits those that there is room for now. */
  #moveUp(): void {
    while (this.#waiting.length > 0 && this.#admittedCount < this.#capacity) {
      const request = this.#waiting.shift()!;
      // One abort can end several requests: room that an earlier one leaves is not for a caller who is about to be told.
      if (request.caller?.signal?.aborted) continue;
      if (!this.#tryJoin(request)) this.#enter(request);
      this.#admit(request);
    }
  }

  #enter(request: T): void {
    this.#admitted.push(request);
    this.#admittedCount++;
    this.#lastRun = undefined;
  }

  /** Adds a request to a run, if it is a publish of the right kind and there is one for it. */
  #tryJoin(request: T): boolean {
    if (request.kind !== "publish" || request.qos !== 0 || request.completion !== undefined) return false;
    const { topicName, preparedTopic, payload, qos, retain, order } = request;
    const run = this.#lastRun?.hasRoomFor(order) ? this.#lastRun : this.#spareRun();
    if (run === undefined) return false;
    this.addToRun(
      run,
      { type: "publish", topicName, preparedTopic, payload, qos, retain, dup: false, packetId: 0 },
      order,
    );
    return true;
  }

  #unpackRuns(): void {
    this.#lastRun = undefined;
    for (const one of this.#admitted.take()) {
      if (one.kind !== "run") {
        this.#admitted.push(one);
        continue;
      }
      // Only the lane of publishes has runs.
      for (const [i, publish] of one.unpack().entries()) {
        this.#admitted.push(requestOf(publish, one.order + i) as T);
      }
    }
  }

  #admit(request: T): void {
    const { caller } = request;
    request.caller = undefined;
    this.handleAdmitted?.(request);
    caller?.admit();
  }

  /** An empty run, which stays among the spare ones until it is used; `undefined` where it would cost more than it saves. */
  #spareRun(): PublishRun | undefined {
    if (!this.#makesRuns) return undefined;
    if (this.#spareRuns.length === 0) {
      // Between publishes at other levels a run is not worth being made.
      if (this.#admitted.length > 0 && this.#lastRun === undefined) return undefined;
      this.#spareRuns.push(new PublishRun());
    }
    return this.#spareRuns.at(-1);
  }
}

/** A publish that was encoded already, as a request again. */
function requestOf({ topicName, payload, qos, retain }: Publish, order: number): PublishRequest {
  return {
    kind: "publish",
    order,
    caller: undefined,
    topicName,
    preparedTopic: undefined,
    payload,
    qos,
    retain,
    completion: undefined,
  };
}
