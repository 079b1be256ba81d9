// A TCP connection of Deno as the stream below `node:tls`. Left to itself, Deno's `node:tls` reads on while it is paused, and holds
// without limit what it has read; this stream stops.

import type { NodeCarrier } from "./node_transport.ts";
import type { DenoConn } from "./deno_transport.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** What a stream tells when it is done with something. */
type Callback = (error?: Error | null) => void;

/** What is used of `stream.Duplex`. */
interface Duplex {
  push(bytes: Uint8Array | null): boolean;
  destroy(error: unknown): void;
}

/** What is used of `node:stream`. */
interface NodeStream {
  readonly Duplex: new (options: {
    readonly allowHalfOpen: boolean;
    read(this: Duplex): void;
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
 * Makes the stream of a connection.
 *
 * @param conn The connection; it belongs to the stream from now on.
 * @returns What `node:tls` is put upon.
 */
export function makeDenoCarrier(conn: DenoConn): NodeCarrier {
  const { process } = globalThis as unknown as NodeScope;
  const { Duplex } = process.getBuiltinModule("node:stream");
  let gate: PromiseWithResolvers<void> | undefined;
  let isReading = false;
  let failure: Error | undefined;
  const fail = (error: Error): Error => failure ??= error;
  const buffer = new ReadBuffer();
  const read = async (stream: Duplex): Promise<void> => {
    const count = await conn.read(buffer.room());
    while (gate !== undefined) await gate.promise;
    isReading = false;
    stream.push(count === null ? null : buffer.take(count));
  };
  const stream = new Duplex({
    allowHalfOpen: true,
    read(): void {
      if (isReading) return;
      isReading = true;
      read(this).catch((error) => this.destroy(fail(error)));
    },
    write: (bytes, _encoding, done) => void writeAll(conn, bytes).then(() => done(), (error) => done(fail(error))),
    final: (done) => void conn.closeWrite().then(() => done(), done),
    destroy: (error, done) => {
      gate?.resolve();
      gate = undefined;
      conn.close();
      done(error);
    },
  });
  return {
    stream,
    failure: () => failure,
    pause: () => gate ??= Promise.withResolvers(),
    resume: () => {
      gate?.resolve();
      gate = undefined;
    },
  };
}

async function writeAll(conn: DenoConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await conn.write(bytes.subarray(written));
}
