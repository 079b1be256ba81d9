// Options in two forms: what the user gives, and what the event loop goes by, which is complete and valid.
import type { QoS, Will } from "../codec/mod.ts";
import type { AckMode, SessionLostPolicy } from "../session/mod.ts";
import type { SessionStore } from "../store/mod.ts";
import type { Dial, DialTarget, HeadersProvider } from "../transport/transport.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionError } from "./error.ts";
import type { LogRecord, PacketSummary } from "./observer.ts";
import type { ThrottleLimit } from "./throttle.ts";

export type { SessionStore };

/** What decides whether a failed attempt is the last one. */
export interface FailureContext {
  /** Attempts since the last accepted connection, this one included. */
  readonly attempts: number;
  /** Whether a server has ever accepted this client. */
  readonly hasConnected: boolean;
  /** How many of the addresses have never been tried. */
  readonly untriedBrokers: number;
}

/** When to try again after a connection was lost or an attempt failed. */
export interface ReconnectOptions {
  /** Upper bound of the first delay, in milliseconds. */
  readonly minDelayMillis: number;
  /** Upper bound of any delay, in milliseconds. */
  readonly maxDelayMillis: number;
  /** By how much the bound grows with each failure. */
  readonly factor: number;
  /** `"full"`: a random delay up to the bound; `"none"`: the bound itself. */
  readonly jitter: "full" | "none";
  /** Consecutive failed attempts after which the loop gives up. */
  readonly maxAttempts: number;
  /** How long a connection must have lasted for the next retry to be prompt, in milliseconds. */
  readonly resetAfterMillis: number;
  /** Whether to give up at this failure. */
  readonly giveUpOn: (error: ConnectionError, context: FailureContext) => boolean;
}

/** A Will Message as a user gives it. */
export interface WillOptions {
  /** The Topic Name it is published to. */
  readonly topicName: string;
  /** Its payload, text as UTF-8; at most 65,535 bytes. */
  readonly payload: Uint8Array | string;
  /** The QoS it is published at. Default 0. */
  readonly qos?: QoS | undefined;
  /** Whether the server keeps it as a retained message. Default `false`. */
  readonly retain?: boolean | undefined;
}

/** What a `credentials` provider is told. */
export interface CredentialsRequest {
  /** The address that is about to be dialled, without credentials. */
  readonly broker: string;
  /** Attempts since the last accepted connection, this one included. */
  readonly attempt: number;
  /** Aborted when the attempt ends early. */
  readonly signal: AbortSignal;
}

/** What a `credentials` provider may replace for one attempt. */
export interface Credentials {
  /** The User Name, in place of the one in the options. */
  readonly username?: string | undefined;
  /** The Password, in place of the one in the options. */
  readonly password?: Uint8Array | string | undefined;
  /** The address, in place of the one in the options. */
  readonly broker?: string | URL | undefined;
  /** The headers of the WebSocket upgrade request, in place of those in the options; needs an address with WebSocket. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How TLS is spoken with servers whose address asks for it. Certificates and keys are PEM, as text or bytes. */
export interface TlsOptions {
  /**
   * Certificates of the authorities that may sign the server's. On Bun and by `node:tls` they take the place of the runtime's own; on
   * Deno they are trusted besides them, unless there is a client certificate. By default the runtime's own.
   */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate, with the chain behind it; needs `key`. */
  readonly cert?: string | Uint8Array | undefined;
  /** The private key of `cert`, not encrypted. */
  readonly key?: string | Uint8Array | undefined;
  /** Protocols offered by ALPN, such as `["mqtt"]`. A server that knows ALPN and none of them refuses; one that ignores it does not. */
  readonly alpnProtocols?: readonly string[] | undefined;
  /** The name the server is asked for and must prove, in place of the host in its address. */
  readonly serverName?: string | undefined;
  /** Whether any certificate is accepted, for any name: for experiments only. Default `false`. */
  readonly insecure?: boolean | undefined;
}

/** A proxy whose TLS is not spoken as the runtime would. */
export interface ProxyOptions {
  /** The proxy's address, such as `https://user:password@host:3128`. */
  readonly url: string | URL;
  /** How TLS is spoken with the proxy itself, whose address is `https:`. */
  readonly tls?: TlsOptions | undefined;
}

/** A limit on the publishes that leave per time, as a user gives it. */
export interface ThrottleOptions {
  /** How many leave in a second, in the long run: 0.000001 to 1,000,000. */
  readonly messagesPerSecond: number;
  /**
   * How many may leave at once after a pause: 1 to 1,000,000. Default: as many as a tenth of a second lets pass, at least 1. Timers take a
   * millisecond or more, so with a burst of 1 a rate of some hundreds is not reached.
   */
  readonly burst?: number | undefined;
}

/** The options of a client. Two are required: `clientId` (here or in the address) and `broker`. */
export interface MqttOptions {
  /** The Client Identifier; `""` lets the server choose one, and needs `cleanSession` true [MQTT-3.1.3-7]. */
  readonly clientId?: string | undefined;
  /** The address of the server, such as `mqtt://host:1883`; several are tried in turn, each with a back-off of its own. */
  readonly broker?: string | URL | readonly (string | URL)[] | undefined;
  /** Keep Alive in seconds, 0 to 65535; 0 turns it off. Default 60. */
  readonly keepAlive?: number | undefined;
  /** Whether the server forgets the session at each connection. Default `true`. */
  readonly cleanSession?: boolean | undefined;
  /** The User Name. */
  readonly username?: string | undefined;
  /** The Password, text as UTF-8; needs a User Name [MQTT-3.1.2-22]. */
  readonly password?: Uint8Array | string | undefined;
  /** Called before each attempt to connect, for tokens that expire. */
  readonly credentials?: ((request: CredentialsRequest) => Credentials | Promise<Credentials>) | undefined;
  /** What the server publishes if the connection ends without DISCONNECT. */
  readonly will?: WillOptions | undefined;
  /** Most bytes of an incoming packet; a larger one ends the connection. Default 16 MiB. */
  readonly maxIncomingPacketSize?: number | undefined;
  /** Most bytes of an outgoing packet; a larger publish is refused at the call. Default 268,435,460, the protocol's maximum. */
  readonly maxOutgoingPacketSize?: number | undefined;
  /** How many requests are admitted before callers wait. 0 admits a request only when the loop takes it. Default 100. */
  readonly capacity?: number | undefined;
  /** Most unfinished QoS 1 and QoS 2 publishes, 1 to 65535. Default 100. */
  readonly inflight?: number | undefined;
  /** Of these, most QoS 2 publishes. Default 20: mosquitto by default silently drops what goes beyond. */
  readonly inflightQos2?: number | undefined;
  /** Who acknowledges incoming messages: the client as they arrive, or the application by `ack`. Default `"automatic"`. */
  readonly ackMode?: AckMode | undefined;
  /** Time limit of an attempt to connect, from the first step to CONNACK, in milliseconds. Default 5000. */
  readonly connectTimeoutMillis?: number | undefined;
  /** When to try again; `false` never. */
  readonly reconnect?: { readonly [K in keyof ReconnectOptions]?: ReconnectOptions[K] | undefined } | false | undefined;
  /** Whether live subscriptions are sent again to a server that lost the session. Default `true`. */
  readonly resubscribe?: boolean | undefined;
  /**
   * What becomes of publishes that may have been delivered when the server lost the session. Default
   * `{ qos1: "resend", qos2: "fail" }`.
   */
  readonly onSessionLost?:
    | { readonly [K in keyof SessionLostPolicy]?: SessionLostPolicy[K] | undefined }
    | undefined;
  /** Pause between replayed packets, in milliseconds. Default 0. */
  readonly pendingThrottleMillis?: number | undefined;
  /**
   * Most publishes that leave per time, at every QoS, those that a reconnect repeats included. The others wait for their turn in order;
   * subscriptions, acknowledgements and pings do not wait for them, and a graceful disconnect does. It may change while the client runs.
   * By default as many leave as can.
   */
  readonly throttle?: ThrottleOptions | undefined;
  /** Whether `outgoing` events are told. Default `true`. */
  readonly outgoingEvents?: boolean | undefined;
  /** Whether TCP_NODELAY is set; needs an address with a host. Default `true`. */
  readonly noDelay?: boolean | undefined;
  /** How TLS is spoken; needs an address with TLS, such as `mqtts://host:8883`. */
  readonly tls?: TlsOptions | undefined;
  /** Headers of the WebSocket upgrade request, or what gives them before each attempt; a browser has no way to send any. */
  readonly headers?: Readonly<Record<string, string>> | HeadersProvider | undefined;
  /**
   * A proxy on the way: `http:` and `https:` (CONNECT) or `socks5:`, with credentials in the URL. It is the proxy that resolves the
   * host of the broker. A unix socket is reached without it.
   */
  readonly proxy?: string | URL | ProxyOptions | undefined;
  /**
   * Most bytes that wait undecoded where the runtime's own WebSocket is used, which cannot be held back (browsers, edge workers);
   * more end the connection with {@linkcode ReceiveOverflowError}. Other transports stop reading instead. Default 64 MiB.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** Told of every packet, without payloads and secrets, after the turn of the loop it passed in; costs time for each. */
  readonly onPacket?: ((packet: PacketSummary) => void) | undefined;
  /** Told of the life of connections, as records for a log, without payloads and secrets. */
  readonly onLog?: ((record: LogRecord) => void) | undefined;
  /**
   * Where the session is kept, so that it outlives this process: one of `@petrel/mqtt/store`, or another. A publish at QoS 1 or 2 then
   * resolves once it is kept, and a message that arrives at QoS 2 is kept in mind before it is acknowledged. The next client with the
   * same store and `clientId` goes on where this one stood, and sends what was not acknowledged. Needs a `clientId`. With `cleanSession`
   * true only outgoing messages are kept, for the server forgets everything else.
   *
   * A process that is killed is never told of a message at QoS 2 again that it was told of. What it had received and not yet been told
   * of is lost to it, unless `ackMode` is `"manual"`: then it is told again of what it has not acknowledged, and loses nothing.
   *
   * If the server has lost the session, as it has at every start with `cleanSession` true, `onSessionLost` decides what becomes of
   * messages that were sent and not acknowledged: by default those at QoS 2 fail, although their `publish` had resolved. Nobody is left
   * to be told of those of an earlier process but `onLog`, which tells how many they were. `{ qos2: "resend" }` sends them again; then
   * they may arrive twice.
   */
  readonly sessionStore?: SessionStore | undefined;
  /** How an address is dialled, in place of the runtime's own sockets. */
  readonly transport?: Dial | undefined;
  /** The time, in place of the runtime's clock. */
  readonly clock?: Clock | undefined;
  /** Random numbers from 0 to below 1, in place of the runtime's. */
  readonly random?: (() => number) | undefined;
}

/** Where a server is, and what its address says about the user. */
export interface BrokerAddress {
  /** The address for messages, without credentials. */
  readonly label: string;
  /** What to dial. */
  readonly target: DialTarget;
  /** The User Name of the address, if it has one. */
  readonly username: string | undefined;
  /** The Password of the address, if it has one. */
  readonly password: Uint8Array | undefined;
}

/** What a `credentials` provider replaces, parsed. */
export interface ResolvedCredentials {
  /** The User Name, in place of the one in the options. */
  readonly username: string | undefined;
  /** The Password, in place of the one in the options. */
  readonly password: Uint8Array | undefined;
  /** The address, in place of the one in the options. */
  readonly broker: BrokerAddress | undefined;
  /** The headers of the WebSocket upgrade request, in place of those in the options. */
  readonly headers: HeadersProvider | undefined;
}

/**
 * Options after parsing: nothing is missing, and everything is valid. `AsyncClient.create` makes them.
 *
 * @internal
 */
export interface ResolvedOptions {
  /** The Client Identifier. */
  readonly clientId: string;
  /** At least one address. */
  readonly brokers: readonly BrokerAddress[];
  /** Keep Alive in seconds; 0 turns it off. */
  readonly keepAlive: number;
  /** Clean Session. */
  readonly cleanSession: boolean;
  /** The User Name, if any. */
  readonly username: string | undefined;
  /** The Password, if any. */
  readonly password: Uint8Array | undefined;
  /** Called before each attempt, if given. */
  readonly credentials: ((request: CredentialsRequest) => Promise<ResolvedCredentials>) | undefined;
  /** The Will Message, if any. */
  readonly will: Will | undefined;
  /** Most bytes of an incoming packet. */
  readonly maxIncomingPacketSize: number;
  /** Most bytes of an outgoing packet. */
  readonly maxOutgoingPacketSize: number;
  /** Capacity of the request channel. */
  readonly capacity: number;
  /** Window of QoS 1 and QoS 2 publishes. */
  readonly inflight: number;
  /** Window of QoS 2 publishes. */
  readonly inflightQos2: number;
  /** Who acknowledges. */
  readonly ackMode: AckMode;
  /** Time limit of an attempt, from the first step to CONNACK, in milliseconds. */
  readonly connectTimeoutMillis: number;
  /** When to try again; `false` never. */
  readonly reconnect: ReconnectOptions | false;
  /** Whether live subscriptions are sent again to a server that lost the session. */
  readonly resubscribe: boolean;
  /** What becomes of exchanges that may have been delivered when the server lost the session. */
  readonly onSessionLost: SessionLostPolicy;
  /** Pause between replayed packets, in milliseconds. */
  readonly pendingThrottleMillis: number;
  /** Most publishes per time, if there is a limit. */
  readonly throttle: ThrottleLimit | undefined;
  /** Whether `outgoing` events are told. */
  readonly outgoingEvents: boolean;
  /** Told of every packet, if anybody is. */
  readonly onPacket: ((packet: PacketSummary) => void) | undefined;
  /** Told of the life of connections, if anybody is. */
  readonly onLog: ((record: LogRecord) => void) | undefined;
  /** Where the session is kept, if it is. */
  readonly sessionStore: SessionStore | undefined;
  /** How an address is dialled. */
  readonly dial: Dial;
  /** The time. */
  readonly clock: Clock;
  /** Random numbers from 0 to below 1. */
  readonly random: () => number;
}
