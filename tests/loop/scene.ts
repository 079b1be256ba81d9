// The stage of the event loop's tests: a client, its loop, a network, a server and a clock, all of which stand still until the test moves
// them.

import { AsyncClient } from "../../src/client/mod.ts";
import type { Event, EventLoop, MqttOptions } from "../../src/loop/mod.ts";
import type { Packet, Publish, QoS } from "../../src/codec/mod.ts";
import {
  type AcceptConnectOptions,
  ManualClock,
  MemoryNetwork,
  type MemoryOptions,
  type ScriptedConnection,
  ScriptedServer,
  settle,
} from "../../src/testing/mod.ts";
import type { Dial, DialOptions, DialTarget, Transport, TransportHandlers } from "../../src/transport/transport.ts";

/** Where time begins: not at 0, so that nothing passes by taking 0 for "never". */
export const START_MILLIS = 1_000_000;

/** What a test may know of a promise without waiting for it. */
export interface Outcome<T> {
  state: "pending" | "fulfilled" | "rejected";
  value: T | undefined;
  error: unknown;
}

/** Looks at a promise from outside: after `settle`, it tells how it stands. A rejection counts as handled. */
export function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { state: "pending", value: undefined, error: undefined };
  promise.then(
    (value) => Object.assign(outcome, { state: "fulfilled", value }),
    (error) => Object.assign(outcome, { state: "rejected", error }),
  );
  return outcome;
}

/** An iteration over the events of a loop that goes on in the background. */
export interface Run {
  /** What it has seen so far. */
  readonly events: Event[];
  /** How it ended. */
  readonly end: Outcome<void>;
}

/** A stage with everything on it, and nobody polling. */
export class Scene {
  readonly clock: ManualClock = new ManualClock(START_MILLIS);
  readonly network: MemoryNetwork;
  readonly server: ScriptedServer;
  readonly client: AsyncClient;
  readonly eventLoop: EventLoop;
  /** What the client has handed to its transports, write by write. */
  readonly writes: Uint8Array[] = [];

  /**
   * @param options What differs from the usual options.
   * @param memory How the network carries bytes.
   */
  constructor(options: MqttOptions = {}, memory: MemoryOptions = {}) {
    this.network = new MemoryNetwork(memory);
    this.server = new ScriptedServer(this.network);
    const { client, eventLoop } = AsyncClient.create({
      clientId: "tern",
      broker: "mqtt://broker.test",
      transport: this.#dial,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
    this.client = client;
    this.eventLoop = eventLoop;
  }

  /** Iterates over the events until the loop is done, or throws. */
  run(): Run {
    const events: Event[] = [];
    const iterate = async (): Promise<void> => {
      for await (const event of this.eventLoop) events.push(event);
    };
    return { events, end: watch(iterate()) };
  }

  /** Lets the server accept the next connection; CONNECT is the first packet it reads. Somebody must be polling. */
  async accept(): Promise<ServerSide> {
    const side = new ServerSide(await this.server.accept());
    await settle();
    return side;
  }

  /** Lets the server accept the next connection and its CONNECT. Somebody must be polling. */
  async acceptConnect(options: AcceptConnectOptions = {}): Promise<ServerSide> {
    const connection = await this.server.accept();
    await connection.acceptConnect(options);
    const side = new ServerSide(connection);
    await settle();
    return side;
  }

  /** Lets the delay before the next dial pass, and no more. Somebody must be polling. */
  async passDelay(): Promise<void> {
    const { dialCount } = this.network;
    while (this.network.dialCount === dialCount) {
      const next = this.clock.nextDeadline;
      if (next === undefined) throw new Error("Cannot pass the delay: nothing waits for time");
      await this.clock.advance(next - this.clock.now());
    }
  }

  readonly #dial: Dial = async (target: DialTarget, handlers: TransportHandlers, options: DialOptions) =>
    recordWrites(await this.network.dial(target, handlers, options), this.writes);
}

/** A transport that tells what is written to it. */
function recordWrites(transport: Transport, writes: Uint8Array[]): Transport {
  return {
    canPause: transport.canPause,
    write: (chunk, length) => {
      writes.push(chunk.slice(0, length));
      return transport.write(chunk, length);
    },
    pause: () => transport.pause(),
    resume: () => transport.resume(),
    shutdown: () => transport.shutdown(),
    destroy: () => transport.destroy(),
  };
}

/** The server's side of a connection: it reads whatever comes and keeps it until the test asks. */
export class ServerSide {
  readonly connection: ScriptedConnection;
  /** Whether the client has ended the connection. */
  isOver = false;
  #packets: Packet[] = [];

  /** @param connection A connection that nobody else reads. */
  constructor(connection: ScriptedConnection) {
    this.connection = connection;
    void this.#read();
  }

  /** Sends packets in one write, and lets everything happen that follows from it. */
  async send(...packets: Packet[]): Promise<void> {
    void this.connection.send(...packets);
    await settle();
  }

  /** Sends bytes as they are, and lets everything happen that follows from it. */
  async sendBytes(...bytes: number[]): Promise<void> {
    void this.connection.sendBytes(Uint8Array.from(bytes));
    await settle();
  }

  /** Ends the connection as a fault would, and lets everything happen that follows from it. */
  async cut(error?: Error): Promise<void> {
    this.connection.cut(error);
    await settle();
  }

  /** Ends the connection in order, and lets everything happen that follows from it. */
  async close(): Promise<void> {
    this.connection.close();
    await settle();
  }

  /** Takes what has come since the last time. */
  take(): Packet[] {
    const taken = this.#packets;
    this.#packets = [];
    return taken;
  }

  /** Takes what has come since the last time, as short words: `publish 1`, `pingreq`. */
  takeWords(): string[] {
    return this.take().map(packetWord);
  }

  async #read(): Promise<void> {
    for (let packet = await this.connection.receive(); packet !== undefined; packet = await this.connection.receive()) {
      this.#packets.push(packet);
    }
    this.isOver = true;
  }
}

/** A scene whose client is connected, with an iteration that goes on in the background. */
export async function connectedScene(
  options: MqttOptions = {},
  memory: MemoryOptions = {},
): Promise<{ scene: Scene; run: Run; server: ServerSide }> {
  const scene = new Scene(options, memory);
  const run = scene.run();
  return { scene, run, server: await scene.acceptConnect() };
}

/** A message as a server sends it. */
export function message(topicName: string, qos: QoS = 0, packetId = qos === 0 ? 0 : 1): Publish {
  return { type: "publish", topicName, payload: Uint8Array.of(1, 2, 3), qos, retain: false, dup: false, packetId };
}

/** Where a dial went: `broker.test:1883`. */
export function placeOf(target: DialTarget): string {
  return target.kind === "unix" ? target.path : `${target.hostname}:${target.port}`;
}

/** Events as short words: `outgoing connect`, `connected`, `incoming suback`, `disconnected`. */
export function words(events: readonly Event[]): string[] {
  return events.map((event) => {
    if (event.type === "incoming") return `incoming ${event.packet.type}`;
    return event.type === "outgoing" ? `outgoing ${event.packetType}` : event.type;
  });
}

/** Packets as short words: `publish 1`, `pingreq`. */
export function packetWord(packet: Packet): string {
  return "packetId" in packet && packet.packetId !== 0 ? `${packet.type} ${packet.packetId}` : packet.type;
}
