// The end of a tracked request as a promise that is only made when somebody asks, so that an unwatched failure is no
// unhandled rejection.
import type { PacketId, Puback, Pubcomp, Suback, Unsuback } from "../codec/mod.ts";
import { SubscribeRefusedError } from "./error.ts";

/** How a tracked publish ended well. */
export type PublishResult =
  | { readonly type: "qos0-flushed" }
  | { readonly type: "qos1-acknowledged"; readonly packet: Puback }
  | { readonly type: "qos2-completed"; readonly packet: Pubcomp };

/** Limits of a wait. */
export interface WaitOptions {
  /** Ends the wait, not the request, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The end of one request: settled once, by the event loop.
 *
 * @internal
 */
export class Completion<T> {
  /** The Packet Identifier of the request; 0 until it is assigned, and for QoS 0. */
  packetId: PacketId = 0;
  /** Called once when it ends. */
  onSettled: (() => void) | undefined;
  #state: "pending" | "fulfilled" | "rejected" = "pending";
  #value: T | undefined;
  #error: unknown;
  #waiters: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];

  /** Whether it has ended, in whatever way. */
  get isSettled(): boolean {
    return this.#state !== "pending";
  }

  /** Ends it with its result; later ends are ignored. */
  resolve(value: T): void {
    if (this.#state !== "pending") return;
    this.#state = "fulfilled";
    this.#value = value;
    for (const waiter of this.#waiters) waiter.resolve(value);
    this.#waiters = [];
    this.onSettled?.();
  }

  /** Ends it with an error; later ends are ignored. */
  reject(error: unknown): void {
    if (this.#state !== "pending") return;
    this.#state = "rejected";
    this.#error = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    this.onSettled?.();
  }

  /** A promise of the end. */
  wait({ signal }: WaitOptions = {}): Promise<T> {
    if (this.#state === "fulfilled") return Promise.resolve(this.#value as T);
    if (this.#state === "rejected") return Promise.reject(this.#error);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiters.push(waiter);
      if (signal === undefined) return;
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      const settled = (): void => signal.removeEventListener("abort", abort);
      waiter.resolve = (value) => (settled(), resolve(value));
      waiter.reject = (error) => (settled(), reject(error));
    });
  }
}

/**
 * The fate of a tracked publish. It always settles: in its result, or in a {@linkcode RequestFailedError} that says why and whether
 * the message may have been delivered.
 */
export class PublishNotice {
  readonly #completion: Completion<PublishResult>;

  /**
   * Makes the notice of a request.
   *
   * @param completion The end of the request.
   */
  constructor(completion: Completion<PublishResult>) {
    this.#completion = completion;
  }

  /** The Packet Identifier; `undefined` until it is assigned, and at QoS 0. */
  get packetId(): PacketId | undefined {
    return this.#completion.packetId === 0 ? undefined : this.#completion.packetId;
  }

  /**
   * Waits for the end: QoS 0 flushed to the transport, QoS 1 acknowledged, QoS 2 completed. A server without QoS 2 answers it with
   * PUBACK, which is reported as `qos1-acknowledged`.
   *
   * @param options A signal that ends the wait, not the request.
   * @returns How the publish ended.
   * @throws {RequestFailedError} If it ended without a result.
   */
  wait(options?: WaitOptions): Promise<PublishResult> {
    return this.#completion.wait(options);
  }

  /**
   * Waits for the end and gives nothing.
   *
   * @param options A signal that ends the wait, not the request.
   * @throws {RequestFailedError} If it ended without a result.
   */
  async waitCompletion(options?: WaitOptions): Promise<void> {
    await this.#completion.wait(options);
  }
}

/** The fate of a tracked subscribe. It always settles. */
export class SubscribeNotice {
  readonly #completion: Completion<Suback>;

  /**
   * Makes the notice of a request.
   *
   * @param completion The end of the request.
   */
  constructor(completion: Completion<Suback>) {
    this.#completion = completion;
  }

  /** The Packet Identifier; `undefined` until it is assigned. */
  get packetId(): PacketId | undefined {
    return this.#completion.packetId === 0 ? undefined : this.#completion.packetId;
  }

  /**
   * Waits for the SUBACK, also one that refuses a Topic Filter.
   *
   * @param options A signal that ends the wait, not the request.
   * @returns The SUBACK.
   * @throws {RequestFailedError} If it ended without one.
   */
  wait(options?: WaitOptions): Promise<Suback> {
    return this.#completion.wait(options);
  }

  /**
   * Waits until every Topic Filter is live.
   *
   * @param options A signal that ends the wait, not the request.
   * @throws {SubscribeRefusedError} If the server refused one of them.
   * @throws {RequestFailedError} If it ended without a SUBACK.
   */
  async waitCompletion(options?: WaitOptions): Promise<void> {
    const { returnCodes } = await this.#completion.wait(options);
    if (returnCodes.includes(0x80)) throw new SubscribeRefusedError(returnCodes);
  }
}

/** The fate of a tracked unsubscribe. It always settles. */
export class UnsubscribeNotice {
  readonly #completion: Completion<Unsuback>;

  /**
   * Makes the notice of a request.
   *
   * @param completion The end of the request.
   */
  constructor(completion: Completion<Unsuback>) {
    this.#completion = completion;
  }

  /** The Packet Identifier; `undefined` until it is assigned. */
  get packetId(): PacketId | undefined {
    return this.#completion.packetId === 0 ? undefined : this.#completion.packetId;
  }

  /**
   * Waits for the UNSUBACK.
   *
   * @param options A signal that ends the wait, not the request.
   * @returns The UNSUBACK.
   * @throws {RequestFailedError} If it ended without one.
   */
  wait(options?: WaitOptions): Promise<Unsuback> {
    return this.#completion.wait(options);
  }

  /**
   * Waits for the UNSUBACK and gives nothing.
   *
   * @param options A signal that ends the wait, not the request.
   * @throws {RequestFailedError} If it ended without one.
   */
  async waitCompletion(options?: WaitOptions): Promise<void> {
    await this.#completion.wait(options);
  }
}
