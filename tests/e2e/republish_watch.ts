// Sees a server break its side of QoS 2: once it has sent PUBREL it must not send that PUBLISH again [MQTT-4.3.3-1], whether or not
// the connection was lost. The client has no way to know such a message from a new one, so it is not the client that doubles it.

import { Decoder, type Packet, type PacketId } from "../../src/codec/mod.ts";
import type { Direction } from "../support/fault_link.ts";
import type { Witness } from "../support/fault_proxy.ts";

/** Watches what a server sends one client; every message must have a payload or a Topic Name of its own. */
export class RepublishWatch implements Witness {
  /** What was published again after its PUBREL, as Topic Name and text. */
  readonly republished: Set<string> = new Set();
  readonly #released: Set<string> = new Set();
  readonly #current: Map<PacketId, string> = new Map();
  readonly #next: Witness | undefined;
  #link = 0;
  #decoder: Decoder = new Decoder();

  /**
   * @param next Another witness, who is told everything too.
   */
  constructor(next?: Witness) {
    this.#next = next;
  }

  handleForwarded(link: number, direction: Direction, bytes: Uint8Array): void {
    this.#next?.handleForwarded(link, direction, bytes);
    if (direction === "outgoing" || link < this.#link) return;
    if (link > this.#link) this.#decoder = new Decoder();
    this.#link = link;
    this.#decoder.push(bytes);
    for (let packet = this.#decoder.next(); packet !== undefined; packet = this.#decoder.next()) {
      this.#handlePacket(packet);
    }
  }

  #handlePacket(packet: Packet): void {
    if (packet.type === "publish" && packet.qos === 2) {
      const name = `${packet.topicName} ${new TextDecoder().decode(packet.payload).trim()}`;
      this.#current.set(packet.packetId, name);
      if (this.#released.has(name)) this.republished.add(name);
    } else if (packet.type === "pubrel") {
      const name = this.#current.get(packet.packetId);
      if (name !== undefined) this.#released.add(name);
    }
  }
}
