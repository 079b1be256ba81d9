// The handshake with an HTTP proxy: CONNECT, as RFC 9110 has it in section 9.3.6.

import { ProxyError } from "./error.ts";
import {
  formatHost,
  type HandshakeStep,
  joinBytes,
  type ProxyDestination,
  type ProxyHandshake,
  type ProxyUser,
} from "./proxy_handshake.ts";

/** The longest head of an answer. */
const MAX_HEAD_BYTES = 16_384;

/** What every answer begins with. */
const VERSION = new TextEncoder().encode("HTTP/1.");
const [LF, CR] = [0x0a, 0x0d];

/** The most that is repeated of a reason. */
const MAX_REASON_CHARACTERS = 80;

/** Asks an HTTP proxy to open a connection. */
export class HttpConnectHandshake implements ProxyHandshake {
  readonly greeting: Uint8Array;
  readonly #action: string;
  readonly #hasUser: boolean;
  #held: Uint8Array = new Uint8Array(0);
  /** Up to here there is no end of a head in what is held. */
  #searched = 0;

  /**
   * Makes the request.
   *
   * @param destination The server.
   * @param user Who asks, if the proxy is to know.
   * @param action What messages begin with.
   * @throws {ProxyError} If a request cannot carry the host.
   */
  constructor(destination: ProxyDestination, user: ProxyUser | undefined, action: string) {
    const host = formatHost(destination);
    if (!/^[\x21-\x7e]+$/.test(host)) {
      throw new ProxyError("refused", `${action}: the host name has a character that HTTP cannot carry`);
    }
    this.#action = action;
    this.#hasUser = user !== undefined;
    const credentials = user === undefined ? [] : [`Proxy-Authorization: Basic ${encodeBasic(user)}`];
    const lines = [`CONNECT ${host} HTTP/1.1`, `Host: ${host}`, ...credentials, "", ""];
    this.greeting = new TextEncoder().encode(lines.join("\r\n"));
  }

  push(chunk: Uint8Array): HandshakeStep {
    this.#held = joinBytes(this.#held, chunk);
    // Any number of answers that settle nothing may come first.
    while (true) {
      const isHttp = this.#held.subarray(0, VERSION.length).every((byte, index) => byte === VERSION[index]);
      if (!isHttp) throw this.#protocolError("it does not speak HTTP");
      const end = this.#findHeadEnd();
      if (end === undefined) return { type: "wait" };
      const head = String.fromCharCode(...this.#held.subarray(0, end));
      this.#held = this.#held.subarray(end);
      this.#searched = 0;
      if (!this.#isInterim(head)) return { type: "open", rest: this.#held };
    }
  }

  /** The index behind the empty line that ends a head. */
  #findHeadEnd(): number | undefined {
    const bytes = this.#held.subarray(0, MAX_HEAD_BYTES);
    for (let index = bytes.indexOf(LF, this.#searched); index >= 0; index = bytes.indexOf(LF, index + 1)) {
      // Lines may end without a CR.
      const next = bytes[index + 1] === CR ? index + 2 : index + 1;
      if (bytes[next] === LF) return next + 1;
    }
    // The last line may be there in part.
    this.#searched = Math.max(0, bytes.length - 2);
    if (this.#held.length > MAX_HEAD_BYTES) throw this.#protocolError("its answer has no end");
    return undefined;
  }

  /** Judges an answer. @returns Whether another one follows. */
  #isInterim(head: string): boolean {
    const [line] = head.split(/\r?\n/, 1);
    const [, status, reason = ""] = /^HTTP\/1\.\d (\d{3})(?: (.*))?$/.exec(line!) ?? [];
    if (status === undefined) throw this.#protocolError("its answer has no status");
    if (status.startsWith("2")) return false;
    if (status.startsWith("1") && status !== "101") return true;
    const words = reason.replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_REASON_CHARACTERS).trim();
    const answer = words === "" ? status : `${status} ${words}`;
    if (status !== "407") throw new ProxyError("refused", `${this.#action}: it answers ${answer}`);
    const state = this.#hasUser ? "does not accept the credentials" : "asks for credentials";
    throw new ProxyError("authentication", `${this.#action}: it ${state} (${answer})`);
  }

  #protocolError(state: string): ProxyError {
    return new ProxyError("protocol", `${this.#action}: ${state}`);
  }
}

/** The credentials as UTF-8, RFC 7617. */
function encodeBasic({ username, password }: ProxyUser): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return btoa(String.fromCharCode(...bytes));
}
