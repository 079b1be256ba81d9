// A server that does what a test tells it, connection by connection, packet by packet.

import { AutoResponder } from "./auto_responder.ts";
import type { MemoryNetwork } from "./memory_network.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

/**
 * The server of a {@linkcode MemoryNetwork}: a test accepts its connections and plays the server's part in each, or lets it answer by itself.
 *
 * @example
 * ```ts
 * import { Decoder, encodePacket } from "@petrel/mqtt/codec";
 * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const network = new MemoryNetwork();
 * const server = new ScriptedServer(network);
 *
 * // The client; a real one is given `network.dial` as its transport.
 * const decoder = new Decoder();
 * const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;
 * const handlers = { data: (chunk: Uint8Array) => decoder.push(chunk), close: () => {} };
 * const transport = await network.dial(target, handlers, { signal: new AbortController().signal });
 * const subscribe = encodePacket({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a/#", qos: 1 }] });
 * transport.write(subscribe, subscribe.length);
 *
 * const connection = await server.accept();
 * const { packetId, subscriptions } = await connection.expect("subscribe");
 * assertEquals(subscriptions, [{ topicFilter: "a/#", qos: 1 }]);
 * await connection.send({ type: "suback", packetId, returnCodes: [1] });
 * assertEquals(decoder.next(), { type: "suback", packetId: 1, returnCodes: [1] });
 * ```
 */
export class ScriptedServer {
  readonly #network: MemoryNetwork;
  readonly #responder = new AutoResponder();

  /**
   * Makes the server of a network; a network has one.
   *
   * @param network The network whose connections it accepts.
   */
  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  /**
   * Accepts the next connection.
   *
   * @returns The connection.
   */
  async accept(): Promise<ScriptedConnection> {
    return new ScriptedConnection(await this.#network.accept(), (connection) => this.#responder.serve(connection));
  }

  /**
   * Accepts every connection to come, and answers it as {@linkcode ScriptedConnection.autoRespond} does. Messages go between all clients.
   *
   * @returns A promise that never resolves.
   * @throws {ScriptError} If a client sends a malformed packet, or one that only a server may send.
   */
  async autoRespond(): Promise<never> {
    const failed = Promise.withResolvers<never>();
    while (true) {
      const connection = await Promise.race([this.accept(), failed.promise]);
      connection.autoRespond().catch(failed.reject);
    }
  }
}
