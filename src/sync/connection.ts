// The connection as a script without `await` sees it: something to iterate over.
import type { Event, EventLoopDiagnostics, MqttOptions } from "../loop/mod.ts";
import { LoopClosedError } from "../loop/mod.ts";
import { crossableOptions } from "./crossable_options.ts";
import { EventReader } from "./event_reader.ts";
import type { Line } from "./line.ts";
import { CLEAN, DIAGNOSTICS } from "./ring/request_record.ts";
import { ENDED, STATE } from "./ring/shared_memory.ts";
import { closeWorker } from "./start.ts";
import type { WorkerThread } from "./threads.ts";
import { checkTimeout } from "./timeout.ts";

/**
 * The events of one client, for a thread that blocks. The event loop itself runs in a worker, and goes on for as long as the ring of
 * events has room: who takes none holds the server back in the end.
 *
 * A lost connection is the event `disconnected`, and the loop goes on with the next attempt. What an iteration of the asynchronous
 * form throws is thrown here too.
 *
 * @example Take events until the client is disconnected
 * ```ts
 * import { Client } from "@petrel/mqtt/sync";
 * import { assertEquals } from "@std/assert";
 *
 * // Nobody listens there.
 * using pair = Client.create({ clientId: "example", broker: "mqtt://127.0.0.1:1" });
 * const { client, connection } = pair;
 * const seen: string[] = [];
 * for (const event of connection) {
 *   seen.push(event.type);
 *   if (event.type === "disconnected") client.disconnect();
 * }
 * assertEquals(seen, ["disconnected"]);
 * assertEquals(connection.isDone, true);
 * ```
 */
export class Connection implements Iterable<Event>, Disposable {
  readonly #line: Line;
  readonly #thread: WorkerThread;
  readonly #events: EventReader;
  #isDone = false;

  /**
   * `Client.create` makes a connection together with its client.
   *
   * @param line This thread's way to the worker.
   * @param thread The worker.
   */
  constructor(line: Line, thread: WorkerThread) {
    this.#line = line;
    this.#thread = thread;
    this.#events = new EventReader(line.memory);
  }

  /** Whether every event was taken and none will come. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Blocks until the next event.
   *
   * @returns The event; `undefined` once there are no more.
   * @throws {ConnectionLostError | ConnectionRefusedError | MalformedPacketError | ProtocolError | TlsError} If the reconnect policy
   * gives up at it. There are no more events.
   * @throws {DisconnectTimeoutError} If a graceful disconnect took too long. There are no more events.
   * @throws {WorkerFailedError} If the worker has failed.
   */
  recv(): Event | undefined {
    return this.#receive(Infinity);
  }

  /** Takes an event that is at hand. @returns The event; `undefined` if there is none. @throws As `recv`. */
  tryRecv(): Event | undefined {
    return this.#receive(0);
  }

  /**
   * Blocks until the next event, in limited time.
   *
   * @param timeoutMillis For how long at most, in milliseconds.
   * @returns The event; `undefined` if none came in time, or there are no more: `isDone` tells.
   * @throws {RangeError} If the limit is not 0 or more; the rest as `recv`.
   */
  recvTimeout(timeoutMillis: number): Event | undefined {
    return this.#receive(checkTimeout("recv", timeoutMillis));
  }

  /** Iterates over the events, and blocks between them. Leaving it early closes nothing: iterate again to go on. @throws As `recv`. */
  [Symbol.iterator](): IterableIterator<Event> {
    const iterator: IterableIterator<Event> = {
      next: (): IteratorResult<Event> => {
        const event = this.recv();
        return event === undefined ? { done: true, value: undefined } : { done: false, value: event };
      },
      [Symbol.iterator]: () => iterator,
    };
    return iterator;
  }

  /** Drops the connection without DISCONNECT and keeps the session; the event loop reconnects at once. @throws {WorkerFailedError} */
  clean(): void {
    this.#line.call(CLEAN, 0, 0);
  }

  /**
   * Changes options; the next attempt to connect goes by them, and the next publish by `maxOutgoingPacketSize` and `throttle`: those
   * that wait already too.
   *
   * @param changes The options that change. `capacity`, `clock` and `random` are fixed.
   * @throws {TypeError | RangeError} If one is not valid, or fixed. Nothing has changed then.
   * @throws {UnsupportedOptionError} If one cannot cross to the worker, or cannot be honoured.
   * @throws {LoopClosedError | WorkerFailedError} If the client has ended, or the worker has failed.
   */
  setOptions(changes: MqttOptions): void {
    const crossed = crossableOptions(changes);
    const answer = this.#line.post((line, token) => this.#thread.postMessage({ line, token, changes: crossed }));
    if (answer === undefined) throw new LoopClosedError("change options");
  }

  /**
   * Tells what can be seen of the event loop at this moment. Events that are in the ring already are not counted.
   *
   * @throws {LoopClosedError | WorkerFailedError} If the client has ended, or the worker has failed.
   */
  diagnostics(): EventLoopDiagnostics {
    const answer = this.#line.call(DIAGNOSTICS, 0, 0);
    if (answer === undefined) throw new LoopClosedError("read diagnostics");
    return answer as EventLoopDiagnostics;
  }

  /**
   * Ends the event loop without DISCONNECT, so that the server publishes the Will Message, and ends the worker. Calls that block in any
   * thread return or throw; unfinished requests fail. Harmless when repeated.
   */
  close(): void {
    closeWorker(this.#line.memory, this.#thread);
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.close();
  }

  #receive(timeoutMillis: number): Event | undefined {
    if (this.#isDone) return undefined;
    const { memory, caller } = this.#line;
    let item = this.#events.next();
    if (item === undefined) {
      const holds = (): boolean => {
        item = this.#events.next();
        return item !== undefined;
      };
      caller.block({ bell: memory.eventBell, holds, timeoutMillis, action: undefined });
    }
    if (item === undefined) {
      this.#isDone = Atomics.load(memory.cells, STATE) === ENDED;
      return undefined;
    }
    if (item.type === "thrown") throw item.error;
    if (item.type !== "end") return item;
    this.#isDone = true;
    return undefined;
  }
}
