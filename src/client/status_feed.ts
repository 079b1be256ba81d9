// What becomes of a connection, told to any number of readers.
import { Fifo } from "../fifo.ts";
import type { DisconnectedEvent, Event } from "../loop/mod.ts";

/** Changes that wait for a reader; of more the oldest are left out, since the latest ones say how things stand. */
const MAX_WAITING = 64;

/** A server has accepted the connection. */
export type ConnectedStatus = Extract<Event, { readonly type: "connected" }>;

/** The connection has ended for good. */
export interface ClosedStatus {
  /** The tag of this change. */
  readonly type: "closed";
  /** What ended it; `undefined` if it was disconnected in order. */
  readonly error: Error | undefined;
}

/** A change in the life of a connection: accepted, lost or an attempt failed, ended for good. */
export type ConnectionStatus = ConnectedStatus | DisconnectedEvent | ClosedStatus;

/** One reader: what it has not read yet, or who waits for it. */
interface Reader {
  readonly waiting: Fifo<ConnectionStatus>;
  readonly calls: Fifo<(result: IteratorResult<ConnectionStatus, undefined>) => void>;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Tells changes to its readers. */
export class StatusFeed {
  readonly #readers: Set<Reader> = new Set();
  #latest: ConnectionStatus | undefined;

  /** Tells a change. After `closed` there is none. */
  push(status: ConnectionStatus): void {
    this.#latest = status;
    for (const reader of this.#readers) {
      const call = reader.calls.shift();
      if (call !== undefined) {
        call({ done: false, value: status });
      } else {
        reader.waiting.push(status);
        if (reader.waiting.length > MAX_WAITING) reader.waiting.shift();
      }
      if (status.type === "closed") this.#end(reader);
    }
  }

  /** Reads from here on; the first is how things stand now. */
  read(): AsyncIterableIterator<ConnectionStatus, undefined> {
    const reader: Reader = { waiting: new Fifo(), calls: new Fifo() };
    if (this.#latest !== undefined) reader.waiting.push(this.#latest);
    if (this.#latest?.type !== "closed") this.#readers.add(reader);
    const iterator: AsyncIterableIterator<ConnectionStatus, undefined> = {
      next: () => this.#next(reader),
      return: () => {
        reader.waiting.clear();
        this.#end(reader);
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next(reader: Reader): Promise<IteratorResult<ConnectionStatus, undefined>> {
    const value = reader.waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (!this.#readers.has(reader)) return Promise.resolve(DONE);
    return new Promise((resolve) => reader.calls.push(resolve));
  }

  #end(reader: Reader): void {
    this.#readers.delete(reader);
    for (const call of reader.calls.take()) call(DONE);
  }
}
