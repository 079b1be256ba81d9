// Sees to it that what a client promises is kept by a session store before it is promised.
//
// Theory of operation. What has to be kept gathers in the journal; a commit takes all of it, so that one turn of the loop, or as many
// requests as come at a time, make one commit. One commit is under way at a time; what comes meanwhile goes with the next. Three things
// wait: callers who publish, for `whenDurable`; the bytes of a turn, for the promise that `commit` gives; and what has arrived at QoS 2,
// for `holdsEvents` to end. A store that fails once is not asked again: what it has is a state from which another client can go on.
import type { PacketId } from "../codec/mod.ts";
import type { Session } from "../session/mod.ts";
import { type RestoredSession, SessionJournal, SessionMismatchError } from "../store/mod.ts";
import type { Clock } from "./clock.ts";
import { SessionStoreError } from "./error.ts";
import { Gatherer } from "./gatherer.ts";
import type { Observer } from "./observer.ts";
import type { SessionStore } from "./options.ts";
import type { PublishRequest, RequestJournal } from "./request.ts";
import type { RequestChannel } from "./request_channel.ts";

/** How long the store has to end what is due once the event loop has ended, in milliseconds. */
const STORE_GRACE_MILLIS = 5000;

/** What is done with the session store. */
export interface PersistenceDiagnostics {
  /** Changes it has made. */
  readonly commits: number;
  /** Whether one is under way, or due. */
  readonly isCommitting: boolean;
  /** Records that could not be used. */
  readonly setAside: number;
}

/** What has to be known of a client. */
export interface PersistenceOptions {
  /** Where the session is kept. */
  readonly store: SessionStore;
  /** Whose session it is. */
  readonly clientId: string;
  /** Whether the server forgets it at each connection. */
  readonly cleanSession: boolean;
}

/**
 * Loads a session, and what keeps it.
 *
 * @param options What has to be known of the client.
 * @param session The session that is kept.
 * @param channel Where requests wait.
 * @param handleProgress Called when a commit that did not end at once is done, or the store has failed.
 * @throws {SessionStoreError} If it cannot be loaded, or must not be touched.
 */
export async function openPersistence(
  options: PersistenceOptions,
  session: Session,
  channel: RequestChannel,
  handleProgress: () => void,
): Promise<Persistence> {
  const { store, clientId, cleanSession } = options;
  const journal = new SessionJournal(clientId);
  try {
    const restored = journal.restore(await store.load(clientId), { cleanSession });
    return new Persistence(options, session, channel, handleProgress, journal, restored);
  } catch (error) {
    throw new SessionStoreError(error instanceof SessionMismatchError ? error.reason : "load-failed", error);
  }
}

/** Keeps the session of one client. */
export class Persistence implements RequestJournal {
  readonly #options: PersistenceOptions;
  readonly #session: Session;
  readonly #channel: RequestChannel;
  readonly #handleProgress: () => void;
  readonly #gatherer: Gatherer;
  readonly #journal: SessionJournal;
  /** What an earlier process has left, until it is taken up. */
  #restored: RestoredSession | undefined;
  #failure: SessionStoreError | undefined;
  readonly #known: WeakSet<PublishRequest> = new WeakSet();
  /** Settles with the commit that takes what is in the journal now. */
  #next: PromiseWithResolvers<void> | undefined;
  /** Settles with the commit that is under way. */
  #current: PromiseWithResolvers<void> | undefined;
  #nextHoldsEvents = false;
  #currentHoldsEvents = false;
  #commits = 0;
  readonly #setAside: number;

  /**
   * `openPersistence` makes it.
   *
   * @param options What has to be known of the client.
   * @param session The session that is kept.
   * @param channel Where requests wait.
   * @param handleProgress Called when a commit that did not end at once is done, or the store has failed.
   * @param journal The journal, which has seen what the store has.
   * @param restored What it made of that.
   */
  constructor(
    options: PersistenceOptions,
    session: Session,
    channel: RequestChannel,
    handleProgress: () => void,
    journal: SessionJournal,
    restored: RestoredSession,
  ) {
    this.#options = options;
    this.#session = session;
    this.#channel = channel;
    this.#handleProgress = handleProgress;
    this.#journal = journal;
    this.#restored = restored;
    this.#setAside = restored.setAside.length;
    this.#gatherer = new Gatherer(channel, () => void this.commit());
    session.recordChanges();
  }

  /** Why nothing can be kept any more. */
  get failure(): SessionStoreError | undefined {
    return this.#failure;
  }

  /** Whether something has arrived that may be told only once it is kept. */
  get holdsEvents(): boolean {
    return this.#nextHoldsEvents || this.#currentHoldsEvents;
  }

  /** What was done with the store. */
  diagnostics(): PersistenceDiagnostics {
    const isCommitting = this.#next !== undefined || this.#current !== undefined;
    return { commits: this.#commits, isCommitting, setAside: this.#setAside };
  }

  /** Takes up what an earlier process has left, if that was not done; messages that it had not sent wait in the channel again. */
  restore(observer: Observer): void {
    const restored = this.#restored;
    if (restored === undefined) return;
    this.#restored = undefined;
    tell(restored, observer);
    this.#session.restore(restored.state);
    const requests = restored.queued.map(({ number, ...message }): PublishRequest => ({
      kind: "publish",
      order: number - this.#journal.firstNumber,
      caller: undefined,
      preparedTopic: undefined,
      completion: undefined,
      ...message,
    }));
    for (const request of requests) this.#known.add(request);
    this.#channel.restore(requests);
  }

  enqueue(request: PublishRequest): void {
    if (this.#known.has(request) || this.#failure !== undefined) return;
    this.#known.add(request);
    const { topicName, payload, qos, retain } = request;
    this.#journal.recordMessage({ topicName, payload, qos, retain, number: this.#numberOf(request) });
    this.#expectCommit();
    this.#gatherer.start();
  }

  withdraw(request: PublishRequest): void {
    this.#journal.recordWithdrawal(this.#numberOf(request));
    this.#gatherer.start();
  }

  async whenDurable(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#collect();
    if (this.#next !== undefined) this.#gatherer.start();
    await (this.#next ?? this.#current)?.promise;
  }

  /** Whether a commit is under way. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Resolves once no commit is under way, and none follows from what was asked for. Never rejects. */
  async settled(): Promise<void> {
    while (this.#current !== undefined) await this.#current.promise.catch(() => {});
  }

  /** The event loop has ended: what is due is still kept, in limited time. */
  close(clock: Clock): void {
    void this.commit();
    if (!this.isBusy) return;
    const handleTimer = (): void => {
      const state =
        `the session store has not ended a change within ${STORE_GRACE_MILLIS} ms of the end of the event loop`;
      this.#fail(new SessionStoreError("commit-timeout", new Error(state)));
    };
    void this.settled().then(clock.schedule(handleTimer, STORE_GRACE_MILLIS));
  }

  /** The session has admitted a publish. */
  handleAdmitted(request: PublishRequest, packetId: PacketId): void {
    if (packetId === 0) return;
    this.enqueue(request);
    this.#journal.recordAdmission(packetId, this.#numberOf(request));
    this.#collect();
  }

  /** Packets have arrived: what must be kept of them is to be kept before they are told. */
  secureIncoming(): void {
    this.#collect();
    if (this.#nextHoldsEvents) this.commit();
  }

  /**
   * Lets everything so far be kept.
   *
   * @returns `undefined` if it is; otherwise a promise that resolves once it is, and rejects if it cannot be.
   */
  commit(): Promise<void> | undefined {
    if (this.#failure !== undefined) return rejected(this.#failure);
    this.#collect();
    if (this.#current !== undefined) return (this.#next ?? this.#current).promise;
    if (!this.#journal.isEmpty) return this.#startCommit();
    this.#next?.resolve();
    this.#next = undefined;
    return undefined;
  }

  #startCommit(): Promise<void> | undefined {
    const next = this.#expectCommit();
    this.#next = undefined;
    this.#currentHoldsEvents = this.#nextHoldsEvents;
    this.#nextHoldsEvents = false;
    let done: void | Promise<void>;
    try {
      done = this.#options.store.commit(this.#options.clientId, this.#journal.takeDelta());
    } catch (error) {
      this.#current = next;
      this.#fail(new SessionStoreError("commit-failed", error));
      return next.promise;
    }
    if (done === undefined) {
      this.#handleCommitted(next);
      return undefined;
    }
    this.#current = next;
    done.then(() => {
      this.#handleCommitted(next);
      void this.commit();
      this.#handleProgress();
    }, (error) => this.#fail(new SessionStoreError("commit-failed", error)));
    return next.promise;
  }

  #handleCommitted(committed: PromiseWithResolvers<void>): void {
    this.#commits++;
    this.#current = undefined;
    this.#currentHoldsEvents = false;
    committed.resolve();
  }

  /** Takes over what has changed in the session. */
  #collect(): void {
    for (let change = this.#session.pollChange(); change !== undefined; change = this.#session.pollChange()) {
      this.#journal.recordChange(change);
      this.#expectCommit();
      if (change.type === "incoming-received") this.#nextHoldsEvents = true;
    }
  }

  /** The number of a message: it goes on where an earlier process stopped, so those that were restored have an order below 0. */
  #numberOf({ order }: PublishRequest): number {
    return this.#journal.firstNumber + order;
  }

  #expectCommit(): PromiseWithResolvers<void> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#next = Promise.withResolvers<void>();
    // Not everybody waits for it.
    next.promise.catch(() => {});
    return next;
  }

  #fail(failure: SessionStoreError): void {
    // A change that was given up may end all the same.
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#current?.reject(failure);
    this.#next?.reject(failure);
    this.#current = this.#next = undefined;
    // It may be a turn of the loop that has found it out.
    queueMicrotask(this.#handleProgress);
  }
}

/** Tells what a session store has given, and what of it cannot be used. */
function tell({ state, queued, setAside }: RestoredSession, observer: Observer): void {
  const attributes = {
    queued: queued.length,
    publishes: state.publishes.length,
    releases: state.releases.length,
    incoming: state.incoming.length,
    subscriptions: state.subscriptions.length,
  };
  const messages = attributes.queued + attributes.publishes + attributes.releases;
  if (messages + attributes.incoming + attributes.subscriptions > 0) {
    const message = `Restored the session, with ${messages} unfinished messages`;
    observer.handleStored("session-restored", message, attributes);
  }
  for (const { id, fault } of setAside) {
    const message = `Set stored record "${id}" aside: ${fault}`;
    observer.handleStored("record-set-aside", message, { record: id, fault });
  }
}

function rejected(error: SessionStoreError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
