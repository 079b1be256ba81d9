/**
 * Session stores: what an MQTT session has to know survives its process. Given as option `sessionStore`, a store makes every admitted
 * publish at QoS 1 and 2 durable before its promise resolves, and every message that arrives at QoS 2 before it is acknowledged.
 *
 * {@linkcode SqliteSessionStore} for Deno, Bun and Node; {@linkcode IndexedDbSessionStore} for browsers;
 * {@linkcode MemorySessionStore} for tests; {@linkcode SessionStore} is what any other has to be.
 *
 * @module
 */
export {
  type IndexedDbFactory,
  IndexedDbSessionStore,
  type IndexedDbSessionStoreOptions,
} from "./indexed_db_session_store.ts";
export { MemorySessionStore } from "./memory_session_store.ts";
export type { StoredMessage } from "./record_codec.ts";
export { type RestoredSession, type RestoreOptions, SessionJournal } from "./session_journal.ts";
export { type NumberedMessage, SessionMismatchError, type SetAsideRecord } from "./session_reader.ts";
export type { SessionDelta, SessionRecord, SessionStore } from "./session_store.ts";
export { type SqliteDatabase, SqliteSessionStore, type SqliteSessionStoreOptions } from "./sqlite_session_store.ts";
