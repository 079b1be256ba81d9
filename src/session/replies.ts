// What a session owes the server at once: answers to its packets, and PINGREQ.
import type { Packet } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";

/** The PINGREQ that is handed out; told apart by identity. */
export const PINGREQ: Packet = { type: "pingreq" };
/** The DISCONNECT that is handed out; told apart by identity. */
export const DISCONNECT: Packet = { type: "disconnect" };

/**
 * Lets the automatic acknowledgements of a session wait, so that the server's own window stops it while everything else goes on. What
 * waits leaves in its order once the gate is open [MQTT-4.6.0-2] [MQTT-4.6.0-3]. A message that waits here counts as received: at QoS
 * 2 a repetition is not delivered again.
 */
export class AckGate {
  /** Whether PUBACK and PUBREC wait. */
  isHeld = false;
}

/** The answers of one connection; they go with it. */
export class Replies {
  readonly #due: Fifo<Packet> = new Fifo();
  readonly #held: Fifo<Packet> = new Fifo();
  readonly #gate: AckGate;

  /**
   * @param gate What lets acknowledgements wait.
   */
  constructor(gate: AckGate) {
    this.#gate = gate;
  }

  /** Adds a packet that waits for nothing. */
  push(packet: Packet): void {
    this.#due.push(packet);
  }

  /** Adds the acknowledgement of an incoming message, which keeps its place behind those that wait. */
  pushAck(packet: Packet): void {
    (this.#gate.isHeld || this.#held.length > 0 ? this.#held : this.#due).push(packet);
  }

  /** Takes the next packet that may leave; `undefined` if there is none. */
  shift(): Packet | undefined {
    return this.#due.shift() ?? (this.#gate.isHeld ? undefined : this.#held.shift());
  }

  /** The connection is gone, and what it owed with it. */
  clear(): void {
    this.#due.clear();
    this.#held.clear();
  }
}
