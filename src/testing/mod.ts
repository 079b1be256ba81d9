/**
 * A network, a server and a clock for tests: nothing of them needs a socket, a broker or a second of real time, and a test over them runs
 * the same way every time.
 *
 * {@linkcode MemoryNetwork} gives the `transport` for a client's options, and can refuse, stall and cut; {@linkcode ScriptedServer} speaks
 * MQTT over it, by script or by itself; {@linkcode ManualClock} is the `clock` for the options.
 *
 * @example Two clients of one server that answers by itself
 * ```ts
 * import { Decoder, encodePacket, type Packet } from "@petrel/mqtt/codec";
 * import { MemoryNetwork, ScriptedServer, settle } from "@petrel/mqtt/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const network = new MemoryNetwork({ chunkSizes: [1, 5] });
 * void new ScriptedServer(network).autoRespond();
 *
 * async function openClient(received: Packet[]) {
 *   const decoder = new Decoder();
 *   const handlers = {
 *     data(chunk: Uint8Array): void {
 *       decoder.push(chunk);
 *       for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) received.push(packet);
 *     },
 *     close(): void {},
 *   };
 *   const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;
 *   const transport = await network.dial(target, handlers, { signal: new AbortController().signal });
 *   return (packet: Packet): void => {
 *     const bytes = encodePacket(packet);
 *     transport.write(bytes, bytes.length);
 *   };
 * }
 *
 * const received: Packet[] = [];
 * const subscriber = await openClient(received);
 * subscriber({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "rooms/+", qos: 0 }] });
 * await settle();
 *
 * const publisher = await openClient([]);
 * const message = { topicName: "rooms/7", payload: Uint8Array.of(21), retain: false, dup: false } as const;
 * publisher({ type: "publish", ...message, qos: 1, packetId: 1 });
 * await settle();
 *
 * assertEquals(received, [
 *   { type: "suback", packetId: 1, returnCodes: [0] },
 *   { type: "publish", ...message, qos: 0, packetId: 0 },
 * ]);
 * ```
 *
 * @module
 */

export { ManualClock } from "./manual_clock.ts";
export { MemoryNetwork, type MemoryPeer } from "./memory_network.ts";
export { type MemoryOptions, memoryPair, type MemoryTransport } from "./memory_transport.ts";
export { ScriptError, type ScriptErrorReason } from "./script_error.ts";
export { type AcceptConnectOptions, ScriptedConnection } from "./scripted_connection.ts";
export { ScriptedServer } from "./scripted_server.ts";
export { type SessionStoreCase, sessionStoreCases, type SessionStorePlace } from "./session_store_suite.ts";
export { settle } from "./settle.ts";
