// Watches the clock: pings that come in time and never without need, healthy links that are kept, dead ones that are not.

import type { Packet } from "../../src/codec/mod.ts";
import type { Setup } from "./script.ts";
import { hold } from "./violation.ts";

/** What a deadline may be late by, for the rounding of fractions. */
const ROUNDING = 1;

/** Watches Keep Alive on one connection after the other. */
export class KeepAliveReferee {
  readonly #periodMillis: number;
  readonly #roundTripMillis: number;
  #lastOutgoing = 0;
  #lastIncoming = 0;
  /** When the link was last muted or blocked. */
  #lastFault = -Infinity;
  /** When something last happened that makes a new wait fair: the connection accepted, progress, the process awake again. */
  #lastExcuse = 0;
  #wokeAt = -Infinity;
  #isPingDue = false;

  /**
   * @param setup Keep Alive and latency.
   */
  constructor(setup: Setup) {
    this.#periodMillis = setup.keepAlive * 1000;
    this.#roundTripMillis = setup.latencyMillis * 2;
  }

  /** A connection was opened. */
  handleOpen(now: number): void {
    this.#lastOutgoing = now;
    this.#lastIncoming = now;
    this.#lastFault = -Infinity;
    this.#lastExcuse = now;
    this.#wokeAt = -Infinity;
    this.#isPingDue = false;
  }

  /** A packet was handed out. */
  handleOutgoing(packet: Packet, now: number): void {
    if (packet.type === "pingreq") {
      hold("needless ping", this.#isPingDue, () => `PINGREQ at ${now}, last sent ${this.#lastOutgoing}`);
      this.#isPingDue = false;
    }
    this.#lastOutgoing = now;
  }

  /** A packet arrived. */
  handleIncoming(packet: Packet, now: number): void {
    this.#lastIncoming = now;
    if (packet.type === "connack") this.#lastExcuse = now;
  }

  /** The session is about to be told the time. */
  handleTimeout(now: number): void {
    if (now >= Math.min(this.#lastOutgoing, this.#lastIncoming) + this.#periodMillis) this.#isPingDue = true;
  }

  /** The link is muted or blocked, or has just ceased to be. */
  handleFault(now: number): void {
    this.#lastFault = now;
  }

  /** A blocked transport took bytes. */
  handleProgress(now: number): void {
    this.#lastExcuse = now;
  }

  /** The process is awake again. */
  handleAwake(now: number): void {
    this.#lastExcuse = now;
    this.#wokeAt = now;
  }

  /** The session gave the connection up. */
  handleGivenUp(now: number): void {
    const isDoubtful = this.#lastFault >= this.#lastIncoming - this.#roundTripMillis;
    hold("healthy link given up", isDoubtful, () => `at ${now}, last received ${this.#lastIncoming}`);
  }

  /** Time has passed, and everything that was due was done; `isBlocked` if the transport takes nothing. */
  handleDrained(now: number, isBlocked: boolean): void {
    const period = this.#periodMillis;
    if (period === 0) return;
    // Whoever wakes up reads what has arrived before it pings.
    const isGapAllowed = isBlocked || now - this.#lastOutgoing <= period || now <= this.#wokeAt + 0.1 * period;
    hold("keep-alive gap", isGapAllowed, () => `${now - this.#lastOutgoing} ms without a packet`);
    const limit = Math.max(this.#lastIncoming + 1.5 * period, this.#lastExcuse + 0.5 * period);
    hold("dead peer kept", now <= limit + ROUNDING, () => `at ${now}, last received ${this.#lastIncoming}`);
  }
}
