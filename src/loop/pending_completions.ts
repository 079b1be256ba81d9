// Tracked requests that the session has taken and not finished: tokens on the session's side, completions on the caller's.
import type { PacketId } from "../codec/mod.ts";
import type { CompletingPacket, Token } from "../session/mod.ts";
import { RequestFailedError, type RequestFailedReason } from "./error.ts";
import type { PublishRequest, Request } from "./request.ts";

interface PendingRequest {
  readonly request: Request;
  readonly token: Token;
  packetId: PacketId;
}

/** The tracked requests between admission and their end. */
export class PendingCompletions {
  readonly #byToken: Map<Token, PendingRequest> = new Map();
  /** QoS 0 publishes of the write that is under way: their end is that it is done. */
  #unflushed: PublishRequest[] = [];
  #lastToken: Token = 0;

  /** How many await their end. */
  get size(): number {
    return this.#byToken.size + this.#unflushed.length;
  }

  /** A request is about to be taken. @returns Its token; 0 if the session need not report its end. */
  open(request: Request): Token {
    if (request.completion === undefined) return 0;
    if (request.kind === "publish" && request.qos === 0) {
      this.#unflushed.push(request);
      return 0;
    }
    const token = ++this.#lastToken;
    this.#byToken.set(token, { request, token, packetId: 0 });
    return token;
  }

  /** The request was taken under this Packet Identifier. */
  assign(request: Request, token: Token, packetId: PacketId): void {
    const pending = this.#byToken.get(token);
    if (pending === undefined || request.completion === undefined) return;
    pending.packetId = packetId;
    request.completion.packetId = packetId;
  }

  /** The server finished a request. */
  handleCompleted(token: Token, packet: CompletingPacket): void {
    const request = this.#take(token)?.request;
    if (request === undefined) return;
    if (request.kind === "publish") {
      if (packet.type === "puback") request.completion?.resolve({ type: "qos1-acknowledged", packet });
      else if (packet.type === "pubcomp") request.completion?.resolve({ type: "qos2-completed", packet });
    } else if (request.kind === "subscribe") {
      if (packet.type === "suback") request.completion?.resolve(packet);
    } else if (packet.type === "unsuback") {
      request.completion?.resolve(packet);
    }
  }

  /** A request ended without its result. */
  handleFailed(token: Token, reason: RequestFailedReason, mayHaveBeenDelivered: boolean): void {
    const request = this.#take(token)?.request;
    request?.completion?.reject(new RequestFailedError(request.kind, reason, mayHaveBeenDelivered));
  }

  /** Everything encoded was handed to the transport. */
  handleFlushed(): void {
    if (this.#unflushed.length === 0) return;
    const flushed = this.#unflushed;
    this.#unflushed = [];
    for (const request of flushed) request.completion?.resolve({ type: "qos0-flushed" });
  }

  /** The connection ended: a QoS 0 publish that was on its way is not sent again. */
  handleConnectionLost(): void {
    const lost = this.#unflushed;
    this.#unflushed = [];
    for (const request of lost) request.completion?.reject(new RequestFailedError("publish", "disconnected", true));
  }

  /** Nothing will end any more: all of them fail. */
  failAll(reason: RequestFailedReason, cause: unknown): void {
    const all: Request[] = [...this.#unflushed, ...[...this.#byToken.values()].map((pending) => pending.request)];
    this.#unflushed = [];
    this.#byToken.clear();
    for (const request of all) request.completion?.reject(new RequestFailedError(request.kind, reason, true, cause));
  }

  /** The caller lost interest. @returns By what the session knows the request, if it is to report its end. */
  cancel(request: Request): { readonly token: Token; readonly packetId: PacketId } | undefined {
    for (const pending of this.#byToken.values()) {
      if (pending.request === request) return this.#take(pending.token);
    }
    return undefined;
  }

  #take(token: Token): PendingRequest | undefined {
    const pending = this.#byToken.get(token);
    this.#byToken.delete(token);
    return pending;
  }
}
