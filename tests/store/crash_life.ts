// A process of a world in which processes die: an event loop whose transport and whose store are those of the world.

import { AsyncClient } from "../../src/client/mod.ts";
import { Decoder, encodePacket, type Packet, type Publish } from "../../src/codec/mod.ts";
import type { Event, EventLoop } from "../../src/loop/mod.ts";
import type { SessionStore } from "../../src/store/mod.ts";
import type { ManualClock } from "../../src/testing/mod.ts";
import type { Transport, TransportHandlers } from "../../src/transport/transport.ts";
import type { CrashSetup, CrashWorld } from "./crash_world.ts";

/** A process. */
export class CrashLife {
  readonly client: AsyncClient;
  readonly eventLoop: EventLoop;
  /** Whether it was killed: nothing it does is seen any more. */
  isDead = false;
  isAccepted = false;
  /** Messages that have arrived and were not told. */
  readonly untold: Set<string> = new Set();
  readonly #world: CrashWorld;
  #handlers: TransportHandlers | undefined;
  #arriving: Packet[] = [];
  #commit: (() => void) | undefined;

  constructor(world: CrashWorld, setup: CrashSetup, clock: ManualClock) {
    this.#world = world;
    const { client, eventLoop } = AsyncClient.create({
      clientId: "crash",
      broker: "mqtt://broker.test",
      cleanSession: false,
      keepAlive: 0,
      ackMode: setup.ackMode,
      inflight: setup.inflight,
      onSessionLost: { qos2: "resend" },
      clock,
      random: () => 0,
      transport: (_target, handlers) => Promise.resolve(this.#open(handlers)),
      sessionStore: setup.commits === "later" ? this.#laterStore() : this.#promptStore(),
    });
    this.client = client;
    this.eventLoop = eventLoop;
    this.#run().catch((error) => world.faults.push(`a process ended with ${error}`));
  }

  /** Whether something is under way. */
  get isBusy(): boolean {
    return this.#arriving.length > 0 || this.#commit !== undefined;
  }

  handleServerPacket(packet: Packet): void {
    this.#arriving.push(packet);
  }

  /** Lets arrive what the server has sent. */
  deliver(): void {
    const packets = this.#arriving;
    this.#arriving = [];
    for (const packet of packets) {
      if (!this.#world.step(this) || this.#handlers === undefined) return;
      if (packet.type === "publish") {
        this.untold.add(packet.topicName);
        this.#world.handleArriving(packet);
      }
      if (packet.type === "connack") {
        if (!this.#world.handleConnack()) return this.cut();
        this.isAccepted = true;
      }
      this.#handlers.data(encodePacket(packet));
    }
  }

  /** Ends the commit that is under way. */
  endCommit(): void {
    this.#commit?.();
  }

  cut(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.isDead) return;
    this.#handlers = undefined;
    this.#arriving = [];
    this.isAccepted = false;
    this.#world.handleClose();
    // It may happen in the middle of a write.
    queueMicrotask(() => handlers.close());
  }

  end(): void {
    this.isDead = true;
    this.eventLoop.close();
  }

  async #run(): Promise<void> {
    for await (const event of this.eventLoop) {
      if (isMessage(event) && this.#world.step(this)) {
        this.untold.delete(event.packet.topicName);
        this.#world.handleTold(this, event.packet);
      }
    }
  }

  #open(handlers: TransportHandlers): Transport {
    const decoder = new Decoder();
    this.#handlers = handlers;
    return {
      canPause: true,
      write: (chunk, length) => {
        if (this.#handlers !== handlers) return undefined;
        decoder.push(chunk.slice(0, length));
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
          if (!this.#world.step(this) || this.#handlers !== handlers) return undefined;
          this.#world.handleClientPacket(packet);
          this.#world.step(this);
        }
        return undefined;
      },
      pause: () => {},
      resume: () => {},
      shutdown: () => {},
      destroy: () => {
        if (this.#handlers === handlers) this.cut();
      },
    };
  }

  /** A process that is killed in a commit may have made it, and never learns of it. */
  #promptStore(): SessionStore {
    return {
      load: (key) => this.#world.load(key),
      commit: (key, delta) => {
        if (!this.#world.step(this)) return new Promise(() => {});
        this.#world.commit(key, delta);
        return this.#world.step(this) ? undefined : new Promise(() => {});
      },
      clear: () => {},
    };
  }

  #laterStore(): SessionStore {
    const prompt = this.#promptStore();
    return {
      load: async (key) => await prompt.load(key),
      commit: (key, delta) =>
        new Promise((resolve) => {
          this.#commit = () => {
            this.#commit = undefined;
            const done = prompt.commit(key, delta);
            if (done === undefined) resolve();
          };
        }),
      clear: () => {},
    };
  }
}

function isMessage(event: Event): event is Event & { readonly packet: Publish } {
  return event.type === "incoming" && event.packet.type === "publish";
}
