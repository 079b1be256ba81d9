// The requests that await a response on one topic. MQTT 3.1.1 has nothing that ties a response to its request, so it is done by order,
// or by what a predicate of the request makes of the message.
import type { QoS } from "../codec/mod.ts";
import { RequestFailedError, SubscribeRefusedError } from "../loop/mod.ts";
import type { Delivery } from "./delivery.ts";
import { Message } from "./message.ts";
import type { Sink } from "./sink.ts";

/** A request whose response is awaited. */
export interface Pending {
  /** Whether a message is its response; any is if this is missing. */
  readonly correlate: ((message: Message) => boolean) | undefined;
  /** Called with the response. */
  readonly resolve: (message: Message) => void;
  /** Called if there will be none. */
  readonly reject: (error: unknown) => void;
}

/** The requests that await a response on one topic, the oldest first. */
export class Responses implements Sink {
  qos: QoS = 0;
  readonly isUndecided = false;
  readonly #pending: Set<Pending> = new Set();

  /** Awaits a response; requests are to be sent in the order of these calls. */
  add(pending: Pending): void {
    this.#pending.add(pending);
  }

  /** Awaits it no longer. */
  remove(pending: Pending): void {
    this.#pending.delete(pending);
  }

  /** Takes every message: it is a response, or means nothing here. */
  offer(delivery: Delivery): boolean {
    delivery.finish();
    // What the server had kept is older than any request.
    if (!delivery.publish.retain) this.#answer(new Message(delivery.publish));
    return true;
  }

  handleLate(): void {}

  admitsRetained(): boolean {
    return true;
  }

  handleSessionLost(): void {}

  handleRepetition(): void {}

  end(error: Error | undefined): void {
    const isPlain = error instanceof RequestFailedError || error instanceof SubscribeRefusedError;
    const reason = error === undefined ? "disconnected" : "loop-closed";
    const failure = isPlain ? error : new RequestFailedError("request", reason, true, error);
    for (const { reject } of this.#pending) reject(failure);
    this.#pending.clear();
  }

  #answer(message: Message): void {
    for (const pending of this.#pending) {
      const verdict = judge(pending, message);
      if (verdict === "other") continue;
      this.#pending.delete(pending);
      // Whoever cannot judge its response gets none; the message may be that of the next one.
      if (verdict === "response") return pending.resolve(message);
    }
  }
}

function judge({ correlate, reject }: Pending, message: Message): "response" | "other" | "failed" {
  try {
    return correlate === undefined || correlate(message) ? "response" : "other";
  } catch (error) {
    reject(error);
    return "failed";
  }
}
