// Sessions that outlive their clients, but not their process: for tests, and for clients that come and go in one process.
import type { SessionDelta, SessionRecord, SessionStore } from "./session_store.ts";

/**
 * Keeps sessions in memory.
 *
 * @example A client that is closed, and another that goes on
 * ```ts
 * import { AsyncClient } from "@petrel/mqtt";
 * import { MemorySessionStore } from "@petrel/mqtt/store";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const network = new MemoryNetwork();
 * const options = {
 *   clientId: "sensor", broker: "mqtt://example.net", transport: network.dial,
 *   cleanSession: false, sessionStore: new MemorySessionStore(),
 * };
 * const first = AsyncClient.create(options);
 * await first.client.publish("readings", "18.4", { qos: 1 });
 * first.eventLoop.close();
 *
 * const second = AsyncClient.create(options);
 * const server = new ScriptedServer(network);
 * const serving = server.accept().then(async (connection) => {
 *   await connection.acceptConnect();
 *   return await connection.expect("publish");
 * });
 * for await (const event of second.eventLoop) {
 *   if (event.type === "outgoing" && event.packetType === "publish") break;
 * }
 * assertEquals(new TextDecoder().decode((await serving).payload), "18.4");
 * second.eventLoop.close();
 * ```
 */
export class MemorySessionStore implements SessionStore {
  readonly #sessions: Map<string, Map<string, Uint8Array>> = new Map();

  /** Reads a session. */
  load(key: string): SessionRecord[] {
    return [...this.#sessions.get(key) ?? []].map(([id, bytes]) => ({ id, bytes: bytes.slice() }));
  }

  /** Makes a change. */
  commit(key: string, { put, remove }: SessionDelta): void {
    let session = this.#sessions.get(key);
    if (session === undefined) this.#sessions.set(key, session = new Map());
    for (const { id, bytes } of put) session.set(id, bytes);
    for (const id of remove) session.delete(id);
  }

  /** Forgets a session. */
  clear(key: string): void {
    this.#sessions.delete(key);
  }
}
