// The worker's end of the replies. A line that reads none costs no more than its own unfinished requests.
import { Fifo } from "../../fifo.ts";
import { encodeError } from "../ring/error_record.ts";
import { tagOf } from "../ring/event_record.ts";
import { ANSWER } from "../ring/request_record.ts";
import { RingWriter } from "../ring/ring_writer.ts";
import type { SharedMemory } from "../ring/shared_memory.ts";

interface WaitingReply {
  readonly tag: number;
  readonly token: number;
  readonly body: Uint8Array | undefined;
}

interface ReplyLine {
  readonly ring: RingWriter;
  /** Replies for which there is no room yet, after the one that is half written. */
  readonly waiting: Fifo<WaitingReply>;
}

/** Sends replies to lines. */
export class ReplyDesk {
  readonly #memory: SharedMemory;
  readonly #lines: Map<number, ReplyLine> = new Map();
  readonly #encoder: TextEncoder = new TextEncoder();

  /**
   * @param memory The shared memory.
   */
  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** Whether every reply is in its ring. */
  get isIdle(): boolean {
    return this.#lines.values().every(({ ring, waiting }) => waiting.length === 0 && !ring.isUnfinished);
  }

  /** Sends a reply. */
  send(line: number, token: number, kind: number, packetId = 0, body?: Uint8Array): void {
    let to = this.#lines.get(line);
    if (to === undefined) {
      to = { ring: new RingWriter(this.#memory.replies(line)), waiting: new Fifo() };
      this.#lines.set(line, to);
    }
    to.waiting.push({ tag: tagOf(kind, 0, packetId), token, body });
    this.#flush(to);
  }

  /** Sends an error. */
  sendError(line: number, token: number, kind: number, error: unknown): void {
    this.send(line, token, kind, 0, this.#encoder.encode(encodeError(error)));
  }

  /** Answers a call. */
  answer(line: number, token: number, value: unknown): void {
    this.send(line, token, ANSWER, 0, this.#encoder.encode(JSON.stringify(value ?? null)));
  }

  /** Goes on with the replies that found no room. */
  flush(): void {
    for (const line of this.#lines.values()) {
      if (line.waiting.length > 0 || line.ring.isUnfinished) this.#flush(line);
    }
  }

  /** Forgets a line and gives it back. */
  release(line: number): void {
    this.#lines.delete(line);
    this.#memory.freeLine(line);
  }

  #flush({ ring, waiting }: ReplyLine): void {
    let isWhole = ring.advance();
    for (let reply = waiting.peek(); isWhole && reply !== undefined; reply = waiting.peek()) {
      waiting.shift();
      isWhole = ring.write(reply.tag, reply.token, 0, reply.body);
    }
    this.#memory.callerBell.ring();
  }
}
