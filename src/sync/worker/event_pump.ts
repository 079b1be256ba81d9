// The worker's polling of the event loop: as long as events find room in their ring, and no longer. That is what holds the server back
// when the application takes none.
import type { Event, EventLoop } from "../../loop/mod.ts";
import type { Deliveries } from "./deliveries.ts";
import { EventWriter } from "./event_writer.ts";
import { RingWriter } from "../ring/ring_writer.ts";
import { IS_CLOSED, IS_STALLED, type SharedMemory } from "../ring/shared_memory.ts";

/** Events after which the reader is woken in the middle of those at hand, so that both work at the same time. */
const TOLD_AT_ONCE = 64;

/** Polls the event loop and writes its events. */
export class EventPump {
  readonly #memory: SharedMemory;
  readonly #eventLoop: EventLoop;
  readonly #deliveries: Deliveries;
  readonly #handleBatch: () => void;
  readonly #writer: EventWriter;
  #room: PromiseWithResolvers<void> | undefined;
  /** Events written since the last time that somebody was woken for them. */
  #untold = 0;
  #isAbandoned = false;
  #isLoopDone = false;
  #isDone = false;

  /**
   * @param memory The shared memory.
   * @param eventLoop The event loop.
   * @param deliveries Where messages that are to be acknowledged are kept.
   * @param handleBatch Called after the events that were at hand.
   */
  constructor(memory: SharedMemory, eventLoop: EventLoop, deliveries: Deliveries, handleBatch: () => void) {
    this.#memory = memory;
    this.#eventLoop = eventLoop;
    this.#deliveries = deliveries;
    this.#handleBatch = handleBatch;
    this.#writer = new EventWriter(new RingWriter(memory.events));
  }

  /** Whether it has told everything there was to tell, or was abandoned. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether the event loop is done, if not everything is told. */
  get isLoopDone(): boolean {
    return this.#isLoopDone;
  }

  /** Polls until the event loop is done, and tells that too. Never rejects, unless there is a defect. */
  async run(): Promise<void> {
    for (let isOver = false; !isOver && !this.#isAbandoned;) {
      try {
        for await (const batch of this.#eventLoop.batches()) {
          for (const event of batch) {
            if (!this.#write(event)) await this.#awaitRoom();
            if (this.#isAbandoned) break;
          }
          if (this.#isAbandoned) break;
          this.#tell();
          this.#handleBatch();
        }
        isOver = true;
      } catch (error) {
        // What the user's own code throws is told and ends nothing.
        isOver = this.#eventLoop.diagnostics().isDone;
        if (isOver) this.#refuseRequests();
        await this.#finish(this.#writer.writeThrown(error));
      }
    }
    this.#refuseRequests();
    this.#isLoopDone = true;
    this.#memory.workBell.ring();
    if (!this.#isAbandoned) await this.#finish(this.#writer.writeEnd());
    this.#isDone = true;
    this.#memory.workBell.ring();
  }

  /** Goes on with an event for which there was no room. */
  resume(): void {
    if (this.#room === undefined) return;
    const isWhole = this.#writer.advance();
    this.#tell();
    if (!isWhole) return;
    Atomics.store(this.#memory.cells, IS_STALLED, 0);
    this.#room.resolve();
    this.#room = undefined;
  }

  /** Tells callers if nothing moves any more until events are taken. To be called when all they have sent is dealt with. */
  tellStall(): void {
    const { cells, callerBell } = this.#memory;
    if (this.#room === undefined || Atomics.load(cells, IS_STALLED) === 1) return;
    Atomics.store(cells, IS_STALLED, 1);
    callerBell.ring();
  }

  /** Ends the polling; events that have found no room are dropped. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Whoever has read the end must find the client closed. */
  #refuseRequests(): void {
    Atomics.store(this.#memory.cells, IS_CLOSED, 1);
  }

  #write(event: Event): boolean {
    const isWhole = this.#writer.write(event, this.#deliveries.handleEvent(event));
    // Not for each: waking costs more than writing, and once awake the reader goes on by itself.
    this.#untold++;
    if (!isWhole || this.#untold >= TOLD_AT_ONCE) this.#tell();
    return isWhole;
  }

  /** Wakes who waits for events. */
  #tell(): void {
    this.#untold = 0;
    this.#memory.eventBell.ring();
  }

  async #finish(isWhole: boolean): Promise<void> {
    this.#tell();
    if (!isWhole) await this.#awaitRoom();
  }

  #awaitRoom(): Promise<void> {
    this.#room = Promise.withResolvers();
    this.#memory.workBell.ring();
    return this.#room.promise;
  }
}
