// A TCP server on the loopback interface whose connections are read by hand: what is not read holds the client back.

import net from "node:net";
import type { Dial, TcpTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";

/** Listens on a port given by the system. */
export async function listenLoopback(dial: Dial): Promise<ContractServer & { readonly target: TcpTarget }> {
  const arrived: LoopbackPeer[] = [];
  const waiting: ((peer: ContractPeer) => void)[] = [];
  const open = new Set<LoopbackPeer>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new LoopbackPeer(socket);
    open.add(peer);
    void peer.closed.then(() => open.delete(peer));
    const accept = waiting.shift();
    if (accept === undefined) arrived.push(peer);
    else accept(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const peer of open) peer.destroy();
    await closed;
  };
  return {
    dial,
    target: { kind: "tcp", hostname: "127.0.0.1", port, noDelay: true },
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
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
