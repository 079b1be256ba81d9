// What runs in the worker: an asynchronous client, polled for callers in other threads.
import { AsyncClient, resolveOptions } from "../../client/mod.ts";
import type { EventLoop, MqttOptions } from "../../loop/mod.ts";
import { markFailed } from "../caller.ts";
import { Deliveries } from "./deliveries.ts";
import { encodeError } from "../ring/error_record.ts";
import { EventPump } from "./event_pump.ts";
import { loadOptions } from "./options_module.ts";
import { ReplyDesk } from "./reply_desk.ts";
import { RequestDesk } from "./request_desk.ts";
import { ERROR } from "../ring/request_record.ts";
import {
  BEATS,
  ENDED,
  FAILURE_LENGTH,
  IS_CLOSE_ASKED,
  IS_CLOSED,
  IS_DONE,
  MAX_PACKET_SIZE,
  RUNNING,
  SharedMemory,
  STARTING,
  STATE,
} from "../ring/shared_memory.ts";
import { type OptionsMessage, requireThreads } from "../threads.ts";

/** Where this module is, for a worker that is to run it. */
export function serveUrl(): string {
  return import.meta.url;
}

/** Serves the client that the worker was started for, until it has ended; then the worker ends. */
export function serveClient(): void {
  const { process, threads } = requireThreads();
  const { buffer, options, module } = threads.workerData;
  const memory = new SharedMemory(buffer);
  let service: Service | undefined;
  const fail = (error: unknown): void => {
    tellFailure(memory, error);
    service?.close();
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  // Somebody's code in this worker may end it; callers must learn of that too.
  process.on("exit", () => void markFailed(memory));
  // It also keeps this worker alive: waiting for a bell does not.
  threads.parentPort.on("message", (message) => service?.setOptions(message));
  const serve = async (): Promise<void> => {
    service = new Service(memory, await loadOptions(options, module));
    await service.run();
    process.exit(0);
  };
  serve().catch(fail);
}

/** The client of one worker and what stands between it and its callers. */
class Service {
  readonly #memory: SharedMemory;
  #options: MqttOptions;
  readonly #eventLoop: EventLoop;
  readonly #replies: ReplyDesk;
  readonly #requests: RequestDesk;
  readonly #pump: EventPump;

  constructor(memory: SharedMemory, options: MqttOptions) {
    const { capacity, maxOutgoingPacketSize, ackMode, sessionStore } = resolveOptions(options);
    const { client, eventLoop } = AsyncClient.create(options);
    const deliveries = new Deliveries(memory, ackMode === "manual");
    this.#memory = memory;
    this.#options = options;
    this.#eventLoop = eventLoop;
    this.#replies = new ReplyDesk(memory);
    const isKept = sessionStore !== undefined;
    this.#requests = new RequestDesk({
      memory,
      client,
      eventLoop,
      replies: this.#replies,
      deliveries,
      capacity,
      isKept,
    });
    this.#pump = new EventPump(memory, eventLoop, deliveries, () => this.#requests.handleBatch());
    Atomics.store(memory.cells, MAX_PACKET_SIZE, maxOutgoingPacketSize);
    Atomics.compareExchange(memory.cells, STATE, STARTING, RUNNING);
    memory.callerBell.ring();
  }

  /** Serves until the client has ended. Rejects only if there is a defect. */
  async run(): Promise<void> {
    const { cells, workBell } = this.#memory;
    const breath = new Breath();
    let failure: unknown;
    this.#pump.run().catch((error) => {
      failure = error;
      workBell.ring();
    });
    for (;;) {
      const armed = workBell.arm();
      Atomics.add(cells, BEATS, 1);
      // Not earlier: what the loop admitted before it ended is told by now.
      if (this.#pump.isLoopDone || this.#requests.hasRefused) this.#tellDone();
      const hasRead = this.#requests.turn();
      this.#replies.flush();
      this.#pump.resume();
      if (failure !== undefined) throw failure;
      if (Atomics.load(cells, IS_CLOSE_ASKED) === 1) break;
      if (this.#pump.isDone && this.#replies.isIdle && !hasRead) break;
      if (hasRead) {
        await breath.take();
        continue;
      }
      if (!this.#requests.isKeeping) this.#pump.tellStall();
      await workBell.waitAsync(armed);
    }
    this.close();
    await this.#eventLoop[Symbol.asyncDispose]();
    // Requests that failed by it are told of, as far as there is room.
    await breath.take();
    this.#replies.flush();
    this.#tellDone();
    Atomics.compareExchange(cells, STATE, RUNNING, ENDED);
    this.#memory.ringAll();
  }

  /** Tells callers that no request is admitted any more. */
  #tellDone(): void {
    const { cells, callerBell } = this.#memory;
    Atomics.store(cells, IS_CLOSED, 1);
    if (Atomics.exchange(cells, IS_DONE, 1) === 0) callerBell.ring();
  }

  /** Ends the event loop without DISCONNECT. */
  close(): void {
    this.#pump.abandon();
    this.#eventLoop.close();
  }

  /** Changes options, and answers. */
  setOptions({ line, token, changes }: OptionsMessage): void {
    try {
      this.#eventLoop.setOptions(changes);
      this.#options = { ...this.#options, ...changes };
      Atomics.store(this.#memory.cells, MAX_PACKET_SIZE, resolveOptions(this.#options).maxOutgoingPacketSize);
      this.#replies.answer(line, token, true);
    } catch (error) {
      this.#replies.sendError(line, token, ERROR, error);
    }
  }
}

/** A moment for everything else in the worker: sockets, timers. */
class Breath {
  readonly #channel: MessageChannel = new MessageChannel();
  #resolve: (() => void) | undefined;

  constructor() {
    this.#channel.port1.onmessage = () => this.#resolve?.();
  }

  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#channel.port2.postMessage(undefined);
    });
  }
}

/** Writes down why the worker has failed, and tells everybody. */
function tellFailure(memory: SharedMemory, error: unknown): void {
  const { failure, cells } = memory;
  let bytes = new TextEncoder().encode(encodeError(error));
  if (bytes.length > failure.length) {
    const message = error instanceof Error ? error.message : String(error);
    bytes = new TextEncoder().encode(encodeError(new Error(message.slice(0, failure.length >> 3))));
  }
  failure.set(bytes.subarray(0, failure.length));
  Atomics.store(cells, FAILURE_LENGTH, bytes.length);
  markFailed(memory);
}
