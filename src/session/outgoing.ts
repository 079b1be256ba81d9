// Outgoing exchanges: every PUBLISH at QoS 1 and 2, SUBSCRIBE and UNSUBSCRIBE that the server has not finished.
//
// Theory of operation. One map from Packet Identifier to exchange is the whole state; its states are those of the union below, so
// "an identifier in use without an exchange", "a result without a publish" and "released twice" cannot be written down.
//
//   publish QoS 1   awaiting-puback ─ PUBACK → done
//   publish QoS 2   awaiting-pubrec ─ PUBREC → awaiting-pubcomp ─ PUBCOMP → done
//   subscribe       awaiting-suback ─ SUBACK → done            unsubscribe   awaiting-unsuback ─ UNSUBACK → done
//
// A map keeps the order of insertion, and that is the order of replay: PUBLISH as first sent. At PUBREC the exchange is taken out
// and put in again, so the PUBREL follow the order of the PUBREC [MQTT-4.6.0-1]. Nothing else reorders it, however often the
// connection is lost. `transmitted` and `isRepeat` tell work the server may know of from work it cannot know of.
import type {
  PacketId,
  Puback,
  Pubcomp,
  Publish,
  Pubrec,
  QoS,
  Suback,
  Subscribe,
  Unsuback,
  Unsubscribe,
} from "../codec/mod.ts";
import { ChangeLog, type SessionState } from "./changes.ts";
import { ProtocolError } from "./error.ts";
import { MAX_PACKET_ID, PacketIdAllocator } from "./packet_ids.ts";
import type { Token } from "./event.ts";

/** A PUBLISH whose answer is awaited. */
export interface PublishExchange {
  /** Which answer is awaited. */
  readonly state: "awaiting-puback" | "awaiting-pubrec";
  /** The packet as it was first sent: with DUP 0. */
  readonly packet: Publish;
  /** Who asked for it. */
  token: Token;
  /** Whether it was ever handed out; before that it waits among the requests and is no replay. */
  transmitted: boolean;
  /** Whether the session on the server may know of it, so that the next copy is a repetition. */
  isRepeat: boolean;
}

/** A QoS 2 PUBLISH that the server has received: its payload is released, PUBREL is what remains to be sent. */
export interface ReleaseExchange {
  /** Which answer is awaited. */
  readonly state: "awaiting-pubcomp";
  /** The identifier both PUBLISH and PUBREL carry [MQTT-2.3.1-6]. */
  readonly packetId: PacketId;
  /** Who asked for it. */
  token: Token;
}

/** A SUBSCRIBE whose SUBACK is awaited. */
export interface SubscribeExchange {
  /** Which answer is awaited. */
  readonly state: "awaiting-suback";
  /** The packet. */
  readonly packet: Subscribe;
  /** Who asked for it. */
  token: Token;
  /** Whether it was ever handed out; before that it waits among the requests and is no replay. */
  transmitted: boolean;
  /** Whether the session on the server may know of it, so that the next copy is a repetition. */
  isRepeat: boolean;
}

/** An UNSUBSCRIBE whose UNSUBACK is awaited. */
export interface UnsubscribeExchange {
  /** Which answer is awaited. */
  readonly state: "awaiting-unsuback";
  /** The packet. */
  readonly packet: Unsubscribe;
  /** Who asked for it. */
  token: Token;
  /** Whether it was ever handed out; before that it waits among the requests and is no replay. */
  transmitted: boolean;
  /** Whether the session on the server may know of it, so that the next copy is a repetition. */
  isRepeat: boolean;
}

/** A request that the server has not finished. */
export type OutgoingExchange = PublishExchange | ReleaseExchange | SubscribeExchange | UnsubscribeExchange;

/** What becomes of an exchange whose session the server lost, although it may have been delivered. */
export interface SessionLostPolicy {
  /** QoS 1: sent again as a new message (it may arrive twice), or failed. */
  readonly qos1: "resend" | "fail";
  /** QoS 2: sent again as a new message (it may arrive twice), or failed. */
  readonly qos2: "resend" | "fail";
}

/** How many publishes may be open at once. */
export interface OutgoingWindow {
  /** At QoS 1 and QoS 2 together. */
  readonly inflight: number;
  /** Of these, at QoS 2. */
  readonly inflightQos2: number;
}

/** The outgoing exchanges of one session. */
export class OutgoingExchanges {
  readonly #changes: ChangeLog;
  readonly #exchanges: Map<PacketId, OutgoingExchange> = new Map();
  readonly #packetIds: PacketIdAllocator = new PacketIdAllocator();
  #inflight = 0;
  #inflightQos2 = 0;

  /**
   * @param changes Where changes are told.
   */
  constructor(changes: ChangeLog = new ChangeLog()) {
    this.#changes = changes;
  }

  /** Takes up the publishes of an earlier process; the server may know of each. */
  restore({ publishes, releases }: SessionState): void {
    for (const packet of publishes) this.#addPublish(packet, 0, true);
    for (const packetId of releases) {
      this.#inflight++;
      this.#inflightQos2++;
      this.#exchanges.set(packetId, { state: "awaiting-pubcomp", packetId, token: 0 });
    }
  }

  /** How many exchanges are open. */
  get size(): number {
    return this.#exchanges.size;
  }

  /** How many QoS 1 and QoS 2 publishes are open. */
  get inflight(): number {
    return this.#inflight;
  }

  /** How many of these are QoS 2. */
  get inflightQos2(): number {
    return this.#inflightQos2;
  }

  /** Whether a Packet Identifier is free. */
  get hasFreePacketId(): boolean {
    return this.#exchanges.size < MAX_PACKET_ID;
  }

  /** Whether a publish at this QoS fits into the window. */
  hasRoom(qos: QoS, window: OutgoingWindow): boolean {
    if (qos === 0) return true;
    const hasRoomForQos = qos === 1 || this.#inflightQos2 < window.inflightQos2;
    return hasRoomForQos && this.#inflight < window.inflight && this.hasFreePacketId;
  }

  /** The exchange of a Packet Identifier. */
  find(packetId: PacketId): OutgoingExchange | undefined {
    return this.#exchanges.get(packetId);
  }

  /** Chooses an unused Packet Identifier; one must be free. */
  allocatePacketId(): PacketId {
    return this.#packetIds.allocate(this.#exchanges);
  }

  /** Opens the exchange of a PUBLISH at QoS 1 or 2. */
  openPublish(packet: Publish, token: Token): void {
    this.#addPublish(packet, token, false);
    if (this.#changes.isRecorded) this.#changes.push({ type: "publish-opened", packet });
  }

  /** Opens the exchange of a SUBSCRIBE. */
  openSubscribe(packet: Subscribe, token: Token): void {
    this.#exchanges.set(packet.packetId, {
      state: "awaiting-suback",
      packet,
      token,
      transmitted: false,
      isRepeat: false,
    });
  }

  /** Opens the exchange of an UNSUBSCRIBE. */
  openUnsubscribe(packet: Unsubscribe, token: Token): void {
    this.#exchanges.set(packet.packetId, {
      state: "awaiting-unsuback",
      packet,
      token,
      transmitted: false,
      isRepeat: false,
    });
  }

  /** The packet of an exchange was handed out: from here on the server may know of it. */
  handleTransmit(packetId: PacketId): void {
    const exchange = this.#exchanges.get(packetId);
    if (exchange === undefined || exchange.state === "awaiting-pubcomp") return;
    exchange.transmitted = true;
    exchange.isRepeat = true;
  }

  /**
   * PUBACK ends a publish; also one at QoS 2, because servers without QoS 2 answer so (RabbitMQ 3.10).
   *
   * @returns The exchange it ended; `undefined` if it belongs to none.
   */
  handlePuback(packet: Puback): PublishExchange | undefined {
    const exchange = this.#awaitingAnswer(packet.packetId);
    if (exchange?.state !== "awaiting-puback" && exchange?.state !== "awaiting-pubrec") return undefined;
    this.#end(packet.packetId, exchange);
    return exchange;
  }

  /**
   * PUBREC: the payload is released, and the exchange takes its place in the order of the PUBREL. The answer is PUBREL whatever the
   * outcome, so that a server which lost track can finish.
   *
   * @returns The exchange as it goes on; `undefined` for a repeated PUBREC and for one that belongs to none.
   * @throws {ProtocolError} If the publish was at QoS 1.
   */
  handlePubrec(packet: Pubrec): ReleaseExchange | undefined {
    const packetId = packet.packetId;
    const exchange = this.#awaitingAnswer(packetId);
    if (exchange?.state === "awaiting-puback") {
      throw new ProtocolError("pubrec", `PUBLISH ${packetId} was sent at QoS 1`, "MQTT-4.3.2-1");
    }
    if (exchange?.state !== "awaiting-pubrec") return undefined;
    const released: ReleaseExchange = { state: "awaiting-pubcomp", packetId, token: exchange.token };
    this.#exchanges.delete(packetId);
    this.#exchanges.set(packetId, released);
    if (this.#changes.isRecorded) this.#changes.push({ type: "publish-released", packetId });
    return released;
  }

  /**
   * PUBCOMP ends a QoS 2 publish.
   *
   * @returns The exchange it ended; `undefined` if it belongs to none.
   * @throws {ProtocolError} If the publish has not been received yet, or was at QoS 1.
   */
  handlePubcomp(packet: Pubcomp): ReleaseExchange | undefined {
    const packetId = packet.packetId;
    const exchange = this.#awaitingAnswer(packetId);
    if (exchange?.state === "awaiting-puback" || exchange?.state === "awaiting-pubrec") {
      throw new ProtocolError("pubcomp", `no PUBREL was sent for PUBLISH ${packetId}`, "MQTT-4.3.3-1");
    }
    if (exchange?.state !== "awaiting-pubcomp") return undefined;
    this.#end(packetId, exchange);
    return exchange;
  }

  /**
   * SUBACK ends a SUBSCRIBE.
   *
   * @returns The exchange it ended; `undefined` if it belongs to none.
   * @throws {ProtocolError} If it has not one return code for each subscription.
   */
  handleSuback(packet: Suback): SubscribeExchange | undefined {
    const exchange = this.#awaitingAnswer(packet.packetId);
    if (exchange?.state !== "awaiting-suback") return undefined;
    const expected = exchange.packet.subscriptions.length;
    if (packet.returnCodes.length !== expected) {
      const state = `it has ${packet.returnCodes.length} return codes for ${expected} subscriptions`;
      throw new ProtocolError("suback", state, "MQTT-3.8.4-5");
    }
    this.#end(packet.packetId, exchange);
    return exchange;
  }

  /**
   * UNSUBACK ends an UNSUBSCRIBE.
   *
   * @returns The exchange it ended; `undefined` if it belongs to none.
   */
  handleUnsuback(packet: Unsuback): UnsubscribeExchange | undefined {
    const exchange = this.#awaitingAnswer(packet.packetId);
    if (exchange?.state !== "awaiting-unsuback") return undefined;
    this.#end(packet.packetId, exchange);
    return exchange;
  }

  /** Gives up the exchange of a SUBSCRIBE whose connection is gone, and its answer with it. @returns Whether it was open. */
  abandonSubscribe(packet: Subscribe): boolean {
    const exchange = this.#exchanges.get(packet.packetId);
    if (exchange?.state !== "awaiting-suback" || exchange.packet !== packet) return false;
    this.#end(packet.packetId, exchange);
    return true;
  }

  /** The Topic Filters whose UNSUBSCRIBE is not finished. */
  unsubscribing(): Set<string> {
    const topicFilters = new Set<string>();
    for (const exchange of this.#exchanges.values()) {
      if (exchange.state !== "awaiting-unsuback") continue;
      for (const topicFilter of exchange.packet.topicFilters) topicFilters.add(topicFilter);
    }
    return topicFilters;
  }

  /**
   * Lists what a resumed session sends again: PUBLISH in the order first sent, PUBREL in the order of their PUBREC, then SUBSCRIBE
   * and UNSUBSCRIBE. What was never handed out is not a replay and not in it.
   */
  replayOrder(): OutgoingExchange[] {
    const publishes: OutgoingExchange[] = [];
    const releases: OutgoingExchange[] = [];
    const controls: OutgoingExchange[] = [];
    for (const exchange of this.#exchanges.values()) {
      if (exchange.state === "awaiting-pubcomp") releases.push(exchange);
      else if (!exchange.transmitted) continue;
      else if (exchange.state === "awaiting-puback" || exchange.state === "awaiting-pubrec") publishes.push(exchange);
      else controls.push(exchange);
    }
    return [...publishes, ...releases, ...controls];
  }

  /**
   * The server lost the session. Exchanges it may know of are kept as new ones or ended, as the policy says; a PUBREL has no message
   * left that could be sent again, so its exchange ends either way.
   *
   * @returns What ended, in order.
   */
  handleSessionLost(policy: SessionLostPolicy): OutgoingExchange[] {
    const failed: OutgoingExchange[] = [];
    for (const [packetId, exchange] of this.#exchanges) {
      if (exchange.state !== "awaiting-pubcomp" && !exchange.isRepeat) continue;
      if (survivesSessionLoss(exchange, policy)) {
        exchange.isRepeat = false;
      } else {
        this.#end(packetId, exchange);
        failed.push(exchange);
      }
    }
    return failed;
  }

  /** The exchange an answer of the server can belong to: one the server can know of. */
  #awaitingAnswer(packetId: PacketId): OutgoingExchange | undefined {
    const exchange = this.#exchanges.get(packetId);
    return exchange === undefined || exchange.state === "awaiting-pubcomp" || exchange.isRepeat ? exchange : undefined;
  }

  #addPublish(packet: Publish, token: Token, wasSent: boolean): void {
    this.#inflight++;
    if (packet.qos === 2) this.#inflightQos2++;
    const state = packet.qos === 1 ? "awaiting-puback" : "awaiting-pubrec";
    this.#exchanges.set(packet.packetId, { state, packet, token, transmitted: wasSent, isRepeat: wasSent });
  }

  /** Ends an exchange; its Packet Identifier is free again [MQTT-2.3.1-3]. */
  #end(packetId: PacketId, exchange: OutgoingExchange): void {
    this.#exchanges.delete(packetId);
    const qos = publishQosOf(exchange);
    if (qos > 0 && this.#changes.isRecorded) this.#changes.push({ type: "publish-ended", packetId });
    if (qos > 0) this.#inflight--;
    if (qos === 2) this.#inflightQos2--;
  }
}

/** The QoS of a publish exchange; 0 for one that is no publish. */
function publishQosOf(exchange: OutgoingExchange): QoS {
  switch (exchange.state) {
    case "awaiting-puback":
      return 1;
    case "awaiting-pubrec":
    case "awaiting-pubcomp":
      return 2;
    default:
      return 0;
  }
}

function survivesSessionLoss(
  exchange: OutgoingExchange,
  policy: SessionLostPolicy,
): exchange is Exclude<OutgoingExchange, ReleaseExchange> {
  switch (exchange.state) {
    case "awaiting-puback":
      return policy.qos1 === "resend";
    case "awaiting-pubrec":
      return policy.qos2 === "resend";
    case "awaiting-pubcomp":
      return false;
    case "awaiting-suback":
    case "awaiting-unsuback":
      return true;
  }
}
