// A client whose event loop is polled in the background, and what it has seen: what most tests against a server begin with.

import {
  AsyncClient,
  type ConnectionError,
  type Event,
  type EventLoop,
  type MqttOptions,
  type Publish,
  type QoS,
} from "../../mod.ts";

/** A wait of a test that takes longer than this has failed. */
const LIMIT_MILLIS = 10_000;

/** A client that is polled in the background. */
export class PolledClient implements AsyncDisposable {
  /** The handle. */
  readonly client: AsyncClient;
  /** The loop; it is being polled. */
  readonly eventLoop: EventLoop;
  /** Every event but messages. */
  readonly events: Event[] = [];
  /** Every message that has come. */
  readonly messages: Publish[] = [];
  /** Every loss. */
  readonly losses: ConnectionError[] = [];
  /** Session Present of every connection that was accepted. */
  readonly sessions: boolean[] = [];
  /** Resolves when the loop is done, and rejects with what it threw. */
  readonly finished: Promise<void>;
  readonly #name: string;
  readonly #watchers: Set<() => void> = new Set();
  #paused: PromiseWithResolvers<void> | undefined;
  #isFinished = false;

  /**
   * Starts polling at once.
   *
   * @param port Where the server listens, at 127.0.0.1.
   * @param options The client's options, besides the address.
   */
  constructor(port: number, options: MqttOptions) {
    const { client, eventLoop } = AsyncClient.create({ broker: `mqtt://127.0.0.1:${port}`, ...options });
    this.client = client;
    this.eventLoop = eventLoop;
    this.#name = options.clientId ?? "client";
    this.finished = this.#poll();
    this.finished.catch(() => {});
  }

  /** Starts a client, and waits until the server has accepted it. */
  static async connect(port: number, options: MqttOptions): Promise<PolledClient> {
    const polled = new PolledClient(port, options);
    await polled.until(() => polled.sessions.length > 0, "accepted");
    return polled;
  }

  /** Waits until something holds that an event makes true. @throws What ended the loop before, or an error after some seconds. */
  async until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return;
    const changed = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds()) changed.resolve();
      else if (this.#isFinished) {
        this.finished.then(() => changed.reject(this.#error(what, "has finished")), changed.reject);
      }
    };
    const limit = setTimeout(() => changed.reject(this.#error(what, `has waited ${LIMIT_MILLIS} ms`)), LIMIT_MILLIS);
    this.#watchers.add(look);
    look();
    try {
      await changed.promise;
    } finally {
      clearTimeout(limit);
      this.#watchers.delete(look);
    }
  }

  /** Waits until this many messages have come in all. @returns All of them. */
  async received(count: number): Promise<readonly Publish[]> {
    await this.until(() => this.messages.length >= count, `sent ${count} messages`);
    return this.messages;
  }

  /** Subscribes, and waits until the server has granted it. */
  async subscribe(topicFilter: string, qos: QoS = 0): Promise<void> {
    await (await this.client.subscribeTracked(topicFilter, qos)).waitCompletion();
  }

  /** Publishes, and waits until it is completed. */
  async publish(topicName: string, payload: Uint8Array | string, qos: QoS = 1, retain = false): Promise<void> {
    await (await this.client.publishTracked(topicName, payload, { qos, retain })).waitCompletion();
  }

  /** Stops polling after the next event. @returns What goes on with it. */
  pause(): () => void {
    const paused = Promise.withResolvers<void>();
    this.#paused = paused;
    return () => paused.resolve();
  }

  /** Disconnects in order, and waits for the end. */
  async disconnect(): Promise<void> {
    await this.client.disconnect();
    await this.finished;
  }

  /** Ends without DISCONNECT, if it has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.eventLoop.close();
    this.#paused?.resolve();
    await this.finished.catch(() => {});
  }

  async #poll(): Promise<void> {
    try {
      for await (const event of this.eventLoop) {
        this.#handleEvent(event);
        const paused = this.#paused;
        if (paused === undefined) continue;
        await paused.promise;
        this.#paused = undefined;
      }
    } finally {
      this.#isFinished = true;
      this.#notify();
    }
  }

  #handleEvent(event: Event): void {
    if (event.type === "incoming" && event.packet.type === "publish") this.messages.push(event.packet);
    else this.events.push(event);
    if (event.type === "connected") this.sessions.push(event.sessionPresent);
    if (event.type === "disconnected") this.losses.push(event.error);
    this.#notify();
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }

  #error(what: string, state: string): Error {
    const seen = `${this.messages.length} messages, ${this.sessions.length} connections`;
    const losses = this.losses.map((error) => error.message).join("; ");
    return new Error(`Cannot go on: ${this.#name} ${state} and was not ${what} (${seen}, losses: ${losses})`);
  }
}

/** The payload of a message as text. */
export function textOf(message: Publish): string {
  return new TextDecoder().decode(message.payload);
}
