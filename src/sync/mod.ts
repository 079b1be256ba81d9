/**
 * The blocking pair, for scripts that have no `await`: a client whose calls block, and a connection whose iterator blocks between
 * events. For Deno, Bun and Node.
 *
 * The event loop runs in a worker, which shares memory with the threads that use the client: requests and events cross in two rings,
 * and nobody spins. It is polled for as long as events find room in their ring: who takes none holds the server back in the end, and
 * Keep Alive stops then, as with any loop that is not polled. The worker holds no process back; {@linkcode Client.close} ends it. In
 * Deno it needs `--allow-read` for the modules of this package if they are files, and nothing if they come from a registry. In a bundle
 * these modules must be left as they are.
 *
 * @example One thread publishes while another takes the events
 * ```ts ignore
 * import { isMainThread, Worker, workerData } from "node:worker_threads";
 * import { Client } from "@petrel/mqtt/sync";
 *
 * if (isMainThread) {
 *   const { client, connection } = Client.create({ clientId: "petrel", broker: "mqtt://localhost" }, { capacity: 10 });
 *   client.subscribe("hello/petrel", 0);
 *   new Worker(new URL(import.meta.url), { workerData: client.share() });
 *   for (const event of connection) console.log("Event =", event);
 * } else {
 *   const client = Client.from(workerData);
 *   for (let i = 0; i < 10; i++) client.publish("hello/petrel", new Uint8Array(i).fill(i), { qos: 1 });
 * }
 * ```
 *
 * @module
 */
export { Client, type ClientPair, type SharedClient } from "./client.ts";
export { Connection } from "./connection.ts";
export { DeadlockError, UnsupportedRuntimeError, WaitTimeoutError, WorkerFailedError } from "./error.ts";
export { type BlockingOptions, PublishNotice, SubscribeNotice, UnsubscribeNotice } from "./notice.ts";
export type { CreateOptions, SyncOptions } from "./start.ts";
