// A WebSocket server whose connections are read by hand, over any server of the contract: its peer gives payloads of frames in place of
// bytes, and what it does not read holds the client back.

import { createHash } from "node:crypto";
import type { Dial, WebSocketTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";
import { webSocketTarget } from "./web_socket_target.ts";

/** What RFC 6455 adds to the client's key. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

/** The server's end of a WebSocket. */
export interface WebSocketPeer extends ContractPeer {
  /** The head of the upgrade request, with its names in lower case. */
  readonly request: string;
  /** The code the client has closed with, once that was read. */
  readonly closeCode: number | undefined;
  /** Sends a text frame. */
  writeText(text: string): Promise<void>;
  /** Sends one binary frame for each chunk, in one write. */
  writeFrames(chunks: readonly Uint8Array[]): Promise<void>;
  /** Closes with a code, or without any. */
  close(code?: number): void;
}

/** How the server answers an upgrade request. */
export interface UpgradeAnswer {
  /** The subprotocol it names; `undefined` names none. */
  readonly protocol?: string | undefined;
  /** Another status than 101. */
  readonly status?: number;
}

/** A server of WebSockets, and the dial that reaches it. */
export interface WebSocketServer extends ContractServer {
  readonly target: WebSocketTarget;
  accept(): Promise<WebSocketPeer>;
}

/** Listens on a TCP port given by the system. */
export async function listenWebSocket(
  dial: Dial<WebSocketTarget>,
  answer: UpgradeAnswer = { protocol: "mqtt" },
): Promise<WebSocketServer> {
  const server = await listenLoopback(dial as never);
  const { hostname, port } = server.target;
  return {
    ...server,
    dial: dial as ContractServer["dial"],
    target: webSocketTarget(hostname, port),
    accept: async () => await upgrade(await server.accept(), answer),
  };
}

/** Reads the request and answers it. A connection that ends before gives a peer that is over. */
async function upgrade(peer: ContractPeer, answer: UpgradeAnswer): Promise<WebSocketPeer> {
  const reader = new ByteReader(peer);
  let request = "";
  while (!request.endsWith("\r\n\r\n")) {
    const byte = await reader.take(1);
    if (byte === undefined) break;
    request += String.fromCharCode(byte[0]!);
  }
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)?.[1] ?? "";
  const accept = createHash("sha1").update(key + KEY_SUFFIX).digest("base64");
  const protocol = answer.protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${answer.protocol}\r\n`;
  const head = answer.status === undefined
    ? `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`
    : `HTTP/1.1 ${answer.status} No\r\nContent-Length: 0\r\n\r\n`;
  await peer.write(new TextEncoder().encode(head));
  const names = request.replace(/^[\w-]+:/gm, (name) => name.toLowerCase());
  return new FramedPeer(peer, reader, names);
}

class FramedPeer implements WebSocketPeer {
  readonly request: string;
  closeCode: number | undefined;
  readonly #peer: ContractPeer;
  readonly #reader: ByteReader;
  #isClosing = false;
  #isOver = false;

  constructor(peer: ContractPeer, reader: ByteReader, request: string) {
    this.#peer = peer;
    this.#reader = reader;
    this.request = request;
  }

  /** The payload of the next binary frame. Answers a close, and then waits for the end of the connection. */
  async read(): Promise<Uint8Array | undefined> {
    while (!this.#isOver) {
      const frame = await this.#readFrame();
      if (frame === undefined) break;
      if (frame.opcode === CLOSE) {
        this.#answerClose(frame.payload);
        break;
      }
      if (frame.opcode !== PING) return frame.payload;
    }
    this.#isOver = true;
    return undefined;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#peer.write(frameOf(BINARY, bytes));
  }

  writeText(text: string): Promise<void> {
    return this.#peer.write(frameOf(TEXT, new TextEncoder().encode(text)));
  }

  writeFrames(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#peer.write(concat(chunks.map((chunk) => frameOf(BINARY, chunk))));
  }

  /** Closes in order, and ends the TCP connection without waiting for the answer. */
  end(): void {
    this.close(1000);
    this.#peer.end();
  }

  close(code?: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    void this.#peer.write(frameOf(CLOSE, code === undefined ? new Uint8Array() : Uint8Array.of(code >> 8, code)));
  }

  reset(): void {
    this.#peer.reset();
  }

  #answerClose(payload: Uint8Array): void {
    if (payload.length >= 2) this.closeCode = payload[0]! * 256 + payload[1]!;
    if (!this.#isClosing) void this.#peer.write(frameOf(CLOSE, payload));
    this.#isClosing = true;
    // The server is the one that ends the TCP connection.
    this.#peer.end();
  }

  async #readFrame(): Promise<{ readonly opcode: number; readonly payload: Uint8Array } | undefined> {
    const head = await this.#reader.take(2);
    if (head === undefined) return undefined;
    const shortLength = head[1]! & 0x7f;
    const sizeBytes = shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0;
    const size = await this.#reader.take(sizeBytes);
    const mask = await this.#reader.take(4);
    if (size === undefined || mask === undefined) return undefined;
    const length = sizeBytes === 0 ? shortLength : size.reduce((sum, byte) => sum * 256 + byte, 0);
    const payload = await this.#reader.take(length);
    if (payload === undefined) return undefined;
    for (let i = 0; i < length; i++) payload[i]! ^= mask[i & 3]!;
    return { opcode: head[0]! & 0x0f, payload };
  }
}

/** Bytes of a peer in the numbers one wants. */
class ByteReader {
  readonly #peer: ContractPeer;
  #chunk: Uint8Array = new Uint8Array();

  constructor(peer: ContractPeer) {
    this.#peer = peer;
  }

  /** A copy of the next bytes; `undefined` if the connection ends before there are as many. */
  async take(count: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      if (this.#chunk.length === 0) {
        const chunk = await this.#peer.read();
        if (chunk === undefined) return undefined;
        this.#chunk = chunk;
      }
      const part = this.#chunk.subarray(0, count - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return bytes;
  }
}

/** A frame that is not masked, as a server sends it. */
function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = [0x80 | opcode];
  if (length < 126) head.push(length);
  else if (length < 65_536) head.push(126, length >> 8, length & 0xff);
  else head.push(127, 0, 0, 0, 0, length >>> 24, length >> 16 & 0xff, length >> 8 & 0xff, length & 0xff);
  return concat([Uint8Array.from(head), payload]);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
