// The one suite that proves every session store, the shipped ones and others'. It needs no test runner and no library of assertions.
import type { SessionRecord, SessionStore } from "../store/mod.ts";

/** Where the stores of a suite keep their sessions: empty at first. */
export interface SessionStorePlace {
  /** Opens the place, as another process would that comes later. Stores that were opened before are not used any more. */
  open(): SessionStore | Promise<SessionStore>;
}

/** One thing that a session store must do. */
export interface SessionStoreCase {
  /** What holds, as a sentence. */
  readonly name: string;
  /** Finds out whether it does. Rejects if it does not. */
  readonly run: (place: SessionStorePlace) => Promise<void>;
}

const KEY = "sensor";

/**
 * What every session store must do. Each case wants a place of its own.
 *
 * @example
 * ```ts
 * import { MemorySessionStore } from "@petrel/mqtt/store";
 * import { sessionStoreCases } from "@petrel/mqtt/testing";
 *
 * for (const { run } of sessionStoreCases) {
 *   const store = new MemorySessionStore();
 *   await run({ open: () => store });
 * }
 * ```
 */
export const sessionStoreCases: readonly SessionStoreCase[] = [
  storeCase("a session that nobody has written has no records", async (place) => {
    const store = await place.open();
    await expectRecords(store, KEY, {});
  }),
  storeCase("what was put is there, and there once the place is opened again", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [record("a", 1), record("b", 2, 3)], remove: [] });
    await expectRecords(store, KEY, { a: [1], b: [2, 3] });
    await expectRecords(await place.open(), KEY, { a: [1], b: [2, 3] });
  }),
  storeCase("a record of the same name is replaced", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [record("a", 1)], remove: [] });
    await store.commit(KEY, { put: [record("a", 2, 2)], remove: [] });
    await expectRecords(await place.open(), KEY, { a: [2, 2] });
  }),
  storeCase("what was removed is not there, and nothing else is gone", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [record("a", 1), record("b", 2), record("c", 3)], remove: [] });
    await store.commit(KEY, { put: [record("d", 4)], remove: ["a", "c"] });
    await expectRecords(await place.open(), KEY, { b: [2], d: [4] });
  }),
  storeCase("removing what is not there is no error", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [], remove: ["nothing"] });
    await store.commit(KEY, { put: [record("a", 1)], remove: ["nothing"] });
    await expectRecords(store, KEY, { a: [1] });
  }),
  storeCase("sessions are apart, whatever their names", async (place) => {
    const store = await place.open();
    const keys = ["", "a", "a/b", "a/b/c", "A", "ä", "a\u0000", "%", "_", "'; --"];
    for (const [i, key] of keys.entries()) {
      await store.commit(key, { put: [record("r", i), record("s", i)], remove: [] });
    }
    for (const [i, key] of keys.entries()) await store.commit(key, { put: [record("r", i + 100)], remove: ["s"] });
    const again = await place.open();
    for (const [i, key] of keys.entries()) await expectRecords(again, key, { r: [i + 100] });
  }),
  storeCase("names of records are any text", async (place) => {
    const store = await place.open();
    const ids = ["s/#", "s/+/+", "s/a b", "s/🐦", "s/'\"", "m/1", "m/10", "s/%", "s/" + "x".repeat(1000)];
    await store.commit(KEY, { put: ids.map((id, i) => record(id, i)), remove: [] });
    await store.commit(KEY, { put: [], remove: ["m/1", "s/%"] });
    const left = ids.map((id, i) => [id, [i]] as const).filter(([id]) => id !== "m/1" && id !== "s/%");
    await expectRecords(await place.open(), KEY, Object.fromEntries(left));
  }),
  storeCase("a session is forgotten, and no other", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [record("a", 1)], remove: [] });
    await store.commit("other", { put: [record("a", 2)], remove: [] });
    await store.clear(KEY);
    await store.clear("nobody");
    const again = await place.open();
    await expectRecords(again, KEY, {});
    await expectRecords(again, "other", { a: [2] });
    await again.commit(KEY, { put: [record("b", 3)], remove: [] });
    await expectRecords(again, KEY, { b: [3] });
  }),
  storeCase("contents are any bytes, none and many too", async (place) => {
    const store = await place.open();
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    const large = new Uint8Array(1 << 20).map((_, i) => i * 31);
    await store.commit(KEY, {
      put: [record("all", ...all), record("none"), { id: "large", bytes: large }],
      remove: [],
    });
    await expectRecords(await place.open(), KEY, { all, none: [], large: [...large] });
  }),
  storeCase("contents that are part of a larger buffer are kept alone", async (place) => {
    const store = await place.open();
    const buffer = Uint8Array.of(9, 9, 1, 2, 9);
    await store.commit(KEY, { put: [{ id: "a", bytes: buffer.subarray(2, 4) }], remove: [] });
    await expectRecords(await place.open(), KEY, { a: [1, 2] });
  }),
  storeCase("what was loaded belongs to the caller", async (place) => {
    const store = await place.open();
    await store.commit(KEY, { put: [record("a", 1)], remove: [] });
    for (const { bytes } of await store.load(KEY)) bytes.fill(7);
    await expectRecords(store, KEY, { a: [1] });
  }),
  storeCase("commits take effect in their order", async (place) => {
    const store = await place.open();
    for (let i = 1; i <= 50; i++) {
      await store.commit(KEY, { put: [record("last", i), record(`n${i}`, i)], remove: [`n${i - 1}`] });
    }
    await expectRecords(await place.open(), KEY, { last: [50], n50: [50] });
  }),
  storeCase("a commit of many records is whole", async (place) => {
    const store = await place.open();
    const ids = Array.from({ length: 2000 }, (_, i) => `m/${i}`);
    await store.commit(KEY, { put: ids.map((id, i) => record(id, i & 255)), remove: [] });
    const again = await place.open();
    await expectRecords(again, KEY, Object.fromEntries(ids.map((id, i) => [id, [i & 255]])));
    await again.commit(KEY, { put: [], remove: ids });
    await expectRecords(again, KEY, {});
  }),
];

function storeCase(name: string, run: SessionStoreCase["run"]): SessionStoreCase {
  return { name, run };
}

function record(id: string, ...bytes: readonly number[]): SessionRecord {
  return { id, bytes: Uint8Array.from(bytes) };
}

async function expectRecords(
  store: SessionStore,
  key: string,
  expected: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const found = [...await store.load(key)];
  for (const { id, bytes } of found) {
    const wanted = Object.hasOwn(expected, id) ? expected[id] : undefined;
    if (!(bytes instanceof Uint8Array)) fail(`record "${id}" of session "${key}" is no Uint8Array`);
    if (wanted === undefined) fail(`session "${key}" has a record "${id}" that it should not have`);
    const isSame = bytes.length === wanted.length && wanted.every((byte, i) => bytes[i] === byte);
    if (!isSame) fail(`record "${id}" of session "${key}" has other contents than were put`);
  }
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size !== found.length) fail(`session "${key}" has a record twice`);
  for (const id of Object.keys(expected)) {
    if (!ids.has(id)) fail(`session "${key}" lacks record "${id}"`);
  }
}

function fail(state: string): never {
  throw new Error(`Cannot rely on the session store: ${state}`);
}
