// From what happens to a session to the records that are written, and back.
//
// Theory of operation. A message is one record, written once, whatever becomes of it: it waits, numbered, until the session takes it.
// Then a small record under its Packet Identifier refers to it. PUBREC replaces both by one that says only that PUBREL is due; the end
// removes what is left. Changes gather until `takeDelta`, and of several to one record only the last is written.
import type { PacketId } from "../codec/mod.ts";
import type { SessionChange, SessionState } from "../session/mod.ts";
import { DOUBT_ID, HEADER_ID, RecordCodec, SET_ASIDE, type StoredMessage } from "./record_codec.ts";
import { type NumberedMessage, SessionReader, type SetAsideRecord, type StoredSession } from "./session_reader.ts";
import type { SessionDelta, SessionRecord } from "./session_store.ts";

/** What an earlier process has left behind. */
export interface RestoredSession {
  /** The session, for `Session.restore`. */
  readonly state: SessionState;
  /** Messages that were published and not admitted to the session, in order. */
  readonly queued: readonly NumberedMessage[];
  /** Records that could not be used. */
  readonly setAside: readonly SetAsideRecord[];
}

/** What matters when a session is restored. */
export interface RestoreOptions {
  /** Whether only messages are taken up: the server forgets everything else. */
  readonly cleanSession: boolean;
}

/**
 * Keeps the records of one session. It does no I/O: what a store gave goes in by `restore`, and what it is to be given comes out by
 * `takeDelta`.
 *
 * @example A session that is written down, and taken up by another process
 * ```ts
 * import { Session } from "@petrel/mqtt/session";
 * import { MemorySessionStore, SessionJournal } from "@petrel/mqtt/store";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemorySessionStore();
 * const message = { topicName: "t", payload: new Uint8Array([1]), qos: 1, retain: false } as const;
 *
 * const journal = new SessionJournal("sensor");
 * journal.restore(store.load("sensor"), { cleanSession: false });
 * journal.recordMessage({ ...message, number: journal.firstNumber });
 * store.commit("sensor", journal.takeDelta());
 *
 * const { queued } = new SessionJournal("sensor").restore(store.load("sensor"), { cleanSession: false });
 * assertEquals(queued, [{ ...message, number: 1 }]);
 * ```
 */
export class SessionJournal {
  readonly #clientId: string;
  readonly #codec: RecordCodec = new RecordCodec();
  /** The numbers of the messages that were admitted and not received. */
  readonly #numbers: Map<PacketId, number> = new Map();
  /** What is to be written; `undefined` removes. */
  #pending: Map<string, Uint8Array | undefined> = new Map();
  #firstNumber = 1;
  #lastRelease = 0;

  /**
   * Makes a journal of which nothing is known yet.
   *
   * @param clientId Whose session it is.
   */
  constructor(clientId: string) {
    this.#clientId = clientId;
  }

  /** The least number that a new message may have. Known once the session is restored. */
  get firstNumber(): number {
    return this.#firstNumber;
  }

  /** Whether `takeDelta` has anything to give. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /**
   * Takes up what a store has kept. What cannot be used is to be set aside by the next delta.
   *
   * @param records What the store has loaded.
   * @param options What is taken up.
   * @returns What goes on.
   * @throws {SessionMismatchError} If it is another client's session, or of a format that is not known.
   */
  restore(records: readonly SessionRecord[], { cleanSession }: RestoreOptions): RestoredSession {
    const stored = new SessionReader(this.#codec, this.#clientId).read(records);
    this.#firstNumber = stored.lastNumber + 1;
    this.#lastRelease = stored.lastRelease;
    for (const [packetId, number] of stored.numbers) this.#numbers.set(packetId, number);
    this.#setAside(records, stored.setAside);
    if (!stored.hasHeader) this.#put(HEADER_ID, this.#codec.encodeHeader(this.#clientId));
    for (const packetId of stored.orphans) this.#putRelease(packetId);
    const state = cleanSession ? this.#dropServerState(stored) : stored.state;
    return { state, queued: stored.queued, setAside: stored.setAside };
  }

  /** A message is to be kept from now on. */
  recordMessage(message: NumberedMessage): void {
    const id = `m/${message.number}`;
    this.#put(id, this.#codec.encodeMessage(id, message));
  }

  /** A message is not to be sent any more: it was taken back before the session had it. */
  recordWithdrawal(number: number): void {
    this.#remove(`m/${number}`);
  }

  /** The session has admitted a message under a Packet Identifier. To be told before the change that says so. */
  recordAdmission(packetId: PacketId, number: number): void {
    this.#numbers.set(packetId, number);
  }

  /** The session has changed. */
  recordChange(change: SessionChange): void {
    switch (change.type) {
      case "publish-opened":
        return this.#openPublish(change.packet.packetId, change.packet);
      case "publish-released":
        this.#endMessage(change.packetId);
        return this.#putRelease(change.packetId);
      case "publish-ended":
        this.#endMessage(change.packetId);
        return this.#remove(`x/${change.packetId}`);
      case "incoming-received":
        return this.#putByte(`i/${change.packetId}`, 2);
      case "incoming-ended":
        return this.#remove(`i/${change.packetId}`);
      case "subscribed":
        return this.#putByte(`s/${change.topicFilter}`, change.qos);
      case "unsubscribed":
        return this.#remove(`s/${change.topicFilter}`);
      case "doubt":
        return change.isInDoubt ? this.#putByte(DOUBT_ID, 1) : this.#remove(DOUBT_ID);
    }
  }

  /** Takes what has changed since the last time, for `SessionStore.commit`. */
  takeDelta(): SessionDelta {
    const pending = this.#pending;
    this.#pending = new Map();
    const put: SessionRecord[] = [];
    const remove: string[] = [];
    for (const [id, bytes] of pending) {
      if (bytes === undefined) remove.push(id);
      else put.push({ id, bytes });
    }
    return { put, remove };
  }

  #openPublish(packetId: PacketId, { qos }: StoredMessage): void {
    const place = this.#numbers.get(packetId);
    if (place === undefined) throw new RangeError(`Cannot record publish ${packetId}: its number was not told`);
    const id = `x/${packetId}`;
    const state = qos === 1 ? "awaiting-puback" : "awaiting-pubrec";
    this.#put(id, this.#codec.encodeExchange(id, { state, place }));
  }

  #putRelease(packetId: PacketId): void {
    const id = `x/${packetId}`;
    this.#put(id, this.#codec.encodeExchange(id, { state: "awaiting-pubcomp", place: ++this.#lastRelease }));
  }

  #endMessage(packetId: PacketId): void {
    const number = this.#numbers.get(packetId);
    if (number === undefined) return;
    this.#numbers.delete(packetId);
    this.#remove(`m/${number}`);
  }

  #setAside(records: readonly SessionRecord[], setAside: readonly SetAsideRecord[]): void {
    for (const { id } of setAside) {
      const bytes = records.find((record) => record.id === id)?.bytes;
      if (bytes !== undefined) this.#put(`${SET_ASIDE}${id}`, bytes);
      this.#remove(id);
    }
  }

  /** With a clean session the server keeps nothing, so what would answer to it is dropped. */
  #dropServerState({ state }: StoredSession): SessionState {
    for (const packetId of state.incoming) this.#remove(`i/${packetId}`);
    for (const { topicFilter } of state.subscriptions) this.#remove(`s/${topicFilter}`);
    return { ...state, incoming: [], subscriptions: [] };
  }

  #putByte(id: string, byte: number): void {
    this.#put(id, this.#codec.encodeByte(id, byte));
  }

  #put(id: string, bytes: Uint8Array): void {
    this.#pending.set(id, bytes);
  }

  #remove(id: string): void {
    this.#pending.set(id, undefined);
  }
}
