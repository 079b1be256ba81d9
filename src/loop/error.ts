// The errors of the event loop and of requests, by what the caller does next.
import type { MalformedPacketError, SubackReturnCode } from "../codec/mod.ts";
import type { ConnectionRefusedError, ProtocolError } from "../session/mod.ts";
import type { ReceiveOverflowError, TlsError, UnsupportedOptionError } from "../transport/transport.ts";

/**
 * Why a connection was lost or an attempt to connect failed: the network ({@linkcode ConnectionLostError}), the server's refusal
 * ({@linkcode ConnectionRefusedError}), TLS ({@linkcode TlsError}), a server that breaks the protocol ({@linkcode MalformedPacketError},
 * {@linkcode ProtocolError}), a WebSocket that cannot be held back ({@linkcode ReceiveOverflowError}), or an option this runtime cannot
 * honour ({@linkcode UnsupportedOptionError}).
 */
export type ConnectionError =
  | ConnectionLostError
  | ConnectionRefusedError
  | MalformedPacketError
  | ProtocolError
  | ReceiveOverflowError
  | TlsError
  | UnsupportedOptionError;

/** What took a connection away. */
export type ConnectionLostReason =
  /** No server could be reached; `cause` is the runtime's error. */
  | "dial-failed"
  /** The attempt took longer than `connectTimeoutMillis`. */
  | "connect-timeout"
  /** The `credentials` provider failed; `cause` is what it threw. */
  | "credentials-failed"
  /** The server ended the connection without an error. */
  | "closed-by-server"
  /** The network ended the connection; `cause` is the runtime's error. */
  | "transport-failed"
  /** The server was silent for one and a half Keep Alive periods. */
  | "keep-alive-timeout";

/** The network took the connection away, or never gave one. Polling again reconnects. */
export class ConnectionLostError extends Error {
  /** The name of the class. */
  override readonly name: string = "ConnectionLostError";
  /** What took the connection away. */
  readonly reason: ConnectionLostReason;

  /**
   * Makes the error.
   *
   * @param reason What took the connection away.
   * @param message The action, and its state.
   * @param cause The error behind it, if there is one.
   */
  constructor(reason: ConnectionLostReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/**
 * A graceful disconnect took longer than it was given. The connection is closed without DISCONNECT, so the server publishes the
 * Will Message; unfinished requests have failed.
 */
export class DisconnectTimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "DisconnectTimeoutError";

  /**
   * Makes the error.
   *
   * @param timeoutMillis What it was given.
   */
  constructor(timeoutMillis: number) {
    super(`Cannot disconnect in order: unfinished requests remain after ${timeoutMillis} ms`);
  }
}

/** The event loop takes no more requests: it was disconnected or closed, or it gave up. */
export class LoopClosedError extends Error {
  /** The name of the class. */
  override readonly name: string = "LoopClosedError";

  /**
   * Makes the error.
   *
   * @param action What was asked for, such as `publish`.
   */
  constructor(action: string) {
    super(`Cannot ${action}: the event loop takes no more requests`);
  }
}

/** A `try…` operation found the request channel full. Nothing was enqueued. */
export class RequestChannelFullError extends Error {
  /** The name of the class. */
  override readonly name: string = "RequestChannelFullError";

  /**
   * Makes the error.
   *
   * @param action What was asked for, such as `publish`.
   * @param capacity The capacity of the channel.
   */
  constructor(action: string, capacity: number) {
    super(`Cannot ${action} now: the request channel is full at capacity ${capacity}`);
  }
}

/** What a session store failed to do. */
export type SessionStoreErrorReason =
  /** It could not read the session; `cause` is its error. Nothing was changed. */
  | "load-failed"
  /** It could not write a change, as on a full disk; `cause` is its error. What was written before is there. */
  | "commit-failed"
  /** The event loop has ended, and a change that it had begun has taken too long since: it may be there, or not. */
  | "commit-timeout"
  /** The stored session is of a format that this version does not know. Nothing was changed. */
  | "format-version"
  /** The stored session belongs to another Client Identifier. Nothing was changed. */
  | "client-id";

/**
 * The session store failed, so nothing can be promised any more, and the event loop is done. Nothing is lost: another client with the
 * same store goes on from what it has.
 */
export class SessionStoreError extends Error {
  /** The name of the class. */
  override readonly name: string = "SessionStoreError";
  /** What it failed to do. */
  readonly reason: SessionStoreErrorReason;

  /**
   * Makes the error.
   *
   * @param reason What it failed to do.
   * @param cause The error behind it.
   */
  constructor(reason: SessionStoreErrorReason, cause: unknown) {
    const action = `Cannot ${reason.startsWith("commit") ? "keep" : "restore"} the session: `;
    const state = cause instanceof Error ? cause.message : String(cause);
    super(state.startsWith(action) ? state : action + state, { cause });
    this.reason = reason;
  }
}

/** Why a request ended without its result. */
export type RequestFailedReason =
  /** The server lost the session it belonged to. */
  | "session-lost"
  /** The connection it was written to ended, and it cannot be repeated; or the client disconnected without finishing it. */
  | "disconnected"
  /** Its signal was aborted. */
  | "cancelled"
  /** The event loop was closed, or gave up. */
  | "loop-closed"
  /** The session store failed; `cause` is a {@linkcode SessionStoreError}. */
  | "persistence";

/** An admitted request ended without its result. */
export class RequestFailedError extends Error {
  /** The name of the class. */
  override readonly name: string = "RequestFailedError";
  /** Why. */
  readonly reason: RequestFailedReason;
  /**
   * Whether the server may have acted on it all the same, or will: what a session store has kept is sent by the next client. If
   * `false`, neither is possible.
   */
  readonly mayHaveBeenDelivered: boolean;

  /**
   * Makes the error.
   *
   * @param action What was asked for, such as `publish`.
   * @param reason Why it ended.
   * @param mayHaveBeenDelivered Whether the server may have acted on it.
   * @param cause The error behind it, if there is one.
   */
  constructor(action: string, reason: RequestFailedReason, mayHaveBeenDelivered: boolean, cause?: unknown) {
    const outcome = mayHaveBeenDelivered ? "it may have been delivered" : "it was not delivered";
    super(`Cannot complete ${action}: ${reason}, ${outcome}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.mayHaveBeenDelivered = mayHaveBeenDelivered;
  }
}

/** The server refused one or more Topic Filters of a SUBSCRIBE. The others are live. */
export class SubscribeRefusedError extends Error {
  /** The name of the class. */
  override readonly name: string = "SubscribeRefusedError";
  /** The return codes of the SUBACK, in the order of the filters; 0x80 is a refusal. */
  readonly returnCodes: readonly SubackReturnCode[];

  /**
   * Makes the error.
   *
   * @param returnCodes The return codes of the SUBACK.
   */
  constructor(returnCodes: readonly SubackReturnCode[]) {
    const refused = returnCodes.filter((code) => code === 0x80).length;
    super(`Cannot subscribe: the server refused ${refused} of ${returnCodes.length} topic filters [MQTT-3.8.4-5]`);
    this.returnCodes = returnCodes;
  }
}
