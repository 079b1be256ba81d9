/**
 * The MQTT 3.1.1 session of a client as a pure state machine: no I/O, no clock, no promises. For people who bring their own I/O;
 * `@petrel/mqtt` drives it for everybody else. {@linkcode Session} has the calling order and an example.
 *
 * @module
 */
export { type AdmissionGate, type Lane, type LaneHead, nextLane, type PublishHead } from "./admission.ts";
export type { SessionChange, SessionState } from "./changes.ts";
export { ConnectionRefusedError, KeepAliveTimeoutError, ProtocolError } from "./error.ts";
export type {
  CompletingPacket,
  ConnectedEvent,
  IncomingEvent,
  RequestCompletedEvent,
  RequestFailedEvent,
  SessionEvent,
  Token,
} from "./event.ts";
export type { AckMode } from "./incoming.ts";
export type { PublishRequest, SessionDiagnostics, SessionOptions } from "./options.ts";
export type { SessionLostPolicy } from "./outgoing.ts";
export type { ReplayGate } from "./recovery.ts";
export { AckGate } from "./replies.ts";
export { Session } from "./session.ts";
export { refuseClientPacket, type SessionPhase } from "./transitions.ts";
