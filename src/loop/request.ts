// What waits between a handle and the event loop.
import type { PreparedTopic, Publish, QoS, Suback, Subscription, Unsuback } from "../codec/mod.ts";
import type { PublishRun } from "./publish_run.ts";
import type { Completion, PublishResult } from "./notice.ts";

/** A caller that waits for room. */
export interface WaitingCaller {
  /** Ends the wait: once it is aborted, the request is not admitted any more. */
  readonly signal: AbortSignal | undefined;
  /** The request was admitted. */
  admit(): void;
  /** It never will be. */
  refuse(error: Error): void;
}

/** What every request carries besides its contents. */
interface RequestState {
  /** Its place among all requests; the channel sets it. */
  order: number;
  /** How a caller that waits for room is told; `undefined` once the request was admitted, and where nobody waits. */
  caller: WaitingCaller | undefined;
}

/** A message to be published. It has the shape the session takes, so that nothing is copied on the way. */
export interface PublishRequest extends RequestState {
  /** The tag of this kind of request. */
  readonly kind: "publish";
  /** The Topic Name. */
  readonly topicName: string;
  /** The same Topic Name, prepared, if the publisher did so. */
  readonly preparedTopic: PreparedTopic | undefined;
  /** The payload; nobody changes it any more. */
  readonly payload: Uint8Array;
  /** The QoS. */
  readonly qos: QoS;
  /** Whether the server keeps it. */
  readonly retain: boolean;
  /** Where its end is told, if anybody asked. */
  readonly completion: Completion<PublishResult> | undefined;
}

/** Subscriptions to be made. */
export interface SubscribeRequest extends RequestState {
  /** The tag of this kind of request. */
  readonly kind: "subscribe";
  /** At least one. */
  readonly subscriptions: readonly Subscription[];
  /** Where its end is told, if anybody asked. */
  readonly completion: Completion<Suback> | undefined;
}

/** Subscriptions to be ended. */
export interface UnsubscribeRequest extends RequestState {
  /** The tag of this kind of request. */
  readonly kind: "unsubscribe";
  /** At least one. */
  readonly topicFilters: readonly string[];
  /** Where its end is told, if anybody asked. */
  readonly completion: Completion<Unsuback> | undefined;
}

/** A request that needs the control lane. */
export type ControlRequest = SubscribeRequest | UnsubscribeRequest;

/** A request that waits for the session. */
export type Request = PublishRequest | ControlRequest;

/** A wish to end the connection for good. */
export type DisconnectRequest =
  /** Finish everything first, in at most `timeoutMillis` if that is given. */
  | { readonly mode: "drained"; readonly timeoutMillis: number | undefined }
  /** Send DISCONNECT at once. */
  | { readonly mode: "now" };

/** What keeps publishes at QoS 1 and 2 beyond the life of the process, as the channel sees it. */
export interface RequestJournal {
  /** A publish was admitted to the channel: it is to be kept. Harmless when repeated. */
  enqueue(request: PublishRequest): void;
  /** A publish was taken back before the session had it. */
  withdraw(request: PublishRequest): void;
  /**
   * Resolves once everything so far is kept.
   *
   * @throws {SessionStoreError} If it cannot be.
   * @throws {LoopClosedError} If the event loop has ended before the session was loaded.
   */
  whenDurable(): Promise<void>;
}

/** The event loop, as the channel sees it. */
export interface RequestConsumer {
  /** A request was enqueued. */
  handleRequest(): void;
  /** A disconnect was asked for. */
  handleDisconnect(request: DisconnectRequest): void;
  /** Whether a request of this kind would be taken this very moment. */
  canTake(request: Request | PublishRun): boolean;
  /** Acknowledges a delivery; `false` if its connection is gone. */
  acknowledge(publish: Publish): boolean;
  /** Ends the interest in a request that was taken already. */
  cancel(request: Request): void;
}
