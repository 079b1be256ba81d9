// Connections that are lost again and again right after the server accepted them have a cause that trying again does not mend.
import { MalformedPacketError, PacketTooLargeError } from "../codec/mod.ts";
import { ProtocolError } from "../session/mod.ts";
import type { ConnectionError } from "./error.ts";

/** Losses in a row from which on they are called a flap: two can be chance. */
const FLAP_LOSSES = 3;

/** The likely cause of a flap. */
export type FlapCause =
  /** Another client uses the same Client Identifier: the server closes one when the other connects [MQTT-3.1.4-2]. */
  | "client-id-in-use"
  /** The server closes on a message that this client repeats: it may be too large, or not allowed. */
  | "publish-refused"
  /** The server sends a packet larger than `maxIncomingPacketSize` again and again. */
  | "incoming-packet-too-large"
  /** The server breaks the protocol again and again. */
  | "server-at-fault";

/** A flap: connections that are lost again and again right after they were accepted. */
export interface Flap {
  /** How many were lost in a row. */
  readonly losses: number;
  /** What is likely behind it. */
  readonly likelyCause: FlapCause;
}

/** Counts short connections, and guesses why they are short. */
export class FlapDetector {
  readonly #minLifeMillis: () => number;
  #acceptedAt: number | undefined;
  #losses = 0;

  /**
   * @param minLifeMillis How long a connection must last not to count, in milliseconds.
   */
  constructor(minLifeMillis: () => number) {
    this.#minLifeMillis = minLifeMillis;
  }

  /** The server accepted a connection. */
  handleConnected(now: number): void {
    this.#acceptedAt = now;
  }

  /**
   * A connection was lost, or an attempt failed.
   *
   * @param error Why.
   * @param hasUnacknowledged Whether publishes await an acknowledgement, which the next connection repeats.
   * @param now The time now, in milliseconds.
   * @returns The flap this is a part of, if it is.
   */
  handleLost(error: ConnectionError, hasUnacknowledged: boolean, now: number): Flap | undefined {
    const acceptedAt = this.#acceptedAt;
    this.#acceptedAt = undefined;
    // An attempt that failed says nothing about connections that were accepted.
    if (acceptedAt === undefined) return undefined;
    this.#losses = now - acceptedAt < this.#minLifeMillis() ? this.#losses + 1 : 0;
    if (this.#losses < FLAP_LOSSES) return undefined;
    return { losses: this.#losses, likelyCause: likelyCauseOf(error, hasUnacknowledged) };
  }
}

function likelyCauseOf(error: ConnectionError, hasUnacknowledged: boolean): FlapCause {
  if (error instanceof PacketTooLargeError) return "incoming-packet-too-large";
  if (error instanceof MalformedPacketError || error instanceof ProtocolError) return "server-at-fault";
  return hasUnacknowledged ? "publish-refused" : "client-id-in-use";
}
