// Connections by `node:net`. Its `onread` costs half of its event `data`, and leaves the choice of buffer to us: one that is never
// rewritten, so that the receiver may keep views.

import { type NodeInflow, type NodeSocket, startNodeTransport } from "./node_transport.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

/** Where the cost of a read is lowest. */
const READ_BUFFER_BYTES = 65_536;

/** With less room than this behind the last chunk, a fresh buffer is cheaper than a short read. */
const LEAST_READ_BYTES = 4_096;

/** Where `net.connect` connects to. */
export type NodeAddress =
  | { readonly host: string; readonly port: number; readonly noDelay: boolean }
  | { readonly path: string };

/** What is used of a `net.Socket` that is being connected. */
interface NodeConnectingSocket extends NodeSocket {
  once(event: "connect", listener: () => void): unknown;
}

/** What is used of `node:net`. */
interface NodeNet {
  connect(
    options: NodeAddress & { readonly allowHalfOpen: boolean; readonly onread: ReadBuffers["onread"] },
  ): NodeConnectingSocket;
}

/** The part of the global scope that leads to `node:net` without an import, which a bundle for browsers would have to resolve. */
interface NodeScope {
  readonly process: { getBuiltinModule(name: "node:net"): NodeNet };
}

/** The buffers a socket reads into. */
class ReadBuffers implements NodeInflow {
  sink: (chunk: Uint8Array) => void = () => {};
  #buffer = new Uint8Array(0);
  #filled = 0;

  /** The option of `net.connect`: `buffer` gives what is read into next, `callback` is told how much was. */
  readonly onread = {
    buffer: (): Uint8Array => {
      if (this.#buffer.length - this.#filled < LEAST_READ_BYTES) {
        this.#buffer = new Uint8Array(READ_BUFFER_BYTES);
        this.#filled = 0;
      }
      return this.#buffer.subarray(this.#filled);
    },
    callback: (count: number, into: Uint8Array): boolean => {
      this.#filled += count;
      this.sink(into.subarray(0, count));
      return true;
    },
  };
}

/**
 * Opens a connection with `net.connect`. All addresses of a name are tried.
 *
 * @param address Where to.
 * @param handlers Who is told of bytes and of the end.
 * @param signal Ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: Node's own error, with words where it has none, or the signal's reason.
 */
export async function openNodeTransport(
  address: NodeAddress,
  handlers: TransportHandlers,
  signal: AbortSignal,
): Promise<Transport> {
  signal.throwIfAborted();
  const { process } = globalThis as unknown as NodeScope;
  const inflow = new ReadBuffers();
  const socket = process.getBuiltinModule("node:net").connect({
    ...address,
    allowHalfOpen: true,
    onread: inflow.onread,
  });
  socket.pause();
  const opened = Promise.withResolvers<Transport>();
  const abort = (): void => {
    opened.reject(signal.reason);
    socket.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  // An event may follow in the same turn, so the transport listens before this dial goes on.
  socket.once("connect", () => {
    if (!signal.aborted) opened.resolve(startNodeTransport(socket, handlers, { inflow }));
  });
  socket.on("error", (error) => opened.reject(explainAttempts(error)));
  try {
    return await opened.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Gives words to the error of a name whose every address was tried in vain: Node's own has none, only the errors of the attempts.
 *
 * @param error What a socket of `node:net` or `node:tls` tells.
 * @returns That error, or one with its code that has it as the cause.
 */
export function explainAttempts(error: Error): Error {
  if (!(error instanceof AggregateError) || error.message !== "") return error;
  const words = error.errors.map((attempt) => attempt instanceof Error ? attempt.message : String(attempt));
  const { code } = error as AggregateError & { readonly code?: unknown };
  return Object.assign(new Error(words.join("; "), { cause: error }), { code });
}
