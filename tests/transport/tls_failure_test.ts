// Each way TLS can fail, over a real network: one TlsError with its reason, nothing in the clear, nothing left open.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import net from "node:net";
import type tls from "node:tls";
import { dialBunTls } from "../../src/transport/tls_bun.ts";
import { dialDenoTls } from "../../src/transport/tls_deno.ts";
import { dialNodeTls } from "../../src/transport/tls_node.ts";
import {
  type Dial,
  TlsError,
  type TlsErrorReason,
  type TlsSettings,
  type TlsTarget,
} from "../../src/transport/transport.ts";
import { type Certificate, type Certificates, makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { type ContractServer, neverAborted, Owner } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";

const skip = opensslMissing();
const dial: Dial<TlsTarget> = { deno: dialDenoTls, bun: dialBunTls, node: dialNodeTls }[runtime];
const noTcp = (): never => {
  throw new Error("not dialled");
};

interface Refusal {
  readonly name: string;
  readonly reason: TlsErrorReason;
  /** By Deno's own TLS, if it is another. */
  readonly reasonOnDeno?: TlsErrorReason;
  server?(made: Certificates): Certificate;
  settings?(made: Certificates): Partial<TlsSettings>;
  readonly options?: tls.TlsOptions;
  /** Dialled by this name, if not by the address. */
  readonly hostname?: string;
}

const refusals: readonly Refusal[] = [
  { name: "an authority that is not trusted", reason: "unknown-ca", settings: ({ otherCa }) => ({ ca: [otherCa] }) },
  { name: "no authority of ours at all", reason: "unknown-ca", settings: () => ({ ca: [] }) },
  { name: "another host", reason: "host-mismatch", server: ({ otherHost }) => otherHost },
  { name: "another server name", reason: "host-mismatch", settings: () => ({ serverName: "elsewhere.test" }) },
  { name: "a Common Name only", reason: "host-mismatch", server: ({ commonNameOnly }) => commonNameOnly },
  {
    name: "a Common Name only, that of the host",
    reason: "host-mismatch",
    server: ({ commonNameOnly }) => commonNameOnly,
    hostname: "localhost",
  },
  { name: "an expired certificate", reason: "expired", server: ({ expired }) => expired },
  { name: "a certificate of tomorrow", reason: "not-yet-valid", server: ({ notYetValid }) => notYetValid },
  {
    name: "a self-signed certificate",
    reason: "self-signed",
    // Deno's own TLS does not look who has signed it.
    reasonOnDeno: "unknown-ca",
    server: ({ selfSigned }) => selfSigned,
  },
  {
    name: "a self-signed certificate of an authority",
    reason: "self-signed",
    server: ({ selfSignedAuthority }) => selfSignedAuthority,
  },
  {
    name: "no ALPN protocol in common",
    reason: "alpn",
    settings: () => ({ alpnProtocols: ["something-else"] }),
    options: { ALPNProtocols: ["mqtt"] },
  },
  {
    name: "a client key that belongs to another certificate",
    reason: runtime === "deno" ? "handshake-failed" : "client-certificate-unusable",
    settings: ({ client, strangeClient }) => ({ client: { cert: client.cert, key: strangeClient.key } }),
  },
];

for (const withClient of [false, true]) {
  const suffix = withClient ? ", with a client certificate" : "";
  for (const refusal of refusals) {
    const { name, server, settings, options, hostname = "127.0.0.1" } = refusal;
    const reason = runtime === "deno" && !withClient ? refusal.reasonOnDeno ?? refusal.reason : refusal.reason;
    test(`TLS on ${runtime}: ${name} is refused as ${reason}${suffix}`, async () => {
      const made = await makeCertificates();
      const client = withClient ? made.client : undefined;
      const tls: TlsSettings = { ...plainTls, ca: [made.ca], client, ...settings?.(made) };
      await using listening = await listenTls(dial, { ...server?.(made) ?? made.server, ...options }, tls);
      await expectRefusal({ ...listening.target, hostname }, reason);
    }, { skip });
  }
}

/** Dials, and expects a `TlsError` with this reason, and no word to the owner. */
async function expectRefusal(target: TlsTarget, reason: TlsErrorReason): Promise<void> {
  const owner = new Owner();
  const error = await assertRejects(() => deadline(dial(target, owner, { signal: neverAborted }), 5000), TlsError);
  assertEquals(error.reason, reason, error.message);
  assert(error.message.startsWith(`Cannot secure the connection to ${target.hostname}:`), error.message);
  assert(error.message.includes(`[${error.reason}]`), error.message);
  await delay(10);
  assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
}

for (const withClient of [false, true]) {
  const suffix = withClient ? ", with a client certificate" : "";
  test(
    `TLS on ${runtime}: names and IP addresses count by the alternative names, also if serverName asks for another${suffix}`,
    async () => {
      const { ca, server, otherHost, client } = await makeCertificates();
      const cases = [
        [server, "127.0.0.1", undefined],
        [server, "localhost", undefined],
        [server, "127.0.0.1", "localhost"],
        [server, "localhost", "127.0.0.1"],
        [otherHost, "127.0.0.1", "other.test"],
      ] as const;
      for (const [certificate, hostname, serverName] of cases) {
        const settings = { ...plainTls, ca: [ca], serverName, client: withClient ? client : undefined };
        await using listening = await listenTls(dial, certificate, settings);
        await expectEcho({ ...listening, target: { ...listening.target, hostname } });
      }
    },
    { skip },
  );
}

test(`TLS on ${runtime}: insecure accepts what verification refuses, with a client certificate too`, async () => {
  const { otherHost, expired, selfSignedAuthority, client } = await makeCertificates();
  for (const certificate of [otherHost, expired, selfSignedAuthority]) {
    for (const settings of [{}, { client }, { serverName: "elsewhere.test" }]) {
      await using listening = await listenTls(dial, certificate, { ...plainTls, ...settings, insecure: true });
      await expectEcho(listening);
    }
  }
}, { skip });

test(`TLS on ${runtime}: insecure does not make a handshake out of anything`, async () => {
  await using server = await listenPlain((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await expectRefusal(server.target({ insecure: true }), "not-tls");
}, { skip });

test(`TLS on ${runtime}: the ALPN protocols are offered in order`, async () => {
  const { ca, server } = await makeCertificates();
  const options = { ...server, ALPNProtocols: ["second", "third"] };
  const tls = { ...plainTls, ca: [ca], alpnProtocols: ["first", "third", "second"] };
  await using listening = await listenTls(dial, options, tls);
  await expectEcho(listening);
}, { skip });

/** Sends bytes there and back. */
async function expectEcho(server: ContractServer): Promise<void> {
  const owner = new Owner();
  const accepting = server.accept();
  const transport = await deadline(server.dial(server.target, owner, { signal: neverAborted }), 5000);
  await transport.write(Uint8Array.of(1, 2, 3), 3);
  const peer = await accepting;
  await peer.write((await peer.read())!);
  await owner.received(3);
  assertEquals(owner.chunks.flatMap((chunk) => [...chunk]), [1, 2, 3]);
  transport.destroy();
  assertStrictEquals(await owner.closed, undefined);
}

interface PlainServer extends AsyncDisposable {
  /** Every byte that came, as text. */
  received(): string;
  target(settings: Partial<TlsSettings>): TlsTarget;
}

/** A server without TLS. */
async function listenPlain(handle: (socket: net.Socket) => void): Promise<PlainServer> {
  let received = "";
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => received += new TextDecoder("latin1").decode(chunk));
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    received: () => received,
    target: (settings) => ({
      kind: "tls",
      hostname: "127.0.0.1",
      port,
      noDelay: true,
      tls: { ...plainTls, ...settings },
    }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const plainServers: readonly (readonly [name: string, reason: TlsErrorReason, handle: (socket: net.Socket) => void])[] =
  [
    ["answers in the clear", "not-tls", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["echoes", "not-tls", (socket) => socket.pipe(socket)],
    ["closes", "closed-in-handshake", (socket) => socket.once("data", () => socket.destroy())],
    ["resets", "closed-in-handshake", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ];

for (const withClient of [false, true]) {
  for (const [name, reason, handle] of plainServers) {
    test(
      `TLS on ${runtime}: a plain port that ${name} is ${reason}${withClient ? ", with a client certificate" : ""}`,
      async () => {
        const { client } = await makeCertificates();
        await using server = await listenPlain(handle);
        const owner = new Owner();
        const target = server.target({ client: withClient ? client : undefined });
        const error = await assertRejects(
          () => deadline(dial(target, owner, { signal: neverAborted }), 5000),
          TlsError,
        );
        assertEquals(error.reason, reason, error.message);
        await delay(10);
        assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
        // The first byte of a TLS handshake record.
        assertEquals(server.received().charCodeAt(0), 0x16);
      },
      { skip },
    );
  }

  test(
    `TLS on ${runtime}: an abort ends a handshake that stalls${withClient ? ", with a client certificate" : ""}`,
    async () => {
      const { client } = await makeCertificates();
      const arrived = Promise.withResolvers<net.Socket>();
      await using server = await listenPlain(arrived.resolve);
      const owner = new Owner();
      const controller = new AbortController();
      const target = server.target({ client: withClient ? client : undefined });
      const dialing = dial(target, owner, { signal: controller.signal });
      const socket = await arrived.promise;
      const ended = new Promise((resolve) => socket.on("close", resolve));
      assertStrictEquals(await Promise.race([dialing, delay(50)]), undefined);
      const reason = new Error("long enough");
      controller.abort(reason);
      assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
      // Deno's own TLS keeps the socket of a handshake that is not over, whoever closes it, until the server ends it.
      if (withClient || runtime !== "deno") await deadline(ended, 1000);
      assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
    },
    { skip },
  );
}

test(`TLS on ${runtime}: a refused connection is the runtime's own error`, async () => {
  await using server = await listenLoopback(noTcp);
  await server.refuse();
  const target: TlsTarget = { ...server.target, kind: "tls", tls: plainTls };
  const error = await assertRejects(() => dial(target, new Owner(), { signal: neverAborted }));
  assertInstanceOf(error, Error);
  assertEquals((error as Error & { code?: string }).code, "ECONNREFUSED");
}, { skip });
