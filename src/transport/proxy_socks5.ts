// The handshake with a SOCKS5 proxy: RFC 1928, with user name and password as RFC 1929 has them.

import { ProxyError } from "./error.ts";
import { encodeAddress } from "./proxy_address.ts";
import {
  type HandshakeStep,
  joinBytes,
  type ProxyDestination,
  type ProxyHandshake,
  type ProxyUser,
} from "./proxy_handshake.ts";

/** The version of SOCKS, first byte of most messages. */
const VERSION = 5;

/** Ways to authenticate: none, by user name and password, and the answer that none of those offered will do. */
const [NO_AUTHENTICATION, USER_AND_PASSWORD, NONE_ACCEPTABLE] = [0x00, 0x02, 0xff];

/** The version of the messages about user name and password. */
const PASSWORD_VERSION = 1;

/** The longest user name and password. */
const MAX_USER_BYTES = 255;

/** The command that asks for a TCP connection. */
const CONNECT = 1;

/** How many bytes the kinds of address have in a reply; that of a name depends on its length. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([[1, 4], [4, 16]]);
const NAME = 3;

/** What replies mean. */
const REPLIES: ReadonlyMap<number, string> = new Map([
  [1, "general failure"],
  [2, "its rules do not allow the connection"],
  [3, "the network is unreachable"],
  [4, "the host is unreachable"],
  [5, "the server refuses the connection"],
  [6, "the time to live has expired"],
  [7, "it does not know the command"],
  [8, "it does not know this kind of address"],
]);

/** Asks a SOCKS5 proxy to open a connection. */
export class Socks5Handshake implements ProxyHandshake {
  readonly greeting: Uint8Array;
  readonly #action: string;
  /** The message that tells the user, if there is one. */
  readonly #user: Uint8Array | undefined;
  readonly #request: Uint8Array;
  /** What the proxy answers next. */
  #awaited: "method" | "verdict" | "reply" = "method";
  #held: Uint8Array = new Uint8Array(0);

  /**
   * Makes the messages.
   *
   * @param destination The server; a host name is left to the proxy to resolve.
   * @param user Who asks, if the proxy is to know.
   * @param action What messages begin with.
   * @throws {ProxyError} If the protocol cannot carry the host or the user.
   */
  constructor(destination: ProxyDestination, user: ProxyUser | undefined, action: string) {
    const address = encodeAddress(destination.hostname);
    if (address === undefined) {
      throw new ProxyError("refused", `${action}: the host name has more than 255 bytes`);
    }
    this.#action = action;
    this.#user = user === undefined ? undefined : encodeUser(user, action);
    this.#request = Uint8Array.of(VERSION, CONNECT, 0, ...address, destination.port >> 8, destination.port & 0xff);
    const methods = user === undefined ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USER_AND_PASSWORD];
    this.greeting = Uint8Array.of(VERSION, methods.length, ...methods);
  }

  push(chunk: Uint8Array): HandshakeStep {
    this.#held = joinBytes(this.#held, chunk);
    // Every answer has at least two bytes, and the second one decides.
    const [version, code] = this.#held;
    const isVersionRight = version === VERSION || this.#awaited === "verdict";
    if (!isVersionRight) throw this.#protocolError("it does not speak SOCKS version 5");
    if (code === undefined) return { type: "wait" };
    if (this.#awaited === "reply") return this.#handleReply(code);
    this.#held = this.#held.subarray(2);
    return this.#awaited === "method" ? this.#handleMethod(code) : this.#handleVerdict(code);
  }

  #handleMethod(method: number): HandshakeStep {
    if (method === NO_AUTHENTICATION) return this.#askForConnection();
    if (method === USER_AND_PASSWORD && this.#user !== undefined) {
      this.#awaited = "verdict";
      return { type: "send", bytes: this.#user };
    }
    if (method !== NONE_ACCEPTABLE) throw this.#protocolError("it chose a way to authenticate that was not offered");
    const state = this.#user === undefined
      ? "asks for credentials"
      : "wants another way to authenticate than a password";
    throw new ProxyError("authentication", `${this.#action}: it ${state}`);
  }

  /** The version is not looked at: some proxies tell that of SOCKS. */
  #handleVerdict(status: number): HandshakeStep {
    if (status === 0) return this.#askForConnection();
    throw new ProxyError("authentication", `${this.#action}: it does not accept the credentials`);
  }

  #askForConnection(): HandshakeStep {
    this.#awaited = "reply";
    return { type: "send", bytes: this.#request };
  }

  #handleReply(code: number): HandshakeStep {
    if (code !== 0) {
      const state = REPLIES.get(code) ?? "unknown reason";
      throw new ProxyError("refused", `${this.#action}: it answers ${code}, ${state}`);
    }
    const [, , , kind, first] = this.#held;
    if (kind === undefined) return { type: "wait" };
    const addressBytes = kind === NAME ? first === undefined ? undefined : 1 + first : ADDRESS_BYTES.get(kind);
    if (kind === NAME && first === undefined) return { type: "wait" };
    if (addressBytes === undefined) throw this.#protocolError("its reply has an unknown kind of address");
    const end = 4 + addressBytes + 2;
    return this.#held.length < end ? { type: "wait" } : { type: "open", rest: this.#held.subarray(end) };
  }

  #protocolError(state: string): ProxyError {
    return new ProxyError("protocol", `${this.#action}: ${state}`);
  }
}

function encodeUser({ username, password }: ProxyUser, action: string): Uint8Array {
  const [name, secret] = [username, password].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  if (Math.max(name.length, secret.length) > MAX_USER_BYTES) {
    throw new ProxyError("authentication", `${action}: user name or password has more than ${MAX_USER_BYTES} bytes`);
  }
  return Uint8Array.of(PASSWORD_VERSION, name.length, ...name, secret.length, ...secret);
}
