// The way to a stored session: what keeps it is loaded when it is first needed, so that nobody who has no session store has the code of
// one, and what is published until then waits here.
import { SessionStoreError } from "./error.ts";
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
    await (await this.start()).whenDurable();
  }

  async #load(): Promise<Persistence> {
    try {
      const { openPersistence } = await import("./persistence.ts");
      const persistence = await openPersistence(this.#options, this.#pump.session, this.#channel, this.#handleProgress);
      for (const request of this.#early) persistence.enqueue(request);
      this.#channel.journal = persistence;
      return this.#pump.persistence = persistence;
    } catch (error) {
      throw this.#failure = error instanceof SessionStoreError ? error : new SessionStoreError("load-failed", error);
    } finally {
      this.#early.clear();
      this.#handleProgress();
    }
  }
}
