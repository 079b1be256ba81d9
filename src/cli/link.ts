// A client of the command line: polled from the start, reconnecting by the rules of a command, and ended in order.
//
// Theory of operation. The event loop is polled for as long as it lives, so that it pings and reconnects whatever the command is at.
// What it tells goes to the command's handler, batch by batch. A handler may return a promise: until it resolves, what arrives waits
// undecoded, which holds the server back.
import { AsyncClient } from "../client/mod.ts";
import {
  ConnectionLostError,
  type DisconnectedEvent,
  DisconnectTimeoutError,
  type Event,
  type EventLoop,
  type FailureContext,
  type MqttOptions,
} from "../loop/mod.ts";
import { nameFlags } from "./connection_options.ts";
import type { Log } from "./log.ts";
import { UsageError } from "./usage_error.ts";

/** Handles events in the order they happened. Nothing arrives until the promise has resolved, which must not reject. */
export type EventHandler = (events: readonly Event[], client: AsyncClient) => Promise<void> | undefined;

/** How a link is made. */
export interface LinkOptions {
  /** The options of the client. */
  readonly client: MqttOptions;
  /** Consecutive failed attempts after which a lost connection is given up; 0 never reconnects. */
  readonly reconnectAttempts: number;
  /** Where losses and packets are told. */
  readonly log: Log;
  /** What tells this client from others in the log. */
  readonly name?: string;
  /** Handles events. */
  readonly handle?: EventHandler;
}

/** How long a client may take to finish what it has begun, in milliseconds. */
export const GRACE_MILLIS: number = 5000;

/** A client and the polling of its event loop. */
export class Link {
  /** The handle. */
  readonly client: AsyncClient;
  /** The loop; the link alone polls it. */
  readonly eventLoop: EventLoop;
  /** Resolves when the loop is done; rejects with what made it give up. */
  readonly done: Promise<void>;
  readonly #options: LinkOptions;
  readonly #stopped = Promise.withResolvers<void>();
  #isStopped = false;
  #hasConnected = false;

  /**
   * Starts polling.
   *
   * @param options How.
   * @throws {UsageError} If an option of the client is not valid.
   * @throws {UnsupportedOptionError} If this runtime cannot honour one.
   */
  constructor(options: LinkOptions) {
    this.#options = options;
    const { client, eventLoop } = createPair(options);
    this.client = client;
    this.eventLoop = eventLoop;
    this.done = this.#poll().catch((error) => {
      throw this.#reasonOf(error);
    });
    // Whoever waits for it is told; nobody has to.
    this.done.catch(() => {});
  }

  /** Whether a server has accepted the client at least once. */
  get hasConnected(): boolean {
    return this.#hasConnected;
  }

  /** Whether the loop is done. */
  get isDone(): boolean {
    return this.eventLoop.diagnostics().isDone;
  }

  /** Rejects with what made the client give up; never resolves. */
  get lost(): Promise<never> {
    return this.done.then(() => new Promise<never>(() => {}));
  }

  /**
   * Ends the connection in order: the handler sees no more events, what was begun is finished, DISCONNECT is sent.
   *
   * @returns Whether there was time enough to finish it. Never rejects: what made the loop give up is told by `done`.
   */
  async close(): Promise<boolean> {
    this.#stop();
    await this.client.disconnectWithTimeout(GRACE_MILLIS);
    return await this.done.then(() => true, (error) => !(error instanceof DisconnectTimeoutError));
  }

  /** Ends the connection by DISCONNECT without finishing anything. */
  async drop(): Promise<void> {
    this.#stop();
    await this.client.disconnectNow();
    await this.done.catch(() => {});
  }

  #stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
    this.eventLoop.releaseIncoming();
  }

  async #poll(): Promise<void> {
    const { handle, log, name } = this.#options;
    for await (const batch of this.eventLoop.batches()) {
      for (const event of batch) {
        log.event(event, name);
        if (event.type === "connected") this.#hasConnected = true;
        if (event.type === "disconnected") this.#tellLoss(event);
      }
      // Whoever wants to be told everything, and does not listen, holds up everything.
      if (log.isFull) await Promise.race([log.flushed(), this.#stopped.promise]);
      const handled = this.#isStopped ? undefined : handle?.(batch, this.client);
      if (handled !== undefined) void this.#holdWhile(handled);
    }
  }

  async #holdWhile(pending: Promise<void>): Promise<void> {
    this.eventLoop.holdIncoming();
    await pending;
    this.eventLoop.releaseIncoming();
  }

  /** A connection that does not come back is a failure, in whatever way the last attempt failed. */
  #reasonOf(error: unknown): unknown {
    if (!this.#hasConnected || !(error instanceof ConnectionLostError)) return error;
    return new Error(error.message, { cause: error });
  }

  #tellLoss({ error, retryInMillis, flap }: DisconnectedEvent): void {
    const { log } = this.#options;
    log.note(`${error.message}; trying again in ${(retryInMillis / 1000).toFixed(1)} s`);
    if (flap === undefined) return;
    const cause = {
      "client-id-in-use": "another client may have the same Client Identifier; see --client-id",
      "publish-refused": "the server may not want what is published",
      "incoming-packet-too-large": "the server sends a packet that is too large",
      "server-at-fault": "the server breaks the protocol",
    }[flap.likelyCause];
    log.note(`The connection was lost ${flap.losses} times right after it was accepted: ${cause}`);
  }
}

function createPair({ client, reconnectAttempts }: LinkOptions): { client: AsyncClient; eventLoop: EventLoop } {
  // Who has never been connected tries every address once: a server that is not there is a mistake, and told as one.
  const giveUpOn = (_error: unknown, { attempts, hasConnected, untriedBrokers }: FailureContext): boolean =>
    hasConnected ? attempts >= reconnectAttempts : untriedBrokers === 0;
  const reconnect = reconnectAttempts === 0 ? false : { giveUpOn };
  try {
    return AsyncClient.create({ reconnect, ...client });
  } catch (error) {
    // An option that this runtime cannot honour is told as it is.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    const [, subject, state] = /^Cannot use (.*?): (.*)$/.exec(nameFlags(error.message)) ?? [];
    throw new UsageError(subject ?? "these options", state ?? error.message);
  }
}
