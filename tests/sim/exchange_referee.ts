// Watches one side of the wire for the rules of outgoing exchanges: identifiers, window, order, DUP, replay. It knows what the
// session was asked and which packets passed, and derives from these alone what may leave next.

import type { Packet, PacketId, Publish, Pubrel, QoS, Suback, Subscribe, Unsubscribe } from "../../src/codec/mod.ts";
import type { Setup } from "./script.ts";
import { hold } from "./violation.ts";

/** A request the session has admitted. */
export interface Request {
  readonly kind: "publish" | "subscribe" | "unsubscribe";
  /** Its token; 0 once nobody waits. */
  token: number;
  readonly qos: QoS;
  /** The Topic Name, or the Topic Filters. */
  readonly names: readonly string[];
}

interface Exchange {
  readonly packetId: PacketId;
  /** `undefined` for a SUBSCRIBE that restores subscriptions. */
  readonly request: Request | undefined;
  readonly names: readonly string[];
  stage: "admitted" | "sent" | "released";
  /** Whether the session on the server may know of it. */
  isKnown: boolean;
  /** When it was handed out first; once it is released, when its PUBREC came. */
  place: number;
  /** The connection on which its PUBLISH or PUBREL was handed out last. */
  sentOn: number;
  /** The connection on which its PUBREC came. */
  releasedOn: number;
}

/** A packet the replay owes, as the exchange stood when the connection was accepted. */
interface Owed {
  readonly exchange: Exchange;
  readonly type: "publish" | "pubrel" | "control";
}

const FILTERS_PER_SUBSCRIBE = 8;

/** Watches outgoing exchanges. */
export class ExchangeReferee {
  /** Ends that the session owes its owner: what ended, and how. */
  readonly owedEnds: Map<number, "completed" | "failed"> = new Map();
  readonly #setup: Setup;
  readonly #open: Map<PacketId, Exchange> = new Map();
  /** Requests in the order of admission that have not left. */
  readonly #admitted: { readonly packetId: PacketId; readonly request: Request }[] = [];
  readonly #live: Set<string> = new Set();
  #toRestore: Set<string> = new Set();
  #hasLostSubscriptions = false;
  #owed: Owed[] = [];
  #connection = 0;
  #isAccepted = false;
  /** Whether a CONNECT got no CONNACK, so that Session Present may speak of a session that CONNECT began. */
  #isInDoubt = false;
  #place = 0;
  #lastReleased = 0;

  /**
   * @param setup How the session was told to behave.
   */
  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Whether no exchange is open and no request waits. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#admitted.length === 0;
  }

  /** The filters that are live, by what was asked and answered. */
  get live(): ReadonlySet<string> {
    return this.#live;
  }

  /** Whether subscriptions were lost that nobody restores. */
  get hasLostSubscriptions(): boolean {
    return this.#hasLostSubscriptions;
  }

  /** What is unfinished, for people. */
  describe(): string {
    return [...this.#open.values()].map(({ packetId, stage, names }) => `${packetId} ${stage} ${names}`).join("; ");
  }

  /** The session has admitted a request. */
  handleAdmitted(packetId: PacketId, request: Request): void {
    this.#admitted.push({ packetId, request });
    if (request.kind === "publish" && request.qos === 0) {
      return hold("identifiers", packetId === 0, () => `QoS 0 got identifier ${packetId}`);
    }
    const isValid = Number.isInteger(packetId) && packetId >= 1 && packetId <= this.#setup.packetIds;
    hold("identifiers", isValid, () => `${packetId} was chosen`);
    hold("identifiers", !this.#open.has(packetId), () => `${packetId} was chosen while in use`);
    this.#add(packetId, request, request.names, "admitted");
    const publishes = [...this.#open.values()].filter(({ request }) => request?.kind === "publish");
    const { inflight, inflightQos2 } = this.#setup;
    const qos2 = publishes.filter(({ request }) => request?.qos === 2).length;
    hold("window", publishes.length <= inflight, () => `${publishes.length} open, ${inflight} allowed`);
    hold("window", qos2 <= inflightQos2, () => `${qos2} open at QoS 2, ${inflightQos2} allowed`);
  }

  /** A connection was opened. */
  handleOpen(): void {
    this.#connection++;
    this.#isAccepted = false;
    this.#lastReleased = 0;
  }

  /** The connection is gone. */
  handleClose(isConnackMissing: boolean): void {
    this.#isInDoubt ||= isConnackMissing;
    // What was to restore subscriptions and got no answer is owed anew.
    for (const { packetId, request, names } of this.#open.values()) {
      if (request !== undefined) continue;
      this.#open.delete(packetId);
      for (const name of names) this.#toRestore.add(name);
    }
    this.#hasLostSubscriptions ||= isConnackMissing && !this.#setup.resubscribe;
  }

  /** A packet was handed out. */
  handleOutgoing(packet: Packet): void {
    switch (packet.type) {
      case "publish":
        return this.#handleOutgoingPublish(packet);
      case "pubrel":
        return this.#handleOutgoingPubrel(packet);
      case "subscribe":
      case "unsubscribe":
        return this.#handleOutgoingControl(packet);
    }
  }

  #handleOutgoingPublish(packet: Publish): void {
    const { packetId, topicName, qos, dup } = packet;
    if (qos === 0) {
      hold("identifiers", packetId === 0 && !dup, () => "QoS 0 with an identifier or DUP");
      this.#takeAdmitted(0, [topicName]);
      return;
    }
    const exchange = this.#open.get(packetId);
    const isKnownRequest = exchange?.request?.kind === "publish" && exchange.names[0] === topicName &&
      exchange.request.qos === qos;
    hold("identifiers", isKnownRequest, () => `PUBLISH ${packetId} ${topicName} was not asked for`);
    hold("replay order", exchange.stage !== "released", () => `PUBLISH ${packetId} was sent after its PUBREC`);
    hold("DUP", dup === exchange.isKnown, () => `PUBLISH ${packetId} has DUP ${dup ? 1 : 0}`);
    if (exchange.stage === "admitted") this.#takeAdmitted(packetId, exchange.names);
    else this.#takeOwed(exchange, "publish");
    this.#handleSent(exchange);
  }

  #handleOutgoingPubrel({ packetId }: Pubrel): void {
    const exchange = this.#open.get(packetId);
    hold("answers", exchange?.stage === "released", () => `PUBREL ${packetId} answers nothing`);
    hold("answers", exchange.sentOn < this.#connection, () => `PUBREL ${packetId} was sent twice`);
    if (exchange.releasedOn < this.#connection) this.#takeOwed(exchange, "pubrel");
    const isInOrder = exchange.place > this.#lastReleased;
    hold("PUBREL order", isInOrder, () => `PUBREL ${packetId} was overtaken by that of a later PUBREC [MQTT-4.6.0-4]`);
    this.#lastReleased = exchange.place;
    exchange.sentOn = this.#connection;
  }

  #handleOutgoingControl(packet: Subscribe | Unsubscribe): void {
    const names = packet.type === "subscribe"
      ? packet.subscriptions.map(({ topicFilter }) => topicFilter)
      : packet.topicFilters;
    let exchange = this.#open.get(packet.packetId);
    if (exchange === undefined) {
      exchange = this.#add(packet.packetId, undefined, names, "sent");
      const isOwed = packet.type === "subscribe" && names.every((name) => this.#toRestore.delete(name));
      hold(
        "subscriptions",
        isOwed && names.length <= FILTERS_PER_SUBSCRIBE,
        () => `${packet.type} ${names} is not owed`,
      );
    } else {
      const kind = exchange.request?.kind ?? "subscribe";
      const isSame = kind === packet.type && `${exchange.names}` === `${names}`;
      hold("identifiers", isSame, () => `${packet.type} ${packet.packetId} ${names} was not asked for`);
      if (exchange.stage === "admitted") this.#takeAdmitted(packet.packetId, names);
      else this.#takeOwed(exchange, "control");
    }
    this.#handleSent(exchange);
  }

  /** A packet of the server arrived. */
  handleIncoming(packet: Packet): void {
    if (packet.type === "connack") {
      if (packet.returnCode === 0) this.#handleConnack(packet.sessionPresent);
      return;
    }
    const exchange = "packetId" in packet ? this.#open.get(packet.packetId) : undefined;
    if (exchange === undefined || !exchange.isKnown) return;
    const { kind, qos } = exchange.request ?? { kind: "subscribe", qos: 0 };
    if (packet.type === "puback" && kind === "publish" && qos === 1) this.#end(exchange, "completed");
    if (packet.type === "pubrec" && kind === "publish" && qos === 2 && exchange.stage === "sent") {
      exchange.stage = "released";
      exchange.place = ++this.#place;
      exchange.releasedOn = this.#connection;
      exchange.sentOn = 0;
    }
    if (packet.type === "pubcomp" && exchange.stage === "released") this.#end(exchange, "completed");
    if (packet.type === "suback" && kind === "subscribe") this.#handleSuback(exchange, packet);
    if (packet.type === "unsuback" && kind === "unsubscribe") this.#handleUnsuback(exchange);
  }

  /** The session told an end. */
  handleEnd(token: number, how: "completed" | "failed"): void {
    const owed = this.owedEnds.get(token);
    hold("ends of requests", owed === how, () => `request ${token} ${how}, expected ${owed ?? "no end"}`);
    this.owedEnds.delete(token);
  }

  /** Everything that could leave has left, and all events were taken. */
  handleDrained(isThrottled: boolean): void {
    const [token] = this.owedEnds.keys();
    hold("ends of requests", token === undefined, () => `the end of request ${token} was not told`);
    if (!this.#isAccepted || isThrottled) return;
    const owed = this.#nextOwed();
    hold("replay order", owed === undefined, () => `${owed?.type} ${owed?.exchange.packetId} was not replayed`);
    hold("subscriptions", this.#hasRestoredAllItCan, () => `${[...this.#toRestore]} was not restored`);
    const waiting = this.#admitted[0];
    hold("settles", waiting === undefined, () => `request ${waiting?.request.names} did not leave`);
    for (const { packetId, stage, sentOn } of this.#open.values()) {
      hold("answers", stage !== "released" || sentOn === this.#connection, () => `PUBREL ${packetId} did not leave`);
    }
  }

  #handleConnack(sessionPresent: boolean): void {
    this.#isAccepted = true;
    if (!sessionPresent) this.#handleSessionLost();
    const restorable = this.#restorable();
    if (this.#isInDoubt && this.#setup.resubscribe) this.#toRestore = restorable;
    else this.#toRestore = new Set([...this.#toRestore].filter((name) => restorable.has(name)));
    this.#isInDoubt = false;
    const sent = [...this.#open.values()].filter(({ stage }) => stage !== "admitted").sort((a, b) => a.place - b.place);
    const isPublish = ({ request }: Exchange): boolean => request?.kind === "publish";
    this.#owed = [
      ...sent.filter((exchange) => isPublish(exchange) && exchange.stage === "sent").map(owes("publish")),
      ...sent.filter(({ stage }) => stage === "released").map(owes("pubrel")),
      ...sent.filter((exchange) => !isPublish(exchange)).map(owes("control")),
    ];
  }

  #handleSessionLost(): void {
    const { qos1Lost, qos2Lost, resubscribe } = this.#setup;
    for (const exchange of this.#open.values()) {
      if (exchange.stage === "admitted" || !exchange.isKnown) continue;
      const { request } = exchange;
      const isPublish = request?.kind === "publish";
      const isKept = isPublish ? (request.qos === 1 ? qos1Lost : qos2Lost) === "resend" : request !== undefined;
      if (isKept && exchange.stage === "sent") exchange.isKnown = false;
      else this.#end(exchange, "failed");
    }
    if (!resubscribe) {
      this.#hasLostSubscriptions = true;
      this.#live.clear();
    }
    this.#toRestore = this.#restorable();
  }

  /** What is live, but for what is about to be unsubscribed. */
  #restorable(): Set<string> {
    const restorable = new Set(this.#live);
    for (const { request, names } of this.#open.values()) {
      if (request?.kind === "unsubscribe") { for (const name of names) restorable.delete(name); }
    }
    return restorable;
  }

  #handleSuback(exchange: Exchange, { returnCodes }: Suback): void {
    exchange.names.forEach((name, i) => returnCodes[i] === 0x80 ? this.#live.delete(name) : this.#live.add(name));
    this.#settleNames(exchange);
  }

  #handleUnsuback(exchange: Exchange): void {
    for (const name of exchange.names) this.#live.delete(name);
    this.#settleNames(exchange);
  }

  /** A filter about which the server has answered a request need not be restored any more. */
  #settleNames(exchange: Exchange): void {
    if (exchange.request !== undefined) { for (const name of exchange.names) this.#toRestore.delete(name); }
    this.#end(exchange, "completed");
  }

  #handleSent(exchange: Exchange): void {
    if (exchange.stage === "admitted" || exchange.place === 0) exchange.place = ++this.#place;
    exchange.stage = "sent";
    exchange.isKnown = true;
    exchange.sentOn = this.#connection;
  }

  /** A packet leaves for the first time: nothing may be owed, and it must be the oldest of the requests. */
  #takeAdmitted(packetId: PacketId, names: readonly string[]): void {
    const owed = this.#nextOwed();
    hold(
      "new work passed old work",
      owed === undefined && this.#hasRestoredAllItCan,
      () => `${packetId} ${names} left before the replay of ${owed?.exchange.packetId ?? [...this.#toRestore]}`,
    );
    const next = this.#admitted.shift();
    const isNext = next?.packetId === packetId && `${next.request.names}` === `${names}`;
    hold("new work passed old work", isNext, () => `${packetId} ${names} left before ${next?.request.names}`);
  }

  /** A packet leaves again: it must be the next the replay owes. */
  #takeOwed(exchange: Exchange, type: Owed["type"]): void {
    const owed = this.#nextOwed();
    const isNext = owed?.exchange === exchange && owed.type === type;
    const expected = owed === undefined ? "nothing" : `${owed.type} ${owed.exchange.packetId}`;
    hold("replay order", isNext, () => `${type} ${exchange.packetId} was sent again, expected ${expected}`);
    hold("subscriptions", this.#hasRestoredAllItCan, () => `the replay began before ${[...this.#toRestore]}`);
    this.#owed.shift();
  }

  /** Subscriptions are restored before anything else leaves, unless no identifier is free for them. */
  get #hasRestoredAllItCan(): boolean {
    return this.#toRestore.size === 0 || this.#open.size >= this.#setup.packetIds;
  }

  /** What the replay owes next; what has ended or moved on is owed no more. */
  #nextOwed(): Owed | undefined {
    const isOwed = ({ exchange, type }: Owed): boolean =>
      this.#open.get(exchange.packetId) === exchange && (type === "pubrel" || exchange.stage === "sent");
    while (this.#owed.length > 0 && !isOwed(this.#owed[0]!)) this.#owed.shift();
    return this.#owed[0];
  }

  #add(packetId: PacketId, request: Request | undefined, names: readonly string[], stage: Exchange["stage"]): Exchange {
    const exchange = { packetId, request, names, stage, isKnown: false, place: 0, sentOn: 0, releasedOn: 0 };
    this.#open.set(packetId, exchange);
    return exchange;
  }

  #end(exchange: Exchange, how: "completed" | "failed"): void {
    this.#open.delete(exchange.packetId);
    const token = exchange.request?.token ?? 0;
    if (token !== 0) this.owedEnds.set(token, how);
  }
}

function owes(type: Owed["type"]): (exchange: Exchange) => Owed {
  return (exchange) => ({ exchange, type });
}
