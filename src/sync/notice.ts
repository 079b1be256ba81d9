// The fates of tracked requests, on the side that blocks.
import type { PacketId, Suback, SubackReturnCode, Unsuback } from "../codec/mod.ts";
import { type PublishResult, RequestFailedError, SubscribeRefusedError } from "../loop/mod.ts";
import { WaitTimeoutError, WorkerFailedError } from "./error.ts";
import { decodeError } from "./ring/error_record.ts";
import type { Line, Reply } from "./line.ts";
import { ACKNOWLEDGED, ERROR, FLUSHED, PACKET_ID } from "./ring/request_record.ts";
import { checkTimeout } from "./timeout.ts";

/** Limits of a wait that blocks. */
export interface BlockingOptions {
  /** For how long at most, in milliseconds; by default for ever. */
  readonly timeoutMillis?: number | undefined;
}

/** The end of one request, as far as this thread knows it. */
export class Ending {
  readonly #line: Line;
  readonly #action: string;
  readonly #reply: Reply;

  /**
   * @param line The line the request went by.
   * @param action What was asked for, such as `publish`.
   * @param reply Where its end is told.
   */
  constructor(line: Line, action: string, reply: Reply) {
    this.#line = line;
    this.#action = action;
    this.#reply = reply;
  }

  /** The Packet Identifier; `undefined` until it is assigned, and at QoS 0. */
  get packetId(): PacketId | undefined {
    const reply = this.#reply;
    this.#line.poll();
    if (reply.kind === 0) {
      const packetId = this.#line.call(PACKET_ID, 0, reply.token);
      if (typeof packetId === "number" && packetId !== 0) return packetId;
    }
    return reply.packetId === 0 ? undefined : reply.packetId;
  }

  /** Blocks until it has come. @throws What it ended with, or that the time is over. */
  wait({ timeoutMillis }: BlockingOptions = {}): Reply {
    const reply = this.#reply;
    const action = this.#action;
    const limit = checkTimeout("wait", timeoutMillis);
    if (!this.#await(reply, limit)) {
      if (this.#line.hasEnded) throw new RequestFailedError(action, "loop-closed", true);
      throw new WaitTimeoutError(`wait for ${action}`, "it has not ended", limit);
    }
    if (reply.kind === ERROR) throw decodeError(new TextDecoder().decode(reply.body));
    return reply;
  }

  #await(reply: Reply, limit: number): boolean {
    const action = this.#action;
    try {
      return this.#line.await(reply, `wait for ${action}`, limit);
    } catch (error) {
      if (!(error instanceof WorkerFailedError)) throw error;
      throw new RequestFailedError(action, "loop-closed", true, error);
    }
  }
}

/**
 * The fate of a tracked publish. It always settles: in its result, or in a `RequestFailedError` that says why and whether the message
 * may have been delivered.
 */
export class PublishNotice {
  readonly #ending: Ending;

  /**
   * Makes the notice of a request.
   *
   * @param ending The end of the request.
   */
  constructor(ending: Ending) {
    this.#ending = ending;
  }

  /** The Packet Identifier; `undefined` until it is assigned, and at QoS 0. */
  get packetId(): PacketId | undefined {
    return this.#ending.packetId;
  }

  /**
   * Blocks until the end: QoS 0 flushed to the transport, QoS 1 acknowledged, QoS 2 completed. A server without QoS 2 answers it with
   * PUBACK, which is reported as `qos1-acknowledged`.
   *
   * @param options For how long.
   * @returns How the publish ended.
   * @throws {RequestFailedError} If it ended without a result.
   * @throws {WaitTimeoutError} If the time is over; the publish goes on.
   * @throws {DeadlockError} If the events that this thread should take stand in its way; the publish goes on once they are taken.
   */
  wait(options?: BlockingOptions): PublishResult {
    const { kind, packetId } = this.#ending.wait(options);
    if (kind === FLUSHED) return { type: "qos0-flushed" };
    return kind === ACKNOWLEDGED
      ? { type: "qos1-acknowledged", packet: { type: "puback", packetId } }
      : { type: "qos2-completed", packet: { type: "pubcomp", packetId } };
  }

  /** Blocks until the end and gives nothing. @throws As `wait`. */
  waitCompletion(options?: BlockingOptions): void {
    this.#ending.wait(options);
  }
}

/** The fate of a tracked subscribe. It always settles. */
export class SubscribeNotice {
  readonly #ending: Ending;

  /**
   * Makes the notice of a request.
   *
   * @param ending The end of the request.
   */
  constructor(ending: Ending) {
    this.#ending = ending;
  }

  /** The Packet Identifier; `undefined` until it is assigned. */
  get packetId(): PacketId | undefined {
    return this.#ending.packetId;
  }

  /**
   * Blocks until the SUBACK comes, also one that refuses a Topic Filter.
   *
   * @param options For how long.
   * @returns The SUBACK.
   * @throws {RequestFailedError} If it ended without one.
   * @throws {WaitTimeoutError | DeadlockError} As `PublishNotice.wait`.
   */
  wait(options?: BlockingOptions): Suback {
    const { packetId, body } = this.#ending.wait(options);
    return { type: "suback", packetId, returnCodes: [...body] as SubackReturnCode[] };
  }

  /** Blocks until every Topic Filter is live. @throws {SubscribeRefusedError} If the server refused one; the rest as `wait`. */
  waitCompletion(options?: BlockingOptions): void {
    const { returnCodes } = this.wait(options);
    if (returnCodes.includes(0x80)) throw new SubscribeRefusedError(returnCodes);
  }
}

/** The fate of a tracked unsubscribe. It always settles. */
export class UnsubscribeNotice {
  readonly #ending: Ending;

  /**
   * Makes the notice of a request.
   *
   * @param ending The end of the request.
   */
  constructor(ending: Ending) {
    this.#ending = ending;
  }

  /** The Packet Identifier; `undefined` until it is assigned. */
  get packetId(): PacketId | undefined {
    return this.#ending.packetId;
  }

  /**
   * Blocks until the UNSUBACK comes.
   *
   * @param options For how long.
   * @returns The UNSUBACK.
   * @throws {RequestFailedError} If it ended without one.
   * @throws {WaitTimeoutError | DeadlockError} As `PublishNotice.wait`.
   */
  wait(options?: BlockingOptions): Unsuback {
    return { type: "unsuback", packetId: this.#ending.wait(options).packetId };
  }

  /** Blocks until the UNSUBACK comes and gives nothing. @throws As `wait`. */
  waitCompletion(options?: BlockingOptions): void {
    this.#ending.wait(options);
  }
}
