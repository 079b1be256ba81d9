// What the proxies for tests have in common: a listener, bytes read by hand during the handshake, then two sockets joined.

import net from "node:net";
import tls from "node:tls";
import type { Certificate } from "./certificates.ts";
import { runtime } from "./test.ts";

/** A proxy that listens at 127.0.0.1. */
export interface TestProxy extends AsyncDisposable {
  /** Its port. */
  readonly port: number;
  /** What it was asked for: host and port, as they were told. */
  readonly requests: readonly string[];
  /** Resolves when every client has ended its side. */
  deserted(): Promise<void>;
  /** Resets every connection with a client. */
  cut(): void;
}

/** How a proxy behaves. */
export interface TestProxyOptions {
  /** The only user it serves; by default it serves everyone and asks for nobody. */
  readonly user?: { readonly username: string; readonly password: string };
  /** The ports of names that only the proxy knows, by name. */
  readonly hosts?: Readonly<Record<string, number>>;
}

/** A server that a proxy was asked for. */
export interface Destination {
  /** As it was told, IPv6 without brackets. */
  readonly host: string;
  /** As it was told. */
  readonly port: number;
  /** Answers that the connection is open. */
  accept(): void;
  /** Answers that there is none. */
  refuse(): void;
}

/** Speaks with a client. @returns The server it asks for; `undefined` if the handshake has ended the connection. */
export type ServeHandshake = (client: HandReader) => Promise<Destination | undefined>;

/** A socket that is read by hand. */
export class HandReader {
  /** The socket. */
  readonly socket: net.Socket;
  #wake: () => void = () => {};
  #isOver = false;

  /** Takes a socket that nobody reads from. */
  constructor(socket: net.Socket) {
    this.socket = socket;
    const over = (): void => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("readable", this.#look).on("end", over).on("close", over);
  }

  /** Leaves the socket to others. */
  release(): void {
    this.socket.off("readable", this.#look);
  }

  /** Reads so many bytes. @throws If the client has gone. */
  async read(count: number): Promise<Uint8Array> {
    while (true) {
      const bytes: Uint8Array | null = this.socket.read(count);
      if (bytes !== null && bytes.length === count) return bytes;
      if (this.#isOver) throw new Error("The client has gone");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Reads lines up to an empty one. */
  async readHead(): Promise<string> {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += String.fromCharCode((await this.read(1))[0]!);
    return head;
  }

  readonly #look = (): void => this.#wake();
}

/** Starts a proxy. */
export async function startProxy(serve: ServeHandshake, options: TestProxyOptions = {}): Promise<TestProxy> {
  const requests: string[] = [];
  const open = new Set<net.Socket>();
  const clients = new Set<net.Socket>();
  let handleDeserted = (): void => {};
  const track = (socket: net.Socket): void => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  };
  const welcome = (client: net.Socket): void => {
    track(client);
    clients.add(client);
    const leave = (): void => {
      clients.delete(client);
      if (clients.size === 0) handleDeserted();
    };
    client.on("end", leave).on("close", leave);
  };
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, async (client) => {
    welcome(client);
    try {
      const reader = new HandReader(client);
      const destination = await serve(reader);
      if (destination === undefined) return;
      requests.push(`${destination.host}:${destination.port}`);
      const port = options.hosts?.[destination.host] ?? destination.port;
      const upstream = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      track(upstream);
      upstream.once("error", () => destination.refuse());
      upstream.once("connect", () => {
        reader.release();
        upstream.removeAllListeners("error");
        destination.accept();
        join(client, upstream);
      });
    } catch {
      client.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    requests,
    cut: () => {
      for (const client of clients) client.resetAndDestroy();
    },
    deserted: () => clients.size === 0 ? Promise.resolve() : new Promise((resolve) => handleDeserted = resolve),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Hands everything on in both directions; what ends one side in disorder ends the other in the same way. */
function join(client: net.Socket, upstream: net.Socket, belowClient: net.Socket = client): void {
  client.pipe(upstream).pipe(client);
  client.on("error", () => upstream.resetAndDestroy());
  client.on("close", () => upstream.destroySoon());
  upstream.on("error", () => belowClient.resetAndDestroy());
  upstream.on("close", () => client.destroySoon());
}

/** Puts TLS in front of a proxy. Closing it leaves the proxy open. */
export async function startTlsFront(
  port: number,
  certificate: Certificate,
): Promise<AsyncDisposable & { port: number }> {
  // `node:tls` on Deno stalls as a server whose peer sends much.
  return runtime === "deno" ? startDenoTlsFront(port, certificate) : await startNodeTlsFront(port, certificate);
}

async function startNodeTlsFront(
  port: number,
  certificate: Certificate,
): Promise<AsyncDisposable & { port: number }> {
  const open = new Set<net.Socket>();
  const below = new Map<number | undefined, net.Socket>();
  const server = tls.createServer({ ...certificate, allowHalfOpen: true, noDelay: true }, (client) => {
    const inner = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    // A socket with TLS cannot be reset.
    join(client, inner, below.get(client.remotePort));
    open.add(client).add(inner);
  });
  server.on("tlsClientError", () => {});
  server.on("connection", (socket: net.Socket) => {
    open.add(socket);
    below.set(socket.remotePort, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function startDenoTlsFront(port: number, { cert, key }: Certificate): AsyncDisposable & { port: number } {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const open = new Set<Deno.Conn>();
  const close = (conn: Deno.Conn): void => {
    if (open.delete(conn)) conn.close();
  };
  const pump = async (from: Deno.Conn, to: Deno.Conn): Promise<void> => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
      }
      await to.closeWrite();
    } catch {
      close(from);
      close(to);
    }
  };
  const serve = async (client: Deno.TlsConn): Promise<void> => {
    open.add(client);
    const inner = await Deno.connect({ hostname: "127.0.0.1", port });
    open.add(inner);
    inner.setNoDelay(true);
    await Promise.all([pump(client, inner), pump(inner, client)]);
    close(client);
    close(inner);
  };
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) serving.push(serve(client));
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      for (const conn of open) close(conn);
      await Promise.all(serving);
    },
  };
}
