// Takes WebSocket off what a server sends, for a witness that knows MQTT alone.

import { FrameDecoder } from "../../src/transport/websocket_frame.ts";
import type { Direction } from "../support/fault_link.ts";
import type { Witness } from "../support/fault_proxy.ts";
import { webSocketTarget } from "../transport/web_socket_target.ts";

/** One link on its way in: the head of the answer, then frames. */
interface Incoming {
  head: string;
  readonly decoder: FrameDecoder;
}

/** Hands on the payloads of incoming frames, and nothing of the outgoing direction. */
export class UnframedWitness implements Witness {
  readonly #next: Witness;
  readonly #links: Map<number, Incoming> = new Map();

  /** @param next Who is told. */
  constructor(next: Witness) {
    this.#next = next;
  }

  handleForwarded(link: number, direction: Direction, bytes: Uint8Array): void {
    if (direction === "outgoing") return;
    let incoming = this.#links.get(link);
    if (incoming === undefined) {
      this.#links.set(link, incoming = { head: "", decoder: new FrameDecoder(webSocketTarget("127.0.0.1", link)) });
    }
    const rest = takeHead(incoming, bytes);
    if (rest === undefined) return;
    incoming.decoder.push(rest);
    for (let part = incoming.decoder.next(); part !== undefined; part = incoming.decoder.next()) {
      if (part.type === "payload") this.#next.handleForwarded(link, direction, part.bytes);
    }
  }
}

/** A copy of what comes behind the head, since the decoder moves bytes, and these go on to the client; `slice` of a Buffer makes none. */
function takeHead(incoming: Incoming, bytes: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at < bytes.length; at++) {
    if (incoming.head.endsWith("\r\n\r\n")) return new Uint8Array(bytes.subarray(at));
    incoming.head += String.fromCharCode(bytes[at]!);
  }
  return undefined;
}
