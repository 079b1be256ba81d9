// What goes wrong with a WebSocket, in words that its adapters share. Messages name host and port, and not the query of the URL, which
// may hold a secret.

import { WebSocketError, type WebSocketErrorReason, type WebSocketTarget } from "./transport.ts";

/** What is offered to the server, and must be its choice [MQTT-6.0.0-3] [MQTT-6.0.0-4]. */
export const SUBPROTOCOL = "mqtt";

/** Numbers of the server, and the runtime's error. */
type Details = NonNullable<ConstructorParameters<typeof WebSocketError>[2]>;

/** Host and port, for messages. */
export function nameOf({ hostname, port }: WebSocketTarget): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** The error of a dial. */
export function openFailure(
  target: WebSocketTarget,
  reason: WebSocketErrorReason,
  state: string,
  details: Details = {},
): WebSocketError {
  return new WebSocketError(reason, `Cannot open a WebSocket to ${nameOf(target)}: ${state}`, details);
}

/** The error of an open WebSocket. */
export function endFailure(
  target: WebSocketTarget,
  reason: WebSocketErrorReason,
  state: string,
  details: Details = {},
): WebSocketError {
  return new WebSocketError(reason, `Cannot keep the connection to ${nameOf(target)}: ${state}`, details);
}

/**
 * Describes that the server has not chosen the subprotocol.
 *
 * @param target The server.
 * @param protocol What it has chosen, empty if nothing.
 * @returns The error to reject with.
 */
export function describeSubprotocol(target: WebSocketTarget, protocol: string): WebSocketError {
  const choice = protocol === "" ? "no subprotocol" : `the subprotocol "${protocol}"`;
  return openFailure(target, "subprotocol", `the server chose ${choice}, not "${SUBPROTOCOL}" [MQTT-6.0.0-4]`);
}

/** Describes a frame that is text. */
export function describeTextFrame(target: WebSocketTarget): WebSocketError {
  return endFailure(target, "text-frame", "the server sent a text frame [MQTT-6.0.0-1]");
}

/**
 * Describes that the server has closed the WebSocket out of order.
 *
 * @param target The server.
 * @param closeCode Its code, or the one that stands for none.
 * @param words Its reason, or other words about it; may be empty.
 * @param cause The runtime's error, if there is one.
 * @returns The error to close with.
 */
export function describeClose(
  target: WebSocketTarget,
  closeCode: number,
  words: string,
  cause?: unknown,
): WebSocketError {
  const state = `the server closed it with code ${closeCode}${words === "" ? "" : ` (${words})`}`;
  return endFailure(target, "closed", state, { closeCode, cause });
}
