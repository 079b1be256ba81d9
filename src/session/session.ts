// The MQTT 3.1.1 session of a client as a pure state machine: packets and times go in; packets, events and the next deadline come
// out. It does no I/O, reads no clock and draws no random numbers.
//
// Theory of operation. A session outlives its connections. `phase` says where it stands with the current one:
//
//   closed ─ handleOpen → connecting ─ CONNACK 0 → connected ─ DISCONNECT handed out → ended
//      ↑_______________________ handleClose, from anywhere _______________________________│
//
// After a CONNACK the session first makes the server whole: subscriptions it lost, then the replay of what it has not finished.
// Until that is handed out no new request is admitted, so new work never passes old work. Packets leave through `pollTransmit` in
// this order: CONNECT; answers to the server and PINGREQ; restored subscriptions; replay; new requests; DISCONNECT.
//
// Not handled here: bytes, sockets, waiting requests (ask `canPublish`), dialling, and time limits for connecting and for a drain.
import type { Connack, Connect, Packet, PacketId, Publish, Pubrec, QoS, Subscription } from "../codec/mod.ts";
import { ChangeLog, type SessionChange, type SessionState } from "./changes.ts";
import { earlier } from "./deadline.ts";
import { KeepAliveTimeoutError, ProtocolError } from "./error.ts";
import type { SessionEvent, Token } from "./event.ts";
import { EventQueue } from "./event_queue.ts";
import { Handshake } from "./handshake.ts";
import { IncomingExchanges } from "./incoming.ts";
import { KeepAlive } from "./keep_alive.ts";
import type { PublishRequest, SessionDiagnostics, SessionOptions } from "./options.ts";
import { OutgoingExchanges } from "./outgoing.ts";
import { Recovery, type ReplayGate } from "./recovery.ts";
import { AckGate, DISCONNECT, PINGREQ, Replies } from "./replies.ts";
import { AdmittedRequests } from "./requests.ts";
import { LiveSubscriptions } from "./subscriptions.ts";
import { type SessionPhase, violationOf } from "./transitions.ts";

/**
 * The MQTT 3.1.1 session of a client, without I/O.
 *
 * Calling order: after any command or `handle…`, take packets with `pollTransmit` until it gives `undefined`, then events with
 * `pollEvent` until it gives `undefined`, and only then read `pollTimeout`: taking a packet moves the deadlines. Bytes that arrive
 * are told by `handleActivity`, before the packets they make. A `handle…` that throws has found the connection unusable: close it
 * and call `handleClose`; the events before it are still to be taken.
 *
 * @example A session that connects and publishes
 * ```ts
 * import { Session } from "@petrel/mqtt/session";
 * import { assertEquals } from "@std/assert";
 *
 * const session = new Session({ inflight: 100, inflightQos2: 20, ackMode: "automatic", resubscribe: true,
 *   onSessionLost: { qos1: "resend", qos2: "fail" }, pendingThrottleMillis: 0 });
 * const connect = { type: "connect", clientId: "sensor", cleanSession: true, keepAlive: 60,
 *   will: undefined, username: undefined, password: undefined } as const;
 * session.handleOpen(connect, 0);
 * assertEquals(session.pollTransmit(0), connect);
 * session.handlePacket({ type: "connack", sessionPresent: false, returnCode: 0 }, 5);
 * session.publish({ topicName: "t", payload: new Uint8Array([1]), qos: 1, retain: false });
 * assertEquals(session.pollTransmit(5)?.type, "publish");
 * assertEquals(session.pollEvent(), { type: "connected", sessionPresent: false });
 * assertEquals(session.pollTimeout(), 60_005);
 * ```
 */
export class Session {
  /** Lets automatic acknowledgements wait. */
  readonly ackGate: AckGate = new AckGate();
  #options: SessionOptions;
  #phase: SessionPhase = "closed";
  #disconnect: "none" | "drained" | "now" = "none";
  readonly #changes: ChangeLog = new ChangeLog();
  readonly #handshake: Handshake = new Handshake(this.#changes, () => this.#recovery.isSettled);
  readonly #outgoing: OutgoingExchanges = new OutgoingExchanges(this.#changes);
  readonly #incoming: IncomingExchanges = new IncomingExchanges(this.#changes);
  readonly #subscriptions: LiveSubscriptions = new LiveSubscriptions(this.#changes);
  readonly #keepAlive: KeepAlive = new KeepAlive();
  readonly #replies: Replies = new Replies(this.ackGate);
  readonly #events: EventQueue = new EventQueue();
  readonly #recovery: Recovery = new Recovery(this.#outgoing, this.#incoming, this.#subscriptions, this.#events);
  /** Lets replayed publishes wait. */
  readonly replayGate: ReplayGate = this.#recovery.gate;
  readonly #requests: AdmittedRequests = new AdmittedRequests(this.#outgoing);

  /**
   * Makes a session that has no connection yet.
   *
   * @param options How the session behaves.
   */
  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Changes how the session behaves from now on. Open exchanges stay open, also beyond a smaller window. */
  configure(options: SessionOptions): void {
    this.#options = options;
  }

  /**
   * From now on `pollChange` tells what has to survive this process. What was made until a packet is taken must be safe before that
   * packet is sent.
   */
  recordChanges(): void {
    this.#changes.isRecorded = true;
  }

  /** Takes the next change; `undefined` if there is none, or if they are not recorded. */
  pollChange(): SessionChange | undefined {
    return this.#changes.shift();
  }

  /** Takes up the session of an earlier process; what it admitted counts as sent. @throws {RangeError} If this one was used before. */
  restore(state: SessionState): void {
    if (!this.#handshake.isNew || !this.isIdle) throw new RangeError("Cannot restore: the session was used before");
    this.#outgoing.restore(state);
    this.#incoming.restore(state.incoming);
    this.#subscriptions.restore(state.subscriptions);
    this.#handshake.restore(state.isInDoubt);
  }

  /** Where the session stands with its connection. */
  get phase(): SessionPhase {
    return this.#phase;
  }

  /** Whether no request is unfinished: nothing admitted waits, and the server owes no answer to an outgoing exchange. */
  get isIdle(): boolean {
    return this.#outgoing.size === 0 && this.#requests.length === 0;
  }

  /** Whether a QoS 1 or QoS 2 publish awaits its acknowledgement: the next connection repeats it. */
  get hasUnacknowledgedPublish(): boolean {
    return this.#outgoing.inflight > 0;
  }

  /** Whether a publish at this QoS can be admitted now: the session is whole again, and the window has room. */
  canPublish(qos: QoS): boolean {
    return this.#admitsRequests() && this.#outgoing.hasRoom(qos, this.#options);
  }

  /** Whether a SUBSCRIBE or UNSUBSCRIBE can be admitted now. They do not count for the window. */
  canControl(): boolean {
    return this.#admitsRequests() && this.#outgoing.hasFreePacketId;
  }

  /** Topic Filters that the server has granted, as far as it has answered. */
  readonly isSubscribed = (topicFilter: string): boolean => this.#subscriptions.isLive(topicFilter);

  /**
   * Admits a message; `canPublish` must allow it.
   *
   * @param request The message.
   * @param token Who asked for it; its end is reported for QoS 1 and 2.
   * @returns The Packet Identifier; 0 at QoS 0.
   * @throws {RangeError} If `canPublish` does not allow it.
   */
  publish(request: PublishRequest, token: Token = 0): PacketId {
    const { qos } = request;
    if (!this.canPublish(qos)) throw new RangeError(`Cannot publish: the session does not admit QoS ${qos} now`);
    return this.#requests.publish(request, token);
  }

  /** Lets QoS 0 messages pass that were encoded beforehand; `canPublish` must allow it. All that is kept of them is the time. */
  passPublishes(now: number): void {
    if (!this.canPublish(0)) throw new RangeError("Cannot pass publishes: the session admits none now");
    this.#keepAlive.handleOutgoing(now);
  }

  /**
   * Admits a SUBSCRIBE; `canControl` must allow it.
   *
   * @param subscriptions At least one [MQTT-3.8.3-3].
   * @param token Who asked for it.
   * @returns The Packet Identifier.
   * @throws {RangeError} If `canControl` does not allow it.
   */
  subscribe(subscriptions: readonly Subscription[], token: Token = 0): PacketId {
    if (!this.canControl()) throw new RangeError("Cannot subscribe: the session does not admit requests now");
    return this.#requests.subscribe(subscriptions, token);
  }

  /**
   * Admits an UNSUBSCRIBE; `canControl` must allow it.
   *
   * @param topicFilters At least one [MQTT-3.10.3-2].
   * @param token Who asked for it.
   * @returns The Packet Identifier.
   * @throws {RangeError} If `canControl` does not allow it.
   */
  unsubscribe(topicFilters: readonly string[], token: Token = 0): PacketId {
    if (!this.canControl()) throw new RangeError("Cannot unsubscribe: the session does not admit requests now");
    return this.#requests.unsubscribe(topicFilters, token);
  }

  /**
   * Acknowledges a delivery in manual mode: PUBACK, PUBREC at QoS 2. In any order, but see [MQTT-4.6.0-2]; harmless when repeated.
   *
   * @param publish The very packet that was delivered.
   * @returns Whether it is acknowledged, as in automatic mode it always is; `false` if its connection is gone: it is delivered again.
   */
  acknowledge(publish: Publish): boolean {
    if (publish.qos === 0) return true;
    const reply = this.#incoming.acknowledge(publish);
    if (reply === undefined) return this.#options.ackMode === "automatic" || this.#incoming.canAcknowledge(publish);
    this.#replies.push(reply);
    return true;
  }

  /** Admits no further request, finishes what was admitted, and then hands out DISCONNECT. It outlives a lost connection. */
  disconnect(): void {
    if (this.#disconnect === "none") this.#disconnect = "drained";
  }

  /** Hands out DISCONNECT as the next packet after CONNECT, whatever is unfinished. */
  disconnectNow(): void {
    this.#disconnect = "now";
  }

  /** Ends the interest in a request: it goes on, as the protocol demands, but its end is not reported. */
  forget(packetId: PacketId, token: Token): void {
    const exchange = this.#outgoing.find(packetId);
    if (exchange?.token === token) exchange.token = 0;
  }

  /**
   * A network connection is open: CONNECT is the first packet to be taken [MQTT-3.1.0-1].
   *
   * @param connect The CONNECT of this connection. Another `clientId` than before is another session: the old one counts as lost.
   * @param now The time now, in milliseconds.
   */
  handleOpen(connect: Connect, now: number): void {
    this.#phase = "connecting";
    this.#keepAlive.handleOpen(connect.keepAlive, now);
    if (this.#handshake.handleOpen(connect)) this.#recovery.handleSessionLost(this.#options);
  }

  /** Bytes came from the server, at `now` in milliseconds: it is alive, whether or not they make a packet yet. */
  handleActivity(now: number): void {
    this.#keepAlive.handleActivity(now);
  }

  /** A connection that had been too busy to take packets took bytes, at `now` in milliseconds. */
  handleProgress(now: number): void {
    this.#keepAlive.handleProgress(now);
  }

  /**
   * Handles a packet of the server.
   *
   * @param packet The packet.
   * @param now The time now, in milliseconds.
   * @throws {ProtocolError} If the server broke a rule of the protocol [MQTT-4.8.0-1].
   * @throws {ConnectionRefusedError} If the server refused the connection.
   */
  handlePacket(packet: Packet, now: number): void {
    if (this.#phase === "closed" || this.#phase === "ended") return;
    const violation = violationOf(this.#phase, packet.type);
    if (violation !== undefined) throw new ProtocolError(packet.type, violation.state, violation.rule);
    switch (packet.type) {
      case "publish":
        return this.#handlePublish(packet);
      case "connack":
        return this.#handleConnack(packet, now);
      case "puback":
        this.#events.addCompleted(this.#outgoing.handlePuback(packet), packet);
        break;
      case "pubrec":
        this.#handlePubrec(packet);
        break;
      case "pubrel":
        this.#replies.push(this.#incoming.handlePubrel(packet.packetId));
        break;
      case "pubcomp":
        this.#events.addCompleted(this.#outgoing.handlePubcomp(packet), packet);
        break;
      case "suback": {
        const ended = this.#outgoing.handleSuback(packet);
        if (ended !== undefined) this.#recovery.handleSuback(ended.packet, packet);
        this.#events.addCompleted(ended, packet);
        break;
      }
      case "unsuback": {
        const ended = this.#outgoing.handleUnsuback(packet);
        if (ended !== undefined) this.#subscriptions.handleUnsuback(ended.packet);
        this.#events.addCompleted(ended, packet);
        break;
      }
      case "pingresp":
        this.#keepAlive.handlePingresp(now);
        break;
    }
    this.#handshake.settleDoubt();
    this.#events.addIncoming(packet);
  }

  /**
   * The deadline of `pollTimeout` has come; harmless before it.
   *
   * @param now The time now, in milliseconds.
   * @throws {KeepAliveTimeoutError} If the server has been silent for too long.
   */
  handleTimeout(now: number): void {
    if (this.#phase !== "connected") return;
    this.#recovery.handleTimeout(now);
    const action = this.#keepAlive.handleTimeout(now);
    if (action === "ping") this.#replies.push(PINGREQ);
    else if (action === "give-up") throw new KeepAliveTimeoutError(this.#keepAlive.silentMillis(now));
  }

  /** The network connection is gone, whoever ended it. Exchanges and requests stay; answers the server awaited go with it. */
  handleClose(): void {
    this.#leave("closed");
  }

  /**
   * Takes the next packet to be sent. It counts as sent from here on: if the connection is lost, it may have been delivered.
   *
   * @param now The time now, in milliseconds.
   * @returns The packet, or `undefined` if there is nothing to send now.
   */
  pollTransmit(now: number): Packet | undefined {
    if (this.#phase !== "connecting" && this.#phase !== "connected") return undefined;
    const packet = this.#nextPacket(now);
    if (packet === undefined) return undefined;
    this.#keepAlive.handleOutgoing(now);
    if (packet === PINGREQ) this.#keepAlive.handlePingreq(now);
    else if (packet === DISCONNECT) this.#leave("ended");
    return packet;
  }

  /** Takes the next event; `undefined` if there is none. */
  pollEvent(): SessionEvent | undefined {
    return this.#events.shift();
  }

  /** When `handleTimeout` and `pollTransmit` must be called next, in milliseconds; `undefined` if time alone changes nothing. */
  pollTimeout(): number | undefined {
    if (this.#phase !== "connected") return undefined;
    return earlier(this.#keepAlive.deadline, this.#recovery.deadline);
  }

  /** What can be seen of the session from outside, at this moment. */
  diagnostics(): SessionDiagnostics {
    return {
      phase: this.#phase,
      inflight: this.#outgoing.inflight,
      inflightQos2: this.#outgoing.inflightQos2,
      outgoingExchanges: this.#outgoing.size,
      replayPending: this.#recovery.replayPending,
      incomingQos2: this.#incoming.awaitingPubrel,
      unacknowledged: this.#incoming.unacknowledged,
      subscriptions: this.#subscriptions.size,
      ignoredAcks: this.#events.ignoredAcks,
      sessionLostFailures: this.#events.sessionLostFailures,
      roundTripMillis: this.#keepAlive.roundTripMillis,
    };
  }

  /** Nothing more goes out on this connection: what it owed the server goes with it. */
  #leave(phase: "closed" | "ended"): void {
    this.#handshake.handleClose();
    this.#phase = phase;
    this.#replies.clear();
    this.#recovery.handleClose();
    this.#incoming.handleClose();
  }

  #admitsRequests(): boolean {
    return this.#phase === "connected" && this.#disconnect === "none" && this.#recovery.isDone;
  }

  #nextPacket(now: number): Packet | undefined {
    const connect = this.#phase === "connecting" ? this.#handshake.takeConnect() : undefined;
    if (connect !== undefined) return connect;
    if (this.#disconnect === "now") return DISCONNECT;
    if (this.#phase === "connected") {
      const packet = this.#replies.shift() ??
        this.#recovery.nextPacket(this.#options.pendingThrottleMillis, now) ??
        (this.#recovery.letsRequestsPass ? this.#requests.takeNext() : undefined);
      if (packet !== undefined) return packet;
    }
    return this.#disconnect === "drained" && this.isIdle ? DISCONNECT : undefined;
  }

  #handlePublish(packet: Publish): void {
    const { deliver, reply } = this.#incoming.handlePublish(packet, this.#options.ackMode);
    if (reply !== undefined) this.#replies.pushAck(reply);
    this.#handshake.settleDoubt();
    if (deliver) this.#events.addIncoming(packet);
  }

  #handleConnack(packet: Connack, now: number): void {
    const verdict = this.#handshake.handleConnack(packet);
    this.#phase = "connected";
    this.#keepAlive.handleActivity(now);
    this.#events.addConnected(packet.sessionPresent);
    this.#recovery.handleConnected(verdict, this.#options);
    this.#handshake.settleDoubt();
  }

  /** Answers with PUBREL, which never overtakes the replayed PUBREL of an earlier PUBREC [MQTT-4.6.0-4]. */
  #handlePubrec(packet: Pubrec): void {
    if (this.#outgoing.handlePubrec(packet) === undefined) this.#events.countIgnoredAck();
    const exchange = this.#outgoing.find(packet.packetId);
    if (exchange?.state === "awaiting-pubcomp" && this.#recovery.replayPending > 0) this.#recovery.append(exchange);
    else this.#replies.push({ type: "pubrel", packetId: packet.packetId });
  }
}
