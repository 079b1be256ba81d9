// The suite of session stores over every store that is shipped, and what each of them does besides.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IDBFactory } from "fake-indexeddb";
import process from "node:process";
import {
  IndexedDbSessionStore,
  MemorySessionStore,
  type SqliteDatabase,
  SqliteSessionStore,
} from "../../src/store/mod.ts";
import { sessionStoreCases, type SessionStorePlace } from "../../src/testing/mod.ts";
import { makeTemporaryFolder, type TemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";

const { DatabaseSync } = process.getBuiltinModule("node:sqlite");

interface Place extends SessionStorePlace {
  close(): void | Promise<void>;
}

const places: Readonly<Record<string, (folder: TemporaryFolder) => Place>> = {
  memory: () => {
    const store = new MemorySessionStore();
    return { open: () => store, close: () => {} };
  },
  SQLite: (folder) => {
    const stores: SqliteSessionStore[] = [];
    const close = (): void => stores.splice(0).forEach((store) => store.close());
    const open = (): SqliteSessionStore => {
      close();
      const store = new SqliteSessionStore(folder.file("sessions.db"));
      stores.push(store);
      return store;
    };
    return { open, close };
  },
  "SQLite in a database of the application": () => {
    const database = new DatabaseSync(":memory:");
    return { open: () => new SqliteSessionStore(database), close: () => database.close() };
  },
  IndexedDB: () => {
    const indexedDB = new IDBFactory();
    const stores: IndexedDbSessionStore[] = [];
    const open = (): IndexedDbSessionStore => {
      const store = new IndexedDbSessionStore("sessions", { indexedDB });
      stores.push(store);
      return store;
    };
    return { open, close: async () => void await Promise.all(stores.map((store) => store.close())) };
  },
};

for (const [name, createPlace] of Object.entries(places)) {
  for (const { name: what, run } of sessionStoreCases) {
    test(`${name}: ${what}`, async () => {
      await using folder = await makeTemporaryFolder();
      const place = createPlace(folder);
      try {
        await run(place);
      } finally {
        await place.close();
      }
    });
  }
}

const bytes = Uint8Array.of(1);

test("SQLite: a commit on a full disk changes nothing, and says so", () => {
  const database = new DatabaseSync(":memory:");
  const store = new SqliteSessionStore(database);
  store.commit("sensor", { put: [{ id: "a", bytes }], remove: [] });
  database.exec("PRAGMA max_page_count = 8");
  const large = new Uint8Array(100_000);
  const error = assertThrows(
    () => store.commit("sensor", { put: [{ id: "b", bytes }, { id: "c", bytes: large }], remove: ["a"] }),
    Error,
  );
  assert(/full/.test(error.message), error.message);
  assertEquals(store.load("sensor"), [{ id: "a", bytes }]);
  store.commit("sensor", { put: [{ id: "d", bytes }], remove: ["a"] });
  assertEquals(store.load("sensor"), [{ id: "d", bytes }]);
  database.close();
});

test("SQLite: a store that is closed says so; one of the application's database leaves it open", () => {
  const database = new DatabaseSync(":memory:");
  const store = new SqliteSessionStore(database);
  store.close();
  store.close();
  const closed = "the store is closed";
  assertThrows(() => store.load("sensor"), Error, `Cannot load a session: ${closed}`);
  assertThrows(() => store.commit("sensor", { put: [], remove: [] }), Error, `Cannot commit a session: ${closed}`);
  assertThrows(() => store.clear("sensor"), Error, `Cannot clear a session: ${closed}`);
  assertEquals(database.prepare("SELECT count(*) AS n FROM petrel_session").get()?.n, 0);
  database.close();
});

test("SQLite: a file that is no database is refused, and not kept open", async () => {
  await using folder = await makeTemporaryFolder();
  const path = folder.file("no.db");
  const { writeFile } = process.getBuiltinModule("node:fs/promises");
  await writeFile(path, "this is not a database, and it is long enough to be looked at as one by SQLite".repeat(20));
  assertThrows(() => new SqliteSessionStore(path), Error, "not a database");
});

test("SQLite: a database of the application keeps its settings", async () => {
  await using folder = await makeTemporaryFolder();
  const exec: string[] = [];
  const recorded = (path: string): SqliteDatabase => {
    const database = new DatabaseSync(path);
    return {
      exec: (sql) => (exec.push(sql), database.exec(sql)),
      prepare: (sql) => database.prepare(sql),
      close: () => database.close(),
    };
  };
  const shared = recorded(folder.file("shared.db"));
  new SqliteSessionStore(shared).close();
  assertEquals(exec.filter((sql) => sql.startsWith("PRAGMA")), []);
  shared.close();
});

test("IndexedDB: a store that is closed says so", async () => {
  const store = new IndexedDbSessionStore("sessions", { indexedDB: new IDBFactory() });
  await store.commit("sensor", { put: [{ id: "a", bytes }], remove: [] });
  await store.close();
  await assertRejects(() => store.load("sensor"), Error, "Cannot use the session store: it is closed");
});

test("IndexedDB: without one, the first use says so", async () => {
  await using store = new IndexedDbSessionStore();
  if ("indexedDB" in globalThis) return;
  const error = await assertRejects(() => store.commit("sensor", { put: [], remove: [] }), Error);
  assertEquals(error.message, "Cannot open the session store: this runtime has no indexedDB");
});

test("IndexedDB: a database that could not be opened is tried again", async () => {
  const factory = new IDBFactory();
  let isBroken = true;
  await using store = new IndexedDbSessionStore("sessions", {
    indexedDB: {
      open: (name, version) => {
        if (isBroken) throw new Error("the disk is busy");
        return factory.open(name, version);
      },
    },
  });
  await assertRejects(() => store.load("sensor"), Error, "the disk is busy");
  isBroken = false;
  assertEquals(await store.load("sensor"), []);
});

test("IndexedDB: a commit that fails changes nothing", async () => {
  await using store = new IndexedDbSessionStore("sessions", { indexedDB: new IDBFactory() });
  await store.commit("sensor", { put: [{ id: "a", bytes }], remove: [] });
  // What cannot be cloned cannot be put.
  const uncloneable = (() => {}) as unknown as Uint8Array;
  await assertRejects(() =>
    store.commit("sensor", { put: [{ id: "b", bytes }, { id: "c", bytes: uncloneable }], remove: ["a"] })
  );
  assertEquals((await store.load("sensor")).map(({ id }) => id), ["a"]);
});

test("SQLite: a setting that is unknown, or not the store's to make, is refused by name", () => {
  const synchronous = "off" as "full";
  assertThrows(() => new SqliteSessionStore(":memory:", { synchronous }), TypeError, '"synchronous": "off" is neither');
  const database = new DatabaseSync(":memory:");
  assertThrows(() => new SqliteSessionStore(database, { synchronous: "full" }), TypeError, "was opened elsewhere");
  database.close();
  new SqliteSessionStore(":memory:", { synchronous: "normal" }).close();
});
