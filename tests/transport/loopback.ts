// A server on this machine whose connections are read by hand: what is not read holds the client back.

import net from "node:net";
import tls from "node:tls";
import type { Dial, DialTarget, TcpTarget, TlsSettings, TlsTarget, UnixTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";

/** Listens on a TCP port given by the system. */
export function listenLoopback(dial: Dial<TcpTarget>): Promise<ContractServer & { readonly target: TcpTarget }> {
  return listen(dial, { port: 0, host: "127.0.0.1" }, (server) => {
    const { port } = server.address() as net.AddressInfo;
    return { kind: "tcp", hostname: "127.0.0.1", port, noDelay: true };
  });
}

/** Listens on a unix socket. */
export function listenUnix(dial: Dial<UnixTarget>, path: string): Promise<ContractServer> {
  return listen(dial, { path }, () => ({ kind: "unix", path }));
}

/** TLS with nothing that differs from the default. */
export const plainTls: TlsSettings = {
  ca: [],
  client: undefined,
  alpnProtocols: [],
  serverName: undefined,
  insecure: false,
};

/** Listens with TLS on a TCP port given by the system. */
export function listenTls(
  dial: Dial<TlsTarget>,
  options: tls.TlsOptions,
  settings: TlsSettings,
): Promise<ContractServer & { readonly target: TlsTarget }> {
  const make = (handle: (socket: net.Socket) => void): net.Server => {
    const server = tls.createServer({ ...options, allowHalfOpen: true, noDelay: true }, handle);
    server.on("tlsClientError", () => {});
    return server;
  };
  return listen(dial, { port: 0, host: "127.0.0.1" }, (server) => {
    const { port } = server.address() as net.AddressInfo;
    return { kind: "tls", hostname: "127.0.0.1", port, noDelay: true, tls: settings };
  }, make);
}

async function listen<Target extends DialTarget>(
  dial: Dial<Target>,
  address: net.ListenOptions,
  targetOf: (server: net.Server) => Target,
  make: (handle: (socket: net.Socket) => void) => net.Server = (handle) =>
    net.createServer({ allowHalfOpen: true, noDelay: true }, handle),
): Promise<ContractServer & { readonly target: Target }> {
  const arrived: LoopbackPeer[] = [];
  const waiting: ((peer: ContractPeer) => void)[] = [];
  const open = new Set<LoopbackPeer>();
  const server = make((socket) => {
    const peer = new LoopbackPeer(socket);
    open.add(peer);
    void peer.closed.then(() => open.delete(peer));
    const accept = waiting.shift();
    if (accept === undefined) arrived.push(peer);
    else accept(peer);
  });
  const sockets = new Set<net.Socket>();
  // Below TLS, also if the handshake fails.
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(address, resolve));
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const peer of open) peer.destroy();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    dial,
    target: targetOf(server),
    accept: () => {
      const peer = arrived.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
    refuse: close,
    [Symbol.asyncDispose]: close,
  };
}

class LoopbackPeer implements ContractPeer {
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  #over = false;
  #wake: () => void = () => {};

  constructor(socket: net.Socket) {
    this.#socket = socket;
    const over = (): void => {
      this.#over = true;
      this.#wake();
    };
    socket.on("readable", () => this.#wake());
    socket.on("end", over);
    socket.on("error", over);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        over();
        resolve();
      });
    });
  }

  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      const chunk: Uint8Array | null = this.#socket.read();
      if (chunk !== null) return chunk;
      if (this.#over) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    // A unix socket knows no reset; its peer learns of one if bytes were left unread.
    if (this.#socket.remoteFamily === undefined || this.#socket instanceof tls.TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
