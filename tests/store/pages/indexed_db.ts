// What a test has a page do with the IndexedDB of its browser.

import { AsyncClient } from "@petrel/mqtt";
import { IndexedDbSessionStore } from "@petrel/mqtt/store";
import { sessionStoreCases } from "@petrel/mqtt/testing";

/** What the page can do. */
export interface StorePage {
  /** Runs the suite of session stores. @returns The name of each case, with its error if it fails. */
  runSuite(): Promise<string[]>;
  /** Publishes at QoS 2 to a server that is not there; resolves once the message is kept. */
  publish(text: string): Promise<void>;
  /** Goes on with the session at a server; resolves once all is delivered. */
  deliver(broker: string): Promise<void>;
}

const options = { clientId: "page", cleanSession: false } as const;

const page: StorePage = {
  async runSuite(): Promise<string[]> {
    const results: string[] = [];
    for (const [i, { name, run }] of sessionStoreCases.entries()) {
      const outcome = await run({ open: () => new IndexedDbSessionStore(`suite-${i}`) }).then(() => "ok", String);
      results.push(`${outcome}: ${name}`);
    }
    return results;
  },
  async publish(text: string): Promise<void> {
    const sessionStore = new IndexedDbSessionStore("page");
    const { client } = AsyncClient.create({ ...options, broker: "ws://127.0.0.1:1", sessionStore });
    await client.publish("from/page", text, { qos: 2 });
  },
  async deliver(broker: string): Promise<void> {
    await using sessionStore = new IndexedDbSessionStore("page");
    const { client, eventLoop } = AsyncClient.create({ ...options, broker, sessionStore });
    for await (const event of eventLoop) if (event.type === "connected") await client.disconnect();
  },
};

Object.assign(globalThis, { page });
