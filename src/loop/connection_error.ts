// What ends a connection, as the error its user gets.
import { MalformedPacketError } from "../codec/mod.ts";
import { ConnectionRefusedError, KeepAliveTimeoutError, ProtocolError } from "../session/mod.ts";
import { ReceiveOverflowError, TlsError } from "../transport/transport.ts";
import { describeError } from "./attempt.ts";
import { type ConnectionError, ConnectionLostError } from "./error.ts";

/** What the end of a transport means. */
export function closedError(error: Error | undefined, label: string): ConnectionError {
  if (error === undefined) {
    return new ConnectionLostError("closed-by-server", `Cannot keep the connection to ${label}: the server closed it`);
  }
  // An alert after the handshake, such as for a client certificate that is missing.
  if (error instanceof TlsError || error instanceof ReceiveOverflowError) return error;
  const message = `Cannot keep the connection to ${label}: ${describeError(error)}`;
  return new ConnectionLostError("transport-failed", message, error);
}

/** CONNACK has not come in time. */
export function connectTimeoutError(label: string, timeoutMillis: number): ConnectionLostError {
  const message = `Cannot connect to ${label}: no CONNACK within ${timeoutMillis} ms`;
  return new ConnectionLostError("connect-timeout", message);
}

/** What the codec and the session throw is the reason itself; the rest is a defect and not hidden. */
export function connectionErrorOf(error: unknown, label: string): ConnectionError {
  if (error instanceof KeepAliveTimeoutError) {
    const message = `Cannot keep the connection to ${label}: the server has been silent for too long`;
    return new ConnectionLostError("keep-alive-timeout", message, error);
  }
  const isKnown = error instanceof MalformedPacketError || error instanceof ProtocolError ||
    error instanceof ConnectionRefusedError;
  if (isKnown) return error;
  throw error;
}
