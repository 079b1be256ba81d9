// A simulated network connection: two queues of packets, each with the time at which it arrives.

import type { Packet } from "../../src/codec/mod.ts";
import { Fifo } from "../../src/fifo.ts";

interface Flight {
  readonly packet: Packet;
  readonly arrival: number;
}

/** The side a packet goes to. */
export type Side = "client" | "server";

/** A network connection. What is sent arrives in order and whole, later, or not at all once the connection is cut. */
export class Link {
  /** Whether packets are held up, as when a network swallows them and TCP tries again. */
  isMuted = false;
  readonly #latencyMillis: number;
  readonly #flights: Readonly<Record<Side, Fifo<Flight>>> = { client: new Fifo(), server: new Fifo() };

  /**
   * @param latencyMillis How long a packet takes.
   */
  constructor(latencyMillis: number) {
    this.#latencyMillis = latencyMillis;
  }

  /** Sends a packet. */
  send(to: Side, packet: Packet, now: number): void {
    this.#flights[to].push({ packet, arrival: now + this.#latencyMillis });
  }

  /** When the next packet arrives on this side; `undefined` if none is under way. It may have been held up until now. */
  nextArrival(side: Side): number | undefined {
    return this.isMuted ? undefined : this.#flights[side].peek()?.arrival;
  }

  /** Takes the next packet that has arrived on this side. */
  take(side: Side, now: number): Packet | undefined {
    const arrival = this.nextArrival(side);
    return arrival === undefined || arrival > now ? undefined : this.#flights[side].shift()!.packet;
  }

  /** Loses everything that is under way; the next connection begins fresh. */
  cut(): void {
    this.#flights.client.clear();
    this.#flights.server.clear();
    this.isMuted = false;
  }
}
