// One network connection as packets: what arrived waits here undecoded until the loop takes it, and what is encoded leaves in one
// write. Nothing here knows what a packet means. A transport may be the user's own: one that throws, or whose write rejects, has ended
// the connection.
import { ClientPacketEncoder, type Packet, ServerPacketDecoder } from "../codec/mod.ts";
import { Fifo } from "../fifo.ts";
import { refuseClientPacket } from "../session/mod.ts";
import type { Transport, TransportHandlers } from "../transport/transport.ts";
import type { PacketTap } from "./observer.ts";
import { GATHER_BYTES, type PublishRun } from "./publish_run.ts";
import { WriteSlices } from "./write_slices.ts";

/** Undecoded bytes at which the transport is paused; about what a socket buffer holds, so that it is no bottleneck. */
const PAUSE_BYTES = 256 * 1024;
/** Bytes that a transport may take at once, write after write, before the rest of the process is given a turn. */
const BURST_BYTES = 256 * 1024;
/** The same in milliseconds: a turn costs about one, and is given only if both are used up. */
const BURST_MILLIS = 20;

/** Bytes and packets that passed a connection. */
export interface TrafficCounters {
  /** Bytes received. */
  incomingBytes: number;
  /** Packets received. */
  incomingPackets: number;
  /** Bytes handed to the transport. */
  outgoingBytes: number;
  /** Packets handed to the transport. */
  outgoingPackets: number;
}

/** A network connection. */
export class Connection implements TransportHandlers {
  readonly #decoder: ServerPacketDecoder;
  readonly #encoder: ClientPacketEncoder = new ClientPacketEncoder();
  readonly #counters: TrafficCounters;
  readonly #wake: () => void;
  readonly #wakeForWrite: () => void;
  readonly #tap: PacketTap | undefined;
  readonly #inbox: Fifo<Uint8Array> = new Fifo();
  #inboxBytes = 0;
  readonly #slices: WriteSlices = new WriteSlices();
  #transport: Transport | undefined;
  #hasUndecoded = false;
  #isPaused = false;
  #isWriting = false;
  #isShutDown = false;
  #isDestroyed = false;
  #hasReceived = false;
  #hasWritten = false;
  /** What the transport has taken at once since anything else could happen, and from when on. */
  #burstBytes = 0;
  #burstAt = 0;
  #mustBreathe = false;
  #flushed: (() => void) | undefined;
  #closed: { readonly error: Error | undefined } | undefined;

  /**
   * @param maxPacketSize Most bytes of an incoming packet.
   * @param counters Where traffic is counted.
   * @param wake Called when bytes came, or the connection is closed.
   * @param wakeForWrite Called when a write is done, so that there can be another.
   * @param tap Told of each packet, if anybody is.
   */
  constructor(
    maxPacketSize: number,
    counters: TrafficCounters,
    wake: () => void,
    wakeForWrite: () => void,
    tap?: PacketTap,
  ) {
    this.#decoder = new ServerPacketDecoder({ maxPacketSize }, refuseClientPacket);
    this.#counters = counters;
    this.#wake = wake;
    this.#wakeForWrite = wakeForWrite;
    this.#tap = tap;
  }

  /** Takes the transport, once it is open. */
  attach(transport: Transport): void {
    this.#transport = transport;
    if (this.#isPaused) this.#call("pause");
    if (this.#isDestroyed) this.#call("destroy");
  }

  /** Bytes arrived. */
  data(chunk: Uint8Array): void {
    if (this.#isShutDown || this.#isDestroyed) return;
    this.#inbox.push(chunk);
    this.#hasUndecoded = true;
    this.#inboxBytes += chunk.length;
    this.#counters.incomingBytes += chunk.length;
    this.#hasReceived = true;
    this.#burstBytes = 0;
    if (this.#inboxBytes >= PAUSE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#call("pause");
    }
    this.#wake();
  }

  /** The transport is closed. */
  close(error?: Error): void {
    this.#closed ??= { error };
    // Nobody waits for the end of what was given up.
    if (!this.#isDestroyed) this.#wake();
  }

  /** How it was closed; `undefined` while it is open. */
  get closed(): { readonly error: Error | undefined } | undefined {
    return this.#closed;
  }

  /** Whether `nextPacket` may have a packet to give. */
  get hasUndecoded(): boolean {
    return this.#hasUndecoded;
  }

  /** Whether the server is held back: what it has sent since cannot be seen. */
  get isHeldBack(): boolean {
    return this.#isPaused;
  }

  /** Whether bytes came since this was last asked. */
  takeReceived(): boolean {
    const hasReceived = this.#hasReceived;
    this.#hasReceived = false;
    return hasReceived;
  }

  /** Whether a transport that had been busy took bytes since this was last asked. */
  takeWritten(): boolean {
    const hasWritten = this.#hasWritten;
    this.#hasWritten = false;
    return hasWritten;
  }

  /**
   * Takes the next incoming packet; `undefined` until more bytes come.
   *
   * @throws {MalformedPacketError} If the bytes are none.
   */
  nextPacket(): Packet | undefined {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) {
        this.#counters.incomingPackets++;
        if (this.#tap !== undefined) this.#tap("incoming", packet);
        return packet;
      }
      const chunk = this.#inbox.shift();
      if (chunk === undefined) {
        this.#hasUndecoded = false;
        return undefined;
      }
      this.#inboxBytes -= chunk.length;
      if (this.#isPaused && this.#inboxBytes < PAUSE_BYTES / 2) {
        this.#isPaused = false;
        this.#call("resume");
      }
      this.#decoder.push(chunk);
    }
  }

  /** Whether packets can be encoded: the connection is open, no write is under way, and the buffer has room. */
  get canEncode(): boolean {
    // What is encoded for a closed connection would be lost, and counted as sent.
    return !this.#isWriting && !this.#mustBreathe && this.#encoder.length < GATHER_BYTES &&
      this.#closed === undefined;
  }

  /**
   * Whether writing has to pause until a timer has fired. A transport that takes everything at once, and a publisher that is quick
   * enough, would keep each other busy for ever: no other timer and no socket of the process would get a turn.
   */
  get mustBreathe(): boolean {
    return this.#mustBreathe;
  }

  /** A timer has fired: everything else has had its turn. */
  breathe(): void {
    this.#mustBreathe = false;
    this.#burstBytes = 0;
  }

  /** Whether everything encoded has left. */
  get isFlushed(): boolean {
    return !this.#isWriting && this.#encoder.length === 0;
  }

  /** Adds a packet to the next write. */
  encode(packet: Packet): void {
    this.#encoder.encode(packet);
    this.#counters.outgoingPackets++;
    if (this.#tap !== undefined) this.#tap("outgoing", packet);
  }

  /** Adds a run of publishes to the next write. */
  encodeRun(run: PublishRun): void {
    this.#encoder.append(run.packets);
    this.#counters.outgoingPackets += run.count;
    run.reset();
  }

  /**
   * Hands everything encoded to the transport. Until it has taken all of it, nothing more can be encoded.
   *
   * @param flushed Called once it has; at once if it takes everything at once, never if the connection closes before.
   * @param now The time now, in milliseconds.
   * @param permission What the transport must wait for, if anything; if it rejects, nothing is ever handed over.
   */
  flush(flushed: () => void, now: number, permission?: Promise<void>): void {
    if (this.#isWriting || this.#encoder.length === 0 || this.#closed !== undefined) return;
    this.#isWriting = true;
    this.#flushed = flushed;
    if (permission === undefined) return this.#startWrite(now);
    const start = (): void => {
      if (this.#closed !== undefined || this.#isDestroyed) return;
      this.#startWrite(now);
      this.#wakeAfterWrite();
    };
    permission.then(start, () => {});
  }

  #startWrite(now: number): void {
    const { length } = this.#encoder;
    this.#counters.outgoingBytes += length;
    this.#slices.begin(this.#encoder.take());
    this.#writeSlices();
    if (!this.#isWriting) this.#handleTakenAtOnce(length, now);
  }

  /** Ends the sending side; what still comes from the server is dropped. Everything encoded must have left. */
  shutdown(): void {
    this.#isShutDown = true;
    this.#inbox.clear();
    this.#hasUndecoded = false;
    this.#call("resume");
    this.#call("shutdown");
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#call("destroy");
  }

  /** Writes on until all is taken or the transport makes it wait. */
  #writeSlices(): void {
    const transport = this.#transport!;
    for (let slice = this.#slices.next(); slice !== undefined; slice = this.#slices.next()) {
      try {
        const pending = transport.write(slice.bytes, slice.length);
        if (pending !== undefined) {
          pending.then(this.#handleWritten, this.#handleRejected);
          return;
        }
      } catch (thrown) {
        return this.#handleFault(thrown);
      }
    }
    this.#encoder.reset();
    this.#isWriting = false;
    this.#flushed?.();
  }

  #handleTakenAtOnce(length: number, now: number): void {
    if (this.#burstBytes === 0) this.#burstAt = now;
    this.#burstBytes += length;
    this.#mustBreathe = this.#burstBytes >= BURST_BYTES && now - this.#burstAt >= BURST_MILLIS;
  }

  readonly #handleWritten = (): void => {
    // A closed transport resolves its write without having taken it.
    if (this.#closed !== undefined || this.#isDestroyed) return;
    this.#hasWritten = true;
    this.#burstBytes = 0;
    this.#writeSlices();
    this.#wakeAfterWrite();
  };

  /** Lets the loop know what a write has led to that did not begin in its turn. */
  #wakeAfterWrite(): void {
    if (this.#closed !== undefined) this.#wake();
    else if (!this.#isWriting) this.#wakeForWrite();
  }

  /** Asks something of the transport, once there is one. */
  #call(name: "pause" | "resume" | "shutdown" | "destroy"): void {
    try {
      this.#transport?.[name]();
    } catch (thrown) {
      this.#handleFault(thrown);
    }
  }

  readonly #handleRejected = (error: unknown): void => {
    this.#handleFault(error);
    this.#wake();
  };

  /** The transport is not what it should be: nothing more is to be expected of it. A turn of the loop sees it. */
  #handleFault(fault: unknown): void {
    this.#closed ??= { error: fault instanceof Error ? fault : new Error(String(fault), { cause: fault }) };
    if (!this.#isDestroyed) this.destroy();
  }
}
