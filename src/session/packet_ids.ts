// Packet Identifiers of outgoing PUBLISH, SUBSCRIBE and UNSUBSCRIBE: one space for the three, 1 to 65535. MQTT 3.1.1 section 2.3.1.
import type { PacketId } from "../codec/mod.ts";

/** The greatest Packet Identifier. */
export const MAX_PACKET_ID = 65_535;

/** Chooses Packet Identifiers: the next one after the last that is not in use, so that an identifier rests as long as possible. */
export class PacketIdAllocator {
  #last: PacketId = 0;

  /**
   * Chooses a currently unused Packet Identifier [MQTT-2.3.1-2].
   *
   * @param inUse The identifiers that are taken; at least one must be free.
   * @returns The identifier, never 0 [MQTT-2.3.1-1].
   */
  allocate(inUse: ReadonlyMap<PacketId, unknown>): PacketId {
    let packetId = this.#last;
    do {
      packetId = packetId === MAX_PACKET_ID ? 1 : packetId + 1;
    } while (inUse.has(packetId));
    this.#last = packetId;
    return packetId;
  }
}
