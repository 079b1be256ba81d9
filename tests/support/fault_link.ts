// One connection through the fault proxy: two sockets, and a lane for each direction between them.

import { connect, type Socket } from "node:net";
import type { SeededRandom } from "./seeded_random.ts";

/** A direction of a link, as the client sees it. */
export type Direction = "incoming" | "outgoing";

/** How a link is cut, on both sides: by the end of the stream, or by a reset. */
export type Cut = "fin" | "reset";

/** What a link goes by while it is open. */
export interface LinkConditions {
  /** Most bytes of one write; `undefined` leaves chunks as they were read. */
  readonly fragmentBytes: number | undefined;
  /** How long every byte is on its way, in milliseconds. */
  readonly delayMillis: number;
  /** Where random numbers come from. */
  readonly random: SeededRandom;
  /** Whether nothing is read in a direction. */
  isFrozen(direction: Direction): boolean;
  /** The link was cut on purpose. */
  handleCut(): void;
  /** Bytes have been handed on. */
  handleForwarded(link: FaultLink, direction: Direction, bytes: Uint8Array): void;
}

/** What a lane holds before it stops reading. */
const LANE_BYTES = 64 * 1024;

/** One connection through a fault proxy. */
export class FaultLink {
  /** Resolves when both sockets are closed, and nothing of the link is left. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  readonly #conditions: LinkConditions;
  #isCut = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param client The client's socket, not read from yet.
   * @param serverPort Where the server listens, at 127.0.0.1.
   * @param conditions What the link goes by.
   */
  constructor(client: Socket, serverPort: number, conditions: LinkConditions) {
    this.#client = client;
    this.#conditions = conditions;
    const server = connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#server = server;
    this.#lanes = {
      outgoing: new Lane(client, server, "outgoing", conditions, (bytes) => {
        conditions.handleForwarded(this, "outgoing", bytes);
      }),
      incoming: new Lane(server, client, "incoming", conditions, (bytes) => {
        conditions.handleForwarded(this, "incoming", bytes);
      }),
    };
    // What ends one side in disorder ends the other in the same way.
    client.on("error", () => server.resetAndDestroy());
    server.on("error", () => client.resetAndDestroy());
    const { incoming, outgoing } = this.#lanes;
    const ends = [whenClosed(client), whenClosed(server), incoming.run(), outgoing.run()];
    this.closed = Promise.all(ends).then(() => clearTimeout(this.#timer));
  }

  /** Cuts the link now. What is under way is lost. */
  cut(cut: Cut): void {
    if (this.#isCut) return;
    this.#isCut = true;
    clearTimeout(this.#timer);
    this.#conditions.handleCut();
    this.#lanes.incoming.stop();
    this.#lanes.outgoing.stop();
    for (const socket of [this.#client, this.#server]) {
      if (cut === "reset") socket.resetAndDestroy();
      else hangUp(socket);
    }
  }

  /** Cuts the link once exactly `bytes` more have passed in a direction. */
  cutAfter(direction: Direction, bytes: number, cut: Cut): void {
    this.#lanes[direction].limit(bytes, () => this.cut(cut));
  }

  /** Cuts the link in some time, if nothing cuts it before. */
  cutIn(millis: number, cut: Cut): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.cut(cut), millis);
  }

  /** Takes back every cut that is planned. */
  spare(): void {
    clearTimeout(this.#timer);
    this.#lanes.incoming.limit(Infinity, () => {});
    this.#lanes.outgoing.limit(Infinity, () => {});
  }

  /** The conditions have changed. */
  handleConditions(): void {
    this.#lanes.incoming.handleConditions();
    this.#lanes.outgoing.handleConditions();
  }

  /** Ends both sides now. */
  destroy(): void {
    this.#lanes.incoming.stop();
    this.#lanes.outgoing.stop();
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** Bytes on their way, and the moment they may arrive. */
interface Flight {
  readonly bytes: Uint8Array;
  readonly dueAt: number;
}

/** One direction of a link. */
class Lane {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #direction: Direction;
  readonly #conditions: LinkConditions;
  readonly #handleForwarded: (bytes: Uint8Array) => void;
  readonly #flights: Flight[] = [];
  #heldBytes = 0;
  #isEnded = false;
  #isStopped = false;
  #left = Infinity;
  #handleLimit: () => void = () => {};
  #wake: () => void = () => {};

  constructor(
    source: Socket,
    sink: Socket,
    direction: Direction,
    conditions: LinkConditions,
    handleForwarded: (bytes: Uint8Array) => void,
  ) {
    this.#source = source;
    this.#sink = sink;
    this.#direction = direction;
    this.#conditions = conditions;
    this.#handleForwarded = handleForwarded;
    source.on("data", (chunk: Uint8Array) => this.#handleData(chunk));
    source.on("end", () => {
      this.#isEnded = true;
      this.#wake();
    });
    source.on("close", () => this.stop());
    sink.on("close", () => this.stop());
    sink.on("drain", () => this.#wake());
    this.handleConditions();
  }

  /** Forwards until the source ends or the lane is stopped. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const flight = this.#flights[0];
      const waits = flight === undefined || this.#conditions.isFrozen(this.#direction) || this.#sink.writableNeedDrain;
      if (flight === undefined && this.#isEnded) {
        this.#sink.end();
        return;
      }
      if (waits) await new Promise<void>((resolve) => this.#wake = resolve);
      else if (performance.now() < flight.dueAt) await sleep(flight.dueAt - performance.now());
      else if (this.#forward(flight) < flight.bytes.length) await sleep(0);
    }
  }

  /** Calls `handle` once exactly `bytes` more have been forwarded. */
  limit(bytes: number, handle: () => void): void {
    this.#left = bytes;
    this.#handleLimit = handle;
  }

  /** Reads on or not, as the conditions say. */
  handleConditions(): void {
    if (this.#isStopped) return;
    if (this.#conditions.isFrozen(this.#direction) || this.#heldBytes >= LANE_BYTES) this.#source.pause();
    else this.#source.resume();
    this.#wake();
  }

  /** Forwards nothing more; what it holds is lost. */
  stop(): void {
    this.#isStopped = true;
    this.#flights.length = 0;
    this.#wake();
  }

  #handleData(bytes: Uint8Array): void {
    if (this.#isStopped) return;
    this.#flights.push({ bytes, dueAt: performance.now() + this.#conditions.delayMillis });
    this.#heldBytes += bytes.length;
    this.handleConditions();
  }

  /** Forwards the front, or a fragment of it. @returns How many bytes. */
  #forward(flight: Flight): number {
    const { fragmentBytes, random } = this.#conditions;
    const most = fragmentBytes === undefined ? flight.bytes.length : random.integer(1, fragmentBytes);
    const length = Math.min(flight.bytes.length, most, this.#left);
    if (length === flight.bytes.length) this.#flights.shift();
    else this.#flights[0] = { bytes: flight.bytes.subarray(length), dueAt: flight.dueAt };
    this.#heldBytes -= length;
    this.#left -= length;
    const bytes = flight.bytes.subarray(0, length);
    this.#handleForwarded(bytes);
    if (this.#left > 0) {
      this.#sink.write(bytes);
    } else {
      this.#left = Infinity;
      // The cut comes when these bytes have been handed to the kernel, and nothing after them.
      this.stop();
      this.#sink.write(bytes, () => this.#handleLimit());
    }
    this.handleConditions();
    return length;
  }
}

/** Ends our side and waits for the other: a close with bytes unread would be a reset. */
function hangUp(socket: Socket): void {
  socket.end();
  socket.resume();
}

function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on("close", () => resolve()));
}

function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
