// What a session has told and its owner has not taken yet, and counts of what is told to nobody in particular.
import type { Packet } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import type { CompletingPacket, SessionEvent } from "./event.ts";
import type { OutgoingExchange } from "./outgoing.ts";

/** The events of one session, in the order in which they happened. */
export class EventQueue {
  readonly #events: Fifo<SessionEvent> = new Fifo();
  #ignoredAcks = 0;
  #sessionLostFailures = 0;

  /** Acknowledgements that belonged to nothing. */
  get ignoredAcks(): number {
    return this.#ignoredAcks;
  }

  /** Requests that ended because the server lost the session. */
  get sessionLostFailures(): number {
    return this.#sessionLostFailures;
  }

  /** Takes the next event; `undefined` if there is none. */
  shift(): SessionEvent | undefined {
    return this.#events.shift();
  }

  /** Tells that the server accepted the connection. */
  addConnected(sessionPresent: boolean): void {
    this.#events.push({ type: "connected", sessionPresent });
  }

  /** Tells of a packet. */
  addIncoming(packet: Packet): void {
    this.#events.push({ type: "incoming", packet });
  }

  /** Tells the end of an exchange; an acknowledgement that ended none is counted and otherwise ignored. */
  addCompleted(ended: OutgoingExchange | undefined, packet: CompletingPacket): void {
    if (ended === undefined) this.#ignoredAcks++;
    else if (ended.token !== 0) this.#events.push({ type: "request-completed", token: ended.token, packet });
  }

  /** Tells that exchanges ended with the session the server lost. */
  addFailed(exchanges: readonly OutgoingExchange[]): void {
    for (const { token } of exchanges) {
      this.#sessionLostFailures++;
      if (token !== 0) this.#events.push({ type: "request-failed", token, mayHaveBeenDelivered: true });
    }
  }

  /** Counts an acknowledgement that belonged to nothing. */
  countIgnoredAck(): void {
    this.#ignoredAcks++;
  }
}
