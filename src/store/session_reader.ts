// From the records of a store to a session that can go on, whatever is missing or broken among them.
import type { PacketId, Publish, QoS, Subscription } from "../codec/mod.ts";
import type { SessionState } from "../session/mod.ts";
import {
  DOUBT_ID,
  FORMAT_VERSION,
  HEADER_ID,
  type RecordCodec,
  SET_ASIDE,
  type StoredExchange,
  type StoredMessage,
} from "./record_codec.ts";
import type { SessionRecord } from "./session_store.ts";

/** Why a stored session cannot be taken up. Nothing was changed in the store. */
export class SessionMismatchError extends Error {
  /** The name of the class. */
  override readonly name: string = "SessionMismatchError";
  /** What does not fit: the format is of another version, or the session is another client's. */
  readonly reason: "format-version" | "client-id";

  /**
   * Makes the error.
   *
   * @param reason What does not fit.
   * @param state What was found, and what was expected.
   */
  constructor(reason: "format-version" | "client-id", state: string) {
    super(`Cannot restore the session: ${state}`);
    this.reason = reason;
  }
}

/** A record that could not be used, and was set aside: it stays in the store under another name, and is never looked at again. */
export interface SetAsideRecord {
  /** Its name in the store until now. */
  readonly id: string;
  /** What is wrong with it. */
  readonly fault: string;
}

/** A message with its number. */
export interface NumberedMessage extends StoredMessage {
  /** Its number: messages are sent in the order of these. */
  readonly number: number;
}

/** What the records of a session say. */
export interface StoredSession {
  /** The session. */
  readonly state: SessionState;
  /** Messages that wait for the session, in order. */
  readonly queued: readonly NumberedMessage[];
  /** The numbers of the messages of `state.publishes`. */
  readonly numbers: ReadonlyMap<PacketId, number>;
  /** Exchanges that are lost, or their message is; what the server has of it is to be released. They are among `state.releases`. */
  readonly orphans: readonly PacketId[];
  /** The greatest number of a message; 0 if there is none. */
  readonly lastNumber: number;
  /** The greatest place of a PUBREC; 0 if there is none. */
  readonly lastRelease: number;
  /** Whether the first record is there, and sound. */
  readonly hasHeader: boolean;
  /** What cannot be used. */
  readonly setAside: readonly SetAsideRecord[];
}

/** Reads the records of one session. */
export class SessionReader {
  readonly #codec: RecordCodec;
  readonly #clientId: string;
  readonly #messages: Map<number, StoredMessage> = new Map();
  readonly #exchanges: Map<PacketId, StoredExchange> = new Map();
  /** Packet Identifiers of which it is not known any more what they await. */
  readonly #unknown: PacketId[] = [];
  readonly #incoming: PacketId[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #setAside: SetAsideRecord[] = [];
  #isInDoubt = false;
  #hasHeader = false;

  /**
   * @param codec How records are read.
   * @param clientId Whose session it must be.
   */
  constructor(codec: RecordCodec, clientId: string) {
    this.#codec = codec;
    this.#clientId = clientId;
  }

  /**
   * Reads everything.
   *
   * @throws {SessionMismatchError} If the session is not one that can be taken up.
   */
  read(records: readonly SessionRecord[]): StoredSession {
    const header = records.find(({ id }) => id === HEADER_ID);
    if (header !== undefined) this.#readHeader(header.bytes);
    for (const record of records) {
      if (record !== header && !record.id.startsWith(SET_ASIDE) && !this.#readRecord(record)) {
        this.#setAside.push({ id: record.id, fault: "its contents are corrupt" });
      }
    }
    return this.#assemble();
  }

  #readHeader(bytes: Uint8Array): void {
    const header = this.#codec.decodeHeader(bytes);
    if (header === undefined) {
      this.#setAside.push({ id: HEADER_ID, fault: "its contents are corrupt" });
    } else if (header.version !== FORMAT_VERSION) {
      throw new SessionMismatchError(
        "format-version",
        `its format has version ${header.version}, and this client knows ${FORMAT_VERSION}`,
      );
    } else if (header.clientId !== this.#clientId) {
      throw new SessionMismatchError(
        "client-id",
        `it belongs to client "${header.clientId}", and this is "${this.#clientId}"`,
      );
    } else {
      this.#hasHeader = true;
    }
  }

  /** @returns Whether the record can be used. */
  #readRecord({ id, bytes }: SessionRecord): boolean {
    const codec = this.#codec;
    const name = id.slice(2);
    switch (id === DOUBT_ID ? id : id.slice(0, 2)) {
      case "m/": {
        const message = codec.decodeMessage(id, bytes);
        return message !== undefined && addNumbered(this.#messages, name, message, Number.MAX_SAFE_INTEGER);
      }
      case "x/": {
        const exchange = codec.decodeExchange(id, bytes);
        if (exchange !== undefined) return addNumbered(this.#exchanges, name, exchange, 65_535);
        if (isNumber(name, 65_535)) this.#unknown.push(Number(name));
        return false;
      }
      case "i/":
        if (codec.decodeByte(id, bytes) === undefined) return false;
        return this.#incoming.push(Number(name)) > 0;
      case "s/": {
        const qos = codec.decodeByte(id, bytes);
        if (qos === undefined) return false;
        return this.#subscriptions.push({ topicFilter: name, qos: qos as QoS }) > 0;
      }
      case DOUBT_ID:
        return this.#isInDoubt = codec.decodeByte(id, bytes) !== undefined;
      default:
        return false;
    }
  }

  #assemble(): StoredSession {
    const publishes: { readonly packet: Publish; readonly number: number }[] = [];
    const releases: { readonly packetId: PacketId; readonly place: number }[] = [];
    // At QoS 2 the server may have a message under it, and would take a new one for that. PUBREL harms nothing at QoS 1.
    const orphans = [...this.#unknown];
    const lastNumber = [...this.#messages.keys()].reduce((last, number) => Math.max(last, number), 0);
    for (const [packetId, { state, place }] of this.#exchanges) {
      if (state === "awaiting-pubcomp") {
        releases.push({ packetId, place });
        continue;
      }
      const message = this.#messages.get(place);
      if (message !== undefined) {
        this.#messages.delete(place);
        publishes.push({ packet: { type: "publish", ...message, dup: false, packetId }, number: place });
      } else if (state === "awaiting-pubrec") {
        orphans.push(packetId);
      } else {
        this.#setAside.push({ id: `x/${packetId}`, fault: "its message is missing" });
      }
    }
    publishes.sort((a, b) => a.number - b.number);
    releases.sort((a, b) => a.place - b.place);
    return {
      state: {
        publishes: publishes.map(({ packet }) => packet),
        // What the server may have of a message that is lost here, it is told to release: the identifier must become free.
        releases: [...releases.map(({ packetId }) => packetId), ...orphans],
        incoming: this.#incoming,
        subscriptions: this.#subscriptions,
        isInDoubt: this.#isInDoubt,
      },
      queued: [...this.#messages].sort(([a], [b]) => a - b).map(([number, message]) => ({ ...message, number })),
      numbers: new Map(publishes.map(({ packet, number }) => [packet.packetId, number])),
      orphans,
      lastNumber,
      lastRelease: releases.at(-1)?.place ?? 0,
      hasHeader: this.#hasHeader,
      setAside: this.#setAside,
    };
  }
}

/** Adds something under the number that its name is. @returns Whether the name is such a number. */
function addNumbered<T>(map: Map<number, T>, name: string, value: T, max: number): boolean {
  if (!isNumber(name, max)) return false;
  map.set(Number(name), value);
  return true;
}

/** Whether a name is a number from 1 to `max`, written as this client writes it. */
function isNumber(name: string, max: number): boolean {
  const number = Number(name);
  return Number.isInteger(number) && number >= 1 && number <= max && String(number) === name;
}
