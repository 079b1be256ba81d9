// One incoming PUBLISH on its way to everybody who takes it.
import type { Publish } from "../codec/mod.ts";

/** What a message takes up besides its payload, in bytes: the objects around it, about. */
const OVERHEAD_BYTES = 256;

/** Tells the server that a message is finished with. In automatic mode the session does so by itself. */
export class Acknowledger {
  /** Which connection this is, counting them: an older one can be told nothing. */
  connection = 0;
  /** Whether the application acknowledges. */
  readonly isManual: boolean;
  readonly #tryAck: (publish: Publish) => boolean;

  /**
   * @param isManual Whether the application acknowledges.
   * @param tryAck Acknowledges a delivery; `false` if its connection is gone.
   */
  constructor(isManual: boolean, tryAck: (publish: Publish) => boolean) {
    this.isManual = isManual;
    this.#tryAck = tryAck;
  }

  /** Acknowledges a delivery that nobody takes, or that everybody has finished with. @returns Whether the server is told. */
  acknowledge(publish: Publish): boolean {
    return !this.isManual || this.#tryAck(publish);
  }
}

/** One incoming PUBLISH, and how many have still to finish with it. */
export class Delivery {
  /** The packet. */
  readonly publish: Publish;
  /** The connection it came on. */
  readonly connection: number;
  readonly #acknowledger: Acknowledger;
  #takers: number;

  /**
   * @param publish The packet.
   * @param takers How many take it.
   * @param acknowledger Who is told once all have finished with it.
   */
  constructor(publish: Publish, takers: number, acknowledger: Acknowledger) {
    this.publish = publish;
    this.connection = acknowledger.connection;
    this.#takers = takers;
    this.#acknowledger = acknowledger;
  }

  /** What it takes up, in bytes, about. */
  get size(): number {
    return this.publish.payload.length + this.publish.topicName.length + OVERHEAD_BYTES;
  }

  /** Whether the server delivers it again once it knows the session, unless somebody finishes with it before. */
  get isOwed(): boolean {
    return this.#acknowledger.isManual && this.publish.qos > 0;
  }

  /** One of the takers has finished with it. @returns Whether the server is told, or will be; `false` if its connection is gone. */
  finish(): boolean {
    if (!this.isOwed) return true;
    if (this.connection !== this.#acknowledger.connection) return false;
    this.#takers--;
    return this.#takers > 0 || this.#acknowledger.acknowledge(this.publish);
  }
}
