// The blocking pair and the asynchronous client over the same server in memory. The server works in the thread of the event loop: the
// only one there is, or the worker of the blocking pair.

import { AsyncClient, type QoS } from "../../mod.ts";
import { Client } from "../../src/sync/mod.ts";
import { FLOOD_MESSAGES, options } from "./flood_options.ts";

/** Messages of one call. */
export const MESSAGES = FLOOD_MESSAGES;

const PAYLOAD = new Uint8Array(16);
const TOPIC = "bench/topic/number/1";
const module = new URL("./flood_options.ts", import.meta.url);
/** Small, so that next to nothing is ready before a call that counts it. */
const ringBytes = 1 << 16;

/** Something in both forms. */
export interface Contest {
  /** What it is. */
  readonly name: string;
  /** As the asynchronous client does it. */
  readonly asynchronous: () => Promise<void>;
  /** As the blocking pair does it. */
  readonly blocking: () => void;
}

/** Receives `MESSAGES` messages from a server that sends without an end. */
export function openReceiving(): Contest {
  const events = AsyncClient.create({ ...options, clientId: "flood" }).eventLoop[Symbol.asyncIterator]();
  const { connection } = Client.create({ clientId: "flood", module }, { ringBytes });
  return {
    name: "receive QoS 0, 16 B",
    asynchronous: async () => {
      for (let count = 0; count < MESSAGES;) if ((await events.next()).value?.type === "incoming") count++;
    },
    blocking: () => {
      for (let count = 0; count < MESSAGES;) if (connection.recv()?.type === "incoming") count++;
    },
  };
}

/** Publishes `MESSAGES` messages, and waits for the end of the last. */
export function openPublishing(qos: QoS): Contest {
  const { client, eventLoop } = AsyncClient.create({ ...options, clientId: "publisher" });
  void (async () => {
    for await (const _ of eventLoop);
  })();
  // Large enough for what comes back in one call, which is taken at its end.
  const pair = Client.create({ clientId: "publisher", module });
  return {
    name: `publish QoS ${qos}, 16 B`,
    asynchronous: async () => {
      for (let i = 1; i < MESSAGES; i++) await client.publish(TOPIC, PAYLOAD, { qos });
      await (await client.publishTracked(TOPIC, PAYLOAD, { qos })).waitCompletion();
    },
    blocking: () => {
      for (let i = 1; i < MESSAGES; i++) pair.client.publish(TOPIC, PAYLOAD, { qos });
      pair.client.publishTracked(TOPIC, PAYLOAD, { qos }).waitCompletion();
      while (pair.connection.tryRecv() !== undefined) {
        // Acknowledgements are taken and dropped.
      }
    },
  };
}
