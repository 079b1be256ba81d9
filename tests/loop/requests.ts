// Requests as the handle makes them, for tests that feed the channel by hand.

import type { QoS } from "../../src/codec/mod.ts";
import { Completion, type PublishResult } from "../../src/loop/notice.ts";
import type { PublishRun } from "../../src/loop/publish_run.ts";
import type { PublishRequest, Request, SubscribeRequest } from "../../src/loop/request.ts";

/** A publish whose Topic Name is its name. */
export function publishRequest(topicName: string, qos: QoS = 1): PublishRequest {
  return {
    kind: "publish",
    order: 0,
    caller: undefined,
    topicName,
    preparedTopic: undefined,
    payload: new Uint8Array(1),
    qos,
    retain: false,
    completion: undefined,
  };
}

/** A publish whose end somebody wants to know. */
export function trackedPublish(
  topicName: string,
  qos: QoS = 1,
): PublishRequest & { readonly completion: Completion<PublishResult> } {
  return { ...publishRequest(topicName, qos), completion: new Completion<PublishResult>() };
}

/** A subscribe whose Topic Filter is its name. */
export function subscribeRequest(topicFilter: string): SubscribeRequest {
  return {
    kind: "subscribe",
    order: 0,
    caller: undefined,
    subscriptions: [{ topicFilter, qos: 0 }],
    completion: undefined,
  };
}

/** The name of a request; of a run, how many publishes it holds. */
export function nameOf(request: Request | PublishRun | undefined): string | undefined {
  if (request === undefined) return undefined;
  if (request.kind === "run") return `run of ${request.count}`;
  if (request.kind === "publish") return request.topicName;
  return request.kind === "subscribe" ? request.subscriptions[0]!.topicFilter : request.topicFilters[0];
}
