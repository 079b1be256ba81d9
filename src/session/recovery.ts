// What a new connection owes before any new work: the subscriptions a server lost, then the replay of unfinished exchanges.
import type { Packet, PacketId, Suback, Subscribe, Subscription } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import type { EventQueue } from "./event_queue.ts";
import type { SessionVerdict } from "./handshake.ts";
import type { IncomingExchanges } from "./incoming.ts";
import type { SessionOptions } from "./options.ts";
import type { OutgoingExchange, OutgoingExchanges } from "./outgoing.ts";
import type { LiveSubscriptions } from "./subscriptions.ts";

/** Lets replayed publishes wait until a moment, for the sake of a limit on publishes. What is behind them waits too: the order stays. */
export class ReplayGate {
  /** From when on the next one may leave, in milliseconds. */
  publishFrom: number = -Infinity;
}

/** The recovery of one session after a CONNACK. */
export class Recovery {
  /** Lets replayed publishes wait. */
  readonly gate: ReplayGate = new ReplayGate();
  readonly #outgoing: OutgoingExchanges;
  readonly #incoming: IncomingExchanges;
  readonly #subscriptions: LiveSubscriptions;
  readonly #events: EventQueue;
  /** Portions of live subscriptions that are still to be sent; they are owed until answered, over any number of connections. */
  readonly #restore: Fifo<readonly Subscription[]> = new Fifo();
  /** What restores subscriptions on this connection, and is not answered. */
  readonly #restoring: Set<Subscribe> = new Set();
  /** Exchanges that are still to be handed out again on this connection. */
  readonly #replay: Fifo<OutgoingExchange> = new Fifo();
  /** Until when the next of them must wait; `undefined` if it may leave. */
  #replayAt: number | undefined;

  /**
   * @param outgoing The outgoing exchanges of the session.
   * @param incoming The incoming ones.
   * @param subscriptions The subscriptions of the session.
   * @param events Where the ends of requests are told.
   */
  constructor(
    outgoing: OutgoingExchanges,
    incoming: IncomingExchanges,
    subscriptions: LiveSubscriptions,
    events: EventQueue,
  ) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    this.#subscriptions = subscriptions;
    this.#events = events;
  }

  /** Whether nothing is owed any more, so that new requests can be admitted. */
  get isDone(): boolean {
    return this.#replay.length === 0 && this.#restore.length === 0;
  }

  /** Whether the server has answered for every subscription it had lost, and no identifier is in doubt. */
  get isSettled(): boolean {
    return this.#restore.length === 0 && this.#restoring.size === 0 && !this.#incoming.hasDoubts;
  }

  /**
   * Whether requests admitted before may leave. All that is owed goes first; but a subscription that waits for a Packet Identifier
   * may wait for that of a request, and then must not hold it back.
   */
  get letsRequestsPass(): boolean {
    return this.isDone || (this.#replay.length === 0 && !this.#outgoing.hasFreePacketId);
  }

  /** How many exchanges are still to be replayed. */
  get replayPending(): number {
    return this.#replay.length;
  }

  /** When `handleTimeout` must be called; `undefined` if no replayed packet waits for a time. */
  get deadline(): number | undefined {
    const next = this.#replay.peek();
    if (next === undefined) return undefined;
    const { publishFrom } = this.gate;
    return isPublish(next) && publishFrom > (this.#replayAt ?? -Infinity) ? publishFrom : this.#replayAt;
  }

  /** The deadline has come: the next packet may leave, also if a busy connection takes it only later. */
  handleTimeout(now: number): void {
    if (this.#replayAt !== undefined && now >= this.#replayAt) this.#replayAt = undefined;
    if (now >= this.gate.publishFrom) this.gate.publishFrom = -Infinity;
  }

  /** The server knows nothing of this session: what may have been delivered is for the policy to decide, the rest is kept. */
  handleSessionLost(options: SessionOptions): void {
    this.#incoming.handleSessionLost();
    this.#events.addFailed(this.#outgoing.handleSessionLost(options.onSessionLost));
    if (!options.resubscribe) this.#subscriptions.clear();
    this.#restoreSubscriptions(options);
  }

  /** A connection was accepted: what the server lost is owed, and every exchange it may know of. */
  handleConnected(verdict: SessionVerdict, options: SessionOptions): void {
    if (verdict === "lost") this.handleSessionLost(options);
    else if (verdict === "doubtful") this.#handleSessionDoubt(options);
    this.#replay.clear();
    for (const exchange of this.#outgoing.replayOrder()) this.#replay.push(exchange);
    this.#replayAt = undefined;
  }

  /** The server answered a SUBSCRIBE, whoever owed it: what it granted is live, and owed no longer. */
  handleSuback(request: Subscribe, answer: Suback): void {
    this.#restoring.delete(request);
    this.#subscriptions.handleSuback(request, answer);
  }

  /** During a replay, this exchange is owed too, after all others. */
  append(exchange: OutgoingExchange): void {
    this.#replay.push(exchange);
  }

  /**
   * The connection is gone: the replay begins anew on the next one, from the exchanges as they stand then. Subscriptions that were sent
   * and not answered are owed anew and not replayed: so they are restored before the replay on that connection too, and there is never
   * more than one open exchange for them.
   */
  handleClose(): void {
    this.#replay.clear();
    const owed = this.#restore.take();
    for (const packet of this.#restoring) {
      if (this.#outgoing.abandonSubscribe(packet)) this.#restore.push(packet.subscriptions);
    }
    this.#restoring.clear();
    for (const portion of owed) this.#restore.push(portion);
  }

  /** Takes the next packet that is owed; `undefined` if there is none, or if it must wait until `deadline`. */
  nextPacket(throttleMillis: number, now: number): Packet | undefined {
    const restored = this.#nextRestored();
    if (restored !== undefined) return restored;
    this.handleTimeout(now);
    if (this.#replayAt !== undefined) return undefined;
    for (let exchange = this.#replay.peek(); exchange !== undefined; exchange = this.#replay.peek()) {
      const packetId = packetIdOf(exchange);
      const isOwed = this.#outgoing.find(packetId) === exchange;
      if (isOwed && isPublish(exchange) && now < this.gate.publishFrom) return undefined;
      this.#replay.shift();
      // An answer that came in between has ended it, or has moved it on.
      if (!isOwed) continue;
      const packet = replayPacket(exchange);
      this.#outgoing.handleTransmit(packetId);
      if (throttleMillis > 0) this.#replayAt = now + throttleMillis;
      return packet;
    }
    return undefined;
  }

  /** The server resumed a session, but perhaps a younger one than ours: whatever is safe in both cases is done. */
  #handleSessionDoubt(options: SessionOptions): void {
    this.#incoming.handleSessionDoubt();
    if (options.resubscribe) this.#restoreSubscriptions(options);
  }

  /** The server does not have the live subscriptions, or may not have them: they are owed. */
  #restoreSubscriptions({ maxOutgoingPacketSize }: SessionOptions): void {
    this.#restore.clear();
    for (const portion of this.#subscriptions.portions(maxOutgoingPacketSize)) this.#restore.push(portion);
  }

  #nextRestored(): Packet | undefined {
    const outgoing = this.#outgoing;
    while (this.#restore.length > 0 && outgoing.hasFreePacketId) {
      // What is about to be ended is not restored, nor what was ended or replaced while it waited.
      const ending = outgoing.unsubscribing();
      const subscriptions = this.#restore.shift()!.filter((subscription) =>
        this.#subscriptions.has(subscription) && !ending.has(subscription.topicFilter)
      );
      if (subscriptions.length === 0) continue;
      const packet: Subscribe = { type: "subscribe", packetId: outgoing.allocatePacketId(), subscriptions };
      outgoing.openSubscribe(packet, 0);
      outgoing.handleTransmit(packet.packetId);
      this.#restoring.add(packet);
      return packet;
    }
    return undefined;
  }
}

function isPublish({ state }: OutgoingExchange): boolean {
  return state === "awaiting-puback" || state === "awaiting-pubrec";
}

function packetIdOf(exchange: OutgoingExchange): PacketId {
  return exchange.state === "awaiting-pubcomp" ? exchange.packetId : exchange.packet.packetId;
}

/** The packet that repeats an exchange: a PUBLISH that may be known to the server has DUP set [MQTT-3.3.1-1]. */
function replayPacket(exchange: OutgoingExchange): Packet {
  switch (exchange.state) {
    case "awaiting-pubcomp":
      return { type: "pubrel", packetId: exchange.packetId };
    case "awaiting-puback":
    case "awaiting-pubrec":
      return exchange.isRepeat ? { ...exchange.packet, dup: true } : exchange.packet;
    default:
      return exchange.packet;
  }
}
