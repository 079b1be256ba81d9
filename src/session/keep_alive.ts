// Keep Alive as a clockwork without a clock: times come in as arguments, the next deadline goes out. MQTT 3.1.1 section 3.1.2.10.
//
// Theory of operation. A PINGREQ is due when nothing was sent for a period (the server would drop us at one and a half), and also
// when nothing was received for one (the peer may be gone, however much we write). Once it is due, any sign of life ends the wait.
// Without one the peer is given up half a period later, in two steps: a deadline, then a last call. The last call is armed at the
// moment the deadline is noticed, so a process that slept or was blocked reads what has arrived meanwhile before it judges.

/** Of the half period a peer has to answer: the part before the last call. */
const ANSWER_SHARE = 0.4;
/** The rest of it: the time left for reading once the deadline was noticed. */
const LAST_CALL_SHARE = 0.1;
/** How often the last call is repeated for a process that slept through it: one that is always late must judge in the end. */
const MAX_LAST_CALLS = 3;

/** What a session must do about its connection now. */
export type KeepAliveAction = "none" | "ping" | "give-up";

/** The keep-alive deadlines of one connection. */
export class KeepAlive {
  #periodMillis = 0;
  #lastOutgoing = 0;
  #lastIncoming = 0;
  #giveUpAt: number | undefined;
  #lastCalls = 0;
  /** Whether a PINGREQ is due that a busy connection has not let out yet. */
  #isPingHeldUp = false;
  #pingSentAt: number | undefined;
  #roundTripMillis: number | undefined;

  /**
   * Starts anew for a connection.
   *
   * @param keepAlive The Keep Alive of its CONNECT in seconds; 0 turns all of this off.
   * @param now The time now, in milliseconds.
   */
  handleOpen(keepAlive: number, now: number): void {
    this.#periodMillis = keepAlive * 1000;
    this.#lastOutgoing = now;
    this.#lastIncoming = now;
    this.#giveUpAt = undefined;
    this.#isPingHeldUp = false;
    this.#pingSentAt = undefined;
  }

  /** A packet was sent: the server's clock starts anew. */
  handleOutgoing(now: number): void {
    this.#lastOutgoing = now;
  }

  /** The peer showed life: any byte of it does. */
  handleActivity(now: number): void {
    this.#lastIncoming = now;
    this.#giveUpAt = undefined;
  }

  /**
   * A busy connection took bytes. That proves life only while it holds a PINGREQ up: otherwise the bytes may lie in a buffer of this
   * machine.
   */
  handleProgress(now: number): void {
    if (this.#isPingHeldUp && this.#giveUpAt !== undefined) this.#awaitAnswer(now);
  }

  /** A PINGREQ was sent. */
  handlePingreq(now: number): void {
    this.#isPingHeldUp = false;
    this.#pingSentAt = now;
  }

  /** A PINGRESP arrived: the sign of life that was asked for. */
  handlePingresp(now: number): void {
    this.handleActivity(now);
    if (this.#pingSentAt === undefined) return;
    this.#roundTripMillis = now - this.#pingSentAt;
    this.#pingSentAt = undefined;
  }

  /** Milliseconds from the last answered PINGREQ to its PINGRESP; `undefined` before the first. */
  get roundTripMillis(): number | undefined {
    return this.#roundTripMillis;
  }

  /** Milliseconds since anything was received. */
  silentMillis(now: number): number {
    return now - this.#lastIncoming;
  }

  /** When `handleTimeout` must be called; `undefined` if Keep Alive is off. */
  get deadline(): number | undefined {
    if (this.#periodMillis === 0) return undefined;
    return this.#giveUpAt ?? Math.min(this.#lastOutgoing, this.#lastIncoming) + this.#periodMillis;
  }

  /** Decides what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): KeepAliveAction {
    const deadline = this.deadline;
    if (deadline === undefined || now < deadline) return "none";
    const lastCallMillis = this.#periodMillis * LAST_CALL_SHARE;
    if (this.#giveUpAt === undefined) {
      this.#awaitAnswer(now);
      // The next PINGREQ is a period away, even if a full transport holds this one up.
      this.#lastOutgoing = now;
      if (this.#isPingHeldUp) return "none";
      this.#isPingHeldUp = true;
      return "ping";
    }
    const overslept = now > deadline + lastCallMillis;
    if (this.#lastCalls > 0 && (!overslept || this.#lastCalls === MAX_LAST_CALLS)) return "give-up";
    this.#lastCalls++;
    this.#giveUpAt = now + lastCallMillis;
    return "none";
  }

  #awaitAnswer(now: number): void {
    this.#giveUpAt = now + this.#periodMillis * ANSWER_SHARE;
    this.#lastCalls = 0;
  }
}
