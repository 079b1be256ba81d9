// A socket of the runtime with nothing around it: what no client on that runtime can be faster than.

/** Opens a connection to 127.0.0.1. Where the runtime reads into a buffer of ours, `readBytes` is its size. */
export type OpenBareSocket = (
  port: number,
  handle: (chunk: Uint8Array) => void,
  readBytes?: number,
) => Promise<BareSocket>;

/** A socket of the runtime. */
export interface BareSocket {
  /** Sends bytes; one call at a time. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What is used of a socket of Bun. */
interface BunSocket {
  write(bytes: Uint8Array, offset: number, length: number): number;
}

/** What is used of the global scopes of both runtimes. */
interface Scope {
  readonly Deno?: {
    connect(options: { readonly hostname: string; readonly port: number }): Promise<{
      read(into: Uint8Array): Promise<number | null>;
      write(bytes: Uint8Array): Promise<number>;
      setNoDelay(noDelay: boolean): void;
    }>;
  };
  readonly Bun?: {
    connect(options: {
      readonly hostname: string;
      readonly port: number;
      readonly socket: {
        readonly binaryType: "uint8array";
        data(socket: BunSocket, chunk: Uint8Array): void;
        drain(socket: BunSocket): void;
      };
    }): Promise<BunSocket>;
  };
}

const READ_BYTES = 64 * 1024;
const { Deno, Bun } = globalThis as unknown as Scope;

/** Opens a connection with the runtime's own call; every chunk that arrives goes to `handle`. */
export const openBareSocket: OpenBareSocket = Deno === undefined ? openBunSocket : openDenoSocket;

async function openDenoSocket(
  port: number,
  handle: (chunk: Uint8Array) => void,
  readBytes: number = READ_BYTES,
): Promise<BareSocket> {
  const conn = await Deno!.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  void (async () => {
    const buffer = new Uint8Array(readBytes);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      handle(buffer.subarray(0, count));
    }
  })();
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    },
  };
}

async function openBunSocket(port: number, handle: (chunk: Uint8Array) => void): Promise<BareSocket> {
  let drained = (): void => {};
  const socket = await Bun!.connect({
    hostname: "127.0.0.1",
    port,
    socket: { binaryType: "uint8array", data: (_socket, chunk) => handle(chunk), drain: () => drained() },
  });
  return {
    write: async (bytes) => {
      for (let at = 0;;) {
        at += socket.write(bytes, at, bytes.length - at);
        if (at === bytes.length) return;
        await new Promise<void>((resolve) => drained = resolve);
      }
    },
  };
}
