// QoS 0 publishes that nobody tracks are encoded when they are asked for. Nothing of them is needed later but their bytes, so they
// wait for the loop as bytes, one behind the other, and no request, no packet and no copy of the payload is made for each.
import {
  ClientPacketEncoder,
  MAX_PACKET_SIZE,
  type OutgoingPublish,
  type Packet,
  type Publish,
  ServerPacketDecoder,
} from "../codec/mod.ts";
import { refuseClientPacket } from "../session/mod.ts";

/** Bytes gathered for one write: of a kilobyte each, messages leave up to a third faster than by writes of 64 KiB. */
export const GATHER_BYTES: number = 192 * 1024;

/** A run of encoded publishes that wait for the loop together. */
export class PublishRun {
  /** The tag of this kind of request. */
  readonly kind = "run";
  /** The QoS of all of them. */
  readonly qos = 0;
  /** Their packets. */
  readonly packets: ClientPacketEncoder = new ClientPacketEncoder();
  #order = 0;
  #count = 0;

  /** The place of the first of them among all requests; the others follow without a gap. */
  get order(): number {
    return this.#order;
  }

  /** How many they are. */
  get count(): number {
    return this.#count;
  }

  /** Whether a request with this place can be one of them. */
  hasRoomFor(order: number): boolean {
    return this.#count === 0 || (order === this.#order + this.#count && this.packets.length < GATHER_BYTES);
  }

  /**
   * Encodes a publish.
   *
   * @param packet The publish. Nothing of it is kept, but for a payload that is sent by reference.
   * @param order Its place among all requests.
   * @throws {TypeError | RangeError} If it is not valid. Nothing has changed then.
   */
  add(packet: OutgoingPublish, order: number): void {
    this.packets.encode(packet);
    if (this.#count === 0) this.#order = order;
    this.#count++;
  }

  /** Takes them apart again, for a loop that from now on looks at each of them. The run is not to be used any more. */
  unpack(): Publish[] {
    const decoder = new ServerPacketDecoder({ maxPacketSize: MAX_PACKET_SIZE }, refuseClientPacket);
    for (const { bytes, length } of this.packets.take()) decoder.push(bytes.subarray(0, length));
    const publishes: Publish[] = [];
    for (let packet: Packet | undefined = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.type === "publish") publishes.push(packet);
    }
    return publishes;
  }

  /** Begins anew, once its packets have been taken over. */
  reset(): void {
    this.packets.reset();
    this.#count = 0;
  }
}
