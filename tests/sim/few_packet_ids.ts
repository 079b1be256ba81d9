// Packet Identifiers that run out after a handful rather than after 65,535, so that a short script sees them come round.

import type { PacketId } from "../../src/codec/mod.ts";
import { OutgoingExchanges } from "../../src/session/outgoing.ts";
import { PacketIdAllocator } from "../../src/session/packet_ids.ts";
import { replaceGetter, replaceMethod } from "./mutant.ts";

/**
 * Lets every session have few identifiers.
 *
 * @param count How many.
 * @param checksInUse Whether those in use are passed over, as they must be.
 * @returns A function that undoes it.
 */
export function withFewPacketIds(count: number, checksInUse: boolean): () => void {
  const last = new WeakMap<PacketIdAllocator, PacketId>();
  const restoreAllocator = replaceMethod(
    PacketIdAllocator.prototype,
    "allocate",
    () =>
      function (this: PacketIdAllocator, inUse: ReadonlyMap<PacketId, unknown>): PacketId {
        let packetId = last.get(this) ?? 0;
        do packetId = packetId % count + 1; while (checksInUse && inUse.has(packetId));
        last.set(this, packetId);
        return packetId;
      },
  );
  const restoreLimit = replaceGetter(OutgoingExchanges.prototype, "hasFreePacketId", ({ size }) => size < count);
  return () => {
    restoreAllocator();
    restoreLimit();
  };
}
