// The worker's list of messages that were given out and await the application's acknowledgement.
import type { Event } from "../../loop/mod.ts";
import type { Publish } from "../../codec/mod.ts";
import { GENERATION, type SharedMemory } from "../ring/shared_memory.ts";

/** Messages of the connection there is, by the numbers under which they crossed. */
export class Deliveries {
  readonly #memory: SharedMemory;
  /** Whether the application acknowledges. */
  readonly isManual: boolean;
  readonly #publishes: Map<number, Publish> = new Map();
  #last = 0;

  /**
   * @param memory The shared memory.
   * @param isManual Whether the application acknowledges.
   */
  constructor(memory: SharedMemory, isManual: boolean) {
    this.#memory = memory;
    this.isManual = isManual;
  }

  /** An event is about to cross. @returns The number of the delivery if it is one to be acknowledged; otherwise 0. */
  handleEvent(event: Event): number {
    if (event.type === "connected" || event.type === "disconnected") {
      this.#publishes.clear();
      Atomics.add(this.#memory.cells, GENERATION, 1);
    }
    if (!this.isManual || event.type !== "incoming" || event.packet.type !== "publish" || event.packet.qos === 0) {
      return 0;
    }
    this.#last = this.#last + 1 & 0x7fff_ffff || 1;
    this.#publishes.set(this.#last, event.packet);
    return this.#last;
  }

  /** Takes a message out, to acknowledge it; `undefined` if its connection is gone. */
  take(number: number): Publish | undefined {
    const publish = this.#publishes.get(number);
    this.#publishes.delete(number);
    return publish;
  }
}
