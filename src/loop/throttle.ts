// Most publishes per time. A token bucket, kept as one moment instead of a count that somebody has to fill up.
//
// Theory of operation. The bucket holds `burst` tokens, and gains one per interval until it is full. `#fullAt` is when it is full if
// nothing is taken; each publish takes a token, which moves that moment an interval away. So a publish may leave when `#fullAt` is at
// most `burst - 1` intervals ahead, and the next one is due at a moment that is known: one alarm, and only while a publish waits.
import type { AdmissionGate } from "../session/mod.ts";
import type { QoS } from "../codec/mod.ts";
import type { Clock, Millis } from "./clock.ts";

/** Most outgoing publishes per time. */
export interface ThrottleLimit {
  /** How many leave in a second, in the long run. */
  readonly messagesPerSecond: number;
  /** How many may leave at once after a pause. */
  readonly burst: number;
}

/** Lets publishes wait for their turn; everything else passes. */
export class Throttle implements AdmissionGate {
  readonly #session: AdmissionGate;
  readonly #clock: Clock;
  #burst = 0;
  #intervalMillis = 0;
  #fullAt: Millis;
  #heldUntil: Millis | undefined;

  /**
   * @param session What admits requests.
   * @param clock The time.
   */
  constructor(session: AdmissionGate, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    this.#fullAt = clock.now();
  }

  /** Goes by another limit from now on. What the bucket holds stays, as far as the new one has room for it; the first one is full. */
  configure({ messagesPerSecond, burst }: ThrottleLimit): void {
    const now = this.#clock.now();
    const isFirst = this.#burst === 0;
    const tokens = isFirst ? burst : this.#burst - Math.max(0, this.#fullAt - now) / this.#intervalMillis;
    this.#burst = burst;
    this.#intervalMillis = 1000 / messagesPerSecond;
    this.#fullAt = now + Math.max(0, burst - tokens) * this.#intervalMillis;
  }

  /** From when on the next publish may leave. */
  get nextAt(): Millis {
    return this.#fullAt - (this.#burst - 1) * this.#intervalMillis;
  }

  /** Until when a publish that could leave otherwise is held back; `undefined` if none is, as far as was asked since `begin`. */
  get heldUntil(): Millis | undefined {
    return this.#heldUntil;
  }

  /** Publishes are about to be asked for anew: what was held back before may not wait any more, or for something else. */
  begin(): void {
    this.#heldUntil = undefined;
  }

  canPublish(qos: QoS): boolean {
    if (!this.#session.canPublish(qos)) return false;
    if (this.#clock.now() >= this.nextAt) return true;
    this.#heldUntil = this.nextAt;
    return false;
  }

  canControl(): boolean {
    return this.#session.canControl();
  }

  /** A publish leaves. */
  take(): void {
    this.#fullAt = Math.max(this.#fullAt, this.#clock.now()) + this.#intervalMillis;
  }
}
