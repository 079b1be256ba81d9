// Moves packets between an open connection, the session and the request channel. It never waits.
import type { Packet } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import type { ConnectedEvent, Session } from "../session/mod.ts";
import type { Clock, Millis } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { LoopItem } from "./event.ts";
import { PendingCompletions } from "./pending_completions.ts";
import type { Persistence } from "./persistence.ts";
import type { PublishRun } from "./publish_run.ts";
import type { Request } from "./request.ts";
import type { RequestChannel } from "./request_channel.ts";
import { Throttle, type ThrottleLimit } from "./throttle.ts";

/** Events after which decoding pauses, so that memory stays bounded and the user gets a word in. */
const MAX_ITEMS = 1024;
/**
 * Packets that may await their answer while the transport takes nothing: as many as there are Packet Identifiers. A server that
 * respects them never has more.
 */
const MAX_UNANSWERED = 65_535;

/** Moves packets for one session. */
export class Pump {
  /** What waits to be polled. */
  readonly items: Fifo<LoopItem> = new Fifo();
  /** Whether what arrives waits undecoded; until CONNACK nothing does. */
  isHeld = false;
  /** What must be safe before anything is sent or told, if anything must. */
  persistence: Persistence | undefined;
  /** Tracked requests that the session has taken. */
  readonly completions: PendingCompletions = new PendingCompletions();
  /** The session. */
  readonly session: Session;
  readonly #channel: RequestChannel;
  #throttle: Throttle | undefined;
  #isDraining = false;
  /** Packets received since all that was to be sent was sent, that want an answer. */
  #unanswered = 0;

  /**
   * @param session The session.
   * @param channel Where requests come from.
   */
  constructor(session: Session, channel: RequestChannel) {
    this.session = session;
    this.#channel = channel;
  }

  /** Whether anything admitted or waiting is unfinished. */
  get owesAnything(): boolean {
    return !this.#channel.isEmpty || !this.session.isIdle;
  }

  /** Lets at most so many publishes leave per time from now on; as many as can, if there is no limit. */
  limit(limit: ThrottleLimit | undefined, clock: Clock): void {
    this.session.replayGate.publishFrom = -Infinity;
    if (limit === undefined) this.#throttle = undefined;
    else (this.#throttle ??= new Throttle(this.session, clock)).configure(limit);
  }

  /** Until when the limit holds a publish back; `undefined` if it holds none. The session knows of those it replays. */
  get heldUntil(): Millis | undefined {
    return this.#throttle?.heldUntil;
  }

  /** Whether a request of this kind could be taken now. */
  canTake(request: Request | PublishRun): boolean {
    const gate = this.#throttle ?? this.session;
    return "qos" in request ? gate.canPublish(request.qos) : gate.canControl();
  }

  /** From now on, DISCONNECT follows the last request. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * Bytes → packets → session.
   *
   * @throws {MalformedPacketError | ProtocolError | ConnectionRefusedError} If the connection cannot go on.
   */
  receive(connection: Connection, now: number): void {
    const session = this.session;
    // A server that is held back, because events are not taken, has no way to show that it lives; nor has one that has closed and
    // whose last words wait.
    const isUnheard = connection.isHeldBack || (connection.closed !== undefined && this.#holdsBack());
    const isHeldBack = isUnheard && !this.#isOverfed(connection);
    if (connection.takeReceived() || isHeldBack) session.handleActivity(now);
    if (connection.takeWritten()) session.handleProgress(now);
    for (let room = MAX_ITEMS - this.items.length; room > 0 && this.canReceive(connection); room--) {
      const packet = connection.nextPacket();
      if (packet === undefined) return;
      if (wantsAnswer(packet)) this.#unanswered++;
      session.handlePacket(packet, now);
    }
  }

  /** Whether packets may be decoded at all. */
  canReceive(connection: Connection): boolean {
    return !this.#holdsBack() && !this.#isOverfed(connection);
  }

  /** Session's events → what waits to be polled, and the ends of requests. @returns The server's acceptance, if it has just come. */
  takeEvents(): ConnectedEvent | undefined {
    let accepted: ConnectedEvent | undefined;
    for (let event = this.session.pollEvent(); event !== undefined; event = this.session.pollEvent()) {
      if (event.type === "request-completed") {
        this.completions.handleCompleted(event.token, event.packet);
      } else if (event.type === "request-failed") {
        this.completions.handleFailed(event.token, "session-lost", event.mayHaveBeenDelivered);
      } else {
        if (event.type === "connected") accepted = event;
        this.items.push(event);
      }
    }
    return accepted;
  }

  /** Session, requests → packets → one write; and again for as long as the transport takes it at once. */
  transmit(connection: Connection, tellsOutgoing: boolean, now: number): void {
    this.#throttle?.begin();
    while (connection.canEncode) {
      if (!this.#encodeNext(connection, tellsOutgoing, now)) {
        this.#unanswered = 0;
        if (connection.isFlushed) return;
        connection.flush(this.#handleFlushed, now, this.persistence?.commit());
      } else if (!connection.canEncode) {
        connection.flush(this.#handleFlushed, now, this.persistence?.commit());
      }
    }
  }

  #holdsBack(): boolean {
    return this.isHeld && this.session.phase === "connected";
  }

  /** Whether the server sends on and on but reads no answers; what it sends then has to wait until it does, or has gone. */
  #isOverfed(connection: Connection): boolean {
    return this.#unanswered >= MAX_UNANSWERED && connection.closed === undefined;
  }

  readonly #handleFlushed = (): void => this.completions.handleFlushed();

  /** Encodes what the session has to send, or else what may go next of the requests. @returns Whether there was anything. */
  #encodeNext(connection: Connection, tellsOutgoing: boolean, now: number): boolean {
    const session = this.session;
    const throttle = this.#throttle;
    if (throttle !== undefined) session.replayGate.publishFrom = throttle.nextAt;
    let packet = session.pollTransmit(now);
    if (packet === undefined) {
      const request = this.#channel.next(throttle ?? session);
      if (request?.kind === "run") return this.#encodeRun(request, connection, tellsOutgoing, now);
      if (request !== undefined) this.#admit(request);
      else if (this.#isDraining && this.#channel.isEmpty) session.disconnect();
      else return false;
      packet = session.pollTransmit(now);
      if (packet === undefined) return false;
    }
    if (packet.type === "publish") throttle?.take();
    connection.encode(packet);
    if (tellsOutgoing) {
      const packetId = "packetId" in packet ? packet.packetId : 0;
      this.items.push({ type: "outgoing", packetType: packet.type, packetId });
    }
    return true;
  }

  #encodeRun(run: PublishRun, connection: Connection, tellsOutgoing: boolean, now: number): true {
    this.session.passPublishes(now);
    if (tellsOutgoing) {
      for (let i = run.count; i > 0; i--) this.items.push({ type: "outgoing", packetType: "publish", packetId: 0 });
    }
    connection.encodeRun(run);
    return true;
  }

  /** Lets the session take a request. */
  #admit(request: Request): void {
    const session = this.session;
    const token = this.completions.open(request);
    const packetId = request.kind === "publish"
      ? session.publish(request, token)
      : request.kind === "subscribe"
      ? session.subscribe(request.subscriptions, token)
      : session.unsubscribe(request.topicFilters, token);
    if (token !== 0) this.completions.assign(request, token, packetId);
    if (request.kind === "publish") this.persistence?.handleAdmitted(request, packetId);
  }
}

function wantsAnswer(packet: Packet): boolean {
  return packet.type === "publish" ? packet.qos > 0 : packet.type === "pubrec" || packet.type === "pubrel";
}
