// What other folders may use of the client.
export { parseBrokerUrl, type ParsedBrokerUrl } from "./broker_url.ts";
export { AsyncClient, type ClientPair, type CreateOptions, type RequestOptions } from "./client.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export type { Overlaps } from "./copies.ts";
export { PublishTimeoutError, ReadAheadError, RequestTimeoutError, StreamOverflowError } from "./driven_error.ts";
export { Message } from "./message.ts";
export type { Overflow } from "./message_queue.ts";
export {
  MqttConnection,
  type MqttDiagnostics,
  type PublishLimits,
  type SubscribeOptions,
  type TypedSubscribeOptions,
} from "./mqtt_connection.ts";
export { resolveOptions } from "./options.ts";
export {
  bytesPayload,
  jsonPayload,
  type PayloadCodec,
  PayloadError,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
  textPayload,
} from "./payload_codec.ts";
export { type PublishOptions, RequestBuilder } from "./request_builder.ts";
export type { ResponseOptions } from "./requester.ts";
export type { ClosedStatus, ConnectedStatus, ConnectionStatus } from "./status_feed.ts";
export { Subscription } from "./subscription.ts";
export type { TopicArguments, TopicParams } from "./topic_params.ts";
export { topic, TopicPattern } from "./topic_pattern.ts";
export { TopicRouter } from "./topic_router.ts";
export { type PayloadErrorHandler, type TypedMessage, TypedSubscription } from "./typed_subscription.ts";
