// Mutants of what a session makes of incoming packets and of time.

import type { Packet, PacketType } from "../../src/codec/mod.ts";
import { IncomingExchanges } from "../../src/session/incoming.ts";
import { KeepAlive, type KeepAliveAction } from "../../src/session/keep_alive.ts";
import { Session, type SessionEvent, type SessionOptions } from "../../src/session/mod.ts";
import { type Mutant, patch, subclass } from "./mutant.ts";
import type { Property } from "./violation.ts";

/** A session that swallows one type of packet. */
function silentAbout(type: PacketType): new (options: SessionOptions) => Session {
  return class extends Session {
    override pollTransmit(now: number): Packet | undefined {
      for (;;) {
        const packet = super.pollTransmit(now);
        if (packet?.type !== type) return packet;
      }
    }
  };
}

/** Tells a message that it has acknowledged only when the next packet arrives. */
class LateTeller extends Session {
  readonly #late: SessionEvent[] = [];
  readonly #due: SessionEvent[] = [];
  readonly #isAutomatic: boolean;

  constructor(options: SessionOptions) {
    super(options);
    this.#isAutomatic = options.ackMode === "automatic";
  }

  override handlePacket(packet: Packet, now: number): void {
    this.#due.push(...this.#late.splice(0));
    super.handlePacket(packet, now);
  }

  override pollEvent(): SessionEvent | undefined {
    if (this.#due.length > 0) return this.#due.shift();
    const event = super.pollEvent();
    if (!this.#isAutomatic || event?.type !== "incoming" || event.packet.type !== "publish") return event;
    this.#late.push(event);
    return this.pollEvent();
  }
}

/** Loses every third message that it acknowledges by itself. */
class Lossy extends Session {
  readonly #isAutomatic: boolean;
  #messages = 0;

  constructor(options: SessionOptions) {
    super(options);
    this.#isAutomatic = options.ackMode === "automatic";
  }

  override pollEvent(): SessionEvent | undefined {
    const event = super.pollEvent();
    const isMessage = event?.type === "incoming" && event.packet.type === "publish";
    return this.#isAutomatic && isMessage && ++this.#messages % 3 === 0 ? this.pollEvent() : event;
  }
}

class AlwaysAutomatic extends Session {
  constructor(options: SessionOptions) {
    super({ ...options, ackMode: "automatic" });
  }
}

/** Takes an incoming PUBLISH for the end of an outgoing one under the same identifier. */
class Confused extends Session {
  override handlePacket(packet: Packet, now: number): void {
    super.handlePacket(packet, now);
    if (packet.type === "publish" && packet.qos === 1) {
      super.handlePacket({ type: "puback", packetId: packet.packetId }, now);
    }
  }
}

class LateReminder extends Session {
  override pollTimeout(): number | undefined {
    return super.pollTimeout() === undefined ? undefined : 0;
  }
}

/** A mutant whose clockwork decides otherwise; `isDue` if a deadline had come. */
function decides(
  name: string,
  breaks: readonly Property[],
  decide: (action: KeepAliveAction, isDue: boolean, clockwork: KeepAlive, now: number) => KeepAliveAction,
): Mutant {
  return patch(name, breaks, KeepAlive, "handleTimeout", (original) =>
    function (this: KeepAlive, now) {
      const isDue = this.deadline !== undefined && now >= this.deadline;
      return decide(original.call(this, now), isDue, this, now);
    });
}

/** Mutants of what a session makes of incoming packets and of time. */
export const incomingMutants: readonly Mutant[] = [
  subclass("PUBACK before delivery", ["acknowledged but not delivered"], LateTeller),
  subclass("acknowledged, but not delivered", ["acknowledged but not delivered"], Lossy),
  subclass("PUBACK is not sent", ["answers"], silentAbout("puback")),
  subclass("PUBCOMP is not sent", ["answers"], silentAbout("pubcomp")),
  subclass("manual mode acknowledges by itself", ["answers"], AlwaysAutomatic),
  patch(
    "incoming QoS 2 identifiers are cleared on resume",
    ["exactly once"],
    IncomingExchanges,
    "handleClose",
    (original) =>
      function (this: IncomingExchanges) {
        original.call(this);
        this.handleSessionLost();
      },
  ),
  patch(
    "incoming QoS 2 identifiers outlive the session",
    ["settles", "acknowledged but not delivered"],
    IncomingExchanges,
    "handleSessionLost",
    () => () => {},
  ),
  patch(
    "PUBREL does not free the identifier",
    ["settles", "acknowledged but not delivered"],
    IncomingExchanges,
    "handlePubrel",
    () => (packetId) => ({ type: "pubcomp", packetId }),
  ),
  patch(
    "a message of a younger session is taken for a repeated one",
    ["acknowledged but not delivered"],
    IncomingExchanges,
    "handleSessionDoubt",
    () => () => {},
  ),
  subclass(
    "incoming identifiers are taken for outgoing ones",
    ["ends of requests", "replay order", "at least once"],
    Confused,
  ),
  patch(
    "the ping timer is never stopped",
    ["needless ping", "healthy link given up"],
    KeepAlive,
    "handleActivity",
    () => () => {},
  ),
  subclass("pings are never sent", ["keep-alive gap", "healthy link given up"], silentAbout("pingreq")),
  decides("dead peers are never given up", ["dead peer kept"], (action, _isDue, clockwork, now) => {
    if (action !== "give-up") return action;
    clockwork.handleActivity(now);
    return "none";
  }),
  decides(
    "a process that slept judges before it reads",
    ["healthy link given up"],
    (action, isDue) => action === "none" && isDue ? "give-up" : action,
  ),
  decides(
    "pings pile up behind a blocked transport",
    ["needless ping"],
    (action, isDue) => action === "none" && isDue ? "ping" : action,
  ),
  subclass("a deadline stays in the past", ["deadline"], LateReminder),
];
