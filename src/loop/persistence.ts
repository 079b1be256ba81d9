// Sees to it that what a client promises is kept by a session store before it is promised.
//
// Theory of operation. What has to be kept gathers in the journal; a commit takes all of it, so that one turn of the loop, or as many
// requests as come at a time, make one commit. One commit is under way at a time; what comes meanwhile goes with the next. Three things
// wait: callers who publish, for `whenDurable`; the bytes of a turn, for the promise that `commit` gives; and what has arrived at QoS 2,
// for `holdsEvents` to end. A store that fails once is not asked again: what it has is a state from which another client can go on.
import type { PacketId } from "../codec/mod.ts";
import type { Session } from "../session/mod.ts";
import type { RestoredSession, SessionJournal } from "../store/mod.ts";
import { SessionStoreError } from "./error.ts";
import { Gatherer } from "./gatherer.ts";
import type { Observer } from "./observer.ts";
import type { SessionStore } from "./options.ts";
import type { PublishRequest, RequestJournal } from "./request.ts";
import type { RequestChannel } from "./request_channel.ts";

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

/** Keeps the session of one client. */
export class Persistence implements RequestJournal {
  readonly #options: PersistenceOptions;
  readonly #session: Session;
  readonly #channel: RequestChannel;
  readonly #handleProgress: () => void;
  readonly #gatherer: Gatherer;
  /** Known once the session is loaded. */
  #journal: SessionJournal | undefined;
  #isOpening = false;
  #restored: RestoredSession | undefined;
  #failure: SessionStoreError | undefined;
  /** Publishes that came before the session was loaded. */
  #early: PublishRequest[] = [];
  readonly #known: WeakSet<PublishRequest> = new WeakSet();
  /** Settles with the commit that takes what is in the journal now. */
  #next: PromiseWithResolvers<void> | undefined;
  /** Settles with the commit that is under way. */
  #current: Promise<void> | undefined;
  #nextHoldsEvents = false;
  #currentHoldsEvents = false;
  #commits = 0;
  #setAside = 0;

  /**
   * @param options What has to be known of the client.
   * @param session The session that is kept.
   * @param channel Where requests wait.
   * @param handleProgress Called when the session is loaded, a commit that did not end at once is done, or the store has failed.
   */
  constructor(options: PersistenceOptions, session: Session, channel: RequestChannel, handleProgress: () => void) {
    this.#options = options;
    this.#session = session;
    this.#channel = channel;
    this.#handleProgress = handleProgress;
    this.#gatherer = new Gatherer(channel, () => void this.commit());
    session.recordChanges();
    channel.journal = this;
  }

  /** Why nothing can be kept any more. */
  get failure(): SessionStoreError | undefined {
    return this.#failure;
  }

  /** Whether the session is not loaded yet. */
  get isLoading(): boolean {
    return this.#journal === undefined;
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

  /**
   * Takes up what an earlier process has left, if that was not done; messages that the session had not admitted wait in the channel
   * again.
   *
   * @param observer Who is told.
   * @returns Whether it is done; if not, the session is being loaded.
   */
  tryRestore(observer: Observer): boolean {
    this.#open();
    const restored = this.#restored;
    this.#restored = undefined;
    if (restored === undefined) return this.#journal !== undefined;
    observer.handleRestored(restored);
    this.#session.restore(restored.state);
    const requests = restored.queued.map(({ number, ...message }): PublishRequest => ({
      kind: "publish",
      order: number - this.#journal!.firstNumber,
      caller: undefined,
      preparedTopic: undefined,
      completion: undefined,
      ...message,
    }));
    for (const request of requests) this.#known.add(request);
    this.#channel.restore(requests);
    return true;
  }

  enqueue(request: PublishRequest): void {
    if (this.#known.has(request) || this.#failure !== undefined) return;
    this.#known.add(request);
    this.#expectCommit();
    if (this.#journal === undefined) {
      this.#early.push(request);
      return this.#open();
    }
    this.#recordMessage(this.#journal, request);
    this.#gatherer.start();
  }

  withdraw(request: PublishRequest): void {
    this.#early = this.#early.filter((other) => other !== request);
    this.#journal?.recordWithdrawal(this.#numberOf(this.#journal, request));
    if (this.#journal !== undefined) this.#gatherer.start();
  }

  async whenDurable(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#collect();
    if (this.#next !== undefined) this.#gatherer.start();
    await (this.#next?.promise ?? this.#current);
  }

  /** The session has admitted a publish. */
  handleAdmitted(request: PublishRequest, packetId: PacketId): void {
    if (packetId === 0 || this.#journal === undefined) return;
    this.enqueue(request);
    this.#journal.recordAdmission(packetId, this.#numberOf(this.#journal, request));
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
    const journal = this.#journal;
    if (journal === undefined) return this.#next?.promise;
    this.#collect();
    if (this.#current !== undefined) return this.#next?.promise ?? this.#current;
    if (!journal.isEmpty) return this.#startCommit(journal);
    this.#next?.resolve();
    this.#next = undefined;
    return undefined;
  }

  /** Begins to load the session, unless that was done. */
  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#load().catch((error) => this.#fail("load-failed", error));
  }

  #startCommit(journal: SessionJournal): Promise<void> | undefined {
    const next = this.#expectCommit();
    this.#next = undefined;
    this.#currentHoldsEvents = this.#nextHoldsEvents;
    this.#nextHoldsEvents = false;
    let done: void | Promise<void>;
    try {
      done = this.#options.store.commit(this.#options.clientId, journal.takeDelta());
    } catch (error) {
      this.#fail("commit-failed", error, next);
      return next.promise;
    }
    if (done === undefined) {
      this.#handleCommitted(next);
      return undefined;
    }
    this.#current = next.promise;
    done.then(() => {
      this.#handleCommitted(next);
      void this.commit();
      this.#handleProgress();
    }, (error) => this.#fail("commit-failed", error, next));
    return next.promise;
  }

  #handleCommitted(committed: PromiseWithResolvers<void>): void {
    this.#commits++;
    this.#current = undefined;
    this.#currentHoldsEvents = false;
    committed.resolve();
  }

  async #load(): Promise<void> {
    const { SessionJournal, SessionMismatchError } = await import("../store/mod.ts");
    const { store, clientId, cleanSession } = this.#options;
    const records = await store.load(clientId);
    const journal = new SessionJournal(clientId);
    try {
      this.#restored = journal.restore(records, { cleanSession });
    } catch (error) {
      return this.#fail(error instanceof SessionMismatchError ? error.reason : "load-failed", error);
    }
    this.#setAside = this.#restored.setAside.length;
    this.#journal = journal;
    for (const request of this.#early) this.#recordMessage(journal, request);
    this.#early = [];
    void this.commit();
    this.#handleProgress();
  }

  /** Takes over what has changed in the session. */
  #collect(): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    for (let change = this.#session.pollChange(); change !== undefined; change = this.#session.pollChange()) {
      journal.recordChange(change);
      this.#expectCommit();
      if (change.type === "incoming-received") this.#nextHoldsEvents = true;
    }
  }

  #recordMessage(journal: SessionJournal, request: PublishRequest): void {
    const { topicName, payload, qos, retain } = request;
    journal.recordMessage({ topicName, payload, qos, retain, number: this.#numberOf(journal, request) });
  }

  /** The number of a message: it goes on where an earlier process stopped, so those that were restored have an order below 0. */
  #numberOf(journal: SessionJournal, { order }: PublishRequest): number {
    return journal.firstNumber + order;
  }

  #expectCommit(): PromiseWithResolvers<void> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#next = Promise.withResolvers<void>();
    // Not everybody waits for it.
    next.promise.catch(() => {});
    return next;
  }

  #fail(reason: SessionStoreError["reason"], cause: unknown, current?: PromiseWithResolvers<void>): void {
    this.#failure ??= new SessionStoreError(reason, cause);
    this.#current = undefined;
    current?.reject(this.#failure);
    this.#next?.reject(this.#failure);
    this.#next = undefined;
    // It may be a turn of the loop that has found it out.
    queueMicrotask(this.#handleProgress);
  }
}

function rejected(error: SessionStoreError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
