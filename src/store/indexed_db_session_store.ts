// Sessions in an IndexedDB database, for browsers.
import type { SessionDelta, SessionRecord, SessionStore } from "./session_store.ts";

const TABLE = "records";
const VERSION = 1;

/** A record with the session it belongs to. */
interface Row extends SessionRecord {
  readonly session: string;
}

/** What opens databases: `globalThis.indexedDB`, or something like it. */
export interface IndexedDbFactory {
  /** Opens a database. @returns An `IDBOpenDBRequest`. */
  open(name: string, version?: number): unknown;
}

/** Where the database is. */
export interface IndexedDbSessionStoreOptions {
  /** What opens it. Default the runtime's own. */
  readonly indexedDB?: IndexedDbFactory | undefined;
}

// IndexedDB as far as it is needed here: not every runtime whose compiler reads this file has types for it.
interface DbEvents {
  addEventListener(type: string, listener: () => void): void;
}
interface DbRequest<T> extends DbEvents {
  readonly result: T;
  readonly error: unknown;
}
interface DbTable {
  put(row: Row): unknown;
  delete(key: readonly string[]): unknown;
  index(name: string): { getAll(key: string): DbRequest<Row[]> };
  createIndex(name: string, keyPath: string): unknown;
}
interface DbTransaction extends DbEvents {
  readonly error: unknown;
  objectStore(name: string): DbTable;
  abort(): void;
}
interface Db {
  transaction(
    table: string,
    mode: "readonly" | "readwrite",
    options?: { readonly durability: "strict" },
  ): DbTransaction;
  createObjectStore(name: string, options: { readonly keyPath: readonly string[] }): DbTable;
  close(): void;
}

/**
 * Keeps sessions in an IndexedDB database. It is opened when it is first needed. Browsers may clear it when they are short of space,
 * unless the page has asked for `navigator.storage.persist()`.
 */
export class IndexedDbSessionStore implements SessionStore {
  readonly #name: string;
  readonly #factory: IndexedDbFactory | undefined;
  #database: Promise<Db> | undefined;
  #isClosed = false;

  /**
   * Makes a store that is not open yet.
   *
   * @param name The name of the database.
   * @param options Where it is.
   */
  constructor(name = "petrel", { indexedDB }: IndexedDbSessionStoreOptions = {}) {
    this.#name = name;
    this.#factory = indexedDB;
  }

  /** Reads a session. @throws {unknown} The database's error. */
  async load(key: string): Promise<SessionRecord[]> {
    const database = await this.#open();
    const table = database.transaction(TABLE, "readonly").objectStore(TABLE);
    const rows = await resultOf(table.index("session").getAll(key));
    return rows.map(({ id, bytes }) => ({ id, bytes }));
  }

  /** Makes a change in one transaction, which is on the disk when this resolves. @throws {unknown} The database's error. */
  commit(key: string, { put, remove }: SessionDelta): Promise<void> {
    return this.#write((table) => {
      for (const { id, bytes } of put) table.put({ session: key, id, bytes } satisfies Row);
      for (const id of remove) table.delete([key, id]);
    });
  }

  /** Forgets a session. @throws {unknown} The database's error. */
  async clear(key: string): Promise<void> {
    const records = await this.load(key);
    await this.commit(key, { put: [], remove: records.map(({ id }) => id) });
  }

  /** Closes the database. The client must have ended; one that has not ends with an error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const database = await this.#database?.catch(() => undefined);
    database?.close();
  }

  /** Closes the database. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(fill: (table: DbTable) => void): Promise<void> {
    const database = await this.#open();
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    const completed = completionOf(transaction);
    try {
      fill(transaction.objectStore(TABLE));
    } catch (error) {
      transaction.abort();
      await completed.catch(() => {});
      throw error;
    }
    await completed;
  }

  #open(): Promise<Db> {
    if (this.#isClosed) return Promise.reject(new Error("Cannot use the session store: it is closed"));
    return this.#database ??= this.#openDatabase().catch((error) => {
      // The next call tries again.
      this.#database = undefined;
      throw error;
    });
  }

  async #openDatabase(): Promise<Db> {
    const factory = this.#factory ?? (globalThis as { readonly indexedDB?: IndexedDbFactory }).indexedDB;
    if (factory === undefined) throw new Error("Cannot open the session store: this runtime has no indexedDB");
    const request = factory.open(this.#name, VERSION) as DbRequest<Db>;
    request.addEventListener("upgradeneeded", () => {
      const table = request.result.createObjectStore(TABLE, { keyPath: ["session", "id"] });
      table.createIndex("session", "session");
    });
    return await resultOf(request);
  }
}

function resultOf<T>(request: DbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

function completionOf(transaction: DbTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => {
      reject(transaction.error ?? new Error("Cannot commit a session: the transaction was aborted"));
    });
  });
}
