// The receiving side of the QoS 1 and QoS 2 exchanges. Its Packet Identifiers are the server's: a space apart from the outgoing one.
import type { Packet, PacketId, Publish } from "../codec/mod.ts";
import { ChangeLog } from "./changes.ts";

/** Who sends PUBACK and PUBREC: the session at once, or the application when it is ready. */
export type AckMode = "automatic" | "manual";

/** What an incoming PUBLISH leads to. */
export interface IncomingOutcome {
  /** Whether the application gets it. */
  readonly deliver: boolean;
  /** What the server is told at once, if anything. */
  readonly reply: Packet | undefined;
}

const DELIVER_ONLY: IncomingOutcome = { deliver: true, reply: undefined };
const IGNORE: IncomingOutcome = { deliver: false, reply: undefined };

/** The incoming exchanges of one session. */
export class IncomingExchanges {
  readonly #changes: ChangeLog;
  /** QoS 2 messages that were delivered and answered with PUBREC; a repetition is not delivered again [MQTT-4.3.3-2]. */
  readonly #awaitingPubrel: Set<PacketId> = new Set();
  /** Those of them that may belong to a session the server has lost. */
  readonly #inDoubt: Set<PacketId> = new Set();
  /** Manual mode: what was delivered on this connection and not acknowledged yet. */
  readonly #unacknowledged: Map<PacketId, Publish> = new Map();
  /** Manual mode: what was acknowledged on this connection, so that a second `acknowledge` is harmless and still true. */
  #acknowledged: WeakSet<Publish> | undefined;

  /**
   * @param changes Where changes are told.
   */
  constructor(changes: ChangeLog = new ChangeLog()) {
    this.#changes = changes;
  }

  /** Takes up what an earlier process had answered with PUBREC. */
  restore(awaitingPubrel: Iterable<PacketId>): void {
    for (const packetId of awaitingPubrel) this.#awaitingPubrel.add(packetId);
  }

  /** Handles a PUBLISH of the server. */
  handlePublish(packet: Publish, ackMode: AckMode): IncomingOutcome {
    if (packet.qos === 0) return DELIVER_ONLY;
    const packetId = packet.packetId;
    if (packet.qos === 2 && this.#isRepeated(packet)) return { deliver: false, reply: { type: "pubrec", packetId } };
    if (ackMode === "manual") {
      if (packet.qos === 2 && this.#unacknowledged.get(packetId)?.qos === 2) return IGNORE;
      this.#unacknowledged.set(packetId, packet);
      return DELIVER_ONLY;
    }
    if (packet.qos === 1) return { deliver: true, reply: { type: "puback", packetId } };
    this.#remember(packetId);
    return { deliver: true, reply: { type: "pubrec", packetId } };
  }

  /** Handles a PUBREL: the server will not repeat that PUBLISH. The answer is PUBCOMP also for an unknown identifier. */
  handlePubrel(packetId: PacketId): Packet {
    this.#forget(packetId);
    if (this.#unacknowledged.get(packetId)?.qos === 2) this.#unacknowledged.delete(packetId);
    return { type: "pubcomp", packetId };
  }

  /** Whether `acknowledge` has an answer to send for this delivery, or already sent it. */
  canAcknowledge(publish: Publish): boolean {
    return this.#unacknowledged.get(publish.packetId) === publish || this.#acknowledged?.has(publish) === true;
  }

  /**
   * Acknowledges a delivery of this connection in manual mode.
   *
   * @returns PUBACK or PUBREC; `undefined` if there is nothing to send: it was acknowledged before, or belongs to another connection.
   */
  acknowledge(publish: Publish): Packet | undefined {
    const packetId = publish.packetId;
    if (this.#unacknowledged.get(packetId) !== publish) return undefined;
    this.#unacknowledged.delete(packetId);
    this.#acknowledged ??= new WeakSet();
    this.#acknowledged.add(publish);
    if (publish.qos === 1) return { type: "puback", packetId };
    this.#remember(packetId);
    return { type: "pubrec", packetId };
  }

  /**
   * The connection is gone. Deliveries the application has not acknowledged are the server's again: it repeats them, and they are
   * delivered anew. What was answered with PUBREC stays known.
   */
  handleClose(): void {
    this.#unacknowledged.clear();
    this.#acknowledged = undefined;
  }

  /** The server has lost the session: its identifiers mean nothing any more. */
  handleSessionLost(): void {
    for (const packetId of this.#awaitingPubrel) this.#forget(packetId);
  }

  /** The server may have lost the session: its identifiers may mean something else. */
  handleSessionDoubt(): void {
    for (const packetId of this.#awaitingPubrel) this.#inDoubt.add(packetId);
  }

  /** Whether an identifier may mean something else than it did. */
  get hasDoubts(): boolean {
    return this.#inDoubt.size > 0;
  }

  /** How many QoS 2 messages await PUBREL. */
  get awaitingPubrel(): number {
    return this.#awaitingPubrel.size;
  }

  /** How many deliveries await the application's acknowledgement. */
  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  /** Whether a QoS 2 message was delivered before. In doubt DUP says so, which a server must set when it repeats [MQTT-3.3.1-1]. */
  #isRepeated({ packetId, dup }: Publish): boolean {
    if (this.#inDoubt.has(packetId) && !dup) this.#forget(packetId);
    return this.#awaitingPubrel.has(packetId);
  }

  #remember(packetId: PacketId): void {
    this.#awaitingPubrel.add(packetId);
    if (this.#changes.isRecorded) this.#changes.push({ type: "incoming-received", packetId });
  }

  #forget(packetId: PacketId): void {
    this.#inDoubt.delete(packetId);
    const wasKnown = this.#awaitingPubrel.delete(packetId);
    if (wasKnown && this.#changes.isRecorded) this.#changes.push({ type: "incoming-ended", packetId });
  }
}
