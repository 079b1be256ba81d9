// The way to a stored session: what keeps it is loaded when it is first needed, so that nobody who has no session store has the code of
// one, and what is published until then waits here.
import type { Clock } from "./clock.ts";
import { LoopClosedError, SessionStoreError } from "./error.ts";
import type { Persistence, PersistenceDiagnostics, PersistenceOptions } from "./persistence.ts";
import type { Pump } from "./pump.ts";
import type { PublishRequest, RequestJournal } from "./request.ts";
import type { RequestChannel } from "./request_channel.ts";

/** The opening of one stored session. */
export class SessionOpening implements RequestJournal {
  readonly #options: PersistenceOptions;
  readonly #pump: Pump;
  readonly #channel: RequestChannel;
  readonly #handleProgress: () => void;
  #opening: Promise<Persistence> | undefined;
  /** Rejects if the event loop ends before the session is loaded. */
  readonly #closed: PromiseWithResolvers<never> = Promise.withResolvers();
  #isClosed = false;
  #failure: SessionStoreError | undefined;
  readonly #early: Set<PublishRequest> = new Set();

  /**
   * @param options What has to be known of the client.
   * @param pump What goes by what keeps the session, once it is loaded.
   * @param channel Where requests wait.
   * @param handleProgress Called when it is loaded or has failed, and later whenever the store has come on.
   */
  constructor(options: PersistenceOptions, pump: Pump, channel: RequestChannel, handleProgress: () => void) {
    this.#options = options;
    this.#pump = pump;
    this.#channel = channel;
    this.#handleProgress = handleProgress;
    channel.journal = this;
    // Not everybody waits for it.
    this.#closed.promise.catch(() => {});
  }

  /** Why nothing can be kept. */
  get failure(): SessionStoreError | undefined {
    return this.#failure ?? this.#pump.persistence?.failure;
  }

  /** What was done with the store. */
  diagnostics(): PersistenceDiagnostics {
    return this.#pump.persistence?.diagnostics() ??
      { commits: 0, isCommitting: this.#early.size > 0, setAside: 0 };
  }

  /** Begins to load, unless that was done. */
  start(): Promise<Persistence> {
    if (this.#opening !== undefined) return this.#opening;
    this.#opening = this.#load();
    // Whoever polls learns it by `failure`.
    this.#opening.catch(() => {});
    return this.#opening;
  }

  enqueue(request: PublishRequest): void {
    this.#early.add(request);
    void this.start();
  }

  withdraw(request: PublishRequest): void {
    this.#early.delete(request);
  }

  async whenDurable(): Promise<void> {
    const opened = this.#isClosed ? this.#closed.promise : Promise.race([this.start(), this.#closed.promise]);
    await (await opened).whenDurable();
  }

  /** Whether the store has yet to end what is due. */
  get isBusy(): boolean {
    return this.#pump.persistence?.isBusy === true;
  }

  /** Resolves once the store is not busy. Never rejects. */
  async settled(): Promise<void> {
    await this.#pump.persistence?.settled();
  }

  /** The event loop has ended: what is due is still kept, in limited time. A session that is not loaded by now is left as it is. */
  close(clock: Clock): void {
    this.#isClosed = true;
    if (this.#pump.persistence !== undefined) return this.#pump.persistence.close(clock);
    this.#early.clear();
    this.#closed.reject(this.#failure ?? new LoopClosedError("keep a publish"));
  }

  async #load(): Promise<Persistence> {
    try {
      const { openPersistence } = await import("./persistence.ts");
      const persistence = await openPersistence(this.#options, this.#pump.session, this.#channel, this.#handleProgress);
      if (this.#isClosed) return persistence;
      for (const request of this.#early) persistence.enqueue(request);
      this.#channel.journal = persistence;
      return this.#pump.persistence = persistence;
    } catch (error) {
      const failure = error instanceof SessionStoreError ? error : new SessionStoreError("load-failed", error);
      if (!this.#isClosed) this.#failure = failure;
      throw failure;
    } finally {
      this.#early.clear();
      this.#handleProgress();
    }
  }
}
