// One side of a dialogue between a session and its server, so that a test reads as what is said in which order.

import { assertEquals, assertGreater, assertThrows, fail } from "@std/assert";
import type { Connect, Packet, PacketId, PacketType, Publish, QoS, Subscription } from "../../src/codec/mod.ts";
import { ProtocolError, Session, type SessionEvent, type SessionOptions } from "../../src/session/mod.ts";

/** How the sessions of these tests behave unless a test says otherwise. */
export const defaultOptions: SessionOptions = {
  inflight: 100,
  inflightQos2: 20,
  ackMode: "automatic",
  resubscribe: true,
  onSessionLost: { qos1: "resend", qos2: "fail" },
  pendingThrottleMillis: 0,
};

/** The CONNECT of these tests unless a test says otherwise: a persistent session, Keep Alive off. */
export const defaultConnect: Connect = {
  type: "connect",
  clientId: "tester",
  cleanSession: false,
  keepAlive: 0,
  will: undefined,
  username: undefined,
  password: undefined,
};

/** A packet of which a test names only what it is about. */
export type Expected = PacketType | { readonly type: PacketType } & Readonly<Record<string, unknown>>;

/** A session in conversation with its server. Time stands still unless `passes` moves it. */
export class Dialogue {
  /** The session. */
  readonly session: Session;
  /** The time, in milliseconds. */
  now = 0;
  #options: SessionOptions;
  #connect: Connect = defaultConnect;

  /**
   * @param options What differs from `defaultOptions`.
   */
  constructor(options: Partial<SessionOptions> = {}) {
    this.#options = { ...defaultOptions, ...options };
    this.session = new Session(this.#options);
  }

  /** Changes options of the running session. */
  configures(options: Partial<SessionOptions>): void {
    this.#options = { ...this.#options, ...options };
    this.session.configure(this.#options);
  }

  /** A network connection opens, and CONNECT leaves. What differs from the CONNECT before stays so. */
  opens(connect: Partial<Connect> = {}): void {
    this.#connect = { ...this.#connect, ...connect };
    this.session.handleOpen(this.#connect, this.now);
    this.sends({ ...this.#connect });
  }

  /** The server accepts the connection. */
  accepted({ sessionPresent = false }: { sessionPresent?: boolean } = {}): void {
    this.receives({ type: "connack", sessionPresent, returnCode: 0 });
  }

  /** The connection is lost, and the next one is accepted. */
  reconnects({ sessionPresent, ...connect }: { sessionPresent: boolean } & Partial<Connect>): void {
    this.loses();
    this.opens(connect);
    this.accepted({ sessionPresent });
  }

  /** The connection is lost. */
  loses(): void {
    this.session.handleClose();
  }

  /** The session takes a message at this QoS. */
  publishes(qos: QoS, { token = 0, topicName = "t", text = "" } = {}): PacketId {
    const payload = new TextEncoder().encode(text);
    return this.session.publish({ topicName, payload, qos, retain: false }, token);
  }

  /** The session takes a SUBSCRIBE, at QoS 1 for each filter. */
  subscribes(topicFilters: readonly string[], token = 0): PacketId {
    return this.session.subscribe(topicFilters.map((topicFilter) => ({ topicFilter, qos: 1 })), token);
  }

  /** These filters are live from here on. */
  hasSubscribed(topicFilters: readonly string[]): void {
    const packetId = this.subscribes(topicFilters);
    this.sends("subscribe");
    this.receives({ type: "suback", packetId, returnCodes: topicFilters.map(() => 1) });
    this.events();
  }

  /** The next packet that leaves is this one: in every property the test names. */
  sends<P extends Packet = Packet>(expected: Expected): P {
    const packet = this.session.pollTransmit(this.now);
    const named = typeof expected === "string" ? { type: expected } : expected;
    if (packet === undefined) fail(`Expected ${JSON.stringify(named)} to be sent, got nothing`);
    const shown = Object.fromEntries(Object.keys(named).map((key) => [key, Reflect.get(packet, key)]));
    assertEquals(shown, { ...named });
    return packet as P;
  }

  /** These packets leave, in this order, and then nothing. */
  sendsOnly(...expected: readonly Expected[]): void {
    for (const packet of expected) this.sends(packet);
    this.sendsNothing();
  }

  /** Nothing leaves. */
  sendsNothing(): void {
    assertEquals(this.session.pollTransmit(this.now), undefined);
  }

  /** Everything that leaves now, each packet as `type packetId`, with `dup` where it is set. */
  sent(): string[] {
    const packets: string[] = [];
    for (let packet = this.session.pollTransmit(this.now); packet; packet = this.session.pollTransmit(this.now)) {
      packets.push(shortOf(packet));
    }
    return packets;
  }

  /** A packet of the server arrives. */
  receives(packet: Packet): void {
    this.session.handleActivity(this.now);
    this.session.handlePacket(packet, this.now);
  }

  /** A message of the server arrives. */
  receivesPublish(qos: QoS, packetId: PacketId, { dup = false, text = "" } = {}): Publish {
    const payload = new TextEncoder().encode(text);
    const publish: Publish = { type: "publish", topicName: "t", payload, qos, retain: false, dup, packetId };
    this.receives(publish);
    return publish;
  }

  /** A packet of the server arrives that breaks a rule. */
  rejects(packet: Packet, rule: string): ProtocolError {
    const error = assertThrows(() => this.receives(packet), ProtocolError, `[${rule}]`);
    assertEquals([error.rule, error.packetType], [rule, packet.type]);
    return error;
  }

  /** Milliseconds pass, and each deadline on the way is kept to the millisecond. What leaves is listed with its time. */
  passes(millis: number): string[] {
    const sent: string[] = [];
    const transmit = (): number => sent.push(...this.sent().map((packet) => `${packet} @${this.now}`));
    transmit();
    this.#keepDeadlines(millis, transmit);
    return sent;
  }

  /** Milliseconds pass while the transport takes nothing; each deadline on the way is kept. */
  passesBlocked(millis: number): void {
    this.#keepDeadlines(millis, () => {});
  }

  /** Milliseconds pass in which nothing is called, as when the process sleeps. */
  sleeps(millis: number): void {
    this.now += millis;
  }

  /** What the session tells, in order. */
  events(): SessionEvent[] {
    const events: SessionEvent[] = [];
    for (let event = this.session.pollEvent(); event; event = this.session.pollEvent()) events.push(event);
    return events;
  }

  /** The ends of requests the session tells, as `token packetType` or `token failed`. */
  ends(): string[] {
    return this.events().flatMap((event) => {
      if (event.type === "request-completed") return `${event.token} ${event.packet.type}`;
      return event.type === "request-failed" ? `${event.token} failed` : [];
    });
  }

  /** The payloads of the messages the session tells. */
  deliveries(): string[] {
    return this.events().flatMap((event) =>
      event.type === "incoming" && event.packet.type === "publish" ? new TextDecoder().decode(event.packet.payload) : []
    );
  }

  #keepDeadlines(millis: number, transmit: () => void): void {
    const end = this.now + millis;
    for (;;) {
      const deadline = this.session.pollTimeout();
      if (deadline === undefined || deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.session.handleTimeout(this.now);
      transmit();
      const next = this.session.pollTimeout();
      if (next !== undefined) assertGreater(next, this.now, "a deadline that was kept must not come again at once");
    }
    this.now = end;
  }
}

/** A dialogue whose connection is accepted; that event is taken. */
export function connected(options: Partial<SessionOptions> = {}, connect: Partial<Connect> = {}): Dialogue {
  const dialogue = new Dialogue(options);
  dialogue.opens(connect);
  dialogue.accepted();
  assertEquals(dialogue.events(), [{ type: "connected", sessionPresent: false }]);
  return dialogue;
}

/** `count` subscriptions at QoS 1 to filters that can be told apart. */
export function filters(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `filter/${i + 1}`);
}

/** The filters of a packet that leaves. */
export function filtersOf(packet: Packet): string[] {
  if (packet.type === "unsubscribe") return [...packet.topicFilters];
  const subscriptions: readonly Subscription[] = packet.type === "subscribe" ? packet.subscriptions : [];
  return subscriptions.map(({ topicFilter }) => topicFilter);
}

function shortOf(packet: Packet): string {
  const words: (string | number)[] = [packet.type];
  if ("packetId" in packet && packet.packetId !== 0) words.push(packet.packetId);
  if (packet.type === "publish" && packet.dup) words.push("dup");
  return words.join(" ");
}
