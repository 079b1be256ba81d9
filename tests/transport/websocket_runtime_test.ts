// Against the WebSocket servers of Deno and Bun, which nobody here has written. Node has none.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline } from "@std/async";
import { WebSocketError, type WebSocketTarget } from "../../src/transport/transport.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { firstDifference, neverAborted, Owner, sizes, stream } from "./contract_connection.ts";
import { plainTls } from "./loopback.ts";
import { dialWebSocket } from "./websocket_dials.ts";

/** What a server of the runtime tells of one connection. */
interface EchoServer extends AsyncDisposable {
  readonly port: number;
  /** The close code that the next connection ended with, as the server sees it. */
  readonly closeCode: Promise<number>;
}

/** What is used of `Bun.serve`. */
interface BunServer {
  readonly port: number;
  upgrade(request: Request, options?: { readonly headers?: Record<string, string> }): boolean;
  stop(closesAll: boolean): Promise<void>;
}

interface BunSocket {
  send(message: Uint8Array): void;
  close(code: number, reason: string): void;
}

interface BunScope {
  readonly Bun: {
    serve(options: {
      readonly hostname: string;
      readonly port: number;
      readonly tls?: object;
      fetch(request: Request, server: BunServer): Response | undefined;
      readonly websocket: {
        readonly maxPayloadLength: number;
        readonly perMessageDeflate: boolean;
        message(socket: BunSocket, message: Uint8Array | string): void;
        close(socket: BunSocket, code: number): void;
      };
    }): BunServer;
  };
}

/** Ends the connection with a code and a reason, where everything else is sent back. */
const END = [0xff, 0xfe];

interface ServerTls {
  readonly cert: string;
  readonly key: string;
}

/** Sends every message back, and speaks the subprotocol that is offered first. */
function listenEcho(tls?: ServerTls): EchoServer {
  return runtime === "deno" ? listenDenoEcho(tls) : listenBunEcho(tls);
}

const isEnd = (message: Uint8Array): boolean => message.length === 2 && message[0] === END[0] && message[1] === END[1];

function listenDenoEcho(tls: ServerTls | undefined): EchoServer {
  const closed = Promise.withResolvers<number>();
  const handle = (request: Request): Response => {
    if (new URL(request.url).pathname !== "/mqtt") return new Response("Not here", { status: 404 });
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "mqtt" });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const message = new Uint8Array(data as ArrayBuffer);
      if (isEnd(message)) socket.close(4321, "as you wish");
      else socket.send(message);
    };
    socket.onclose = ({ code }) => closed.resolve(code);
    return response;
  };
  const address = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
  const server = tls === undefined ? Deno.serve(address, handle) : Deno.serve({ ...address, ...tls }, handle);
  return {
    port: (server.addr as Deno.NetAddr).port,
    closeCode: closed.promise,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function listenBunEcho(tls: ServerTls | undefined): EchoServer {
  const closed = Promise.withResolvers<number>();
  const { Bun } = globalThis as unknown as BunScope;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls !== undefined && { tls }),
    fetch: (request, server) => {
      if (new URL(request.url).pathname !== "/mqtt") return new Response("Not here", { status: 404 });
      return server.upgrade(request) ? undefined : new Response("No upgrade", { status: 426 });
    },
    websocket: {
      maxPayloadLength: 64 << 20,
      perMessageDeflate: true,
      message: (socket, message) => {
        if (typeof message !== "string" && isEnd(message)) socket.close(4321, "as you wish");
        else socket.send(message as Uint8Array);
      },
      close: (_socket, code) => closed.resolve(code),
    },
  });
  return { port: server.port, closeCode: closed.promise, [Symbol.asyncDispose]: () => server.stop(true) };
}

function targetOf({ port }: EchoServer, changes: Partial<WebSocketTarget> = {}): WebSocketTarget {
  return {
    kind: "websocket",
    url: `${changes.tls === undefined ? "ws" : "wss"}://127.0.0.1:${port}/mqtt`,
    hostname: "127.0.0.1",
    port,
    noDelay: true,
    tls: undefined,
    headers: undefined,
    maxBufferedBytes: 1,
    ...changes,
  };
}

async function exchange(target: WebSocketTarget): Promise<void> {
  const owner = new Owner();
  const transport = await dialWebSocket(target, owner, { signal: neverAborted });
  const size = sizes(3, 70_000);
  let offset = 0;
  for (const length of [1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000]) {
    await transport.write(stream(offset, length), length);
    offset += length;
  }
  for (let round = 0; round < 50; round++) {
    const length = size();
    await transport.write(stream(offset, length), length);
    offset += length;
  }
  await deadline(owner.received(offset), 10_000);
  let at = 0;
  for (const chunk of owner.chunks) {
    assertEquals(firstDifference(chunk, at), -1);
    at += chunk.length;
  }
  transport.shutdown();
  assertStrictEquals(await deadline(owner.closed, 5000), undefined);
}

if (runtime === "deno" || runtime === "bun") {
  test(`WebSocket server of ${runtime}: messages of any size come back, and a shutdown ends it in order`, async () => {
    await using server = listenEcho();
    await exchange(targetOf(server));
    assertEquals(await server.closeCode, 1000);
  });

  test(`WebSocket server of ${runtime}: the same with TLS`, async () => {
    const { ca, server: certificate } = await makeCertificates();
    await using server = listenEcho(certificate);
    await exchange(targetOf(server, { tls: { ...plainTls, ca: [ca] } }));
    assertEquals(await server.closeCode, 1000);
  }, { skip: opensslMissing() });

  test(`WebSocket server of ${runtime}: its close code and reason are told, and it is content with the answer`, async () => {
    await using server = listenEcho();
    const owner = new Owner();
    const transport = await dialWebSocket(targetOf(server), owner, { signal: neverAborted });
    await transport.write(Uint8Array.from(END), 2);
    const error = await deadline(owner.closed, 5000);
    assertInstanceOf(error, WebSocketError);
    assertEquals([error.reason, error.closeCode], ["closed", 4321]);
    assert(error.message.endsWith("with code 4321 (as you wish)"), error.message);
    assertEquals(await server.closeCode, 4321);
  });

  test(`WebSocket server of ${runtime}: another path is a refused upgrade with its status`, async () => {
    await using server = listenEcho();
    const target = targetOf(server);
    const url = target.url.replace("/mqtt", "/other");
    const error = await assertRejects(
      () => dialWebSocket({ ...target, url }, new Owner(), { signal: neverAborted }),
      WebSocketError,
    );
    assertEquals([error.reason, error.status], ["upgrade-refused", 404]);
  });
}
