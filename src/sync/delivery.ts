// What a thread remembers of the messages it was given and is to acknowledge: their numbers, by which the worker knows them.
import type { Publish } from "../codec/mod.ts";
import { GENERATION, type SharedMemory } from "./ring/shared_memory.ts";

/** A message that awaits, or has had, its acknowledgement. */
export interface Delivery {
  /** The memory of the client that received it. */
  readonly memory: SharedMemory;
  /** The number by which the worker knows it. */
  readonly number: number;
  /** The connection it was acknowledged on, as `GENERATION` counts them; `undefined` while it is not. */
  acknowledgedOn: number | undefined;
}

const deliveries: WeakMap<Publish, Delivery> = new WeakMap();

/** Remembers a message that was just read. */
export function rememberDelivery(publish: Publish, memory: SharedMemory, number: number): void {
  deliveries.set(publish, { memory, number, acknowledgedOn: undefined });
}

/** Finds what is remembered of a message; `undefined` if it is not one of this client in this thread that is to be acknowledged. */
export function findDelivery(publish: Publish, memory: SharedMemory): Delivery | undefined {
  const delivery = deliveries.get(publish);
  return delivery?.memory.buffer === memory.buffer ? delivery : undefined;
}

/** The connection there is now. */
export function generationOf(memory: SharedMemory): number {
  return Atomics.load(memory.cells, GENERATION);
}
