// The wish to end for good: how, and by when.
import { DisconnectTimeoutError } from "./error.ts";
import type { DisconnectRequest } from "./request.ts";

/** How long the server has to close its side after DISCONNECT, in milliseconds, before the connection is dropped. */
export const CLOSE_GRACE_MILLIS = 1000;

/** What was asked of one event loop about its end. */
export class Departure {
  #request: DisconnectRequest | undefined;
  #deadline: number | undefined;

  /** By when it must be over; `undefined` if there is no limit. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** Takes a wish. @returns Whether it changes anything: a drain that is under way goes on, with the limit it has. */
  ask(request: DisconnectRequest, now: number): boolean {
    if (this.#request?.mode === "now") return false;
    if (this.#request !== undefined && request.mode === "drained" && request.timeoutMillis === undefined) return false;
    this.#request = request;
    // A transport that takes nothing more must not keep the loop alive.
    const limitMillis = request.mode === "now" ? CLOSE_GRACE_MILLIS : request.timeoutMillis;
    if (limitMillis !== undefined) this.#deadline = now + limitMillis;
    return true;
  }

  /** Whether it needs no connection: nothing is to be finished. */
  canEndOffline(owesAnything: boolean): boolean {
    return this.#request !== undefined && (this.#request.mode === "now" || !owesAnything);
  }

  /** Whether its time is over. */
  isOverdue(now: number): boolean {
    return this.#deadline !== undefined && now >= this.#deadline;
  }

  /** What is to be told once its time is over; `undefined` if it ends so as it was meant to. */
  overdueError(): DisconnectTimeoutError | undefined {
    if (this.#request?.mode !== "drained") return undefined;
    return new DisconnectTimeoutError(this.#request.timeoutMillis ?? 0);
  }
}
