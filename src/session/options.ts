// What a session is told when it is made, what it is asked to publish, and what it shows of itself.
import type { PreparedTopic, QoS } from "../codec/mod.ts";
import type { AckMode } from "./incoming.ts";
import type { SessionLostPolicy } from "./outgoing.ts";
import type { SessionPhase } from "./transitions.ts";

/** How a session behaves. */
export interface SessionOptions {
  /** Most QoS 1 and QoS 2 publishes that are open at once, 1 to 65535. */
  readonly inflight: number;
  /** Of these, most QoS 2 publishes, 1 to 65535. */
  readonly inflightQos2: number;
  /** Who acknowledges incoming messages. */
  readonly ackMode: AckMode;
  /** Whether live subscriptions are sent again to a server that lost the session. */
  readonly resubscribe: boolean;
  /** Most bytes of a packet that restores subscriptions; no limit of its own if it is missing. */
  readonly maxOutgoingPacketSize?: number | undefined;
  /** What becomes of exchanges that may have been delivered when the server lost the session. */
  readonly onSessionLost: SessionLostPolicy;
  /** Milliseconds between two replayed packets. */
  readonly pendingThrottleMillis: number;
}

/** An Application Message to be published. */
export interface PublishRequest {
  /** The Topic Name. */
  readonly topicName: string;
  /** The same Topic Name, prepared, if the publisher did so. */
  readonly preparedTopic?: PreparedTopic | undefined;
  /** The payload; the session keeps it, unchanged, until the server has it. */
  readonly payload: Uint8Array;
  /** The QoS. */
  readonly qos: QoS;
  /** Whether the server keeps it as a retained message. */
  readonly retain: boolean;
}

/** What can be seen of a session from outside. */
export interface SessionDiagnostics {
  /** Where it stands with its connection. */
  readonly phase: SessionPhase;
  /** Open QoS 1 and QoS 2 publishes. */
  readonly inflight: number;
  /** Of these, QoS 2. */
  readonly inflightQos2: number;
  /** All open outgoing exchanges, subscriptions included: as many Packet Identifiers are in use. */
  readonly outgoingExchanges: number;
  /** Exchanges that are still to be replayed on this connection. */
  readonly replayPending: number;
  /** Incoming QoS 2 messages that await PUBREL. */
  readonly incomingQos2: number;
  /** Deliveries that await the application's acknowledgement. */
  readonly unacknowledged: number;
  /** Live subscriptions. */
  readonly subscriptions: number;
  /** Acknowledgements of the server that belonged to nothing, since the session was made. */
  readonly ignoredAcks: number;
  /** Requests that ended because the server lost the session, since the session was made. */
  readonly sessionLostFailures: number;
  /** Milliseconds from the last PINGREQ to its PINGRESP. */
  readonly roundTripMillis: number | undefined;
}
