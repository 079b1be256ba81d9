// The event loop as its user sees it: something to poll. All of the work is the driver's.
import { Alarm } from "./alarm.ts";
import { Driver } from "./driver.ts";
import type { EventLoopDiagnostics } from "./event_loop_diagnostics.ts";
import type { DisconnectedEvent, Event, FatalItem, LoopItem } from "./event.ts";
import { Gatherer } from "./gatherer.ts";
import type { MqttOptions, ResolvedOptions } from "./options.ts";
import type { RequestChannel } from "./request_channel.ts";

/** Limits of a poll. */
export interface PollOptions {
  /** Ends the wait with the signal's reason; nothing is lost, the next poll goes on where this one stood. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly resolve: (event: Event | undefined) => void;
  readonly reject: (error: unknown) => void;
  /** Whether a lost connection is an event, or the rejection of the poll. */
  readonly yieldsLosses: boolean;
}

/**
 * Owns network, session and timers of one client. Nothing moves unless it is polled: by `poll`, `pollBatch` or `for await`.
 *
 * A lost connection is told, and polling again reconnects, after the delay of the reconnect policy. Events that are not taken hold
 * the server back. One poll at a time.
 *
 * @example Iterate until the client is disconnected
 * ```ts
 * import { AsyncClient } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const network = new MemoryNetwork();
 * const server = new ScriptedServer(network);
 * const serving = server.accept().then((connection) => connection.autoRespond());
 * const { client, eventLoop } = AsyncClient.create({
 *   clientId: "example", broker: "mqtt://example.net", transport: network.dial,
 * });
 * const seen: string[] = [];
 * for await (const event of eventLoop) {
 *   seen.push(event.type);
 *   if (event.type === "connected") await client.disconnect();
 * }
 * assertEquals(seen, ["outgoing", "connected", "outgoing"]);
 * await serving;
 * ```
 */
export class EventLoop implements AsyncDisposable {
  #options: ResolvedOptions;
  readonly #resolve: (changes: MqttOptions) => ResolvedOptions;
  readonly #channel: RequestChannel;
  readonly #driver: Driver;
  #waiter: Waiter | undefined;
  #lastDisconnected: DisconnectedEvent | undefined;
  /** Whether something happened that no pending poll could act on. */
  #isTurnDue = false;
  readonly #gatherer: Gatherer;
  readonly #alarm: Alarm = new Alarm(() => {
    this.#driver.handleTimer();
    this.#wake();
  });

  /**
   * `AsyncClient.create` makes an event loop together with its client.
   *
   * @param options The options, parsed.
   * @param channel Where requests come from.
   * @param resolve Parses changed options for `setOptions`.
   */
  constructor(options: ResolvedOptions, channel: RequestChannel, resolve: (changes: MqttOptions) => ResolvedOptions) {
    this.#options = options;
    this.#resolve = resolve;
    this.#channel = channel;
    this.#driver = new Driver(options, channel, this.#wake, this.#wakeForOutgoing);
    this.#gatherer = new Gatherer(channel, this.#wake);
  }

  /**
   * Waits for the next event and makes everything progress meanwhile.
   *
   * @param options A signal that ends the wait.
   * @returns The event, or `undefined` once the loop is done, and done with its session store.
   * @throws {ConnectionLostError | ConnectionRefusedError | MalformedPacketError | ProtocolError} If the connection was lost or an
   * attempt failed. Polling again reconnects; `lastDisconnected` tells when, and what is likely behind it.
   * @throws {DisconnectTimeoutError} If a graceful disconnect took too long. The loop is done.
   * @throws {Error} If another poll is pending.
   */
  poll(options?: PollOptions): Promise<Event | undefined> {
    return this.#next(false, options?.signal);
  }

  /**
   * Waits like `poll`, and takes all events that are at hand.
   *
   * @param options A signal that ends the wait.
   * @returns At least one event; none once the loop is done.
   * @throws {ConnectionLostError | ConnectionRefusedError | MalformedPacketError | ProtocolError} As `poll`, once the events before
   * the loss are taken.
   * @throws {Error} If another poll is pending.
   */
  async pollBatch(options?: PollOptions): Promise<Event[]> {
    return await this.#nextBatch(false, options?.signal) ?? [];
  }

  /**
   * What an iteration would have told in place of the last rejection of `poll` or `pollBatch`: with the error comes how long the next
   * attempt waits, and the likely cause if connections are lost again and again. `undefined` if none has rejected, or if no attempt
   * follows the last one.
   *
   * @example
   * ```ts
   * import { AsyncClient } from "@petrel/mqtt";
   * import { assertEquals } from "@std/assert";
   *
   * const { eventLoop } = AsyncClient.create({
   *   clientId: "example", broker: "mqtt://example.net", transport: () => Promise.reject(new Error("nobody is there")),
   * });
   * try {
   *   await eventLoop.poll();
   * } catch (error) {
   *   const { lastDisconnected } = eventLoop;
   *   assertEquals(lastDisconnected?.error, error);
   *   assertEquals(lastDisconnected?.flap, undefined);
   * }
   * eventLoop.close();
   * ```
   */
  get lastDisconnected(): DisconnectedEvent | undefined {
    return this.#lastDisconnected;
  }

  /**
   * Iterates over the events. A lost connection is the event `disconnected`, and the iteration goes on with the next attempt. It
   * throws only when the reconnect policy gives up or a disconnect takes too long, and ends when the loop is done. Leaving it early
   * closes nothing: iterate again to go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event> {
    // No `async`: it would cost two more microtasks for each event.
    return this.#iterate(() => {
      if (this.#waiter !== undefined) return Promise.reject(anotherPollError());
      const event = this.#takeEvent(true);
      if (event !== undefined) return Promise.resolve({ done: false, value: event });
      return new Promise((resolve, reject) => {
        this.#wait({ resolve: (event) => resolve(resultOf(event)), reject, yieldsLosses: true });
      });
    });
  }

  /**
   * Iterates over the events batch by batch: each batch is all that is at hand, at least one event. Otherwise as the iteration over
   * single events, which takes longer for each.
   *
   * @returns The iteration.
   */
  batches(): AsyncIterableIterator<Event[]> {
    return this.#iterate(async () => resultOf(await this.#nextBatch(true, undefined)));
  }

  /**
   * Changes options; the next attempt to connect goes by them, and the next publish by `maxOutgoingPacketSize` and `throttle`: those
   * that wait already too.
   *
   * @param changes The options that change, as in `AsyncClient.create`. `capacity`, `clock` and `random` are fixed.
   * @throws {TypeError | RangeError} If one is not valid, or fixed. Nothing has changed then.
   */
  setOptions(changes: MqttOptions): void {
    this.#options = this.#resolve(changes);
    this.#driver.configure(this.#options);
  }

  /**
   * Lets what arrives wait undecoded until `releaseIncoming`, while polling goes on: requests are sent, pings too, and a lost
   * connection is replaced. The server is held back as by events that are not taken.
   *
   * @internal
   */
  holdIncoming(): void {
    this.#driver.holdsIncoming = true;
  }

  /** Ends `holdIncoming`. @internal */
  releaseIncoming(): void {
    this.#driver.holdsIncoming = false;
    this.#wake();
  }

  /**
   * Lets the automatic acknowledgements of messages that are still to come wait until `releaseAcks`, so that the server's own window
   * stops it. Answers to requests are read all the same.
   *
   * @internal
   */
  holdAcks(): void {
    this.#driver.session.ackGate.isHeld = true;
  }

  /** Ends `holdAcks`: what has waited is sent, in its order. @internal */
  releaseAcks(): void {
    this.#driver.session.ackGate.isHeld = false;
    this.#wakeForOutgoing();
  }

  /** Whether the server has granted this Topic Filter, as far as it has answered. @internal */
  isSubscribed(topicFilter: string): boolean {
    return this.#driver.session.isSubscribed(topicFilter);
  }

  /** Drops the connection without DISCONNECT and keeps the session; polling reconnects at once. */
  clean(): void {
    this.#driver.clean();
    this.#wake();
  }

  /**
   * Ends the loop without DISCONNECT, so that the server publishes the Will Message. Unfinished requests fail; a poll ends.
   *
   * A session store still ends what is due, which takes five seconds at most: until then a poll goes on, and no other client may use
   * the session. `await eventLoop[Symbol.asyncDispose]()` waits for it without polling.
   */
  close(): void {
    this.#driver.close();
    this.#tellObserver();
    this.#settle();
  }

  /** What can be seen of the loop from outside, at this moment. */
  diagnostics(): EventLoopDiagnostics {
    return {
      isDone: this.#driver.isDone,
      events: this.#driver.items.length,
      requests: this.#channel.diagnostics(),
      trackedRequests: this.#driver.pendingCompletions,
      session: this.#driver.session.diagnostics(),
      sessionStore: this.#driver.opening?.diagnostics(),
      counters: { ...this.#driver.counters },
    };
  }

  /** Closes the loop, and waits until the session store, if there is one, has ended what is due. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#driver.opening?.settled();
  }

  #next(yieldsLosses: boolean, signal: AbortSignal | undefined): Promise<Event | undefined> {
    if (this.#waiter !== undefined) return Promise.reject(anotherPollError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const event = this.#takeEvent(yieldsLosses);
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, yieldsLosses };
      this.#wait(signal === undefined ? waiter : this.#abortable(waiter, signal));
    });
  }

  /** Takes the event that is at hand; `undefined` if there is none, or something that is not told as an event. */
  #takeEvent(yieldsLosses: boolean): Event | undefined {
    // Whoever takes long over each event of a batch still polls: what became due meanwhile is done, pings above all.
    if (this.#isTurnDue) this.#turn();
    const items = this.#driver.items;
    const item = items.peek();
    if (item === undefined || !isEvent(item, yieldsLosses)) return undefined;
    items.shift();
    return item;
  }

  #wait(waiter: Waiter): void {
    this.#waiter = waiter;
    this.#driver.isPolled = true;
    if (this.#driver.items.length > 0) this.#settle();
    else this.#turn();
  }

  async #nextBatch(yieldsLosses: boolean, signal: AbortSignal | undefined): Promise<Event[] | undefined> {
    const first = await this.#next(yieldsLosses, signal);
    if (first === undefined) return undefined;
    const batch = [first];
    const items = this.#driver.items;
    for (let item = items.peek(); item !== undefined && isEvent(item, yieldsLosses); item = items.peek()) {
      items.shift();
      batch.push(item);
    }
    return batch;
  }

  /** An iteration by hand: a generator that throws is finished for ever, and this one may go on. */
  #iterate<T>(next: () => Promise<IteratorResult<T>>): AsyncIterableIterator<T> {
    const iterator: AsyncIterableIterator<T> = {
      next,
      return: (): Promise<IteratorResult<T>> => {
        // Nobody is left who could be woken, unless another `next` waits.
        if (this.#waiter === undefined) this.#alarm.disarm();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #abortable(waiter: Waiter, signal: AbortSignal): Waiter {
    const abort = (): void => {
      this.#takeWaiter();
      this.#alarm.disarm();
      waiter.reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", abort);
    return {
      resolve: (event) => (settled(), waiter.resolve(event)),
      reject: (error) => (settled(), waiter.reject(error)),
      yieldsLosses: waiter.yieldsLosses,
    };
  }

  readonly #wake = (): void => {
    if (this.#waiter !== undefined) this.#turn();
    else this.#isTurnDue = true;
  };

  /** There is something to send: a request came, or a write is done and others wait. */
  readonly #wakeForOutgoing = (): void => {
    if (this.#waiter !== undefined) this.#gatherer.start();
    // Requests are gathered while events are being taken, as far as there is room for them.
    else this.#isTurnDue ||= !this.#channel.hasRoom;
  };

  #turn(): void {
    this.#isTurnDue = false;
    try {
      this.#driver.turn();
    } catch (error) {
      // A defect, not a fault of the network: it is told to whoever polls, and nothing is left hanging.
      this.#driver.close();
      this.#driver.items.push({ type: "fatal", error: error as Error });
    }
    this.#tellObserver();
    this.#settle();
  }

  /** What the user's own functions throw is told to whoever polls, and changes nothing else. */
  #tellObserver(): void {
    const failure = this.#driver.observer.flush();
    if (failure !== undefined) this.#driver.items.push({ type: "fatal", error: failure.thrown as Error });
  }

  /** Gives the pending poll what it waits for, and sees to it that time wakes the loop. */
  #settle(): void {
    this.#alarm.arm(this.#driver.deadline, this.#options.clock);
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    const item = this.#driver.items.shift();
    if (item === undefined && !this.#driver.isOver) return;
    this.#takeWaiter();
    if (item === undefined) waiter.resolve(undefined);
    else if (isEvent(item, waiter.yieldsLosses)) waiter.resolve(item);
    else this.#reject(waiter, item);
  }

  #reject(waiter: Waiter, item: DisconnectedEvent | FatalItem): void {
    this.#lastDisconnected = item.type === "disconnected" ? item : undefined;
    waiter.reject(item.error);
  }

  #takeWaiter(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#driver.isPolled = false;
    return waiter;
  }
}

function anotherPollError(): Error {
  return new Error("Cannot poll: another poll is pending");
}

function resultOf<T>(value: T | undefined): IteratorResult<T> {
  return value === undefined ? { done: true, value } : { done: false, value };
}

/** Whether an item is told as an event; otherwise a poll rejects. */
function isEvent(item: LoopItem, yieldsLosses: boolean): item is Event {
  return item.type !== "fatal" && (yieldsLosses || item.type !== "disconnected");
}
