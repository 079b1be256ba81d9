// What the owner of a session keeps somewhere safe, so that the session outlives its process: changes, each no larger than what has
// changed, and the state that they add up to.
import type { PacketId, Publish, QoS, Subscription } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";

/** One change of what a session has to know after a restart, told apart by `type`. */
export type SessionChange =
  /** A publish at QoS 1 or 2 was admitted under a Packet Identifier. */
  | { readonly type: "publish-opened"; readonly packet: Publish }
  /** The server has received a publish at QoS 2: PUBREL is what remains to be sent. */
  | { readonly type: "publish-released"; readonly packetId: PacketId }
  /** A publish has ended, in whatever way: its Packet Identifier is free. */
  | { readonly type: "publish-ended"; readonly packetId: PacketId }
  /** An incoming message at QoS 2 was taken over: under this Packet Identifier it must not be delivered again. */
  | { readonly type: "incoming-received"; readonly packetId: PacketId }
  /** Such a Packet Identifier means nothing any more. */
  | { readonly type: "incoming-ended"; readonly packetId: PacketId }
  /** A Topic Filter is live. */
  | { readonly type: "subscribed"; readonly topicFilter: string; readonly qos: QoS }
  /** A Topic Filter is not live any more. */
  | { readonly type: "unsubscribed"; readonly topicFilter: string }
  /**
   * A CONNECT is on its way, or was never answered: the server may have begun another session. It lasts until all that follows from the
   * answer is done: subscriptions are restored, and no incoming Packet Identifier may mean two messages.
   */
  | { readonly type: "doubt"; readonly isInDoubt: boolean };

/** What a session has to know after a restart. */
export interface SessionState {
  /** Publishes at QoS 1 and 2 that may have been sent and await PUBACK or PUBREC, in their order. */
  readonly publishes: readonly Publish[];
  /** Packet Identifiers of publishes that await PUBCOMP, in the order of their PUBREC. */
  readonly releases: readonly PacketId[];
  /** Packet Identifiers of incoming messages at QoS 2 that await PUBREL. */
  readonly incoming: readonly PacketId[];
  /** The live subscriptions. */
  readonly subscriptions: readonly Subscription[];
  /** Whether the server may have begun another session since, or has, and does not have all it needs of this one. */
  readonly isInDoubt: boolean;
}

/** The changes of one session that nobody has taken yet. */
export class ChangeLog {
  /** Whether anybody takes them; otherwise none is made. */
  isRecorded = false;
  readonly #changes: Fifo<SessionChange> = new Fifo();

  /** Adds a change. Only if `isRecorded`. */
  push(change: SessionChange): void {
    this.#changes.push(change);
  }

  /** Takes the next change; `undefined` if there is none. */
  shift(): SessionChange | undefined {
    return this.#changes.shift();
  }
}
