// What a session needs of a place that outlives its process: records by name, and changes that happen whole or not at all.

/** One record of a session. */
export interface SessionRecord {
  /** Its name, unique within its session. Any text: Topic Filters are part of some. */
  readonly id: string;
  /** Its contents. A store may keep these very bytes: nobody changes them. */
  readonly bytes: Uint8Array;
}

/** A change of a session: small, whatever the session holds. No record is in both lists, and none twice. */
export interface SessionDelta {
  /** Records to be written; one of the same name is replaced. */
  readonly put: readonly SessionRecord[];
  /** Names of records to be removed; one that is not there is no error. */
  readonly remove: readonly string[];
}

/**
 * Keeps sessions beyond the life of a process. The shipped ones are {@linkcode MemorySessionStore}, {@linkcode SqliteSessionStore} and
 * {@linkcode IndexedDbSessionStore}; `sessionStoreCases` of `@petrel/mqtt/testing` proves any other.
 *
 * A method that returns nothing has done its work; a promise has when it resolves. For one key the client makes one call after the
 * other. Only one client at a time may use a session.
 */
export interface SessionStore {
  /**
   * Reads a session.
   *
   * @param key The session: the Client Identifier.
   * @returns Its records in any order; none if there is no such session.
   * @throws {unknown} What keeps it from being read; the client ends with that, and has changed nothing.
   */
  load(key: string): readonly SessionRecord[] | Promise<readonly SessionRecord[]>;
  /**
   * Makes a change, whole or not at all. Once it is told to be done, it must survive the death of the process, and of the machine as far
   * as the store promises that.
   *
   * @param key The session.
   * @param delta The change.
   * @throws {unknown} What keeps it from being made; the client ends with that.
   */
  commit(key: string, delta: SessionDelta): void | Promise<void>;
  /**
   * Forgets a session. The client never does that by itself.
   *
   * @param key The session.
   */
  clear(key: string): void | Promise<void>;
}
