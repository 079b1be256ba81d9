// What the loop tells to whoever watches it: packets and the life of connections, without payloads and secrets.
//
// The user's functions are called between the turns of the loop, never in one: they may publish, and what they throw rejects the poll
// and changes nothing else.
import { type Packet, packetSize, type PacketType, type QoS } from "../codec/mod.ts";
import type { Clock, Millis } from "./clock.ts";
import type { ConnectionError } from "./error.ts";
import type { Flap } from "./flap.ts";

/** A packet that passed a connection, without its contents: no payload, no user name, no password. */
export interface PacketSummary {
  /** Which way it went. */
  readonly direction: "incoming" | "outgoing";
  /** Which kind it is. */
  readonly type: PacketType;
  /** When it was decoded or encoded, by the client's clock. */
  readonly at: Millis;
  /** Its size on the wire, in bytes. */
  readonly bytes: number;
  /** Its Packet Identifier; 0 if it has none. */
  readonly packetId: number;
  /** PUBLISH: the Topic Name, the QoS, the flags, and the size of the payload in bytes. */
  readonly publish?: {
    readonly topicName: string;
    readonly qos: QoS;
    readonly retain: boolean;
    readonly dup: boolean;
    readonly payloadBytes: number;
  };
  /** SUBSCRIBE and UNSUBSCRIBE: the Topic Filters. */
  readonly topicFilters?: readonly string[];
  /** CONNACK and SUBACK: the return codes. */
  readonly returnCodes?: readonly number[];
  /** CONNACK: Session Present. */
  readonly sessionPresent?: boolean;
}

/** What a log record is about. */
export type LogEvent =
  /** An attempt to connect begins. */
  | "connecting"
  /** A server has accepted the client. */
  | "connected"
  /** A connection was lost, or an attempt failed, and another attempt follows. */
  | "disconnected"
  /** A session store had a session, and it goes on. */
  | "session-restored"
  /** A record of a session store could not be used. It stays there under another name, and is never looked at again. */
  | "record-set-aside"
  /** Publishes that a server may have delivered ended with the session it lost, as `onSessionLost` says. */
  | "publishes-failed"
  /** The loop has ended for good. */
  | "closed";

/** One record of the log. It has no payloads, no user names and no passwords. */
export interface LogRecord {
  /** How much it matters. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** What it is about. */
  readonly event: LogEvent;
  /** The same in words. */
  readonly message: string;
  /** When it happened, by the client's clock. */
  readonly at: Millis;
  /** The facts, for machines: the address, the number of the attempt, the class of the error. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Is told of each packet as it is decoded or encoded. */
export type PacketTap = (direction: PacketSummary["direction"], packet: Packet) => void;

/** Who is told, and the clock that says when. */
export interface ObserverOptions {
  /** Told of every packet, if anybody is. */
  readonly onPacket: ((packet: PacketSummary) => void) | undefined;
  /** Told of the life of connections, if anybody is. */
  readonly onLog: ((record: LogRecord) => void) | undefined;
  /** The time. */
  readonly clock: Clock;
}

/** Collects what a turn of the loop has to tell, and tells it after the turn. */
export class Observer {
  #options: ObserverOptions;
  #lostPublishes = 0;
  #told: (PacketSummary | LogRecord)[] = [];

  /**
   * @param options Who is told.
   */
  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** Tells others from now on. */
  configure(options: ObserverOptions): void {
    this.#options = options;
  }

  /** What a connection tells of its packets; `undefined` if nobody wants to know. */
  get packetTap(): PacketTap | undefined {
    const { onPacket, clock } = this.#options;
    if (onPacket === undefined) return undefined;
    return (direction, packet) => this.#told.push(summarize(direction, packet, clock.now()));
  }

  /** An attempt begins. */
  handleAttempt(broker: string, attempt: number): void {
    this.#log("debug", "connecting", `Connecting to ${broker}, attempt ${attempt}`, { broker, attempt });
  }

  /** A server has accepted the client. */
  handleConnected(broker: string, sessionPresent: boolean): void {
    const words = sessionPresent ? "the session goes on" : "with a new session";
    this.#log("info", "connected", `Connected to ${broker}, ${words}`, { broker, sessionPresent });
  }

  /** So many publishes have ended with lost sessions since the client was made; what is new among them is told. */
  handleSessionLost(lostPublishes: number): void {
    const publishes = lostPublishes - this.#lostPublishes;
    this.#lostPublishes = lostPublishes;
    if (publishes === 0) return;
    const words = `The server has lost the session; publishes given up that it may have delivered: ${publishes}`;
    this.#log("warn", "publishes-failed", words, { publishes });
  }

  /** A connection was lost, or an attempt failed. */
  handleDisconnected(error: ConnectionError, retryInMillis: Millis, flap: Flap | undefined): void {
    const attributes = { ...describe(error), retryInMillis, ...(flap && { likelyCause: flap.likelyCause }) };
    this.#log("warn", "disconnected", `${error.message}; next attempt in ${Math.round(retryInMillis)} ms`, attributes);
  }

  /** A session store has told something. */
  handleStored(event: LogEvent, message: string, attributes: LogRecord["attributes"]): void {
    this.#log(event === "session-restored" ? "info" : "warn", event, message, attributes);
  }

  /** The loop has ended for good: in order, or by an error. */
  handleClosed(error: Error | undefined): void {
    if (error === undefined) this.#log("info", "closed", "Closed", {});
    else this.#log("error", "closed", `Closed: ${error.message}`, describe(error));
  }

  /**
   * Tells what has happened.
   *
   * @returns The first of the errors that the user's functions have thrown, if they have.
   */
  flush(): { readonly thrown: unknown } | undefined {
    if (this.#told.length === 0) return undefined;
    const told = this.#told;
    this.#told = [];
    let failure: { readonly thrown: unknown } | undefined;
    for (const record of told) {
      try {
        if ("level" in record) this.#options.onLog?.(record);
        else this.#options.onPacket?.(record);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
    return failure;
  }

  #log(level: LogRecord["level"], event: LogEvent, message: string, attributes: LogRecord["attributes"]): void {
    const { onLog, clock } = this.#options;
    if (onLog !== undefined) this.#told.push({ level, event, message, at: clock.now(), attributes });
  }
}

function describe(error: Error): Record<string, string> {
  if (!("reason" in error) || typeof error.reason !== "string") return { error: error.name };
  return { error: error.name, reason: error.reason };
}

function summarize(direction: PacketSummary["direction"], packet: Packet, at: Millis): PacketSummary {
  const packetId = "packetId" in packet ? packet.packetId : 0;
  const summary = { direction, type: packet.type, at, bytes: packetSize(packet), packetId };
  switch (packet.type) {
    case "publish": {
      const { topicName, qos, retain, dup, payload } = packet;
      return { ...summary, publish: { topicName, qos, retain, dup, payloadBytes: payload.length } };
    }
    case "subscribe":
      return { ...summary, topicFilters: packet.subscriptions.map(({ topicFilter }) => topicFilter) };
    case "unsubscribe":
      return { ...summary, topicFilters: packet.topicFilters };
    case "suback":
      return { ...summary, returnCodes: packet.returnCodes };
    case "connack":
      return { ...summary, returnCodes: [packet.returnCode], sessionPresent: packet.sessionPresent };
    default:
      return summary;
  }
}
