// A transport as the stream below `node:tls`: what TLS through a proxy is put upon, and on Deno all TLS that `Deno.startTls` cannot do.

import type { NodeCarrier } from "./node_transport.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

/** What a stream tells when it is done with something. */
type Callback = (error?: Error | null) => void;

/** What is used of `stream.Duplex`. */
interface Duplex {
  /** Bytes that were written and are not done. */
  readonly writableLength: number;
  readonly destroyed: boolean;
  push(bytes: Uint8Array | null): boolean;
  destroy(error?: Error): void;
}

/** What is used of `node:stream`. */
interface NodeStream {
  readonly Duplex: new (options: {
    readonly allowHalfOpen: boolean;
    read(): void;
    write(bytes: Uint8Array, encoding: string, done: Callback): void;
    final(done: Callback): void;
    destroy(error: Error | null, done: Callback): void;
  }) => Duplex;
}

/** The part of the global scope that leads to `node:stream` without an import. */
interface NodeScope {
  readonly process: { getBuiltinModule(name: "node:stream"): NodeStream };
}

/**
 * Opens a transport, and makes a stream of it.
 *
 * @param open Opens it for the handlers it is given.
 * @returns What `node:tls` is put upon.
 * @throws What `open` rejects with.
 */
export async function openTransportCarrier(
  open: (handlers: TransportHandlers) => Promise<Transport>,
): Promise<NodeCarrier> {
  const carrier = new TransportCarrier();
  carrier.attach(await open(carrier));
  return carrier;
}

class TransportCarrier implements NodeCarrier, TransportHandlers {
  readonly stream: Duplex;
  #transport: Transport | undefined;
  #failure: Error | undefined;
  /** Whether the transport is over. */
  #isOver = false;
  /** Whether the owner of what is put upon the stream has paused. Deno's `node:tls` would read on, and hold without limit. */
  #isHeld = false;
  /** Whether the stream has enough. */
  #isFull = false;
  #isPaused = false;
  /** Present while someone waits for the last byte. */
  #flushing: PromiseWithResolvers<void> | undefined;

  constructor() {
    const { process } = globalThis as unknown as NodeScope;
    const { Duplex } = process.getBuiltinModule("node:stream");
    this.stream = new Duplex({
      allowHalfOpen: true,
      read: () => {
        this.#isFull = false;
        this.#regulate();
      },
      write: (bytes, _encoding, done) => this.#write(bytes, done),
      final: (done) => {
        this.#transport?.shutdown();
        done();
      },
      destroy: (error, done) => {
        this.#transport?.destroy();
        this.#endFlush();
        done(error);
      },
    });
  }

  attach(transport: Transport): void {
    this.#transport = transport;
  }

  failure(): Error | undefined {
    return this.#failure;
  }

  isOver(): boolean {
    return this.#isOver || this.stream.destroyed;
  }

  flushed(): Promise<void> | undefined {
    if (this.stream.writableLength === 0 || this.isOver()) return undefined;
    this.#flushing ??= Promise.withResolvers();
    return this.#flushing.promise;
  }

  pause(): void {
    this.#isHeld = true;
    this.#regulate();
  }

  resume(): void {
    this.#isHeld = false;
    this.#regulate();
  }

  destroy(): void {
    this.stream.destroy();
  }

  data(chunk: Uint8Array): void {
    this.#isFull = !this.stream.push(chunk);
    this.#regulate();
  }

  close(error?: Error): void {
    this.#isOver = true;
    this.#failure = error;
    this.#endFlush();
    if (error === undefined) this.stream.push(null);
    else this.stream.destroy(error);
  }

  #write(bytes: Uint8Array, done: Callback): void {
    const writing = this.#transport!.write(bytes, bytes.length);
    if (writing === undefined) this.#finishWrite(done);
    else void writing.then(() => this.#finishWrite(done));
  }

  #finishWrite(done: Callback): void {
    done(this.#failure);
    if (this.stream.writableLength === 0) this.#endFlush();
  }

  #endFlush(): void {
    this.#flushing?.resolve();
    this.#flushing = undefined;
  }

  #regulate(): void {
    const isPaused = this.#isHeld || this.#isFull;
    if (isPaused === this.#isPaused || this.#isOver) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport?.pause();
    else this.#transport?.resume();
  }
}
