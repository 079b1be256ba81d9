// A TCP proxy that does to connections what networks do: it cuts, freezes, delays, fragments and refuses. It knows no MQTT.
//
// Each connection is a link of two lanes, one for each direction as the client sees it: `outgoing` towards the server, `incoming`
// towards the client. A lane forwards what it reads in order; while it is frozen it reads nothing, so that TCP holds the sender.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Cut, type Direction, FaultLink, type LinkConditions } from "./fault_link.ts";
import { SeededRandom } from "./seeded_random.ts";

export type { Cut, Direction } from "./fault_link.ts";

/** How clients are turned away: nobody listens, or the connection is reset as soon as it is made. */
export type Refusal = "closed" | "reset";

/** Cuts that come by themselves, FIN and RST in turn. */
export interface Storm {
  /** A link is cut in the middle of its bytes: after 1 to this many in one direction or the other … */
  readonly mostBytes: number;
  /** … and at the latest after this many milliseconds … */
  readonly leastMillis: number;
  /** … to this many. */
  readonly mostMillis: number;
  /** By how many times both grow from one link to the next, so that a storm ends on a slow machine too. Default 1. */
  readonly abating?: number;
}

/** How a proxy behaves from the start. */
export interface FaultProxyOptions {
  /** Where all its random numbers come from. Default 1. */
  readonly seed?: number;
  /** Most bytes of one write; each has 1 to this many. By default a write has what was read. */
  readonly fragmentBytes?: number;
  /** How long every byte is on its way, in milliseconds. Default 0. */
  readonly delayMillis?: number;
  /** Who is told of all bytes that were handed on, such as a `PacketLog`. */
  readonly witness?: Witness;
}

/** Sees what passes a proxy. */
export interface Witness {
  /** Bytes of a link, counted from 1, were handed on. */
  handleForwarded(link: number, direction: Direction, bytes: Uint8Array): void;
}

interface PlannedCut {
  readonly direction: Direction;
  readonly bytes: number;
  readonly cut: Cut;
}

/** A TCP proxy with faults, from a port of the system's choice to a server on this machine. */
export class FaultProxy implements AsyncDisposable, LinkConditions {
  /** How many connections it has accepted, refused ones included. */
  accepted = 0;
  /** How many links it has cut. */
  cuts = 0;
  /** Most bytes of one write; `undefined` leaves chunks as they were read. */
  fragmentBytes: number | undefined;
  /** How long every byte is on its way, in milliseconds. */
  delayMillis: number;
  /** Where the server listens, at 127.0.0.1; the links that are open stay where they are. */
  serverPort: number;
  /** Where its random numbers come from. */
  readonly random: SeededRandom;
  readonly #links: Set<FaultLink> = new Set();
  readonly #numbers: WeakMap<FaultLink, number> = new WeakMap();
  readonly #witness: Witness | undefined;
  readonly #frozen: Set<Direction> = new Set();
  /** Listeners that were closed, until the last of their links is. */
  readonly #closing: Set<Promise<void>> = new Set();
  #server: Server | undefined;
  #port = 0;
  #resetsNewcomers = false;
  #storm: Storm | undefined;
  /** How many links this storm has met. */
  #storms = 0;
  #planned: PlannedCut | undefined;

  /**
   * `FaultProxy.start` makes a proxy that listens.
   *
   * @param serverPort Where the server listens, at 127.0.0.1.
   * @param options How it behaves.
   */
  constructor(serverPort: number, options: FaultProxyOptions) {
    this.serverPort = serverPort;
    this.random = new SeededRandom(options.seed ?? 1);
    this.fragmentBytes = options.fragmentBytes;
    this.delayMillis = options.delayMillis ?? 0;
    this.#witness = options.witness;
  }

  /** Starts a proxy before the server at `serverPort`. */
  static async start(serverPort: number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(serverPort, options);
    await proxy.#listen();
    return proxy;
  }

  /** Where it listens, at 127.0.0.1; the same also after a refusal. */
  get port(): number {
    return this.#port;
  }

  /** How many links are open. */
  get open(): number {
    return this.#links.size;
  }

  /** Cuts every open link now. What is under way is lost. */
  cut(cut: Cut): void {
    for (const link of this.#links) link.cut(cut);
  }

  /** Cuts the youngest open link, or else the next one, once exactly `bytes` more have passed in a direction. */
  cutAfter(direction: Direction, bytes: number, cut: Cut): void {
    const youngest = [...this.#links].at(-1);
    if (youngest === undefined) this.#planned = { direction, bytes, cut };
    else youngest.cutAfter(direction, bytes, cut);
  }

  /** Cuts every link, the open ones and those to come, at a random place, until `calm`. */
  storm(storm: Storm): void {
    this.#storm = storm;
    this.#storms = 0;
    for (const link of this.#links) this.#plan(link);
  }

  /** Ends the storm; the links that are open stay. */
  calm(): void {
    this.#storm = undefined;
    for (const link of this.#links) link.spare();
  }

  /** Stops reading in a direction, on every link, also on those to come. */
  freeze(direction: Direction): void {
    this.#frozen.add(direction);
    for (const link of this.#links) link.handleConditions();
  }

  /** Goes on reading in a direction. */
  thaw(direction: Direction): void {
    this.#frozen.delete(direction);
    for (const link of this.#links) link.handleConditions();
  }

  /** Whether a direction is frozen. */
  isFrozen(direction: Direction): boolean {
    return this.#frozen.has(direction);
  }

  /** Turns new clients away until `welcome`; links that are open stay. */
  async refuse(refusal: Refusal): Promise<void> {
    this.#resetsNewcomers = refusal === "reset";
    if (refusal === "closed") this.#stopListening();
    else await this.#listen();
  }

  /** Accepts clients again, on the same port. */
  async welcome(): Promise<void> {
    this.#resetsNewcomers = false;
    await this.#listen();
  }

  /** A link was cut. */
  handleCut(): void {
    this.cuts++;
  }

  /** Bytes have been handed on. */
  handleForwarded(link: FaultLink, direction: Direction, bytes: Uint8Array): void {
    this.#witness?.handleForwarded(this.#numbers.get(link)!, direction, bytes);
  }

  /** Ends every link and the listener. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    const closed = [...this.#links].map((link) => link.closed);
    for (const link of this.#links) link.destroy();
    await Promise.all([...closed, ...this.#closing]);
  }

  readonly #handleSocket = (socket: Socket): void => {
    this.accepted++;
    if (this.#resetsNewcomers) {
      socket.resetAndDestroy();
      return;
    }
    const link = new FaultLink(socket, this.serverPort, this);
    this.#links.add(link);
    this.#numbers.set(link, this.accepted);
    void link.closed.then(() => this.#links.delete(link));
    this.#plan(link);
  };

  #plan(link: FaultLink): void {
    const planned = this.#planned;
    this.#planned = undefined;
    if (planned !== undefined) link.cutAfter(planned.direction, planned.bytes, planned.cut);
    const storm = this.#storm;
    if (storm === undefined) return;
    const growth = (storm.abating ?? 1) ** this.#storms++;
    const cut = this.#storms % 2 === 0 ? "fin" : "reset";
    const mostBytes = Math.ceil(storm.mostBytes * growth);
    link.cutAfter(this.random.pick(["incoming", "outgoing"]), this.random.integer(1, mostBytes), cut);
    link.cutIn(this.random.integer(storm.leastMillis, storm.mostMillis) * growth, cut);
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    // A listener of its own each time: one that is closed still belongs to its open links.
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, this.#handleSocket);
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  #stopListening(): void {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }
}
