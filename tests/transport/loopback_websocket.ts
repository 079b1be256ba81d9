// A WebSocket server whose connections are read by hand, over the servers of the streams that carry it.

import { createHash } from "node:crypto";
import type { Dial, TlsSettings, WebSocketTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";
import { ClientFrames, encodeServerFrame, type ServerFrame } from "./websocket_codec.ts";

/** The server's end of a WebSocket. */
export interface WebSocketPeer extends ContractPeer {
  /** The head of the upgrade request. */
  readonly request: string;
  /** Pings that were answered, by the pongs' payloads. */
  readonly pongs: readonly Uint8Array[];
  /** The payload of the client's Close frame, once it was read. */
  readonly closePayload: Uint8Array | undefined;
  /** The stream below, to write anything to. */
  readonly stream: ContractPeer;
  /** Writes one frame. */
  send(frame: ServerFrame): Promise<void>;
}

/** A WebSocket server. */
export interface WebSocketServer extends ContractServer {
  readonly target: WebSocketTarget;
  accept(): Promise<WebSocketPeer>;
}

/** What differs from a plain server. */
export interface WebSocketServerOptions {
  /** What goes to a client behind the answer, in one write with it. */
  readonly greeting?: Uint8Array;
  /** Payload bytes of one frame at most; what is longer is sent in several frames, of one message. */
  readonly frameBytes?: number;
}

/** Does not dial: the servers of streams ask for a dial that is not theirs to make here. */
export const noDial = (): never => {
  throw new Error("not dialled");
};

/** Speaks WebSocket upon a server of streams. */
export function listenWebSocket(
  dial: Dial<WebSocketTarget>,
  lower: ContractServer,
  tls?: TlsSettings,
  options: WebSocketServerOptions = {},
): WebSocketServer {
  const { target } = lower;
  if (target.kind !== "tcp" && target.kind !== "tls") throw new Error("There is no WebSocket over this");
  const { hostname, port } = target;
  const arrived: WebSocketPeer[] = [];
  const waiting: ((peer: WebSocketPeer) => void)[] = [];
  const upgradeNext = (): void => {
    void lower.accept().then(async (stream) => {
      upgradeNext();
      const peer = await upgrade(stream, options);
      if (peer === undefined) return;
      const accept = waiting.shift();
      if (accept === undefined) arrived.push(peer);
      else accept(peer);
    });
  };
  upgradeNext();
  return {
    dial: dial as Dial,
    target: {
      kind: "websocket",
      url: `${tls === undefined ? "ws" : "wss"}://${hostname}:${port}/mqtt`,
      hostname,
      port,
      noDelay: true,
      tls,
      headers: undefined,
      maxBufferedBytes: 1,
    },
    accept: () => {
      const peer = arrived.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
    refuse: () => lower.refuse(),
    [Symbol.asyncDispose]: () => lower[Symbol.asyncDispose](),
  };
}

/** Reads the head of a request. @returns It, and what came behind it; `undefined` if the stream ends before. */
export async function readHead(
  stream: ContractPeer,
): Promise<{ readonly head: string; readonly rest: Uint8Array } | undefined> {
  let head = "";
  for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
    const before = head.length;
    head += Array.from(chunk, (byte) => String.fromCharCode(byte)).join("");
    const end = head.indexOf("\r\n\r\n");
    if (end >= 0) return { head: head.slice(0, end), rest: chunk.subarray(end + 4 - before) };
  }
  return undefined;
}

/** The value of a header. */
export function headerOf(head: string, name: string): string | undefined {
  const line = head.split("\r\n").find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}

/** The answer that upgrades. */
export function acceptanceOf(head: string): string {
  const key = headerOf(head, "sec-websocket-key");
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    "Sec-WebSocket-Protocol: mqtt",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Text of ASCII as bytes, with more bytes behind it. */
export function join(text: string, ...bytes: readonly Uint8Array[]): Uint8Array {
  const parts = [new TextEncoder().encode(text), ...bytes];
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

async function upgrade(stream: ContractPeer, options: WebSocketServerOptions): Promise<WebSocketPeer | undefined> {
  const request = await readHead(stream);
  if (request === undefined) return undefined;
  const peer = new HandReadPeer(stream, request.head, options.frameBytes ?? Infinity);
  peer.take(request.rest);
  await stream.write(join(acceptanceOf(request.head), options.greeting ?? new Uint8Array(0)));
  return peer;
}

class HandReadPeer implements WebSocketPeer {
  readonly pongs: Uint8Array[] = [];
  readonly request: string;
  readonly stream: ContractPeer;
  closePayload: Uint8Array | undefined;
  readonly #frames = new ClientFrames();
  readonly #frameBytes: number;
  #isEnded = false;

  constructor(stream: ContractPeer, request: string, frameBytes: number) {
    this.stream = stream;
    this.request = request;
    this.#frameBytes = frameBytes;
  }

  take(bytes: Uint8Array): void {
    this.#frames.push(bytes);
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.closePayload === undefined) {
      const frame = this.#frames.next();
      if (frame === undefined) {
        const chunk = await this.stream.read();
        if (chunk === undefined) return undefined;
        this.#frames.push(chunk);
        continue;
      }
      const { opcode, fin, reserved, mask, payload } = frame;
      if (!fin || reserved !== 0 || mask === undefined) throw new Error(`A frame of the client is ${fin} ${reserved}`);
      if (opcode === 2) return payload;
      if (opcode === 10) this.pongs.push(payload);
      else if (opcode === 8) this.#handleClose(payload);
      else throw new Error(`A frame of the client has the opcode ${opcode}`);
    }
    return undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let opcode = 2;
    for (let start = 0; start < bytes.length || opcode === 2; start += this.#frameBytes) {
      const end = Math.min(start + this.#frameBytes, bytes.length);
      await this.send({ opcode, payload: bytes.subarray(start, end), fin: end === bytes.length });
      opcode = 0;
    }
  }

  send(frame: ServerFrame): Promise<void> {
    return this.stream.write(encodeServerFrame(frame));
  }

  /** Sends a Close frame; the connection ends once the client has sent its own, which need not be read. */
  end(): void {
    this.#isEnded = true;
    void this.send({ opcode: 8, payload: Uint8Array.of(1000 >> 8, 1000 & 255) });
    if (this.closePayload !== undefined) this.stream.end();
  }

  reset(): void {
    this.stream.reset();
  }

  #handleClose(payload: Uint8Array): void {
    this.closePayload = payload;
    if (this.#isEnded) this.stream.end();
  }
}
