// What a record in the ring of requests means, and what one in a ring of replies. `tagOf` puts the tags together; the id is the line.

/** A number for a Topic Name of this line: `a` the number, the body the name. */
export const TOPIC = 1;
/** A publish: flags, `a` the number of the topic, `b` its token, the body the payload. */
export const PUBLISH = 2;
/** A subscribe: `b` its token, the body the subscriptions as JSON. */
export const SUBSCRIBE = 3;
/** An unsubscribe: `b` its token, the body the Topic Filters as JSON. */
export const UNSUBSCRIBE = 4;
/** A wish to disconnect: the body as JSON. */
export const DISCONNECT = 5;
/** Takes back a request that waits for admission: `a` its place in its lane, which the flags name. A `Fate` is the answer. */
export const WITHDRAW = 6;
/** Acknowledges delivery `a`; 0 if that is none which awaits it. It is answered; with `TRY_FLAG` before that is kept, if it is to be. */
export const ACKNOWLEDGE = 7;
/** Asks for the Packet Identifier of the request with token `a`. It is answered. */
export const PACKET_ID = 8;
/** Asks for the diagnostics. It is answered. */
export const DIAGNOSTICS = 9;
/** Drops the connection and keeps the session. It is answered. */
export const CLEAN = 10;
/** The line is given back. */
export const RELEASE = 11;

/** The flags of a publish: its QoS in two bits, and these. */
export const RETAIN_FLAG = 4;
/** The request found no room, and its caller waits. */
export const WAITING_FLAG = 8;
/** The request found no room; it is taken now or not at all, and answered. */
export const TRY_FLAG = 16;
/** The end of the request is to be told too; without `TRY_FLAG` a token says so. */
export const TRACKED_FLAG = 32;

/** The flag of `WITHDRAW`: the lane is that of control requests. */
export const CONTROL_FLAG = 1;

/** The body of `DISCONNECT`. */
export interface DisconnectBody {
  /** `"drained"` finishes everything first, `"now"` nothing. */
  readonly mode: "drained" | "now";
  /** The limit of a drain in milliseconds; `null` for none. */
  readonly timeoutMillis: number | null;
}

/**
 * What has become of a request that was to be taken back: nothing is sent; it is admitted; or it is sent once a session store has kept
 * it, if ever. `null` if it does not wait any more: it was admitted, or refused.
 */
export type Fate = "taken-back" | "admitted" | "being-kept" | null;

// Replies: `a` is the token.

/** A request that was tried is admitted; a tracked one has its end still to come. */
export const ADMITTED = 1;
/** A request that was tried is not admitted: the body is the error. */
export const REFUSED = 9;
/** A QoS 0 publish was flushed. */
export const FLUSHED = 2;
/** A publish was acknowledged; the id is its Packet Identifier. */
export const ACKNOWLEDGED = 3;
/** A QoS 2 publish was completed; the id is its Packet Identifier. */
export const COMPLETED = 4;
/** A subscribe was answered: the id is its Packet Identifier, the body the return codes. */
export const SUBACK = 5;
/** An unsubscribe was answered; the id is its Packet Identifier. */
export const UNSUBACK = 6;
/** A request or a call ended with an error: the body. */
export const ERROR = 7;
/** A call was answered: the body as JSON. */
export const ANSWER = 8;
