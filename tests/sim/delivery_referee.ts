// Watches the receiving side: who is answered, in which order, and that what is acknowledged was delivered.

import type { Packet, PacketId, Publish } from "../../src/codec/mod.ts";
import type { Setup } from "./script.ts";
import { hold } from "./violation.ts";

type AnswerType = "puback" | "pubrec" | "pubcomp";

/** Watches incoming exchanges. Each message of the server has a Topic Name of its own and lives in one session. */
export class DeliveryReferee {
  /** How often each message of the server was delivered. */
  readonly deliveries: Map<string, number> = new Map();
  readonly #setup: Setup;
  readonly #owed: Readonly<Record<AnswerType, PacketId[]>> = { puback: [], pubrec: [], pubcomp: [] };
  /** The message last received under each identifier on this connection. */
  readonly #received: Map<PacketId, string> = new Map();
  /** QoS 2 messages that were acknowledged and not released. */
  readonly #unreleased: Map<PacketId, string> = new Map();
  /** Of these, those that may belong to a session which the server lost while a CONNACK got lost. */
  readonly #inDoubt: Set<PacketId> = new Set();
  #isSessionInDoubt = false;
  /** Messages that must not be delivered again. */
  readonly #finished: Set<string> = new Set();
  #toBeDelivered: string[] = [];

  /**
   * @param setup How the session was told to behave.
   */
  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** How many QoS 2 messages were acknowledged and not released. */
  get unreleased(): number {
    return this.#unreleased.size;
  }

  /** The connection is gone. */
  handleClose(isConnackMissing: boolean): void {
    this.#isSessionInDoubt ||= isConnackMissing;
    for (const owed of Object.values(this.#owed)) owed.length = 0;
    this.#received.clear();
  }

  /** A packet of the server arrived. */
  handleIncoming(packet: Packet): void {
    if (packet.type === "connack" && packet.returnCode === 0) this.#handleConnack(packet.sessionPresent);
    if (packet.type === "pubrel") {
      this.#free(packet.packetId);
      this.#owed.pubcomp.push(packet.packetId);
    }
    if (packet.type === "publish" && packet.qos > 0) this.#handlePublish(packet);
  }

  #handleConnack(sessionPresent: boolean): void {
    if (!sessionPresent) {
      this.#unreleased.clear();
      this.#inDoubt.clear();
    } else if (this.#isSessionInDoubt) {
      for (const packetId of this.#unreleased.keys()) this.#inDoubt.add(packetId);
    }
    this.#isSessionInDoubt = false;
  }

  #handlePublish(packet: Publish): void {
    const { packetId, topicName, qos, dup } = packet;
    const known = qos === 2 ? this.#unreleased.get(packetId) : undefined;
    // A new message whose first copy was lost cannot be told from a repeated one while its identifier is in doubt.
    const isMistakable = known !== undefined && known !== topicName && dup && this.#inDoubt.has(packetId);
    if (isMistakable) this.deliveries.set(topicName, 0);
    const isRepeated = known === topicName || isMistakable;
    if (!isRepeated && qos === 2) this.#free(packetId);
    this.#received.set(packetId, topicName);
    if (this.#setup.ackMode === "automatic" || isRepeated) this.#owe(packet);
  }

  /** The session told the application of a message. */
  handleDelivered({ topicName, qos }: Publish): void {
    const isFinished = qos !== 1 && this.#finished.has(topicName);
    hold("exactly once", !isFinished, () => `${topicName} was delivered again`);
    this.deliveries.set(topicName, (this.deliveries.get(topicName) ?? 0) + 1);
    if (qos === 0 || this.#setup.ackMode === "automatic") this.#finished.add(topicName);
  }

  /** The application acknowledged a message for the first time, and the session said that this is done. */
  handleAcknowledged(publish: Publish): void {
    this.#owe(publish);
    this.#finished.add(publish.topicName);
  }

  /** A packet was handed out. */
  handleOutgoing(packet: Packet): void {
    if (packet.type !== "puback" && packet.type !== "pubrec" && packet.type !== "pubcomp") return;
    const next = this.#owed[packet.type].shift();
    hold(
      "answers",
      next === packet.packetId,
      () => `${packet.type} ${packet.packetId} left, expected ${next ?? "none"}`,
    );
    const topicName = this.#received.get(packet.packetId);
    if (packet.type !== "pubcomp" && topicName !== undefined) this.#toBeDelivered.push(topicName);
  }

  /** Everything that could leave has left, and all events were taken. */
  handleDrained(): void {
    const lost = this.#toBeDelivered.find((topicName) => !this.deliveries.has(topicName));
    hold("acknowledged but not delivered", lost === undefined, () => `${lost}`);
    this.#toBeDelivered = [];
  }

  /** The transport takes packets, and nothing is left to be sent. */
  handleAllSent(): void {
    for (const [type, owed] of Object.entries(this.#owed)) {
      hold("answers", owed.length === 0, () => `${type} ${owed} did not leave`);
    }
  }

  #owe({ qos, packetId, topicName }: Publish): void {
    this.#owed[qos === 1 ? "puback" : "pubrec"].push(packetId);
    if (qos === 2) this.#unreleased.set(packetId, topicName);
  }

  #free(packetId: PacketId): void {
    this.#unreleased.delete(packetId);
    this.#inDoubt.delete(packetId);
  }
}
