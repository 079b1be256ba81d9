// What takes messages: a stream, or the requests that await a response.
import type { QoS } from "../codec/mod.ts";
import type { Delivery } from "./delivery.ts";

/** Something that takes the messages of a filter. */
export interface Sink {
  /** The highest QoS it asks for. */
  readonly qos: QoS;
  /**
   * Whether it is full and has not been given up: its consumer may be about to take, and has not had its turn. `handleLate` says that
   * it had.
   */
  readonly isUndecided: boolean;
  /**
   * Offers a message.
   *
   * @param delivery The message.
   * @param readsAhead Whether it must be taken beyond the capacity.
   * @returns Whether it is done with; `false` if it has to wait for room.
   */
  offer(delivery: Delivery, readsAhead: boolean): boolean;
  /** Its consumer had its turn, and has not taken. */
  handleLate(): void;
  /** Whether a message that the server had kept is to be offered: not if one on this topic was, since the subscription was made. */
  admitsRetained(topicName: string): boolean;
  /** The server has lost the session: what it had kept comes again. */
  handleSessionLost(): void;
  /** The server repeats what was not acknowledged to it before this connection. */
  handleRepetition(connection: number): void;
  /** Nothing more comes, because of the error if there is one. */
  end(error: Error | undefined): void;
}

/** How many Topic Names are remembered; what comes beyond is not known to be a repetition. */
const MAX_TOPICS = 1024;

/** The topics whose retained message has come. */
export class RetainedTopics {
  readonly #topicNames: Set<string> = new Set();

  /** Whether the retained message of this topic has come. */
  has(topicName: string): boolean {
    return this.#topicNames.has(topicName);
  }

  /** It has come. */
  add(topicName: string): void {
    if (this.#topicNames.size < MAX_TOPICS) this.#topicNames.add(topicName);
  }

  /** They come again. */
  clear(): void {
    this.#topicNames.clear();
  }
}
