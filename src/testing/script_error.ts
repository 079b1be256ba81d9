// What a script reports when the client does not play its part.

import type { Packet } from "../codec/mod.ts";

/**
 * Why a script cannot go on: the client sent another packet than expected, the connection is over, or the client's bytes are no packet.
 */
export type ScriptErrorReason = "unexpected-packet" | "connection-over" | "malformed-packet";

/** The error of a script that cannot go on. */
export class ScriptError extends Error {
  /** The name of the class. */
  override readonly name: string = "ScriptError";
  /** Why the script cannot go on. */
  readonly reason: ScriptErrorReason;
  /** The packet that came instead of the expected one. */
  readonly packet: Packet | undefined;

  /**
   * Makes the error.
   *
   * @param reason Why the script cannot go on.
   * @param message What was expected, and what came.
   * @param details The packet that came, or the error behind this one.
   */
  constructor(
    reason: ScriptErrorReason,
    message: string,
    details: { readonly packet?: Packet; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.packet = details.packet;
  }
}
