// What carries a session from connection to connection: it dials, watches the time, and decides what a loss means.
//
// Theory of operation. The driver has five states:
//
//   waiting ─ due → connecting ─ opened → open ─ DISCONNECT sent → closing → done
//      ↑_______ failed __________│ _ lost __│               any ─ closed, gave up → done
//
// `turn` is called when the user polls, and while a poll is pending whenever something happened. It never waits: it does what is
// due, and leaves what happened in `items`. `deadline` says when time alone makes another turn necessary. A request is encoded only
// while no write is under way, so that whatever was taken from the session was handed to the transport in the same turn, and what
// was not is still a request: "sent" has one meaning.
import type { Publish } from "../codec/mod.ts";
import type { Fifo } from "../fifo.ts";
import { Session } from "../session/mod.ts";
import { Attempt } from "./attempt.ts";
import { Connection } from "./connection.ts";
import { closedError, connectionErrorOf, connectTimeoutError } from "./connection_error.ts";
import { type ConnectionError, RequestFailedError, type RequestFailedReason, type SessionStoreError } from "./error.ts";
import { CLOSE_GRACE_MILLIS, Departure } from "./departure.ts";
import { type Closing, type DriverCounters, type DriverState, earlier, type Open } from "./driver_state.ts";
import type { LoopItem } from "./event.ts";
import { FlapDetector } from "./flap.ts";
import { Observer } from "./observer.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Persistence } from "./persistence.ts";
import type { PublishRun } from "./publish_run.ts";
import { Pump } from "./pump.ts";
import { ReconnectSchedule } from "./reconnect_schedule.ts";
import type { DisconnectRequest, Request, RequestConsumer } from "./request.ts";
import type { RequestChannel } from "./request_channel.ts";
import { SessionOpening } from "./session_opening.ts";

/** Carries one session over any number of connections. */
export class Driver implements RequestConsumer {
  /** Counts of what it has been through. */
  readonly counters: DriverCounters = {
    connections: 0,
    failures: 0,
    incomingBytes: 0,
    incomingPackets: 0,
    outgoingBytes: 0,
    outgoingPackets: 0,
  };
  /** The session it carries. */
  readonly session: Session;
  /** Tells others what happens. */
  readonly observer: Observer;
  /** The way to the stored session, if there is one. */
  readonly opening: SessionOpening | undefined;
  /** Whether a poll is pending, so that what happens is acted on at once. */
  isPolled = false;
  #options: ResolvedOptions;
  readonly #channel: RequestChannel;
  readonly #pump: Pump;
  readonly #wake: () => void;
  readonly #wakeForOutgoing: () => void;
  readonly #schedule: ReconnectSchedule;
  readonly #flaps: FlapDetector;
  #state: DriverState = { type: "waiting" };
  /** The address of the last connection. */
  #label = "";
  /** What of the session store is told, or will be. */
  #storeFailure: SessionStoreError | undefined;
  readonly #departure: Departure = new Departure();

  /**
   * @param options The options.
   * @param channel Where requests come from.
   * @param wake Called when a turn is due, other than by `deadline`.
   * @param wakeForOutgoing Called when a turn is due to send something; more to send may follow at once.
   */
  constructor(options: ResolvedOptions, channel: RequestChannel, wake: () => void, wakeForOutgoing: () => void) {
    this.#options = options;
    this.#channel = channel;
    this.#wake = wake;
    this.#wakeForOutgoing = wakeForOutgoing;
    this.session = new Session(options);
    this.observer = new Observer(options);
    this.#pump = new Pump(this.session, channel);
    const { sessionStore: store, clientId, cleanSession } = options;
    this.opening = store && new SessionOpening({ store, clientId, cleanSession }, this.#pump, channel, wake);
    this.#schedule = new ReconnectSchedule(options.reconnect, options.random);
    this.#flaps = new FlapDetector(() =>
      this.#options.reconnect === false ? 0 : this.#options.reconnect.resetAfterMillis
    );
    this.configure(options);
    channel.attach(this);
  }

  /** What waits to be polled. */
  get items(): Fifo<LoopItem> {
    return this.#pump.items;
  }

  /** Whether it has ended for good. */
  get isDone(): boolean {
    return this.#state.type === "done";
  }

  /** Whether nothing follows any more: it has ended for good, and the session store has done its part. */
  get isOver(): boolean {
    return this.isDone && this.opening?.isBusy !== true;
  }

  /** How many tracked requests await their end in the session. */
  get pendingCompletions(): number {
    return this.#pump.completions.size;
  }

  /** Takes other options; the next attempt goes by them, the next publish by its limits. */
  configure(options: ResolvedOptions): void {
    this.#options = options;
    this.observer.configure(options);
    // What waits as bytes can neither be counted one by one nor be told of.
    this.#channel.makesRuns = options.onPacket === undefined && options.throttle === undefined;
    this.#pump.limit(options.throttle, options.clock);
    this.#schedule.configure(options.reconnect, options.brokers);
    // More publishes may go than before.
    this.handleRequest();
  }

  /** When the next turn is due if nothing happens before; `undefined` if time changes nothing. */
  get deadline(): number | undefined {
    const state = this.#state;
    if (state.type === "done") return undefined;
    if (state.type === "closing" && state.isShutDown) return state.deadline;
    return earlier(this.#nextDue(state), this.#departure.deadline);
  }

  /** Does all that is due now. */
  turn(): void {
    const now = this.#options.clock.now();
    while (this.#step(now)) {
      // The state has changed, and what it has changed to may have something to do.
    }
  }

  /** A timer has fired, so everything else in the process has had its turn. */
  handleTimer(): void {
    if (this.#state.type === "open") this.#state.connection.breathe();
  }

  /** Lets what arrives wait undecoded, or no longer. Everything else goes on. */
  set holdsIncoming(holds: boolean) {
    this.#pump.isHeld = holds;
  }

  /** Drops the connection, or the attempt, without DISCONNECT. The session stays, and the next turn may connect anew. */
  clean(): void {
    if (this.#state.type === "done" || this.#state.type === "closing") return;
    this.#dropConnection();
    this.#schedule.reset();
    this.#state = { type: "waiting" };
  }

  /** Ends for good without DISCONNECT. */
  close(): void {
    if (this.#state.type === "done") return;
    this.#finish("loop-closed");
    this.#takeStoreFailure();
  }

  handleRequest(): void {
    // While a write is under way nothing can be sent, and its end will wake the loop.
    if (this.#state.type === "open" && this.#state.connection.canEncode) this.#wakeForOutgoing();
  }

  handleDisconnect(request: DisconnectRequest): void {
    if (this.#state.type === "done" || !this.#departure.ask(request, this.#options.clock.now())) return;
    if (request.mode === "now") this.session.disconnectNow();
    else this.#pump.drain();
    this.#wake();
  }

  canTake(request: Request | PublishRun): boolean {
    const state = this.#state;
    if (!this.isPolled || state.type !== "open" || !state.connection.canEncode) return false;
    return this.#pump.canTake(request);
  }

  acknowledge(publish: Publish): boolean {
    const isAcknowledged = this.session.acknowledge(publish);
    if (isAcknowledged) this.handleRequest();
    return isAcknowledged;
  }

  cancel(request: Request): void {
    const known = this.#pump.completions.cancel(request);
    if (known !== undefined) this.session.forget(known.packetId, known.token);
  }

  /** What must be safe before anything is sent or told; `undefined` without a session store, and until it has given the session. */
  get #persistence(): Persistence | undefined {
    return this.#pump.persistence;
  }

  /** Whether the session store has yet to give the session. */
  get #isOpening(): boolean {
    return this.opening !== undefined && this.#persistence === undefined;
  }

  get #canEndOffline(): boolean {
    return this.#departure.canEndOffline(this.#pump.owesAnything);
  }

  #nextDue(state: Exclude<DriverState, { type: "done" }>): number | undefined {
    if (state.type === "closing") return state.deadline;
    // The session store says when it has done its part.
    if (this.#isOpening || this.#persistence?.holdsEvents) return undefined;
    if (state.type === "waiting") return this.#schedule.next(this.#options.clock.now()).at;
    if (state.type === "connecting" || this.session.phase !== "connected") return state.connectBy;
    return state.connection.mustBreathe
      ? this.#options.clock.now()
      : earlier(this.session.pollTimeout(), this.#pump.heldUntil);
  }

  /** One step of a turn. @returns Whether another one is due at once. */
  #step(now: number): boolean {
    const state = this.#state;
    if (this.#takeStoreFailure()) return false;
    if (state.type === "done") return false;
    if (state.type === "closing") return this.#stepClosing(state, now);
    if (state.type === "open") return this.#stepOpen(state, now);
    if (this.#canEndOffline) return this.#finish("disconnected");
    if (this.#departure.isOverdue(now)) return this.#handleOverdue();
    // A connection that was dropped has left what waited for a commit.
    if (this.#persistence?.holdsEvents === false) this.#takeEvents(now);
    return state.type === "waiting"
      ? this.#stepWaiting(now)
      : this.#stepConnecting(state.attempt, state.connectBy, now);
  }

  #stepWaiting(now: number): boolean {
    if (this.#isOpening) return void this.opening?.start(), false;
    this.#persistence?.restore(this.observer);
    const { address, at } = this.#schedule.next(now);
    if (now < at) return false;
    const options = this.#options;
    this.#schedule.handleAttempt(now);
    this.session.configure(options);
    this.observer.handleAttempt(address.label, this.#schedule.attempts);
    const connection = new Connection(
      options.maxIncomingPacketSize,
      this.counters,
      this.#wake,
      this.#wakeForOutgoing,
      this.observer.packetTap,
    );
    const attempt = new Attempt(options, address, this.#schedule.attempts, connection, this.#wake);
    this.#state = { type: "connecting", attempt, connectBy: now + options.connectTimeoutMillis };
    return false;
  }

  #stepConnecting(attempt: Attempt, connectBy: number, now: number): boolean {
    const { outcome, connection, label } = attempt;
    if (outcome?.type === "failed") return this.#handleFailure(outcome.error, now);
    if (outcome === undefined) return now >= connectBy && this.#handleLate(label, now);
    this.session.handleOpen(outcome.connect, now);
    this.#label = label;
    this.#state = { type: "open", connection, label, connectBy, failure: undefined };
    return true;
  }

  #stepOpen(state: Open, now: number): boolean {
    const { connection } = state;
    if (!this.#isSecure) return this.#departure.isOverdue(now) && this.#handleOverdue();
    // A flood must not keep from being told what is kept by now.
    if (this.#persistence !== undefined) this.#takeEvents(now);
    this.#receive(state, now);
    if (!this.#isSecure) return this.#persistence?.failure !== undefined;
    this.#takeEvents(now);
    if (state.failure !== undefined) return this.#handleFailure(state.failure, now);
    this.#pump.transmit(connection, this.#options.outgoingEvents, now);
    // That a message has ended can wait for the commit of the next that leaves: whoever does not know it repeats what is harmless.
    if (this.#channel.isEmpty) void this.#persistence?.commit();
    if (this.session.phase === "ended") {
      this.#state = {
        type: "closing",
        connection,
        isShutDown: false,
        deadline: now + this.#options.connectTimeoutMillis,
      };
      return true;
    }
    if (this.#departure.isOverdue(now)) return this.#handleOverdue();
    if (connection.hasUndecoded) return this.items.length === 0 && this.#pump.canReceive(connection);
    if (connection.closed !== undefined) {
      return this.#handleFailure(closedError(connection.closed.error, state.label), now);
    }
    const isLate = this.session.phase === "connecting" && now >= state.connectBy;
    return isLate && this.#handleLate(state.label, now);
  }

  /** Whether everything that has arrived may be told; what has to be kept for that is being kept otherwise. */
  get #isSecure(): boolean {
    this.#persistence?.secureIncoming();
    return this.#persistence?.holdsEvents !== true;
  }

  #receive(state: Open, now: number): void {
    if (state.failure !== undefined) return;
    try {
      this.#pump.receive(state.connection, now);
      this.session.handleTimeout(now);
    } catch (error) {
      state.failure = connectionErrorOf(error, state.label);
    }
  }

  #takeEvents(now: number): void {
    const accepted = this.#pump.takeEvents();
    if (accepted === undefined) return;
    this.observer.handleConnected(this.#label, accepted.sessionPresent);
    this.observer.handleSessionLost(this.session.diagnostics().sessionLostFailures);
    this.counters.connections++;
    this.#schedule.handleConnected(now);
    this.#flaps.handleConnected(now);
  }

  /** DISCONNECT was handed out: once it has left, the sending side is ended, and the server has a moment to close its own. */
  #stepClosing(state: Closing, now: number): boolean {
    const { connection } = state;
    if (!state.isShutDown && connection.isFlushed) {
      state.isShutDown = true;
      state.deadline = now + CLOSE_GRACE_MILLIS;
      connection.shutdown();
    }
    if (!state.isShutDown && this.#departure.isOverdue(now)) return this.#handleOverdue();
    return (connection.closed !== undefined || now >= state.deadline) && this.#finish("disconnected");
  }

  #handleOverdue(): boolean {
    const error = this.#departure.overdueError();
    if (error !== undefined) this.items.push({ type: "fatal", error });
    return this.#finish("disconnected", error);
  }

  #handleLate(label: string, now: number): boolean {
    return this.#handleFailure(connectTimeoutError(label, this.#options.connectTimeoutMillis), now);
  }

  /** An attempt failed or a connection was lost. @returns Whether another step is due at once. */
  #handleFailure(error: ConnectionError, now: number): boolean {
    this.#dropConnection();
    this.counters.failures++;
    const flap = this.#flaps.handleLost(error, this.session.hasUnacknowledgedPublish, now);
    if (this.#canEndOffline) return this.#finish("disconnected");
    this.#state = { type: "waiting" };
    let isRetried: boolean;
    try {
      isRetried = this.#schedule.handleFailure(error, now);
    } catch (thrown) {
      // What the user's own `giveUpOn` throws is told, and decides nothing.
      this.items.push({ type: "fatal", error: thrown as Error });
      return false;
    }
    if (isRetried) {
      const retryInMillis = Math.max(0, this.#schedule.next(now).at - now);
      this.items.push({ type: "disconnected", error, retryInMillis, flap });
      this.observer.handleDisconnected(error, retryInMillis, flap);
      return false;
    }
    this.items.push({ type: "fatal", error });
    return this.#finish("loop-closed", error);
  }

  #dropConnection(): void {
    const state = this.#state;
    if (state.type === "connecting") state.attempt.abort();
    else if (state.type === "open" || state.type === "closing") state.connection.destroy();
    this.session.handleClose();
    this.#pump.completions.handleConnectionLost();
  }

  /** The session store may have failed since this was last asked. @returns Whether it has; it is told, and the end of all. */
  #takeStoreFailure(): boolean {
    const failure = this.opening?.failure;
    if (failure === undefined || failure === this.#storeFailure) return false;
    this.#storeFailure = failure;
    this.items.push({ type: "fatal", error: failure });
    return this.isDone || !this.#finish("persistence", failure);
  }

  /** Ends for good: every request that is left fails. @returns `false`: no step follows. */
  #finish(reason: RequestFailedReason, cause?: Error): boolean {
    this.#dropConnection();
    this.opening?.close(this.#options.clock);
    // What is kept, or waits to be told only for that, will be known to the next client, so it is told now or never.
    if (this.#persistence !== undefined && this.#persistence.failure === undefined) this.#pump.takeEvents();
    this.observer.handleClosed(cause);
    this.#state = { type: "done" };
    for (const request of this.#channel.close()) {
      // What a session store has kept is sent by the next client.
      const isKept = this.#persistence !== undefined && request.kind === "publish" && request.qos > 0;
      request.completion?.reject(new RequestFailedError(request.kind, reason, isKept, cause));
    }
    this.#pump.completions.failAll(reason, cause);
    return false;
  }
}
