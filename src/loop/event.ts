// What the event loop tells its user.
import type { PacketId, PacketType } from "../codec/mod.ts";
import type { ConnectedEvent, IncomingEvent } from "../session/mod.ts";
import type { ConnectionError } from "./error.ts";
import type { Flap } from "./flap.ts";

/**
 * Something that happened on the connection, told apart by `type`: the server accepted it, it was lost, a packet arrived, or a
 * packet was handed to the transport.
 */
export type Event = ConnectedEvent | DisconnectedEvent | IncomingEvent | OutgoingEvent;

/** A connection was lost, or an attempt to connect failed. `poll` rejects with `error` instead; `lastDisconnected` has the rest. */
export interface DisconnectedEvent {
  /** The tag of this event. */
  readonly type: "disconnected";
  /** Why. */
  readonly error: ConnectionError;
  /** Milliseconds until the next attempt, if the loop is polled. */
  readonly retryInMillis: number;
  /** Set if connections are lost again and again right after the server accepted them. */
  readonly flap: Flap | undefined;
}

/** A packet was handed to the transport. */
export interface OutgoingEvent {
  /** The tag of this event. */
  readonly type: "outgoing";
  /** Which kind of packet. */
  readonly packetType: PacketType;
  /** Its Packet Identifier; 0 if it has none. */
  readonly packetId: PacketId;
}

/** The loop has ended for good with an error, or the user's own code has thrown one: `poll` rejects with it, an iteration throws it. */
export interface FatalItem {
  /** The tag of this item. */
  readonly type: "fatal";
  /** Why. */
  readonly error: Error;
}

/** What waits to be polled. */
export type LoopItem = Event | FatalItem;
