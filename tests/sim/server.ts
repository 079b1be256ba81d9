// A model server for one client: sessions, both directions of QoS 1 and 2, subscriptions. It is correct, and it can be told to
// answer late and out of order, to refuse a connection and to forget the session.

import type { Connect, Packet, PacketId, Publish, QoS } from "../../src/codec/mod.ts";
import { Fifo } from "../../src/fifo.ts";
import { FILTERS, type Setup } from "./script.ts";
import { hold } from "./violation.ts";

/** How many identifiers it has: so few that they are used again at once. */
export const PACKET_IDS = 12;

const EMPTY = new Uint8Array();

/** A message of the server on its way to the client. */
interface Delivery {
  readonly packetId: PacketId;
  readonly topicName: string;
  readonly qos: QoS;
  /** What the client owes: PUBACK or PUBREC, or PUBCOMP. */
  stage: "published" | "released";
  isSent: boolean;
}

interface ServerSession {
  /** QoS 2 messages of the client that were received and not released. */
  readonly unreleased: Map<PacketId, string>;
  readonly deliveries: Map<PacketId, Delivery>;
  /** Messages for which no identifier is free. */
  readonly waiting: Fifo<{ readonly topicName: string; readonly qos: QoS }>;
  readonly subscriptions: Set<string>;
  /** QoS 2 messages that were handed on in the life of this session. */
  readonly seen: Set<string>;
  /** Whether the client knows that it was accepted. Before that it cannot have subscribed, and there are no messages for it. */
  isKnownToClient: boolean;
}

/** The server. */
export class SimServer {
  /** How often each message of the client was handed on. */
  readonly arrivals: Map<string, number> = new Map();
  /** Messages of the client that it had accepted with PUBREC and lost: no client can make that good. */
  readonly forgotten: Set<string> = new Set();
  /** Refuses the next connection. */
  refusesNext = false;
  /** Keeps acknowledgements back. */
  holdsAcks = false;
  readonly #setup: Setup;
  readonly #send: (packet: Packet) => void;
  #session: ServerSession | undefined;
  #isPersistent = false;
  #isAccepted = false;
  #lastPacketId = 0;
  /** The greatest number of a message that arrived, handed on or not. */
  #lastArrival = -1;
  readonly #arrived: Set<string> = new Set();
  #held: Packet[] = [];

  /**
   * @param setup How it delivers QoS 2 messages.
   * @param send Sends a packet to the client.
   */
  constructor(setup: Setup, send: (packet: Packet) => void) {
    this.#setup = setup;
    this.#send = send;
  }

  /** Whether the client owes nothing, and nothing waits for it. */
  get isQuiet(): boolean {
    return this.#held.length === 0 &&
      (this.#session === undefined || (this.#session.deliveries.size === 0 && this.#session.waiting.length === 0));
  }

  /** The filters the client has subscribed to. */
  get subscriptions(): ReadonlySet<string> {
    return this.#session?.subscriptions ?? new Set();
  }

  /** Whether it has, or would store, a message for the client. */
  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  /** The CONNACK has arrived. */
  handleConnackArrived(): void {
    if (this.#session !== undefined) this.#session.isKnownToClient = true;
  }

  /** A message for the client. Without a session, or at QoS 0 without a connection, it goes nowhere. */
  publish(topicName: string, qos: QoS): void {
    const session = this.#session;
    if (session === undefined || !session.isKnownToClient) return;
    if (qos === 0) {
      if (this.#isAccepted) this.#send(publishOf(topicName, 0, 0, false));
      return;
    }
    session.waiting.push({ topicName, qos });
    this.#sendWaiting(session);
  }

  /** Loses the session, as a server does that restarts without a disk. */
  forgetSession(): void {
    for (const topicName of this.#session?.unreleased.values() ?? []) this.forgotten.add(topicName);
    this.#session = undefined;
  }

  /** Sends the acknowledgements it kept back: those of messages in reverse, then those of subscriptions in order. */
  releaseAcks(): void {
    this.holdsAcks = false;
    const held = this.#held;
    this.#held = [];
    const isControl = ({ type }: Packet): boolean => type === "suback" || type === "unsuback";
    for (const packet of held.filter((packet) => !isControl(packet)).reverse()) this.#send(packet);
    for (const packet of held.filter(isControl)) this.#send(packet);
  }

  /** The connection is gone. */
  handleClose(): void {
    this.#isAccepted = false;
    this.#held = [];
    if (!this.#isPersistent) this.#session = undefined;
  }

  /** Handles a packet of the client. */
  handlePacket(packet: Packet): void {
    if (packet.type === "connect") return this.#handleConnect(packet);
    const session = this.#session;
    if (!this.#isAccepted || session === undefined) return;
    switch (packet.type) {
      case "publish":
        return this.#handlePublish(packet, session);
      case "pubrel":
        return this.#handlePubrel(packet.packetId, session);
      case "puback":
      case "pubcomp":
        session.deliveries.delete(packet.packetId);
        return this.#sendWaiting(session);
      case "pubrec":
        return this.#handlePubrec(packet.packetId, session);
      case "subscribe": {
        const filters = packet.subscriptions.map(({ topicFilter }) => topicFilter);
        for (const filter of filters) if (!isRefused(filter)) session.subscriptions.add(filter);
        const returnCodes = filters.map((filter) => isRefused(filter) ? 0x80 : 0);
        return this.#acknowledge({ type: "suback", packetId: packet.packetId, returnCodes });
      }
      case "unsubscribe":
        for (const filter of packet.topicFilters) session.subscriptions.delete(filter);
        return this.#acknowledge({ type: "unsuback", packetId: packet.packetId });
      case "pingreq":
        return this.#send({ type: "pingresp" });
    }
  }

  #handleConnect({ cleanSession }: Connect): void {
    if (this.refusesNext) {
      this.refusesNext = false;
      return this.#send({ type: "connack", sessionPresent: false, returnCode: 3 });
    }
    const sessionPresent = !cleanSession && this.#session !== undefined;
    if (!sessionPresent) {
      this.#lastPacketId = 0;
      this.#session = {
        unreleased: new Map(),
        deliveries: new Map(),
        waiting: new Fifo(),
        subscriptions: new Set(),
        seen: new Set(),
        isKnownToClient: false,
      };
    }
    this.#isPersistent = !cleanSession;
    this.#isAccepted = true;
    this.#send({ type: "connack", sessionPresent, returnCode: 0 });
    const session = this.#session!;
    for (const delivery of session.deliveries.values()) this.#sendDelivery(delivery);
    this.#sendWaiting(session);
  }

  #handlePublish({ topicName, qos, packetId }: Publish, session: ServerSession): void {
    this.#checkOrder(topicName);
    if (qos < 2) this.#handOn(topicName);
    if (qos === 1) this.#acknowledge({ type: "puback", packetId });
    if (qos < 2) return;
    if (!session.unreleased.has(packetId)) {
      session.unreleased.set(packetId, topicName);
      if (this.#setup.serverDelivers === "at-publish") this.#handOnOnce(topicName, session);
    }
    this.#acknowledge({ type: "pubrec", packetId });
  }

  #handlePubrel(packetId: PacketId, session: ServerSession): void {
    const topicName = session.unreleased.get(packetId);
    session.unreleased.delete(packetId);
    if (topicName !== undefined && this.#setup.serverDelivers === "at-pubrel") this.#handOnOnce(topicName, session);
    this.#acknowledge({ type: "pubcomp", packetId });
  }

  #handlePubrec(packetId: PacketId, session: ServerSession): void {
    const delivery = session.deliveries.get(packetId);
    if (delivery !== undefined) delivery.stage = "released";
    this.#send({ type: "pubrel", packetId });
  }

  #handOnOnce(topicName: string, session: ServerSession): void {
    hold("exactly once", !session.seen.has(topicName), () => `the server handed ${topicName} on twice`);
    session.seen.add(topicName);
    this.#handOn(topicName);
  }

  #handOn(topicName: string): void {
    this.arrivals.set(topicName, (this.arrivals.get(topicName) ?? 0) + 1);
  }

  /** Messages arrive in the order in which they were published; only copies may come later. */
  #checkOrder(topicName: string): void {
    if (this.#arrived.has(topicName)) return;
    this.#arrived.add(topicName);
    const number = Number(topicName.slice(2));
    hold(
      "new work passed old work",
      number > this.#lastArrival,
      () => `${topicName} came after c/${this.#lastArrival}`,
    );
    this.#lastArrival = number;
  }

  #acknowledge(packet: Packet): void {
    if (this.holdsAcks) this.#held.push(packet);
    else this.#send(packet);
  }

  #sendWaiting(session: ServerSession): void {
    if (!this.#isAccepted) return;
    while (session.waiting.length > 0 && session.deliveries.size < PACKET_IDS) {
      do this.#lastPacketId = this.#lastPacketId % PACKET_IDS + 1; while (session.deliveries.has(this.#lastPacketId));
      const { topicName, qos } = session.waiting.shift()!;
      const packetId = this.#lastPacketId;
      const delivery: Delivery = { packetId, topicName, qos, stage: "published", isSent: false };
      session.deliveries.set(packetId, delivery);
      this.#sendDelivery(delivery);
    }
  }

  #sendDelivery(delivery: Delivery): void {
    const { packetId, topicName, qos, isSent } = delivery;
    if (delivery.stage === "released") return this.#send({ type: "pubrel", packetId });
    delivery.isSent = true;
    this.#send(publishOf(topicName, qos, packetId, isSent));
  }
}

function publishOf(topicName: string, qos: QoS, packetId: PacketId, dup: boolean): Publish {
  return { type: "publish", topicName, payload: EMPTY, qos, retain: false, dup, packetId };
}

/** The Topic Filter of a number. */
export function filterOf(number: number): string {
  return `f/${number % FILTERS}`;
}

/** Whether the server refuses a filter. */
export function isRefused(filter: string): boolean {
  return filter === filterOf(FILTERS - 1);
}
