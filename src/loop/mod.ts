// What other folders may use of the event loop.
export { type Clock, type Millis, systemClock } from "./clock.ts";
export type { TrafficCounters } from "./connection.ts";
export type { DriverCounters } from "./driver_state.ts";
export {
  type ConnectionError,
  ConnectionLostError,
  type ConnectionLostReason,
  DisconnectTimeoutError,
  LoopClosedError,
  RequestChannelFullError,
  RequestFailedError,
  type RequestFailedReason,
  SessionStoreError,
  type SessionStoreErrorReason,
  SubscribeRefusedError,
} from "./error.ts";
export type { DisconnectedEvent, Event, OutgoingEvent } from "./event.ts";
export { EventLoop, type PollOptions } from "./event_loop.ts";
export type { EventLoopDiagnostics } from "./event_loop_diagnostics.ts";
export type { Flap, FlapCause } from "./flap.ts";
export {
  Completion,
  PublishNotice,
  type PublishResult,
  SubscribeNotice,
  UnsubscribeNotice,
  type WaitOptions,
} from "./notice.ts";
export type { LogEvent, LogRecord, PacketSummary } from "./observer.ts";
export type {
  BrokerAddress,
  Credentials,
  CredentialsRequest,
  FailureContext,
  MqttOptions,
  ProxyOptions,
  ReconnectOptions,
  ResolvedCredentials,
  ResolvedOptions,
  SessionStore,
  ThrottleOptions,
  TlsOptions,
  WillOptions,
} from "./options.ts";
export type { PersistenceDiagnostics } from "./persistence.ts";
export type { DisconnectRequest, PublishRequest, SubscribeRequest, UnsubscribeRequest } from "./request.ts";
export { ADMITTED, RequestChannel, type RequestChannelDiagnostics } from "./request_channel.ts";
