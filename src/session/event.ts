// What comes out of a session besides packets.
import type { Packet, Puback, Pubcomp, Suback, Unsuback } from "../codec/mod.ts";

/**
 * A number by which the caller of a session names a request, and by which the session reports its end. 0 names nobody: such a
 * request ends without a report.
 */
export type Token = number;

/** The packet that ended a request: PUBACK, PUBCOMP, SUBACK or UNSUBACK. */
export type CompletingPacket = Puback | Pubcomp | Suback | Unsuback;

/** What a session has to tell, in the order in which it happened. */
export type SessionEvent = ConnectedEvent | IncomingEvent | RequestCompletedEvent | RequestFailedEvent;

/** The server accepted the connection. */
export interface ConnectedEvent {
  /** The tag of this event. */
  readonly type: "connected";
  /** Whether the server resumed the session it had stored. */
  readonly sessionPresent: boolean;
}

/** A packet arrived: a message for the application, or an answer of the server. A repeated QoS 2 delivery is not told. */
export interface IncomingEvent {
  /** The tag of this event. */
  readonly type: "incoming";
  /** The packet. */
  readonly packet: Packet;
}

/** The server completed a request. */
export interface RequestCompletedEvent {
  /** The tag of this event. */
  readonly type: "request-completed";
  /** The request. */
  readonly token: Token;
  /** The packet that completed it. */
  readonly packet: CompletingPacket;
}

/** A request ended because the server lost the session it belonged to. */
export interface RequestFailedEvent {
  /** The tag of this event. */
  readonly type: "request-failed";
  /** The request. */
  readonly token: Token;
  /** Whether the server may have acted on it all the same. */
  readonly mayHaveBeenDelivered: boolean;
}
