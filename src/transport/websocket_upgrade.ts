// The HTTP/1.1 exchange that opens a WebSocket (RFC 6455, 4): one request, and one answer that is read no further than its head.

import type { WebSocketError, WebSocketTarget } from "./transport.ts";
import { describeSubprotocol, openFailure, SUBPROTOCOL } from "./websocket_failure.ts";

/** Most bytes of the head of an answer. */
const MAX_HEAD_BYTES = 16_384;

/** What the key is joined with before it is hashed (RFC 6455, 1.3): only a server that knows WebSocket can answer so. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** How each answer of HTTP/1 begins; anything else is none, and is told so with its first byte. */
const ANSWER_START = "HTTP/1.";

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([\x20-\x7e]{0,80}))?/;

/** The end of a head, as bytes from its last to its first. */
const CR = 0x0d;
const LF = 0x0a;

/** A request to upgrade. */
export interface Upgrade {
  /** Its bytes. */
  readonly request: Uint8Array;
  /** The `Sec-WebSocket-Accept` that the answer must have. */
  readonly accept: string;
}

/**
 * Makes the request.
 *
 * @param url The URL, `ws:` or `wss:`.
 * @param headers Headers besides the request's own, of characters up to U+00FF.
 * @returns The request, and what its answer must hold.
 */
export async function makeUpgrade(url: string, headers: Readonly<Record<string, string>>): Promise<Upgrade> {
  const key = encodeBase64(crypto.getRandomValues(new Uint8Array(16)));
  const { host, pathname, search } = new URL(url);
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    // A URL leaves out the port that is its scheme's, and keeps the brackets of IPv6.
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const hash = await crypto.subtle.digest("SHA-1", encodeLatin1(key + ACCEPT_GUID));
  return { request: encodeLatin1(`${lines.join("\r\n")}\r\n\r\n`), accept: encodeBase64(new Uint8Array(hash)) };
}

/** Reads the answer, in whatever chunks it comes. */
export class UpgradeAnswer {
  readonly #accept: string;
  readonly #target: WebSocketTarget;
  #head = new Uint8Array(1024);
  #length = 0;

  /**
   * @param accept The `Sec-WebSocket-Accept` it must have.
   * @param target The server, for messages.
   */
  constructor(accept: string, target: WebSocketTarget) {
    this.#accept = accept;
    this.#target = target;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk The bytes.
   * @returns What follows the head, which may be no bytes, once the server has upgraded; `undefined` until then.
   * @throws {WebSocketError} If the answer is another.
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    for (let index = 0; index < chunk.length; index++) {
      this.#append(chunk[index]!);
      if (!this.#isWhole()) continue;
      this.#judge(decodeLatin1(this.#head.subarray(0, this.#length)));
      return chunk.subarray(index + 1);
    }
    return undefined;
  }

  #append(byte: number): void {
    if (this.#length < ANSWER_START.length && byte !== ANSWER_START.charCodeAt(this.#length)) {
      throw this.#refused("the server answered with something that is not HTTP/1.1");
    }
    if (this.#length === MAX_HEAD_BYTES) {
      throw this.#refused(`the head of the server's answer is longer than ${MAX_HEAD_BYTES} bytes`);
    }
    if (this.#length === this.#head.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#head);
      this.#head = larger;
    }
    this.#head[this.#length++] = byte;
  }

  #isWhole(): boolean {
    const head = this.#head;
    const end = this.#length;
    return head[end - 1] === LF && head[end - 2] === CR && head[end - 3] === LF && head[end - 4] === CR;
  }

  #judge(head: string): void {
    const [statusLine = "", ...lines] = head.slice(0, -4).split("\r\n");
    const [, digits, phrase = ""] = STATUS_LINE.exec(statusLine) ?? [];
    if (digits === undefined) throw this.#refused("the server answered without a status");
    const status = Number(digits);
    if (status !== 101) {
      const words = phrase === "" ? "" : ` (${phrase.trim()})`;
      throw this.#refused(`the server answered with status ${status}${words}`, status);
    }
    const headers = parseHeaders(lines);
    if (headers === undefined) throw this.#refused("a header of the server's answer cannot be read", status);
    this.#judgeHeaders(headers, status);
  }

  #judgeHeaders(headers: ReadonlyMap<string, string>, status: number): void {
    const connection = headers.get("connection")?.toLowerCase().split(/[\t ]*,[\t ]*/) ?? [];
    const isUpgrade = headers.get("upgrade")?.toLowerCase() === "websocket" && connection.includes("upgrade");
    if (!isUpgrade) throw this.#refused("the server upgraded to something that is not WebSocket", status);
    if (headers.get("sec-websocket-accept") !== this.#accept) {
      throw this.#refused("the server's Sec-WebSocket-Accept does not belong to the request's key", status);
    }
    if ((headers.get("sec-websocket-extensions") ?? "") !== "") {
      throw this.#refused("the server uses an extension that was not offered", status);
    }
    const protocol = headers.get("sec-websocket-protocol") ?? "";
    if (protocol !== SUBPROTOCOL) throw describeSubprotocol(this.#target, protocol);
  }

  #refused(state: string, status?: number): WebSocketError {
    return openFailure(this.#target, "upgrade-refused", state, status === undefined ? {} : { status });
  }
}

/** The headers by their names in lower case, those that are there twice joined by commas; `undefined` if a line is none. */
function parseHeaders(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([^\0\r\n]*?)[\t ]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function decodeLatin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function encodeBase64(bytes: Uint8Array): string {
  return btoa(decodeLatin1(bytes));
}
