// A TLS server of Deno itself, read by hand: `node:tls` on Deno stalls as a server whose peer sends much.

import type { Dial, TlsTarget } from "../../src/transport/transport.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";

/** Listens with TLS on a TCP port given by the system. */
export function listenDenoTls(
  dial: Dial<TlsTarget>,
  certificate: { readonly cert: string; readonly key: string },
  tls: TlsTarget["tls"],
): ContractServer & { readonly target: TlsTarget } {
  const { cert, key } = certificate;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const { port } = listener.addr as Deno.NetAddr;
  const arrived: ContractPeer[] = [];
  const waiting: ((peer: ContractPeer) => void)[] = [];
  const open = new Set<Deno.TlsConn>();
  let isListening = true;
  const accepting = (async () => {
    while (isListening) {
      const conn = await listener.accept().catch(() => undefined);
      if (conn === undefined) continue;
      open.add(conn);
      const peer = new DenoPeer(conn, () => open.delete(conn));
      const accept = waiting.shift();
      if (accept === undefined) arrived.push(peer);
      else accept(peer);
    }
  })();
  const close = async (): Promise<void> => {
    if (!isListening) return;
    isListening = false;
    listener.close();
    for (const conn of open) conn.close();
    open.clear();
    await accepting;
  };
  return {
    dial,
    target: { kind: "tls", hostname: "127.0.0.1", port, noDelay: true, tls },
    accept: () => {
      const peer = arrived.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
    refuse: close,
    [Symbol.asyncDispose]: close,
  };
}

class DenoPeer implements ContractPeer {
  readonly #conn: Deno.TlsConn;
  readonly #closed: () => boolean;
  #writing: Promise<void> = Promise.resolve();

  constructor(conn: Deno.TlsConn, closed: () => boolean) {
    this.#conn = conn;
    this.#closed = closed;
  }

  async read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#conn.read(buffer).catch(() => null);
    return count === null ? undefined : buffer.subarray(0, count);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      for (let written = 0; written < bytes.length;) written += await this.#conn.write(bytes.subarray(written));
    }).catch(() => {});
    return this.#writing;
  }

  end(): void {
    void this.#writing.then(() => this.#conn.closeWrite()).catch(() => {});
  }

  reset(): void {
    if (this.#closed()) this.#conn.close();
  }
}
