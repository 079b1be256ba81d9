// The server's side of one connection, in packets instead of bytes.

import {
  type Connect,
  type ConnectReturnCode,
  Decoder,
  encodePacket,
  type Packet,
  type PacketType,
} from "../codec/mod.ts";
import { AutoResponder } from "./auto_responder.ts";
import type { MemoryPeer } from "./memory_network.ts";
import { ScriptError } from "./script_error.ts";

/** How a CONNECT is accepted. */
export interface AcceptConnectOptions {
  /** Whether the CONNACK says that the server had a session; false by default. */
  readonly sessionPresent?: boolean;
}

/**
 * One connection of a client to a {@linkcode ScriptedServer}. Waits for packets end with the connection; nothing here waits for time.
 */
export class ScriptedConnection {
  readonly #peer: MemoryPeer;
  readonly #decoder = new Decoder();
  readonly #serve: (connection: ScriptedConnection) => Promise<void>;

  /**
   * Takes over the server's end of a connection; `ScriptedServer.accept` does it for most tests.
   *
   * @param peer The server's end of the connection.
   * @param serve What `autoRespond` does with the connection; a server of its own by default.
   */
  constructor(
    peer: MemoryPeer,
    serve: (connection: ScriptedConnection) => Promise<void> = (connection) => new AutoResponder().serve(connection),
  ) {
    this.#peer = peer;
    this.#serve = serve;
  }

  /**
   * Receives the client's next packet. Once the client has ended the connection, this side ends too.
   *
   * @returns The packet, or `undefined` if the connection is over.
   * @throws {ScriptError} If the client's bytes are malformed.
   */
  async receive(): Promise<Packet | undefined> {
    while (true) {
      const packet = this.#decode();
      if (packet !== undefined) return packet;
      const chunk = await this.#peer.read();
      if (chunk === undefined) {
        this.#peer.end();
        return undefined;
      }
      this.#decoder.push(chunk);
    }
  }

  /**
   * Receives the client's next packet, which has to be of this type.
   *
   * @param type The type.
   * @returns The packet.
   * @throws {ScriptError} If another packet comes, the connection ends first, or the client's bytes are malformed.
   */
  async expect<T extends PacketType>(type: T): Promise<Extract<Packet, { readonly type: T }>> {
    const packet = await this.receive();
    const wanted = `Cannot go on without ${type.toUpperCase()}`;
    if (packet === undefined) throw new ScriptError("connection-over", `${wanted}: the connection is over`);
    if (!isOfType(packet, type)) {
      throw new ScriptError("unexpected-packet", `${wanted}: the client sent ${describePacket(packet)}`, { packet });
    }
    return packet;
  }

  /**
   * Waits for the end of the connection, which has to come next.
   *
   * @throws {ScriptError} If a packet comes instead.
   */
  async expectEnd(): Promise<void> {
    const packet = await this.receive();
    if (packet === undefined) return;
    throw new ScriptError("unexpected-packet", `Cannot end: the client sent ${describePacket(packet)}`, { packet });
  }

  /**
   * Sends packets in one write.
   *
   * @param packets The packets.
   * @returns A promise that resolves once the client was handed them, or the connection is over: it waits while the client is paused.
   */
  send(...packets: Packet[]): Promise<void> {
    const encoded = packets.map(encodePacket);
    const bytes = new Uint8Array(encoded.reduce((length, part) => length + part.length, 0));
    let filled = 0;
    for (const part of encoded) {
      bytes.set(part, filled);
      filled += part.length;
    }
    return this.sendBytes(bytes);
  }

  /**
   * Sends bytes as they are, malformed ones too.
   *
   * @param bytes The bytes; not to be changed until the promise resolves.
   * @returns A promise that resolves once the client was handed them, or the connection is over: it waits while the client is paused.
   */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.#peer.write(bytes);
    await this.#peer.delivered();
  }

  /**
   * Expects CONNECT and accepts it.
   *
   * @param options What the CONNACK says.
   * @returns The CONNECT.
   * @throws {ScriptError} If CONNECT does not come.
   */
  async acceptConnect({ sessionPresent = false }: AcceptConnectOptions = {}): Promise<Connect> {
    const connect = await this.expect("connect");
    await this.send({ type: "connack", sessionPresent, returnCode: 0 });
    return connect;
  }

  /**
   * Expects CONNECT, refuses it, and ends the connection [MQTT-3.2.2-5].
   *
   * @param returnCode Why.
   * @returns The CONNECT.
   * @throws {ScriptError} If CONNECT does not come.
   */
  async refuseConnect(returnCode: Exclude<ConnectReturnCode, 0>): Promise<Connect> {
    const connect = await this.expect("connect");
    await this.send({ type: "connack", sessionPresent: false, returnCode });
    this.close();
    return connect;
  }

  /**
   * Answers everything from now on, as a small server would: CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH of every QoS, PINGREQ; a message goes
   * to the clients that have subscribed to it and are answered by the same server. Nothing else may receive meanwhile.
   *
   * @returns A promise that resolves when the connection is over.
   * @throws {ScriptError} If the client sends a malformed packet, or one that only a server may send.
   */
  autoRespond(): Promise<void> {
    return this.#serve(this);
  }

  /** Stops reading: what the client sends stays on its way, and soon its writes wait. */
  pause(): void {
    this.#peer.pause();
  }

  /** Goes on reading. */
  resume(): void {
    this.#peer.resume();
  }

  /** Ends the connection in order: the client gets what was sent, then the end. */
  close(): void {
    this.#peer.end();
  }

  /**
   * Ends the connection as a fault would: bytes on their way are lost.
   *
   * @param error What the client's transport tells; an error that says so by default.
   */
  cut(error?: Error): void {
    this.#peer.reset(error);
  }

  #decode(): Packet | undefined {
    try {
      return this.#decoder.next();
    } catch (cause) {
      throw new ScriptError("malformed-packet", `Cannot read from the client: ${(cause as Error).message}`, { cause });
    }
  }
}

function isOfType<T extends PacketType>(packet: Packet, type: T): packet is Extract<Packet, { readonly type: T }> {
  return packet.type === type;
}

/** A packet in one line, bytes by their number. */
function describePacket({ type, ...fields }: Packet): string {
  const show = (_key: string, value: unknown): unknown => value instanceof Uint8Array ? `${value.length} bytes` : value;
  return `${type.toUpperCase()} ${JSON.stringify(fields, show)}`;
}
