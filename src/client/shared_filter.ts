// One Topic Filter that any number of streams share: subscribed to once, at the highest QoS any of them asks for, and unsubscribed from
// when the last one leaves.
//
// Theory of operation. What the streams want and what the server was last told are compared, one step at a time: a SUBSCRIBE or an
// UNSUBSCRIBE is answered before the next comparison. So whoever leaves and comes back meanwhile changes what is wanted, and the
// steps end where it points to, whatever the order.
import type { QoS, Suback } from "../codec/mod.ts";
import { RequestFailedError, SubscribeRefusedError } from "../loop/mod.ts";
import { RetainedTopics, type Sink } from "./sink.ts";

/** What asks the server for things. */
export interface Subscriber {
  /** Subscribes. @returns The answer of the server. */
  subscribe(topicFilter: string, qos: QoS): Promise<Suback>;
  /** Unsubscribes. @returns A promise that resolves when the server has answered. */
  unsubscribe(topicFilter: string): Promise<void>;
}

/** A call that waits until its sink is subscribed. */
interface Joining {
  readonly sink: Sink;
  readonly qos: QoS;
  readonly resolve: (granted: QoS) => void;
  readonly reject: (error: unknown) => void;
}

/** One Topic Filter and those who take its messages. */
export class SharedFilter {
  /** The Topic Filter. */
  readonly topicFilter: string;
  /** Those who take its messages. */
  readonly sinks: Set<Sink> = new Set();
  /** The topics whose retained message has come since the filter was subscribed to. */
  readonly retained: RetainedTopics = new RetainedTopics();
  readonly #subscriber: Subscriber;
  readonly #handleIdle: () => void;
  /** The QoS the server was asked for and has granted in some way; `undefined` if it has not, or has refused since. */
  #asked: QoS | undefined;
  /** Whether the server may know the filter: a refusal need not end what was granted before. */
  #mayBeLive = false;
  #granted: QoS = 0;
  #joining: Joining[] = [];
  #isBusy = false;
  #isIdle = false;

  /**
   * @param topicFilter The Topic Filter.
   * @param subscriber What asks the server.
   * @param handleIdle Called when nobody takes its messages, and the server does not send any.
   */
  constructor(topicFilter: string, subscriber: Subscriber, handleIdle: () => void) {
    this.topicFilter = topicFilter;
    this.#subscriber = subscriber;
    this.#handleIdle = handleIdle;
  }

  /** Whether it was given up: whoever comes now needs another one. */
  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** The QoS the server has granted, if it is subscribed to and nothing is about to change. */
  get granted(): QoS | undefined {
    return this.#asked === undefined || this.#isBusy ? undefined : this.#granted;
  }

  /**
   * Adds a sink, and waits until the server sends to it.
   *
   * @param sink The sink; its messages may come before the answer.
   * @param signal Ends the wait with its reason. The sink stays; it is for the caller to leave.
   * @returns The QoS the server has granted.
   * @throws {SubscribeRefusedError} If the server refuses the filter; the sink has left then.
   */
  join(sink: Sink, signal: AbortSignal | undefined): Promise<QoS> {
    if (signal?.aborted) {
      // A filter that was made for this call has nobody.
      void this.#reconcile();
      return Promise.reject(signal.reason);
    }
    this.sinks.add(sink);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#joining = this.#joining.filter((other) => other !== joining);
        reject(signal?.reason);
      };
      const settled = (): void => signal?.removeEventListener("abort", abort);
      const joining: Joining = {
        sink,
        qos: sink.qos,
        resolve: (granted) => (settled(), resolve(granted)),
        reject: (error) => (settled(), reject(error)),
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#joining.push(joining);
      void this.#reconcile();
    });
  }

  /** Removes a sink; calls that still wait for it are refused. */
  leave(sink: Sink): void {
    const left = this.#joining.filter((joining) => joining.sink === sink);
    this.#joining = this.#joining.filter((joining) => joining.sink !== sink);
    for (const { reject } of left) reject(new RequestFailedError("subscribe", "cancelled", true));
    if (this.sinks.delete(sink)) void this.#reconcile();
  }

  /** The server may have refused the filter when it was restored: if so, it is asked again, and says it to the streams. */
  handleRefused(isLive: boolean): void {
    if (isLive || this.#isBusy || this.#asked === undefined) return;
    this.#asked = undefined;
    void this.#reconcile();
  }

  /** The server has lost the session. */
  handleSessionLost(isRestored: boolean): void {
    this.retained.clear();
    for (const sink of this.sinks) sink.handleSessionLost();
    if (isRestored || this.#asked === undefined) return;
    this.#asked = undefined;
    this.#mayBeLive = false;
    const joining = new Set(this.#joining.map((one) => one.sink));
    for (const sink of this.sinks) {
      if (!joining.has(sink)) this.#expel(sink, new RequestFailedError("subscribe", "session-lost", true));
    }
    void this.#reconcile();
  }

  async #reconcile(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let step = this.#nextStep(); step !== undefined; step = this.#nextStep()) {
      const mayGoOn = await step;
      // The event loop has ended: only those who have come meanwhile are still to be told.
      if (!mayGoOn && this.#joining.length === 0) break;
    }
    // No one has had a turn since the last comparison.
    this.#isBusy = false;
    if (this.sinks.size > 0 || this.#mayBeLive || this.#isIdle) return;
    this.#isIdle = true;
    this.#handleIdle();
  }

  /** Begins the next step towards what is wanted; `undefined` if there is none to take. It resolves with whether another may follow. */
  #nextStep(): Promise<boolean> | undefined {
    const wanted = this.#wanted();
    if (wanted === undefined) return this.#mayBeLive ? this.#unsubscribe() : undefined;
    this.#settleJoining();
    return this.#asked === undefined || this.#asked < wanted ? this.#subscribe(wanted) : undefined;
  }

  async #unsubscribe(): Promise<boolean> {
    try {
      await this.#subscriber.unsubscribe(this.topicFilter);
    } catch {
      // The event loop has ended, and the subscription with it.
    }
    this.#asked = undefined;
    this.#mayBeLive = false;
    return true;
  }

  async #subscribe(qos: QoS): Promise<boolean> {
    this.retained.clear();
    try {
      const { returnCodes } = await this.#subscriber.subscribe(this.topicFilter, qos);
      const granted = returnCodes[0] ?? 0x80;
      if (granted === 0x80) return this.#handleRefusal(new SubscribeRefusedError(returnCodes));
      this.#asked = qos;
      this.#mayBeLive = true;
      this.#granted = granted;
      return true;
    } catch (error) {
      // Nothing more comes of it: the request was not valid, or the event loop has ended. What was granted before stays so.
      return this.#refuseJoining(error);
    }
  }

  /** The server refuses: those who joined are told, and the others are subscribed anew. If there were only those, they end. */
  #handleRefusal(error: SubscribeRefusedError): boolean {
    this.#asked = undefined;
    if (!this.#refuseJoining(error)) { for (const sink of this.sinks) this.#expel(sink, error); }
    return true;
  }

  /** Tells those whose QoS the server was asked for. */
  #settleJoining(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    const settled = this.#joining.filter(({ qos }) => qos <= asked);
    this.#joining = this.#joining.filter(({ qos }) => qos > asked);
    for (const { resolve } of settled) resolve(this.#granted);
  }

  /** @returns Whether anybody was. */
  #refuseJoining(error: unknown): boolean {
    const refused = this.#joining;
    this.#joining = [];
    for (const { sink, reject } of refused) {
      reject(error);
      // Requests share one, and some of them may have been told that it is subscribed.
      this.#expel(sink, error as Error);
    }
    return refused.length > 0;
  }

  #expel(sink: Sink, error: Error): void {
    this.sinks.delete(sink);
    sink.end(error);
  }

  #wanted(): QoS | undefined {
    let wanted: QoS | undefined;
    for (const { qos } of this.sinks) if (wanted === undefined || qos > wanted) wanted = qos;
    return wanted;
  }
}
