// A message as the consumer of a stream gets it.
import type { Publish, QoS } from "../codec/mod.ts";

/** A message of a stream. */
export class Message {
  /** The Topic Name it was published to. */
  readonly topicName: string;
  /** The payload: a view into the bytes that came from the network, which nobody changes. `payload.slice()` keeps it without them. */
  readonly payload: Uint8Array;
  /** The QoS it came at. */
  readonly qos: QoS;
  /** Whether the server had kept it: it is older than the subscription. */
  readonly retain: boolean;
  /** Whether the server says that it may have delivered it before. */
  readonly dup: boolean;
  #finish: (() => boolean) | undefined;
  #isAcknowledged = true;

  /**
   * A stream makes them.
   *
   * @param publish The packet it came in.
   * @param finish What acknowledges it.
   * @internal
   */
  constructor(publish: Publish, finish?: () => boolean) {
    this.topicName = publish.topicName;
    this.payload = publish.payload;
    this.qos = publish.qos;
    this.retain = publish.retain;
    this.dup = publish.dup;
    this.#finish = finish;
  }

  /**
   * The payload as text. Bytes that are no UTF-8 become U+FFFD, and a byte order mark is left out, as in `Response.text()`.
   *
   * @returns The text.
   */
  text(): string {
    return new TextDecoder().decode(this.payload);
  }

  /**
   * The payload as the value its JSON stands for.
   *
   * @typeParam T What the value is known to be; it is not checked. A payload codec with a schema checks.
   * @returns The value.
   * @throws {SyntaxError} If the payload is no JSON; `cause` is the error of the parser.
   *
   * @example
   * ```ts
   * import { connect } from "@petrel/mqtt";
   * import { MemoryNetwork, ScriptedServer } from "@petrel/mqtt/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const network = new MemoryNetwork();
   * void new ScriptedServer(network).autoRespond();
   *
   * await using mqtt = await connect("mqtt://example.net", { transport: network.dial });
   * const readings = await mqtt.subscribe("sensors/+");
   * await mqtt.publish("sensors/7", JSON.stringify({ celsius: 21.5 }));
   * for await (const message of readings) {
   *   assertEquals(message.json<{ celsius: number }>().celsius, 21.5);
   *   break;
   * }
   * ```
   */
  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      throw new SyntaxError(`Cannot parse message: the payload on ${this.topicName} is no JSON`, { cause });
    }
  }

  /**
   * Acknowledges the message in manual mode, before its consumer asks for the next one; harmless when repeated, and in automatic mode.
   * A message that several streams have got is acknowledged to the server when all of them have. It waits for no session store: the
   * server is told once the store has kept that, and a process that is killed before may get the message again.
   *
   * @returns Whether it is acknowledged, or will be when the other streams have; `false` if the connection it came on is gone: a
   * server that kept the session delivers it again.
   */
  ack(): boolean {
    const finish = this.#finish;
    if (finish !== undefined) {
      this.#finish = undefined;
      this.#isAcknowledged = finish();
    }
    return this.#isAcknowledged;
  }
}
