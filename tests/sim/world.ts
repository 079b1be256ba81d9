// The simulated world: one session, its application, a link and a server, under a time that is a number. Nothing sleeps.

import type { Connect, Packet } from "../../src/codec/mod.ts";
import {
  ConnectionRefusedError,
  KeepAliveTimeoutError,
  type Session,
  type SessionOptions,
} from "../../src/session/mod.ts";
import { Application } from "./application.ts";
import { DeliveryReferee } from "./delivery_referee.ts";
import { ExchangeReferee } from "./exchange_referee.ts";
import { KeepAliveReferee } from "./keep_alive_referee.ts";
import { Link } from "./link.ts";
import type { Operation, Setup, SimpleOperation } from "./script.ts";
import { SimServer } from "./server.ts";
import { hold, Violation } from "./violation.ts";

/** More than any script needs; a session that spins needs more. */
const MAX_STEPS = 20_000;
/** More than a session needs to become whole once nothing fails any more. */
const MAX_ROUNDS = 400;

/** Makes the session under test. */
export type SessionFactory = (options: SessionOptions) => Session;

/** A world. */
export class World {
  readonly #setup: Setup;
  readonly #transcript: string[] | undefined;
  readonly #session: Session;
  readonly #link: Link;
  readonly #server: SimServer;
  readonly #application: Application;
  readonly #exchanges: ExchangeReferee;
  readonly #messages: DeliveryReferee;
  readonly #keepAlive: KeepAliveReferee;
  #now = 0;
  #steps = 0;
  #isOpen = false;
  #isBlocked = false;
  /** What has passed on this connection: nothing, CONNECT, CONNACK, or DISCONNECT. */
  #stage: "fresh" | "connecting" | "accepted" | "refused" | "disconnected" = "fresh";
  #isDraining = false;
  #hasAskedToEnd = false;
  #isLeaving = false;
  #isOver = false;

  /**
   * @param setup How the world is.
   * @param createSession Makes the session under test.
   * @param transcript Where everything that happens is written down, if anywhere.
   */
  constructor(setup: Setup, createSession: SessionFactory, transcript: string[] | undefined) {
    this.#setup = setup;
    this.#transcript = transcript;
    this.#session = createSession(sessionOptionsOf(setup));
    this.#link = new Link(setup.latencyMillis);
    this.#server = new SimServer(setup, (packet) => this.#link.send("client", packet, this.#now));
    this.#exchanges = new ExchangeReferee(setup);
    this.#messages = new DeliveryReferee(setup);
    this.#keepAlive = new KeepAliveReferee(setup);
    this.#application = new Application(this.#session, this.#server, this.#exchanges, this.#messages);
  }

  /** Lets something happen, and everything that follows from it at once. */
  apply(operation: Operation): void {
    this.#write("*", operation);
    switch (operation.op) {
      case "publish":
        if (!this.#isDraining) this.#application.publish(operation.qos);
        break;
      case "subscribe":
        if (!this.#isDraining) this.#application.subscribe(operation.filter, operation.count);
        break;
      case "unsubscribe":
        if (!this.#isDraining) this.#application.unsubscribe(operation.filter);
        break;
      case "serverPublish":
        this.#server.publish(`s/${this.#steps++}`, operation.qos);
        break;
      case "acknowledge":
        if (this.#setup.ackMode === "manual") this.#application.acknowledge(operation.index);
        break;
      case "forget":
        this.#application.forget(operation.index);
        break;
      case "advance":
        return this.#advance(operation.millis);
      case "sleep":
        return this.#sleep(operation.millis);
      default:
        this.#applySimple(operation.op);
    }
    if (this.#setup.admitsEarly) { while (this.#application.admit()); }
    this.#turn();
  }

  #applySimple(op: SimpleOperation): void {
    switch (op) {
      case "open":
        return this.#open();
      case "cut":
        return this.#close();
      case "mute":
        this.#link.isMuted = this.#isOpen;
        return;
      case "unmute":
        if (this.#link.isMuted) this.#keepAlive.handleFault(this.#now);
        this.#link.isMuted = false;
        return;
      case "block":
        this.#isBlocked = this.#isOpen;
        return;
      case "unblock":
      case "progress":
        return this.#handleProgress(op === "unblock");
      case "holdAcks":
        this.#server.holdsAcks = true;
        return;
      case "releaseAcks":
        return this.#server.releaseAcks();
      case "refuse":
        this.#server.refusesNext = true;
        return;
      case "forgetSession":
        this.#close();
        return this.#server.forgetSession();
      case "disconnect":
        this.#isDraining = true;
        return;
      case "disconnectNow":
        this.#isDraining = true;
        this.#isLeaving = true;
        return this.#session.disconnectNow();
    }
  }

  /** Ends all faults, gives the session time, and sees whether everything ends well. */
  finish(): void {
    this.#write("*", { op: "finish" });
    this.#applySimple("unmute");
    this.#applySimple("unblock");
    this.#server.refusesNext = false;
    for (let round = 0; !this.#isSettled && round < MAX_ROUNDS; round++) {
      this.#server.releaseAcks();
      if (!this.#isOpen) this.#open();
      if (this.#setup.ackMode === "manual") this.#application.acknowledgeAll();
      this.#advance(Math.max(this.#setup.latencyMillis, this.#setup.pendingThrottleMillis) + 1);
    }
    if (this.#isLeaving) return;
    hold("settles", this.#isSettled, () => `${this.#application.unfinished} requests; ${this.#exchanges.describe()}`);
    const { inflight, outgoingExchanges, replayPending, subscriptions, incomingQos2 } = this.#session.diagnostics();
    const counts = [inflight, outgoingExchanges, replayPending, incomingQos2 - this.#messages.unreleased];
    hold("settles", counts.every((count) => count === 0), () => `counts ${counts}`);
    const { live, hasLostSubscriptions } = this.#exchanges;
    const { wanted } = this.#application;
    hold("subscriptions", subscriptions === live.size, () => `${subscriptions} counted, ${live.size} live`);
    const isWanted = [...live].every((filter) => wanted.has(filter)) &&
      (hasLostSubscriptions || live.size === wanted.size);
    hold("subscriptions", isWanted, () => `live are ${[...live]}, wanted ${[...wanted]}`);
    if (this.#isOver) return;
    // With resubscribe off, a session that the server lost unnoticed leaves fewer there than the client believes.
    const stored = this.#server.subscriptions;
    const isSame = [...stored].every((filter) => live.has(filter)) &&
      (hasLostSubscriptions || stored.size === live.size);
    hold("subscriptions", isSame, () => `the server has ${[...stored]}, live are ${[...live]}`);
  }

  get #isSettled(): boolean {
    if (this.#isDraining || this.#isLeaving) return this.#isOver;
    return this.#stage === "accepted" && this.#application.unfinished === 0 && this.#session.isIdle &&
      this.#exchanges.isIdle && this.#server.isQuiet;
  }

  #open(): void {
    if (this.#isOpen || this.#isOver) return;
    this.#isOpen = true;
    this.#stage = "fresh";
    this.#exchanges.handleOpen();
    this.#keepAlive.handleOpen(this.#now);
    this.#session.handleOpen(connectOf(this.#setup), this.#now);
    this.#turn();
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#write("*", { op: "closed" });
    this.#isOpen = false;
    this.#isBlocked = false;
    this.#isOver ||= this.#stage === "disconnected";
    const isConnackMissing = this.#stage === "connecting";
    this.#exchanges.handleClose(isConnackMissing);
    this.#messages.handleClose(isConnackMissing);
    this.#stage = "fresh";
    this.#link.cut();
    this.#server.handleClose();
    this.#session.handleClose();
    this.#takeEvents();
  }

  #handleProgress(isFree: boolean): void {
    if (!this.#isBlocked) return;
    if (isFree) this.#isBlocked = false;
    this.#keepAlive.handleFault(this.#now);
    this.#keepAlive.handleProgress(this.#now);
    this.#session.handleProgress(this.#now);
    this.#turn();
  }

  /** Time passes; what arrives and what is due happens in its order. */
  #advance(millis: number): void {
    const end = this.#now + millis;
    for (;;) {
      const next = earliest(this.#link.nextArrival("server"), this.#link.nextArrival("client"), this.#deadline);
      if (next === undefined || next > end) break;
      this.#now = Math.max(this.#now, next);
      this.#step();
      this.#receiveAtServer();
      this.#receiveAtClient();
      this.#turn();
    }
    this.#now = end;
    this.#turn();
  }

  /** Time passes, and only the server notices. Whoever wakes looks at the clock first, as runtimes do, and then reads. */
  #sleep(millis: number): void {
    const end = this.#now + millis;
    for (let next = this.#link.nextArrival("server"); next !== undefined && next <= end;) {
      this.#now = Math.max(this.#now, next);
      this.#receiveAtServer();
      next = this.#link.nextArrival("server");
    }
    this.#now = end;
    this.#keepAlive.handleAwake(end);
    this.#turn();
    this.#receiveAtClient();
    this.#turn();
  }

  get #deadline(): number | undefined {
    return this.#isOpen ? this.#session.pollTimeout() : undefined;
  }

  /** What the session's owner does whenever something happened: transmit, take events, keep the deadline. */
  #turn(): void {
    if (!this.#isOpen) return;
    this.#drain();
    const deadline = this.#deadline;
    if (this.#isOpen && deadline !== undefined && deadline <= this.#now) this.#keepDeadline();
    if (!this.#isOpen) return;
    if (this.#stage === "accepted") this.#keepAlive.handleDrained(this.#now, this.#isBlocked);
    if (this.#link.isMuted || this.#isBlocked) this.#keepAlive.handleFault(this.#now);
  }

  #keepDeadline(): void {
    this.#keepAlive.handleTimeout(this.#now);
    try {
      this.#session.handleTimeout(this.#now);
    } catch (error) {
      if (!(error instanceof KeepAliveTimeoutError)) throw error;
      this.#write("!", { type: "given up" });
      this.#keepAlive.handleGivenUp(this.#now);
      return this.#close();
    }
    this.#drain();
    const next = this.#deadline;
    hold("deadline", next === undefined || next > this.#now, () => `${next} comes again at ${this.#now}`);
  }

  #drain(): void {
    if (!this.#isBlocked) this.#transmit();
    this.#takeEvents();
    this.#messages.handleDrained();
    const isThrottled = this.#setup.pendingThrottleMillis > 0 && this.#session.diagnostics().replayPending > 0;
    if (this.#stage === "disconnected" || this.#isBlocked) return;
    this.#messages.handleAllSent();
    this.#exchanges.handleDrained(isThrottled);
  }

  #transmit(): void {
    for (;;) {
      let packet = this.#session.pollTransmit(this.#now);
      if (packet === undefined && this.#admit()) packet = this.#session.pollTransmit(this.#now);
      if (packet === undefined) return;
      this.#step();
      this.#handleOutgoing(packet);
      this.#link.send("server", packet, this.#now);
    }
  }

  #admit(): boolean {
    if (!this.#isDraining || !this.#application.hasNothingToAsk) return this.#application.admit();
    if (this.#hasAskedToEnd) return false;
    this.#hasAskedToEnd = true;
    this.#session.disconnect();
    return true;
  }

  #handleOutgoing(packet: Packet): void {
    this.#write(">", packet);
    const { type } = packet;
    const isConnect = type === "connect";
    const isLegal = this.#stage === "fresh"
      ? isConnect
      : !isConnect && this.#stage !== "disconnected" && (this.#stage === "accepted" || type === "disconnect");
    hold("first and last packet", isLegal, () => `${type} left when the connection was ${this.#stage}`);
    if (isConnect) this.#stage = "connecting";
    if (type === "disconnect") {
      this.#stage = "disconnected";
      const isDone = this.#application.unfinished - this.#exchanges.owedEnds.size === 0 && this.#exchanges.isIdle;
      hold("drain", this.#isLeaving || (this.#isDraining && isDone), () => `unfinished: ${this.#exchanges.describe()}`);
    }
    this.#exchanges.handleOutgoing(packet);
    this.#messages.handleOutgoing(packet);
    this.#keepAlive.handleOutgoing(packet, this.#now);
  }

  #receiveAtServer(): void {
    for (let packet = this.#link.take("server", this.#now); packet; packet = this.#link.take("server", this.#now)) {
      if (packet.type === "disconnect") return this.#close();
      this.#server.handlePacket(packet);
    }
  }

  #receiveAtClient(): void {
    for (let packet = this.#link.take("client", this.#now); packet; packet = this.#link.take("client", this.#now)) {
      this.#step();
      this.#write("<", packet);
      this.#session.handleActivity(this.#now);
      if (this.#stage !== "disconnected") this.#watchIncoming(packet);
      try {
        this.#session.handlePacket(packet, this.#now);
      } catch (error) {
        if (!(error instanceof ConnectionRefusedError)) throw error;
        return this.#close();
      }
    }
  }

  #watchIncoming(packet: Packet): void {
    if (packet.type === "connack") {
      this.#stage = packet.returnCode === 0 ? "accepted" : "refused";
      this.#server.handleConnackArrived();
    }
    this.#keepAlive.handleIncoming(packet, this.#now);
    this.#exchanges.handleIncoming(packet);
    this.#messages.handleIncoming(packet);
  }

  #takeEvents(): void {
    for (let event = this.#session.pollEvent(); event !== undefined; event = this.#session.pollEvent()) {
      this.#step();
      if (event.type !== "incoming") this.#write("!", event);
      this.#application.handleEvent(event);
    }
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw new Violation("deadline", `more than ${MAX_STEPS} steps: it spins`);
  }

  #write(mark: "*" | ">" | "<" | "!", what: object): void {
    this.#transcript?.push(`${String(this.#now).padStart(7)} ${mark} ${formatFields(what)}`);
  }
}

function sessionOptionsOf(setup: Setup): SessionOptions {
  const { inflight, inflightQos2, ackMode, resubscribe, pendingThrottleMillis, qos1Lost, qos2Lost } = setup;
  const onSessionLost = { qos1: qos1Lost, qos2: qos2Lost };
  return { inflight, inflightQos2, ackMode, resubscribe, pendingThrottleMillis, onSessionLost };
}

function connectOf({ cleanSession, keepAlive }: Setup): Connect {
  const none = { will: undefined, username: undefined, password: undefined };
  return { type: "connect", clientId: "sim", cleanSession, keepAlive, ...none };
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  let earliest: number | undefined;
  for (const time of times) if (time !== undefined && !(earliest !== undefined && earliest <= time)) earliest = time;
  return earliest;
}

/** The fields of a packet, an event or an operation that say something, on one line. */
function formatFields(what: object): string {
  return Object.entries(what).flatMap(([field, value]) => {
    if (value === undefined || value === false || field === "payload") return [];
    if (field === "type" || field === "op" || field === "topicName") return [value];
    if (field === "subscriptions") return [value.map(({ topicFilter }: { topicFilter: string }) => topicFilter).join()];
    return typeof value === "object" ? [formatFields(value)] : [value === true ? field : `${field} ${value}`];
  }).join(" ");
}
