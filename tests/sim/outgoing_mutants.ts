// Mutants of what a session sends: exchanges, replay, subscriptions, disconnect.

import type { Packet, PacketId } from "../../src/codec/mod.ts";
import { Session, type SessionEvent } from "../../src/session/mod.ts";
import { OutgoingExchanges } from "../../src/session/outgoing.ts";
import { Recovery } from "../../src/session/recovery.ts";
import { LiveSubscriptions } from "../../src/session/subscriptions.ts";
import { withFewPacketIds } from "./few_packet_ids.ts";
import { type Mutant, patch, patchGetter, replaceMethod, subclass } from "./mutant.ts";

/** What has PUBREL in the order of the identifiers, and the rest as it was. */
function sortReleases(exchanges: ReturnType<OutgoingExchanges["replayOrder"]>): typeof exchanges {
  const isRelease = ({ state }: typeof exchanges[number]): boolean => state === "awaiting-pubcomp";
  const idOf = (exchange: typeof exchanges[number]): PacketId =>
    exchange.state === "awaiting-pubcomp" ? exchange.packetId : 0;
  const start = exchanges.findIndex(isRelease);
  const releases = exchanges.filter(isRelease).sort((a, b) => idOf(a) - idOf(b));
  return exchanges.toSpliced(start, releases.length, ...releases);
}

/** Answers PUBREC at once, also while the PUBREL of earlier ones wait in a replay. */
function overtakingPubrel(): Mutant {
  const early: PacketId[] = [];
  class Overtaking extends Session {
    override pollTransmit(now: number): Packet | undefined {
      const packetId = this.phase === "connected" ? early.shift() : undefined;
      return packetId === undefined ? super.pollTransmit(now) : { type: "pubrel", packetId };
    }
    override handleClose(): void {
      early.length = 0;
      super.handleClose();
    }
  }
  return {
    ...subclass("a PUBREL overtakes the replay of earlier ones", ["PUBREL order"], Overtaking),
    patch: () =>
      replaceMethod(Recovery.prototype, "append", () => (exchange) => {
        if (exchange.state === "awaiting-pubcomp") early.push(exchange.packetId);
      }),
  };
}

/** Forgets the publishes it had admitted and not handed out when the connection is lost. */
class Forgetful extends Session {
  readonly #waiting: Set<string> = new Set();
  readonly #dropped: Set<string> = new Set();

  override publish(...request: Parameters<Session["publish"]>): PacketId {
    this.#waiting.add(request[0].topicName);
    return super.publish(...request);
  }

  override handleClose(): void {
    for (const topicName of this.#waiting) this.#dropped.add(topicName);
    super.handleClose();
  }

  override pollTransmit(now: number): Packet | undefined {
    for (;;) {
      const packet = super.pollTransmit(now);
      if (packet?.type !== "publish") return packet;
      this.#waiting.delete(packet.topicName);
      if (!this.#dropped.has(packet.topicName)) return packet;
    }
  }
}

/** Trusts Session Present also when the CONNACK of an earlier attempt was lost. */
class Undoubting extends Session {
  override handleClose(): void {
    if (this.phase === "connecting") {
      try {
        super.handlePacket({ type: "connack", sessionPresent: false, returnCode: 3 }, 0);
      } catch {
        // The refusal settles the doubt, which is all that is wanted of it.
      }
    }
    super.handleClose();
  }
}

/** A replay whose deadline stands until the next packet is taken. */
function standingDeadline(): () => void {
  let isTaking = false;
  const mendPacket = replaceMethod(Recovery.prototype, "nextPacket", (original) =>
    function (this: Recovery, ...args) {
      isTaking = true;
      const packet = original.call(this, ...args);
      isTaking = false;
      return packet;
    });
  const mendTimeout = replaceMethod(Recovery.prototype, "handleTimeout", (original) =>
    function (this: Recovery, now) {
      if (isTaking) original.call(this, now);
    });
  return () => {
    mendPacket();
    mendTimeout();
  };
}

class WithoutDup extends Session {
  override pollTransmit(now: number): Packet | undefined {
    const packet = super.pollTransmit(now);
    return packet?.type === "publish" ? { ...packet, dup: false } : packet;
  }
}

/** Believes that the server kept the session whenever it could have. */
class Trusting extends Session {
  #isClean = false;

  override handleOpen(...[connect, now]: Parameters<Session["handleOpen"]>): void {
    this.#isClean = connect.cleanSession;
    super.handleOpen(connect, now);
  }

  override handlePacket(packet: Packet, now: number): void {
    const isAccepted = packet.type === "connack" && packet.returnCode === 0;
    super.handlePacket(isAccepted ? { ...packet, sessionPresent: !this.#isClean } : packet, now);
  }
}

class WithoutFailures extends Session {
  override pollEvent(): SessionEvent | undefined {
    const event = super.pollEvent();
    return event?.type === "request-failed" ? this.pollEvent() : event;
  }
}

class Repetitive extends Session {
  #again: SessionEvent | undefined;

  override pollEvent(): SessionEvent | undefined {
    const again = this.#again;
    const event = again ?? super.pollEvent();
    this.#again = again === undefined && event?.type === "request-completed" ? event : undefined;
    return event;
  }
}

class Indiscreet extends Session {
  override forget(): void {}
}

class Impatient extends Session {
  override disconnect(): void {
    this.disconnectNow();
  }
}

/** Ends only the connection on which it was asked to. */
class Absentminded extends Session {
  #isWanted = false;

  override disconnect(): void {
    this.#isWanted = true;
  }

  override handleClose(): void {
    this.#isWanted = false;
    super.handleClose();
  }

  override pollTransmit(now: number): Packet | undefined {
    if (this.#isWanted && this.isIdle) super.disconnect();
    return super.pollTransmit(now);
  }
}

class Talkative extends Session {
  #hasFollowed = false;

  override pollTransmit(now: number): Packet | undefined {
    if (this.phase !== "ended" || this.#hasFollowed) return super.pollTransmit(now);
    this.#hasFollowed = true;
    return { type: "pingreq" };
  }
}

/** Mutants of what a session sends. */
export const outgoingMutants: readonly Mutant[] = [
  patch(
    "the replay is dropped",
    ["replay order", "new work passed old work"],
    OutgoingExchanges,
    "replayOrder",
    () => () => [],
  ),
  patch(
    "the replay is backwards",
    ["replay order"],
    OutgoingExchanges,
    "replayOrder",
    (original) =>
      function (this: OutgoingExchanges) {
        return original.call(this).reverse();
      },
  ),
  patch(
    "PUBREL are replayed in the order of identifiers",
    ["replay order"],
    OutgoingExchanges,
    "replayOrder",
    (original) =>
      function (this: OutgoingExchanges) {
        return sortReleases(original.call(this));
      },
  ),
  overtakingPubrel(),
  patchGetter("new requests pass the replay", ["new work passed old work"], Recovery, "isDone", () => true),
  {
    ...subclass("identifiers in use are chosen again", ["identifiers"], Session),
    patch: () => withFewPacketIds(12, false),
  },
  patch("the window is ignored", ["window"], OutgoingExchanges, "hasRoom", () => () => true),
  patch(
    "the window for QoS 2 is ignored",
    ["window"],
    OutgoingExchanges,
    "hasRoom",
    (original) =>
      function (this: OutgoingExchanges, qos, window) {
        return original.call(this, qos, { ...window, inflightQos2: window.inflight });
      },
  ),
  subclass("DUP is not set", ["DUP"], WithoutDup),
  subclass(
    "a lost session is taken for a present one",
    ["settles", "identifiers", "DUP", "ends of requests"],
    Trusting,
  ),
  patch(
    "QoS 2 is resent whatever the policy says",
    ["identifiers"],
    OutgoingExchanges,
    "handleSessionLost",
    (original) =>
      function (this: OutgoingExchanges, policy) {
        return original.call(this, { ...policy, qos2: "resend" });
      },
  ),
  subclass("requests that never left are dropped at a reconnect", ["new work passed old work", "settles"], Forgetful),
  subclass("failures are not told", ["ends of requests"], WithoutFailures),
  subclass("completions are told twice", ["ends of requests"], Repetitive),
  subclass("a forgotten request is told all the same", ["ends of requests"], Indiscreet),
  patch("lost subscriptions are not restored", ["subscriptions"], LiveSubscriptions, "portions", () => () => []),
  patch(
    "what restores subscriptions stays open when its connection is gone",
    ["identifiers", "subscriptions"],
    OutgoingExchanges,
    "abandonSubscribe",
    () => () => false,
  ),
  patch(
    "what restored subscriptions without an answer is owed no more",
    ["subscriptions"],
    OutgoingExchanges,
    "abandonSubscribe",
    (original) =>
      function (this: OutgoingExchanges, packet) {
        original.call(this, packet);
        return false;
      },
  ),
  subclass("a session in doubt is trusted", ["subscriptions", "acknowledged but not delivered"], Undoubting),
  patch(
    "what is about to be unsubscribed is restored",
    ["subscriptions"],
    OutgoingExchanges,
    "unsubscribing",
    () => () => new Set(),
  ),
  {
    ...subclass("a replay behind a blocked transport wakes its owner for ever", ["deadline"], Session),
    patch: standingDeadline,
  },
  patch("unsubscribed filters stay live", ["subscriptions"], LiveSubscriptions, "handleUnsuback", () => () => {}),
  patch(
    "refused filters are live",
    ["subscriptions"],
    LiveSubscriptions,
    "handleSuback",
    (original) =>
      function (this: LiveSubscriptions, request, answer) {
        original.call(this, request, { ...answer, returnCodes: answer.returnCodes.map(() => 0 as const) });
      },
  ),
  subclass("disconnect does not wait", ["drain"], Impatient),
  subclass("disconnect does not survive a lost connection", ["settles"], Absentminded),
  subclass("something follows DISCONNECT", ["first and last packet"], Talkative),
];
