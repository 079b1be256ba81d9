// The model application over a session: it asks for things, is told how they end, receives messages and acknowledges them.

import type { PacketId, Publish, QoS } from "../../src/codec/mod.ts";
import { Fifo } from "../../src/fifo.ts";
import { nextLane, type Session, type SessionEvent } from "../../src/session/mod.ts";
import type { DeliveryReferee } from "./delivery_referee.ts";
import type { ExchangeReferee, Request } from "./exchange_referee.ts";
import { FILTERS } from "./script.ts";
import { filterOf, isRefused, type SimServer } from "./server.ts";
import { hold } from "./violation.ts";

const EMPTY = new Uint8Array();

interface Waiting extends Request {
  readonly order: number;
}

/** The application. */
export class Application {
  readonly #session: Session;
  readonly #server: SimServer;
  readonly #exchanges: ExchangeReferee;
  readonly #messages: DeliveryReferee;
  readonly #publishes: Fifo<Waiting> = new Fifo();
  readonly #controls: Fifo<Waiting> = new Fifo();
  /** Requests the session has taken and not ended, by token. */
  readonly #tracked: Map<number, { readonly request: Waiting; readonly packetId: PacketId }> = new Map();
  /** Manual mode: what was delivered and not acknowledged. */
  #unacknowledged: Publish[] = [];
  #order = 0;
  readonly #wanted: Set<string> = new Set();

  /**
   * @param session The session it uses.
   * @param server The server, to ask whether a message really arrived.
   * @param exchanges Who watches its requests.
   * @param messages Who watches what it receives.
   */
  constructor(session: Session, server: SimServer, exchanges: ExchangeReferee, messages: DeliveryReferee) {
    this.#session = session;
    this.#server = server;
    this.#exchanges = exchanges;
    this.#messages = messages;
  }

  /** Whether none of its requests waits for the session. */
  get hasNothingToAsk(): boolean {
    return this.#publishes.length === 0 && this.#controls.length === 0;
  }

  /** How many requests have not ended. */
  get unfinished(): number {
    return this.#tracked.size + this.#publishes.length + this.#controls.length;
  }

  /** The filters that are to be live once all requests are completed. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** Asks for a message to be published. Its topic is its number, so that nothing is mistaken for something else. */
  publish(qos: QoS): void {
    const order = this.#order++;
    this.#publishes.push({ kind: "publish", token: order + 1, order, qos, names: [`c/${order}`] });
  }

  /** Asks for `count` subscriptions from a filter on. */
  subscribe(filter: number, count: number): void {
    const names = Array.from({ length: Math.min(count, FILTERS) }, (_, i) => filterOf(filter + i));
    for (const name of names) if (!isRefused(name)) this.#wanted.add(name);
    const order = this.#order++;
    this.#controls.push({ kind: "subscribe", token: order + 1, order, qos: 0, names });
  }

  /** Asks for a subscription to end. */
  unsubscribe(filter: number): void {
    this.#wanted.delete(filterOf(filter));
    const order = this.#order++;
    this.#controls.push({ kind: "unsubscribe", token: order + 1, order, qos: 0, names: [filterOf(filter)] });
  }

  /** Loses interest in the end of a request. */
  forget(index: number): void {
    const [token, tracked] = [...this.#tracked][index % this.#tracked.size] ?? [];
    if (token === undefined || tracked === undefined || this.#exchanges.owedEnds.has(token)) return;
    this.#session.forget(tracked.packetId, token);
    tracked.request.token = 0;
    this.#tracked.delete(token);
  }

  /** Lets the session take the request that may go next. */
  admit(): boolean {
    const session = this.#session;
    const lane = nextLane(this.#publishes.peek(), this.#controls.peek(), session);
    if (lane === undefined) return false;
    const request = (lane === "publish" ? this.#publishes : this.#controls).shift()!;
    const packetId = this.#hand(request);
    this.#exchanges.handleAdmitted(packetId, request);
    if (packetId !== 0) this.#tracked.set(request.token, { request, packetId });
    return true;
  }

  #hand({ kind, names, qos, token }: Waiting): PacketId {
    switch (kind) {
      case "publish":
        return this.#session.publish({ topicName: names[0]!, payload: EMPTY, qos, retain: false }, token);
      case "subscribe":
        return this.#session.subscribe(names.map((topicFilter) => ({ topicFilter, qos: 0 })), token);
      case "unsubscribe":
        return this.#session.unsubscribe(names, token);
    }
  }

  /** Is told something by the session. */
  handleEvent(event: SessionEvent): void {
    switch (event.type) {
      case "incoming":
        if (event.packet.type === "publish") this.#handleMessage(event.packet);
        break;
      case "request-completed":
        this.#handleCompleted(event.token);
        break;
      case "request-failed":
        this.#exchanges.handleEnd(event.token, "failed");
        this.#tracked.delete(event.token);
        break;
    }
  }

  /** Acknowledges one of the messages it has, in any order; and then, because that must be harmless, again. */
  acknowledge(index: number): void {
    const [publish] = this.#unacknowledged.splice(index % Math.max(1, this.#unacknowledged.length), 1);
    if (publish === undefined) return;
    const isDone = this.#session.acknowledge(publish);
    if (isDone) this.#messages.handleAcknowledged(publish);
    hold("answers", this.#session.acknowledge(publish) === isDone, () => "a second acknowledgement said otherwise");
  }

  /** Acknowledges everything it has. */
  acknowledgeAll(): void {
    while (this.#unacknowledged.length > 0) this.acknowledge(0);
  }

  #handleMessage(publish: Publish): void {
    this.#messages.handleDelivered(publish);
    if (publish.qos > 0) this.#unacknowledged.push(publish);
  }

  #handleCompleted(token: number): void {
    this.#exchanges.handleEnd(token, "completed");
    const { kind, qos, names } = this.#tracked.get(token)!.request;
    this.#tracked.delete(token);
    if (kind !== "publish") return;
    const topicName = names[0]!;
    const hasArrived = this.#server.arrivals.has(topicName) || this.#server.forgotten.has(topicName);
    hold(qos === 1 ? "at least once" : "exactly once", hasArrived, () => `${topicName} completed, but never arrived`);
  }
}
