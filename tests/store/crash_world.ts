// A world in which a process dies at a chosen moment, and another takes its place: an event loop, its store on a disk, and the model
// server of the simulation. Everything the outside can see of a process is a step, before which, and after which, it may die: a commit,
// a packet that reaches the server, a packet that reaches the client, and a message that is told.

import type { Packet, Publish, QoS } from "../../src/codec/mod.ts";
import { MemorySessionStore, type SessionDelta } from "../../src/store/mod.ts";
import { ManualClock, settle } from "../../src/testing/mod.ts";
import { plainSetup } from "../sim/script.ts";
import { PACKET_IDS, SimServer } from "../sim/server.ts";
import { CrashLife } from "./crash_life.ts";
import type { CrashOperation } from "./crash_script.ts";

/** How the processes of a world are. */
export interface CrashSetup {
  readonly ackMode: "automatic" | "manual";
  /** Whether a commit is done when its call returns, or some time later. */
  readonly commits: "at once" | "later";
  readonly serverDelivers: "at-publish" | "at-pubrel";
  readonly inflight: number;
}

const ROUNDS = 60;

const FILTERS = 3;

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
  #life: CrashLife;
  #numbers = 0;
  #serverNumbers = 0;
  #filters = 0;
  /** Messages whose publish has resolved. */
  readonly #promised: Map<string, QoS> = new Map();
  readonly #sent: Set<string> = new Set();
  readonly #told: Map<string, number> = new Map();
  /** Messages that must not be told again. */
  readonly #finished: Set<string> = new Set();
  /** Messages that had reached a process which died before it could tell them. */
  readonly #lost: Set<string> = new Set();
  /** Messages that nobody can make good: the server has lost them, or a client in doubt cannot tell them from others. */
  readonly #excused: Set<string> = new Set();
  /** In how many steps the server loses the session, if it is to. */
  #stepsToLoss = -1;
  #hidesLoss = false;
  #losesConnack = false;
  #hasLostSession = false;

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
    await this.#comeToRest();
    this.#stepsToLoss = -1;
    if (this.#hasLostSession) {
      this.#useEveryPacketId();
      await this.#comeToRest();
    }
    this.#judge();
    this.#life.end();
  }

  /** A step: a process may die here. @returns Whether it goes on. */
  step(life: CrashLife): boolean {
    if (life !== this.#life || life.isDead) return false;
    if (this.#stepsToLoss-- === 0) this.#loseSession();
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

  /**
   * A message reaches a process. In doubt, a new one whose first copy was lost cannot be told from a repeated one, if its identifier is
   * one of those in doubt.
   */
  handleArriving({ topicName, qos, packetId, dup }: Publish): void {
    const records = this.#records;
    if (qos === 2 && dup && records.includes("d") && records.includes(`i/${packetId}`)) this.#excused.add(topicName);
  }

  /** A process is told of a message. */
  handleTold(life: CrashLife, publish: Publish): void {
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

  /** The server has accepted a process. @returns Whether its answer arrives, and not the end of the connection. */
  handleConnack(): boolean {
    const arrives = !this.#losesConnack;
    this.#losesConnack = false;
    if (arrives) this.#server.handleConnackArrived();
    return arrives;
  }

  /** The connection is gone. */
  handleClose(): void {
    this.#server.handleClose();
  }

  /** The names of the records on the disk. */
  get #records(): readonly string[] {
    return this.#disk.load("crash").map(({ id }) => id);
  }

  get #isQuiet(): boolean {
    const { session, requests } = this.#life.eventLoop.diagnostics();
    return !this.#life.isDead && session.phase === "connected" && session.outgoingExchanges === 0 &&
      (session.incomingQos2 === 0 || this.#hasLostSession) && requests.publishes === 0 && this.#server.isQuiet &&
      !this.#life.isBusy;
  }

  #begin(): CrashLife {
    return new CrashLife(this, this.#setup, this.#clock);
  }

  #die(life: CrashLife): void {
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
      case "subscribe":
        return void life.client.subscribe(`f/${this.#filters++ % FILTERS}`, 1).catch(() => {});
      case "serverPublish":
        return this.#publishFromServer(operation.qos);
      case "loseSession":
        this.#stepsToLoss = operation.steps;
        this.#hidesLoss = operation.isHidden;
        return;
      case "cut":
        return life.cut();
    }
  }

  #publishFromServer(qos: QoS): void {
    if (!this.#server.hasSession || !this.#life.isAccepted) return;
    const topicName = `s/${this.#serverNumbers++}`;
    this.#sent.add(topicName);
    this.#server.publish(topicName, qos);
  }

  /** The session is gone, and with it what it had for the client; the connection ends in the same moment. */
  #loseSession(): void {
    for (const topicName of this.#sent) if (!this.#told.has(topicName)) this.#excused.add(topicName);
    this.#hasLostSession = true;
    this.#life.cut();
    this.#server.forgetSession();
    this.#losesConnack = this.#hidesLoss;
  }

  /** No identifier is left of which it is in doubt what it means, and each of these messages must be told. */
  #useEveryPacketId(): void {
    for (let i = 0; i < PACKET_IDS; i++) this.#publishFromServer(2);
  }

  async #comeToRest(): Promise<void> {
    for (let round = 0; round < ROUNDS && !this.#isQuiet; round++) await this.#settle();
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
      // What the server had accepted in the session that it lost.
      if (this.#server.forgotten.has(topicName)) continue;
      if (arrivals === 0) this.faults.push(`${topicName} was promised and never arrived`);
      if (arrivals > 1 && qos === 2) this.faults.push(`${topicName} arrived ${arrivals} times at QoS 2`);
    }
    for (const topicName of this.#sent) {
      const mayBeLost = this.#setup.ackMode === "automatic" && this.#lost.has(topicName);
      if (this.#told.has(topicName) || mayBeLost || this.#excused.has(topicName)) continue;
      this.faults.push(`${topicName} was never told`);
    }
    const live = this.#records.filter((id) => id.startsWith("s/")).map((id) => id.slice(2));
    const dead = live.filter((topicFilter) => !this.#server.subscriptions.has(topicFilter));
    if (dead.length > 0) this.faults.push(`the server does not have the subscriptions ${dead}`);
    const left = this.#records.filter((id) => id !== "session" && !id.startsWith("s/"));
    if (left.length > 0) this.faults.push(`the store has ${left} at the end`);
  }
}
