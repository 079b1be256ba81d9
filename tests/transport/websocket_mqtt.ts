// MQTT upon a WebSocket that is read by hand.

import { Decoder, encodePacket, type Packet, type PacketType } from "../../src/codec/mod.ts";
import type { WebSocketPeer, WebSocketServer } from "./loopback_websocket.ts";

/** The server's end of a client's connection, in packets. */
export class MqttPeer {
  readonly socket: WebSocketPeer;
  /** How many frames the client has sent. */
  frames = 0;
  readonly #decoder: Decoder = new Decoder();

  constructor(socket: WebSocketPeer) {
    this.socket = socket;
  }

  /** Accepts a client, and its CONNECT. */
  static async accept(server: WebSocketServer): Promise<MqttPeer> {
    const peer = new MqttPeer(await server.accept());
    await peer.expect("connect");
    await peer.send({ type: "connack", sessionPresent: false, returnCode: 0 });
    return peer;
  }

  /** Waits for the client's next packet, which has to be of this type. */
  async expect<T extends PacketType>(type: T): Promise<Extract<Packet, { readonly type: T }>> {
    const packet = await this.receive();
    if (packet?.type !== type) throw new Error(`The client sent ${packet?.type ?? "no more"}, not ${type}`);
    return packet as Extract<Packet, { readonly type: T }>;
  }

  /** Waits for the client's next packet; `undefined` at the end. */
  async receive(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) return packet;
      const payload = await this.socket.read();
      if (payload === undefined) return undefined;
      this.frames++;
      this.#decoder.push(payload);
    }
  }

  /** Sends packets in one frame. */
  async send(...packets: readonly Packet[]): Promise<void> {
    const bytes = packets.map((packet) => encodePacket(packet));
    const frame = new Uint8Array(bytes.reduce((length, { length: more }) => length + more, 0));
    let at = 0;
    for (const part of bytes) {
      frame.set(part, at);
      at += part.length;
    }
    await this.socket.write(frame);
  }
}

/** A message of a server. */
export function publishOf(payload: Uint8Array | string): Packet {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  return { type: "publish", topicName: "t", payload: bytes, qos: 0, retain: false, dup: false, packetId: 0 };
}
