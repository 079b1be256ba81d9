// What passed a fault proxy, as packets in order: it tells whether a lost or doubled message is the client's fault or the server's.

import { Decoder, type Packet } from "../../src/codec/mod.ts";
import type { Direction } from "./fault_link.ts";
import type { Witness } from "./fault_proxy.ts";

/** A packet that passed whole; a cut may still have kept its last bytes from whom it was sent to. */
export interface LoggedPacket {
  /** Milliseconds since the log began. */
  readonly millis: number;
  /** The link, counted from 1. */
  readonly link: number;
  /** The direction, as the client sees it. */
  readonly direction: Direction;
  /** The packet. */
  readonly packet: Packet;
}

/** Records the packets that pass a proxy. */
export class PacketLog implements Witness {
  /** Every packet, in the order in which its last byte was handed on. */
  readonly packets: LoggedPacket[] = [];
  readonly #decoders: Map<string, Decoder> = new Map();
  readonly #start: number = performance.now();

  handleForwarded(link: number, direction: Direction, bytes: Uint8Array): void {
    const key = `${link} ${direction}`;
    const decoder = this.#decoders.get(key) ?? new Decoder();
    this.#decoders.set(key, decoder);
    decoder.push(bytes);
    const millis = performance.now() - this.#start;
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      this.packets.push({ millis, link, direction, packet });
    }
  }

  /** One line for each packet. */
  lines(): string[] {
    return this.packets.map(({ millis, link, direction, packet }) => {
      const arrow = direction === "outgoing" ? "→" : "←";
      return `${millis.toFixed(1).padStart(9)} #${link} ${arrow} ${describePacket(packet)}`;
    });
  }
}

function describePacket(packet: Packet): string {
  const packetId = "packetId" in packet && packet.packetId > 0 ? ` ${packet.packetId}` : "";
  const head = `${packet.type.toUpperCase()}${packetId}`;
  switch (packet.type) {
    case "publish": {
      const text = new TextDecoder().decode(packet.payload.subarray(0, 24)).trim();
      return `${head}${packet.dup ? " dup" : ""} qos ${packet.qos} ${packet.topicName} "${text}"`;
    }
    case "connect":
      return `${head} ${packet.clientId} clean ${packet.cleanSession}`;
    case "connack":
      return `${head} code ${packet.returnCode} session present ${packet.sessionPresent}`;
    default:
      return head;
  }
}
