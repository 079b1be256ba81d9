// A world in which a process dies at a chosen moment, and another takes its place: an event loop, its store on a disk, and the model
// server of the simulation. Everything the outside can see of a process is a step, before which, and after which, it may die: a commit,
// a packet that reaches the server, a packet that reaches the client, and a message that is told.

import { AsyncClient } from "../../src/client/mod.ts";
import { Decoder, encodePacket, type Packet, type Publish, type QoS } from "../../src/codec/mod.ts";
import type { Event, EventLoop } from "../../src/loop/mod.ts";
import { MemorySessionStore, type SessionDelta, type SessionStore } from "../../src/store/mod.ts";
import { ManualClock, settle } from "../../src/testing/mod.ts";
import type { Transport, TransportHandlers } from "../../src/transport/transport.ts";
import type { Random } from "../sim/random.ts";
import { plainSetup } from "../sim/script.ts";
import { SimServer } from "../sim/server.ts";

/** Something that happens; what follows `together` does so in the same moment as what is before it. */
export type CrashOperation =
  | { readonly op: "publish" | "tryPublish" | "serverPublish"; readonly qos: QoS }
  | { readonly op: "cut" | "together" };

/** How the processes of a world are. */
export interface CrashSetup {
  readonly ackMode: "automatic" | "manual";
  /** Whether a commit is done when its call returns, or some time later. */
  readonly commits: "at once" | "later";
  readonly serverDelivers: "at-publish" | "at-pubrel";
  readonly inflight: number;
}

const ROUNDS = 60;

/** Draws what happens. */
export function drawCrashScript(random: Random, length: number): CrashOperation[] {
  const deck = ["publish", "publish", "tryPublish", "serverPublish", "serverPublish", "cut", "together"] as const;
  return Array.from({ length }, (): CrashOperation => {
    const op = random.pick(deck);
    return op === "cut" || op === "together" ? { op } : { op, qos: random.pick([1, 2, 2]) };
  });
}

/** A world. */
export class CrashWorld {
  /** What does not hold. */
  readonly faults: string[] = [];
  /** How many steps there were. */
  steps = 0;
  readonly #setup: CrashSetup;
  readonly #deaths: Set<number>;
  readonly #disk: MemorySessionStore = new MemorySessionStore();
  readonly #server: SimServer;
  readonly #clock: ManualClock = new ManualClock(1_000_000);
  #life: Life;
  #numbers = 0;
  #serverNumbers = 0;
  /** Messages whose publish has resolved. */
  readonly #promised: Map<string, QoS> = new Map();
  readonly #sent: Set<string> = new Set();
  readonly #told: Map<string, number> = new Map();
  /** Messages that must not be told again. */
  readonly #finished: Set<string> = new Set();
  /** Messages that had reached a process which died before it could tell them. */
  readonly #lost: Set<string> = new Set();

  /**
   * @param setup How the processes are.
   * @param deaths The steps at which a process dies.
   */
  constructor(setup: CrashSetup, deaths: Iterable<number>) {
    this.#setup = setup;
    this.#deaths = new Set(deaths);
    this.#server = new SimServer(
      { ...plainSetup, serverDelivers: setup.serverDelivers },
      (packet) => this.#life.handleServerPacket(packet),
    );
    this.#life = this.#begin();
  }

  /** Lets everything happen, and sees whether it ends well. */
  async run(script: readonly CrashOperation[]): Promise<void> {
    await this.#settle();
    for (const [i, operation] of script.entries()) {
      this.#apply(operation);
      if (script[i + 1]?.op !== "together") await this.#settle();
    }
    for (let round = 0; round < ROUNDS && !this.#isQuiet; round++) await this.#settle();
    this.#judge();
    this.#life.end();
  }

  /** A step: a process may die here. @returns Whether it goes on. */
  step(life: Life): boolean {
    if (life !== this.#life || life.isDead) return false;
    if (this.#deaths.has(this.steps++)) this.#die(life);
    return !life.isDead;
  }

  /** Makes a change on the disk. */
  commit(key: string, delta: SessionDelta): void {
    this.#disk.commit(key, delta);
  }

  /** Reads the disk. */
  load(key: string): ReturnType<MemorySessionStore["load"]> {
    return this.#disk.load(key);
  }

  /** The server gets a packet. */
  handleClientPacket(packet: Packet): void {
    try {
      this.#server.handlePacket(packet);
    } catch (error) {
      this.faults.push((error as Error).message);
    }
  }

  /** A process is told of a message. */
  handleTold(life: Life, publish: Publish): void {
    const { topicName, qos } = publish;
    if (this.#finished.has(topicName)) this.faults.push(`${topicName} was told again`);
    this.#told.set(topicName, (this.#told.get(topicName) ?? 0) + 1);
    if (qos === 2 && this.#setup.ackMode === "automatic") this.#finished.add(topicName);
    if (this.#setup.ackMode === "manual") {
      void life.client.ack(publish).then((isKept) => {
        if (isKept && !life.isDead && qos === 2) this.#finished.add(topicName);
      });
    }
  }

  /** The server has accepted a process. */
  handleConnackArrived(): void {
    this.#server.handleConnackArrived();
  }

  /** The connection is gone. */
  handleClose(): void {
    this.#server.handleClose();
  }

  get #isQuiet(): boolean {
    const { session, requests } = this.#life.eventLoop.diagnostics();
    return !this.#life.isDead && session.phase === "connected" && session.outgoingExchanges === 0 &&
      session.incomingQos2 === 0 && requests.publishes === 0 && this.#server.isQuiet && !this.#life.isBusy;
  }

  #begin(): Life {
    return new Life(this, this.#setup, this.#clock);
  }

  #die(life: Life): void {
    for (const topicName of life.untold) this.#lost.add(topicName);
    life.isDead = true;
    this.#server.handleClose();
  }

  #apply(operation: CrashOperation): void {
    const life = this.#life;
    switch (operation.op) {
      case "publish":
      case "tryPublish": {
        const topicName = `c/${this.#numbers++}`;
        const { qos } = operation;
        if (operation.op === "tryPublish") return life.client.tryPublish(topicName, "x", { qos });
        void life.client.publish(topicName, "x", { qos }).then(() => {
          if (!life.isDead) this.#promised.set(topicName, qos);
        });
        return;
      }
      case "serverPublish": {
        if (!this.#server.hasSession || !life.isAccepted) return;
        const topicName = `s/${this.#serverNumbers++}`;
        this.#sent.add(topicName);
        return this.#server.publish(topicName, operation.qos);
      }
      case "cut":
        return life.cut();
    }
  }

  async #settle(): Promise<void> {
    for (let i = 0; i < 6; i++) {
      if (this.#life.isDead) this.#life = this.#begin();
      await settle();
      this.#life.deliver();
      await settle();
      this.#life.endCommit();
    }
    if (this.#life.isDead) return;
    await this.#clock.advance(1_000);
  }

  #judge(): void {
    if (!this.#isQuiet) {
      this.faults.push(`it does not come to rest: ${JSON.stringify(this.#life.eventLoop.diagnostics().session)}`);
    }
    for (const [topicName, qos] of this.#promised) {
      const arrivals = this.#server.arrivals.get(topicName) ?? 0;
      if (arrivals === 0) this.faults.push(`${topicName} was promised and never arrived`);
      if (arrivals > 1 && qos === 2) this.faults.push(`${topicName} arrived ${arrivals} times at QoS 2`);
    }
    const mayBeLost = this.#setup.ackMode === "automatic" ? this.#lost : new Set();
    for (const topicName of this.#sent) {
      if (!this.#told.has(topicName) && !mayBeLost.has(topicName)) this.faults.push(`${topicName} was never told`);
    }
    const left = this.#disk.load("crash").map(({ id }) => id).filter((id) => id !== "session");
    if (left.length > 0) this.faults.push(`the store has ${left} at the end`);
  }
}

/** A process. */
class Life {
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
      if (this.#handlers === undefined || !this.#world.step(this)) return;
      if (packet.type === "publish") this.untold.add(packet.topicName);
      if (packet.type === "connack") {
        this.isAccepted = true;
        this.#world.handleConnackArrived();
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
    handlers.close();
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
          if (!this.#world.step(this)) return undefined;
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
