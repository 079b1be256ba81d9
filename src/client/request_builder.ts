// From the arguments of a call to a request that is known to be valid.
import {
  describeTopicFilterFault,
  describeTopicNameFault,
  findPreparedTopic,
  MAX_PACKET_SIZE,
  type OutgoingPublish,
  packetSize,
  PreparedTopic,
  publishSize,
  type QoS,
  type Suback,
  type Subscription,
  type Unsuback,
} from "../codec/mod.ts";
import type { Completion, PublishRequest, PublishResult, SubscribeRequest, UnsubscribeRequest } from "../loop/mod.ts";
import { PayloadSlab } from "./payload_slab.ts";

/** How a message is published. */
export interface PublishOptions {
  /** The QoS. Default 0. */
  readonly qos?: QoS | undefined;
  /** Whether the server keeps it as a retained message. Default `false`. */
  readonly retain?: boolean | undefined;
}

/** The longest Topic Name for which a publish needs no exact measuring: 3 bytes of UTF-8 for each UTF-16 unit, and 9 around it. */
const HEADROOM_PER_UNIT = 3;
const HEADROOM = 9;

const NO_PAYLOAD = new Uint8Array(0);

/** A message between its check and what is made of it. */
class Message implements OutgoingPublish {
  readonly type = "publish";
  topicName = "";
  preparedTopic: PreparedTopic | undefined = undefined;
  payload: Uint8Array = NO_PAYLOAD;
  qos: QoS = 0;
  retain = false;
  readonly dup = false;
  readonly packetId = 0;
}

/** Makes valid requests for one client. */
export class RequestBuilder {
  /** Most bytes of an outgoing packet. */
  maxPacketSize: number;
  readonly #slab: PayloadSlab = new PayloadSlab();
  readonly #message: Message = new Message();

  /**
   * @param maxPacketSize Most bytes of an outgoing packet.
   */
  constructor(maxPacketSize: number = MAX_PACKET_SIZE) {
    this.maxPacketSize = maxPacketSize;
  }

  /** A publish. @throws {TypeError | RangeError} If it is not valid. */
  publish(
    topic: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions | undefined,
    completion: Completion<PublishResult> | undefined,
  ): PublishRequest {
    const { topicName, preparedTopic, qos, retain } = this.#judge(topic, payload, options);
    const bytes = this.#slab.copy(payload);
    this.#checkPublishSize(topicName, bytes.length, qos);
    return {
      kind: "publish",
      order: 0,
      caller: undefined,
      topicName,
      preparedTopic,
      payload: bytes,
      qos,
      retain,
      completion,
    };
  }

  /**
   * The packet of a publish that is encoded at once. It is always the same object, and its payload is not copied.
   *
   * @throws {TypeError | RangeError} If it is not valid.
   */
  packet(
    topic: string | PreparedTopic,
    payload: Uint8Array | string,
    options: PublishOptions | undefined,
  ): OutgoingPublish {
    const message = this.#judge(topic, payload, options);
    message.payload = typeof payload === "string" ? this.#slab.encodeForNow(payload) : payload;
    this.#checkPublishSize(message.topicName, message.payload.length, 0);
    return message;
  }

  /** The packet was encoded: its payload is not held any longer. */
  forget(): void {
    this.#message.payload = NO_PAYLOAD;
  }

  /** Checks the arguments of a publish. @returns Always the same object, without the payload. */
  #judge(topic: string | PreparedTopic, payload: Uint8Array | string, options: PublishOptions | undefined): Message {
    const qos = checkQos("publish", options?.qos ?? 0);
    const retain = options?.retain ?? false;
    if (typeof retain !== "boolean") throw new TypeError(`Cannot publish: retain is ${retain}, neither true nor false`);
    if (typeof payload !== "string" && !(payload instanceof Uint8Array)) {
      throw new TypeError("Cannot publish: payload is neither text nor bytes");
    }
    const isPrepared = topic instanceof PreparedTopic;
    const topicName = isPrepared ? topic.topicName : topic;
    const preparedTopic = isPrepared ? topic : typeof topic === "string" ? findPreparedTopic(topic) : undefined;
    if (preparedTopic === undefined) {
      const fault = describeTopicNameFault(topicName);
      if (fault !== undefined) throw new TypeError(`Cannot publish: topicName ${fault}`);
    }
    // Nothing of the caller's, such as a getter, runs from here on.
    const message = this.#message;
    message.topicName = topicName;
    message.preparedTopic = preparedTopic;
    message.qos = qos;
    message.retain = retain;
    return message;
  }

  /** A subscribe. @throws {TypeError | RangeError} If it is not valid. */
  subscribe(subscriptions: readonly Subscription[], completion: Completion<Suback> | undefined): SubscribeRequest {
    if (subscriptions.length === 0) throw new TypeError("Cannot subscribe: no topic filter is given [MQTT-3.8.3-3]");
    const checked = subscriptions.map(({ topicFilter, qos }) => {
      checkTopicFilter("subscribe", topicFilter);
      return { topicFilter, qos: checkQos("subscribe", qos) };
    });
    this.#checkSize("subscribe", packetSize({ type: "subscribe", packetId: 1, subscriptions: checked }));
    return { kind: "subscribe", order: 0, caller: undefined, subscriptions: checked, completion };
  }

  /** An unsubscribe. @throws {TypeError | RangeError} If it is not valid. */
  unsubscribe(topicFilters: readonly string[], completion: Completion<Unsuback> | undefined): UnsubscribeRequest {
    if (topicFilters.length === 0) throw new TypeError("Cannot unsubscribe: no topic filter is given [MQTT-3.10.3-2]");
    for (const topicFilter of topicFilters) checkTopicFilter("unsubscribe", topicFilter);
    const copied = [...topicFilters];
    this.#checkSize("unsubscribe", packetSize({ type: "unsubscribe", packetId: 1, topicFilters: copied }));
    return { kind: "unsubscribe", order: 0, caller: undefined, topicFilters: copied, completion };
  }

  #checkPublishSize(topicName: string, payloadLength: number, qos: QoS): void {
    if (payloadLength + topicName.length * HEADROOM_PER_UNIT + HEADROOM <= this.maxPacketSize) return;
    this.#checkSize("publish", publishSize(topicName, payloadLength, qos));
  }

  #checkSize(action: string, size: number): void {
    if (size <= this.maxPacketSize) return;
    throw new RangeError(
      `Cannot ${action}: the packet has ${size} bytes, more than the ${this.maxPacketSize} allowed`,
    );
  }
}

function checkTopicFilter(action: string, topicFilter: string): void {
  const fault = describeTopicFilterFault(topicFilter);
  if (fault !== undefined) throw new TypeError(`Cannot ${action}: topicFilter ${fault}`);
}

function checkQos(action: string, qos: QoS): QoS {
  if (qos === 0 || qos === 1 || qos === 2) return qos;
  throw new TypeError(`Cannot ${action}: qos is ${qos}, none of 0, 1, 2 [MQTT-3.3.1-4]`);
}
