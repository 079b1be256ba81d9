// A server that floods a subscriber as hard as MQTT lets it, and answers it only after the flood that is already on its way.

import type { Packet, PacketId, Publish, QoS } from "../../src/codec/mod.ts";
import type { ServerSide } from "../loop/scene.ts";
import { text } from "./stage.ts";

/** How hard it floods. */
export interface FloodOptions {
  /** The topic it floods. */
  readonly topicName: string;
  /** The QoS it floods at. */
  readonly qos: QoS;
  /** Most unacknowledged messages at QoS 1 and 2. */
  readonly window: number;
  /** Messages at QoS 0 for each step. */
  readonly burst: number;
}

/** Floods one connection, step by step. */
export class FloodServer {
  /** How many messages it has sent. */
  sent = 0;
  /** Texts of the messages that came, each once. */
  readonly received: string[] = [];
  /** The most messages that were ever unacknowledged. */
  mostUnacknowledged = 0;
  readonly #options: FloodOptions;
  readonly #side: ServerSide;
  readonly #unacknowledged: Set<PacketId> = new Set();
  readonly #unreleased: Set<PacketId> = new Set();
  #lastPacketId = 0;

  /**
   * @param side Its connection.
   * @param options How hard it floods.
   */
  constructor(side: ServerSide, options: FloodOptions) {
    this.#side = side;
    this.#options = options;
  }

  /** Floods, and behind the flood answers what has come since the last step. Waits for nobody: what is not read stays on its way. */
  step(): void {
    const answers = this.#side.take().flatMap((packet) => this.#answer(packet));
    void this.#side.connection.send(...this.#flood(), ...answers);
  }

  #flood(): Publish[] {
    const { topicName, qos, window, burst } = this.#options;
    const count = qos === 0 ? burst : window - this.#unacknowledged.size;
    const flood = Array.from({ length: count }, () => {
      const packetId = qos === 0 ? 0 : this.#nextPacketId();
      return text(topicName, `${this.sent++}`, { qos, packetId });
    });
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.#unacknowledged.size);
    return flood;
  }

  #nextPacketId(): PacketId {
    do this.#lastPacketId = this.#lastPacketId % 65_535 + 1; while (this.#unacknowledged.has(this.#lastPacketId));
    this.#unacknowledged.add(this.#lastPacketId);
    return this.#lastPacketId;
  }

  #answer(packet: Packet): Packet[] {
    switch (packet.type) {
      case "publish":
        return this.#handlePublish(packet);
      case "pubrel":
        this.#unreleased.delete(packet.packetId);
        return [{ type: "pubcomp", packetId: packet.packetId }];
      case "puback":
      case "pubcomp":
        this.#unacknowledged.delete(packet.packetId);
        return [];
      case "pubrec":
        return [{ type: "pubrel", packetId: packet.packetId }];
      case "pingreq":
        return [{ type: "pingresp" }];
      default:
        return [];
    }
  }

  #handlePublish({ qos, packetId, payload }: Publish): Packet[] {
    if (!this.#unreleased.has(packetId)) this.received.push(new TextDecoder().decode(payload));
    if (qos === 2) this.#unreleased.add(packetId);
    return qos === 0 ? [] : [{ type: qos === 1 ? "puback" : "pubrec", packetId }];
  }
}
