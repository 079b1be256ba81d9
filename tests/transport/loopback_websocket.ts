// A WebSocket server whose connections are read by hand, over the servers of the streams that carry it.

import { createHash } from "node:crypto";
import type { Dial, TlsSettings, WebSocketTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";
import { webSocketTarget } from "./web_socket_target.ts";
import { type ClientFrame, ClientFrames, encodeServerFrame, type ServerFrame } from "./websocket_codec.ts";

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** The server's end of a WebSocket. */
export interface WebSocketPeer extends ContractPeer {
  /** The head of the upgrade request, with its names in lower case. */
  readonly request: string;
  /** The payload of the client's Close frame, once it was read. */
  readonly closePayload: Uint8Array | undefined;
  /** The code in it. */
  readonly closeCode: number | undefined;
  /** Pings that were answered, by the pongs' payloads. */
  readonly pongs: readonly Uint8Array[];
  /** The stream below, to write anything to. */
  readonly stream: ContractPeer;
  /** Writes one frame. */
  send(frame: ServerFrame): Promise<void>;
  /** Sends a text frame. */
  writeText(text: string): Promise<void>;
  /** Sends one binary frame for each chunk, in one write. */
  writeFrames(chunks: readonly Uint8Array[]): Promise<void>;
  /** Closes with a code, or without any. */
  close(code?: number): void;
}

/** A WebSocket server. */
export interface WebSocketServer extends ContractServer {
  readonly target: WebSocketTarget;
  accept(): Promise<WebSocketPeer>;
}

/** How the server answers an upgrade request. */
export interface UpgradeAnswer {
  /** The subprotocol it names; `undefined` names none. */
  readonly protocol?: string | undefined;
  /** Another status than 101. */
  readonly status?: number;
}

/** What differs from a plain server. */
export interface WebSocketServerOptions {
  /** How it answers. */
  readonly answer?: UpgradeAnswer;
  /** What goes to a client behind the answer, in one write with it. */
  readonly greeting?: Uint8Array;
  /** Payload bytes of one frame at most; what is longer is sent in several frames, of one message. */
  readonly frameBytes?: number;
  /** Whether a Close frame is answered as soon as it is read, and the stream ended behind it; else both are left to the test. */
  readonly answersClose?: boolean;
}

/** Does not dial: the servers of streams ask for a dial that is not theirs to make here. */
export const noDial = (): never => {
  throw new Error("not dialled");
};

/** Listens on a TCP port given by the system, for clients that end in order; their Close frames are answered. */
export async function listenWebSocket(
  dial: Dial<WebSocketTarget>,
  answer: UpgradeAnswer = { protocol: "mqtt" },
): Promise<WebSocketServer> {
  const lower = await listenLoopback(noDial);
  const { hostname, port } = lower.target;
  return listenUpon(lower, dial, webSocketTarget(hostname, port), { answer, answersClose: true });
}

/** Speaks WebSocket upon a server of streams. */
export function listenWebSocketOver(
  dial: Dial<WebSocketTarget>,
  lower: ContractServer,
  tls?: TlsSettings,
  options: WebSocketServerOptions = {},
): WebSocketServer {
  const { target } = lower;
  if (target.kind !== "tcp" && target.kind !== "tls") throw new Error("There is no WebSocket over this");
  const { hostname, port } = target;
  const url = `${tls === undefined ? "ws" : "wss"}://${hostname}:${port}/mqtt`;
  return listenUpon(lower, dial, { ...webSocketTarget(hostname, port), url, tls }, options);
}

function listenUpon(
  lower: ContractServer,
  dial: Dial<WebSocketTarget>,
  target: WebSocketTarget,
  options: WebSocketServerOptions,
): WebSocketServer {
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
    target,
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
export function acceptanceOf(head: string, protocol: string | undefined = "mqtt"): string {
  const key = headerOf(head, "sec-websocket-key");
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
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
  const { head, rest } = request;
  const { answer = { protocol: "mqtt" }, greeting = new Uint8Array(0) } = options;
  const peer = new HandReadPeer(stream, head.replace(/^[\w-]+:/gm, (name) => name.toLowerCase()) + "\r\n\r\n", options);
  peer.take(rest);
  // No subprotocol is another thing than the default one.
  const text = answer.status === undefined
    ? acceptanceOf(head, answer.protocol ?? "")
    : `HTTP/1.1 ${answer.status} No\r\nContent-Length: 0\r\n\r\n`;
  await stream.write(join(text.replace("Sec-WebSocket-Protocol: \r\n", ""), greeting));
  return peer;
}

class HandReadPeer implements WebSocketPeer {
  readonly pongs: Uint8Array[] = [];
  readonly request: string;
  readonly stream: ContractPeer;
  closePayload: Uint8Array | undefined;
  readonly #frames = new ClientFrames();
  readonly #frameBytes: number;
  readonly #answersClose: boolean;
  #isClosing = false;

  constructor(stream: ContractPeer, request: string, options: WebSocketServerOptions) {
    this.stream = stream;
    this.request = request;
    this.#frameBytes = options.frameBytes ?? Infinity;
    this.#answersClose = options.answersClose ?? false;
  }

  get closeCode(): number | undefined {
    const [high, low] = this.closePayload ?? [];
    return high === undefined || low === undefined ? undefined : high << 8 | low;
  }

  take(bytes: Uint8Array): void {
    this.#frames.push(bytes);
  }

  /** The payload of the next binary frame. */
  async read(): Promise<Uint8Array | undefined> {
    while (this.closePayload === undefined) {
      const frame = this.#frames.next();
      if (frame === undefined) {
        const chunk = await this.stream.read();
        if (chunk === undefined) return undefined;
        this.#frames.push(chunk);
        continue;
      }
      const payload = await this.#takeFrame(frame);
      if (payload !== undefined) return payload;
    }
    return undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let opcode = BINARY;
    for (let start = 0; start < bytes.length || opcode === BINARY; start += this.#frameBytes) {
      const end = Math.min(start + this.#frameBytes, bytes.length);
      await this.send({ opcode, payload: bytes.subarray(start, end), fin: end === bytes.length });
      opcode = CONTINUATION;
    }
  }

  send(frame: ServerFrame): Promise<void> {
    return this.stream.write(encodeServerFrame(frame));
  }

  writeText(text: string): Promise<void> {
    return this.send({ opcode: TEXT, payload: new TextEncoder().encode(text) });
  }

  writeFrames(chunks: readonly Uint8Array[]): Promise<void> {
    return this.stream.write(join("", ...chunks.map((payload) => encodeServerFrame({ opcode: BINARY, payload }))));
  }

  /** Closes in order; the stream ends once the client has closed too, or at once where that is not waited for. */
  end(): void {
    this.close(1000);
    if (this.#answersClose || this.closePayload !== undefined) this.stream.end();
  }

  close(code?: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    void this.send({
      opcode: CLOSE,
      payload: code === undefined ? new Uint8Array() : Uint8Array.of(code >> 8, code & 255),
    });
  }

  reset(): void {
    this.stream.reset();
  }

  async #takeFrame({ opcode, reserved, mask, payload }: ClientFrame): Promise<Uint8Array | undefined> {
    if (reserved !== 0 || mask === undefined) throw new Error("A frame of the client is extended, or not masked");
    // Browsers send long messages in fragments.
    if (opcode === BINARY || opcode === CONTINUATION) return payload;
    if (opcode === PONG) this.pongs.push(payload);
    else if (opcode === PING) await this.send({ opcode: PONG, payload });
    else if (opcode === CLOSE) this.#handleClose(payload);
    else throw new Error(`A frame of the client has the opcode ${opcode}`);
    return undefined;
  }

  #handleClose(payload: Uint8Array): void {
    this.closePayload = payload;
    if (this.#answersClose && !this.#isClosing) {
      this.#isClosing = true;
      void this.send({ opcode: CLOSE, payload });
    }
    // The server is the one that ends the stream.
    if (this.#isClosing) this.stream.end();
  }
}
