/**
 * An MQTT 3.1.1 client for Deno, Bun and the edge.
 *
 * `connect` gives a connection that drives itself, and a stream of messages for each subscription. `AsyncClient.create` gives a handle
 * and an event loop: there *nothing moves unless the event loop is polled*, by `for await`, by `poll`, or by `pollBatch`.
 *
 * @example Connect, subscribe, publish, receive
 * ```ts
 * import { connect } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // A server in memory; without `transport`, the address is dialled.
 * const network = new MemoryNetwork();
 * void new ScriptedServer(network).autoRespond();
 *
 * await using mqtt = await connect("mqtt://example.net", { transport: network.dial });
 * const greetings = await mqtt.subscribe("hello/+", { qos: 1 });
 * await mqtt.publish("hello/petrel", "fair winds", { qos: 1 });
 * for await (const message of greetings) {
 *   assertEquals(message.text(), "fair winds");
 *   break;
 * }
 * ```
 *
 * @example The same, polled
 * ```ts
 * import { AsyncClient } from "@petrel/mqtt";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * // A server in memory; without `transport`, `broker` is dialled over TCP.
 * const network = new MemoryNetwork();
 * const server = new ScriptedServer(network);
 * const serving = server.accept().then((connection) => connection.autoRespond());
 *
 * const { client, eventLoop } = AsyncClient.create({
 *   clientId: "petrel", broker: "mqtt://example.net", transport: network.dial,
 * });
 * await client.subscribe("hello/+", 1);
 * await client.publish("hello/petrel", "fair winds", { qos: 1 });
 *
 * for await (const event of eventLoop) {
 *   if (event.type !== "incoming" || event.packet.type !== "publish") continue;
 *   assertEquals(new TextDecoder().decode(event.packet.payload), "fair winds");
 *   await client.disconnect();
 * }
 * await serving;
 * ```
 *
 * @module
 */
export {
  AsyncClient,
  bytesPayload,
  type ClientPair,
  type ClosedStatus,
  connect,
  type ConnectedStatus,
  type ConnectionStatus,
  type ConnectOptions,
  type CreateOptions,
  jsonPayload,
  Message,
  MqttConnection,
  type MqttDiagnostics,
  type Overflow,
  type Overlaps,
  parseBrokerUrl,
  type ParsedBrokerUrl,
  type PayloadCodec,
  PayloadError,
  type PayloadErrorHandler,
  type PublishLimits,
  type PublishOptions,
  PublishTimeoutError,
  ReadAheadError,
  type RequestOptions,
  RequestTimeoutError,
  type ResponseOptions,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
  StreamOverflowError,
  type SubscribeOptions,
  Subscription,
  textPayload,
  topic,
  type TopicArguments,
  type TopicParams,
  TopicPattern,
  TopicRouter,
  type TypedMessage,
  type TypedSubscribeOptions,
  TypedSubscription,
} from "./src/client/mod.ts";
export {
  type BrokerAddress,
  type Clock,
  type ConnectionError,
  ConnectionLostError,
  type ConnectionLostReason,
  type Credentials,
  type CredentialsRequest,
  type DisconnectedEvent,
  DisconnectTimeoutError,
  type DriverCounters,
  type Event,
  EventLoop,
  type EventLoopDiagnostics,
  type FailureContext,
  type Flap,
  type FlapCause,
  type LogEvent,
  type LogRecord,
  LoopClosedError,
  type Millis,
  type MqttOptions,
  type OutgoingEvent,
  type PacketSummary,
  type PersistenceDiagnostics,
  type PollOptions,
  type ProxyOptions,
  PublishNotice,
  type PublishResult,
  type ReconnectOptions,
  type RequestChannelDiagnostics,
  RequestChannelFullError,
  RequestFailedError,
  type RequestFailedReason,
  SessionStoreError,
  type SessionStoreErrorReason,
  SubscribeNotice,
  SubscribeRefusedError,
  type ThrottleOptions,
  type TlsOptions,
  type TrafficCounters,
  UnsubscribeNotice,
  type WaitOptions,
  type WillOptions,
} from "./src/loop/mod.ts";
export {
  type AckMode,
  type ConnectedEvent,
  ConnectionRefusedError,
  type IncomingEvent,
  KeepAliveTimeoutError,
  ProtocolError,
  type SessionDiagnostics,
  type SessionLostPolicy,
} from "./src/session/mod.ts";
export {
  type Dial,
  type DialOptions,
  type DialTarget,
  type HeadersProvider,
  ProxyError,
  type ProxyErrorReason,
  type ProxySettings,
  ReceiveOverflowError,
  type TcpTarget,
  TlsError,
  type TlsErrorReason,
  type TlsSettings,
  type TlsTarget,
  type Transport,
  type TransportHandlers,
  type UnixTarget,
  UnsupportedOptionError,
  type UpgradeRequest,
  WebSocketError,
  type WebSocketErrorReason,
  type WebSocketTarget,
} from "./src/transport/transport.ts";
export {
  isTopicFilter,
  isTopicName,
  MalformedPacketError,
  type Packet,
  type PacketId,
  type PacketType,
  PreparedTopic,
  type Publish,
  type QoS,
  type Subscription as RequestedSubscription,
  topicMatches,
} from "./src/codec/mod.ts";
