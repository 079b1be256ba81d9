// Sessions in a SQLite database, by the `node:sqlite` that Deno, Bun and Node bring.
import type { SessionDelta, SessionRecord, SessionStore } from "./session_store.ts";

/** A prepared statement, as far as it is needed here. */
interface Statement {
  run(...values: readonly (string | Uint8Array)[]): unknown;
  all(...values: readonly (string | Uint8Array)[]): unknown[];
}

/** An open database: a `DatabaseSync` of `node:sqlite`. */
export interface SqliteDatabase {
  /** Runs SQL that gives nothing. */
  exec(sql: string): void;
  /** Prepares a statement. */
  prepare(sql: string): unknown;
  /** Closes the database. */
  close(): void;
}

/** How a database is opened. */
export interface SqliteSessionStoreOptions {
  /**
   * What a commit survives: `"full"`, a loss of power too; `"normal"`, the death of the process, several times as fast. Default
   * `"full"`. Not for a database that was opened elsewhere: its own setting holds.
   */
  readonly synchronous?: "full" | "normal" | undefined;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS petrel_session (
  session TEXT NOT NULL, id TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (session, id)
)`;
/** How long another process may hold the database before a commit fails, in milliseconds. */
const BUSY_MILLIS = 5_000;

/** The statements of one table. */
interface Statements {
  readonly load: Statement;
  readonly put: Statement;
  readonly remove: Statement;
  readonly clear: Statement;
}

/**
 * Keeps sessions in a SQLite database: a file, or a database that the application has open and shares, in a table named
 * `petrel_session`. Node 22 has `node:sqlite` since 22.13; Deno needs `--allow-read` and `--allow-write` for the file.
 *
 * A commit is one transaction, and blocks the thread until the disk has it.
 *
 * @example Sessions in a file
 * ```ts
 * import { SqliteSessionStore } from "@petrel/mqtt/store";
 * import { assertEquals } from "@std/assert";
 *
 * using store = new SqliteSessionStore(":memory:"); // Or a path, to survive the process.
 * store.commit("sensor", { put: [{ id: "a", bytes: new Uint8Array([1]) }], remove: [] });
 * assertEquals(store.load("sensor"), [{ id: "a", bytes: new Uint8Array([1]) }]);
 * ```
 */
export class SqliteSessionStore implements SessionStore, Disposable {
  readonly #database: SqliteDatabase;
  readonly #isOwn: boolean;
  readonly #statements: Statements;
  #isClosed = false;

  /**
   * Opens the database.
   *
   * @param place The path of a file, which is made if it is not there; `":memory:"`; or an open `DatabaseSync`, which stays open.
   * @param options How it is opened.
   * @throws {TypeError} If `synchronous` is neither, or is given for a database that was opened elsewhere.
   * @throws {Error} If this runtime has no `node:sqlite`, or the database cannot be opened: the runtime's own error.
   */
  constructor(place: string | SqliteDatabase, { synchronous }: SqliteSessionStoreOptions = {}) {
    this.#isOwn = typeof place === "string";
    if (synchronous !== undefined) checkSynchronous(synchronous, this.#isOwn);
    const database = this.#database = typeof place === "string" ? openDatabase(place) : place;
    try {
      if (this.#isOwn) {
        database.exec(`PRAGMA busy_timeout = ${BUSY_MILLIS}`);
        database.exec("PRAGMA journal_mode = WAL");
        database.exec(`PRAGMA synchronous = ${synchronous === "normal" ? "NORMAL" : "FULL"}`);
      }
      database.exec(SCHEMA);
      const prepare = (sql: string): Statement => database.prepare(sql) as Statement;
      this.#statements = {
        load: prepare("SELECT id, bytes FROM petrel_session WHERE session = ?"),
        put: prepare(
          "INSERT INTO petrel_session (session, id, bytes) VALUES (?, ?, ?) " +
            "ON CONFLICT (session, id) DO UPDATE SET bytes = excluded.bytes",
        ),
        remove: prepare("DELETE FROM petrel_session WHERE session = ? AND id = ?"),
        clear: prepare("DELETE FROM petrel_session WHERE session = ?"),
      };
    } catch (error) {
      if (this.#isOwn) database.close();
      throw error;
    }
  }

  /** Reads a session. @throws {Error} If the database cannot be read, or is closed. */
  load(key: string): SessionRecord[] {
    this.#checkOpen("load a session");
    const rows = this.#statements.load.all(key) as SessionRecord[];
    return rows.map(({ id, bytes }) => ({ id, bytes: new Uint8Array(bytes) }));
  }

  /** Makes a change in one transaction. @throws {Error} If it cannot be written; nothing has changed then. */
  commit(key: string, { put, remove }: SessionDelta): void {
    this.#checkOpen("commit a session");
    const statements = this.#statements;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const { id, bytes } of put) statements.put.run(key, id, bytes);
      for (const id of remove) statements.remove.run(key, id);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Forgets a session. @throws {Error} If it cannot be written. */
  clear(key: string): void {
    this.#checkOpen("clear a session");
    this.#statements.clear.run(key);
  }

  /** Closes the database, unless it was opened elsewhere. The client must have ended; one that has not ends with an error. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOwn) this.#database.close();
  }

  /** Closes the database. */
  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(action: string): void {
    if (this.#isClosed) throw new Error(`Cannot ${action}: the store is closed`);
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // Some errors, such as a full disk, have rolled it back already.
    }
  }
}

function checkSynchronous(synchronous: string, isOwn: boolean): void {
  const state = synchronous !== "full" && synchronous !== "normal"
    ? `"${synchronous}" is neither "full" nor "normal"`
    : isOwn
    ? undefined
    : "the database was opened elsewhere, and its own setting holds";
  if (state !== undefined) throw new TypeError(`Cannot use option "synchronous": ${state}`);
}

interface SqliteScope {
  readonly process?: {
    getBuiltinModule?(name: "node:sqlite"): { readonly DatabaseSync: new (path: string) => SqliteDatabase } | undefined;
  };
}

function openDatabase(path: string): SqliteDatabase {
  const sqlite = (globalThis as SqliteScope).process?.getBuiltinModule?.("node:sqlite");
  if (sqlite === undefined) throw new Error("Cannot open the session store: this runtime has no node:sqlite");
  return new sqlite.DatabaseSync(path);
}
