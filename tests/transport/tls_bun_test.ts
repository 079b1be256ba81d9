// What Bun may tell of a handshake, and must not be believed.

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { dialBunTls } from "../../src/transport/tls_bun.ts";
import { TlsError, type TlsSettings, type Transport, type TransportHandlers } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { Owner } from "./contract_connection.ts";
import { plainTls } from "./loopback.ts";
import { withConnect } from "./runtime_stub.ts";

const { signal } = new AbortController();

interface StubHandlers {
  open(socket: StubSocket): void;
  data(socket: StubSocket, chunk: Uint8Array): void;
  close(socket: StubSocket, error?: Error): void;
  error(socket: StubSocket, error: Error): void;
  handshake(socket: StubSocket, isSecure: boolean, error: Error | null): void;
}

class StubSocket {
  readonly calls: string[] = [];
  authorized = true;
  names: string | undefined = "DNS:broker.test";
  handlers!: StubHandlers;
  tls: unknown;

  readonly getPeerCertificate = (): Readonly<Record<string, unknown>> => {
    return { subject: { CN: "broker.test" }, subjectaltname: this.names };
  };
  write(_bytes: Uint8Array, _offset: number, length: number): number {
    this.calls.push(`write ${length}`);
    return length;
  }
  close(): void {
    this.calls.push("close");
    this.handlers.close(this);
  }
  terminate(): void {
    this.calls.push("terminate");
    this.handlers.close(this);
  }
}

function dial(
  socket: StubSocket,
  owner: TransportHandlers,
  settings: Partial<TlsSettings>,
  abort: AbortSignal = signal,
): Promise<Transport> {
  const connect = (options: { socket: StubHandlers; tls: unknown }): Promise<StubSocket> => {
    socket.handlers = options.socket;
    socket.tls = options.tls;
    socket.handlers.open(socket);
    return Promise.resolve(socket);
  };
  const tls = { ...plainTls, ...settings };
  const target = { kind: "tls", hostname: "broker.test", port: 8883, noDelay: true, tls } as const;
  return withConnect("Bun", connect, () => dialBunTls(target, owner, { signal: abort }));
}

function bunError(code: string): Error {
  return Object.assign(new Error(`Bun says ${code}`), { code });
}

test("Bun TLS: the options always ask for TLS and for verification", async () => {
  const socket = new StubSocket();
  const dialing = dial(socket, new Owner(), {});
  socket.handlers.handshake(socket, true, null);
  await dialing;
  assertEquals(socket.tls, { rejectUnauthorized: true });
});

test("Bun TLS: every setting reaches Bun, ALPN as it is on the wire", async () => {
  const socket = new StubSocket();
  const settings: TlsSettings = {
    ca: ["CA"],
    client: { cert: "CERT", key: "KEY" },
    alpnProtocols: ["mqtt", "x"],
    serverName: "name.test",
    insecure: true,
  };
  const dialing = dial(socket, new Owner(), settings);
  socket.handlers.handshake(socket, true, null);
  await dialing;
  assertEquals(socket.tls, {
    rejectUnauthorized: false,
    ca: ["CA"],
    cert: "CERT",
    key: "KEY",
    serverName: "name.test",
    ALPNProtocols: Uint8Array.of(4, 0x6d, 0x71, 0x74, 0x74, 1, 0x78),
  });
});

const distrusted: readonly (readonly [name: string, isSecure: boolean, error: Error | null, isAuthorized: boolean])[] =
  [
    ["a flag without the socket's own word", true, null, false],
    ["a flag with an error", true, bunError("CERT_HAS_EXPIRED"), true],
    ["no flag", false, null, true],
  ];

for (const [name, isSecure, error, isAuthorized] of distrusted) {
  test(`Bun TLS: ${name} is no secure connection`, async () => {
    const socket = new StubSocket();
    const owner = new Owner();
    const dialing = dial(socket, owner, {});
    socket.authorized = isAuthorized;
    socket.handlers.handshake(socket, isSecure, error);
    await assertRejects(() => dialing, TlsError);
    assertEquals([socket.calls, owner.closeCount], [["terminate"], 0]);
  });
}

test("Bun TLS: a certificate without alternative names is no secure connection, whatever its Common Name", async () => {
  const socket = new StubSocket();
  socket.names = undefined;
  const dialing = dial(socket, new Owner(), {});
  socket.handlers.handshake(socket, true, null);
  const error = await assertRejects(() => dialing, TlsError);
  assertEquals([error.reason, socket.calls], ["host-mismatch", ["terminate"]]);
});

test("Bun TLS: insecure accepts a certificate that is not trusted, whatever the flag, and no broken handshake", async () => {
  for (const isSecure of [true, false]) {
    const socket = new StubSocket();
    socket.authorized = false;
    const dialing = dial(socket, new Owner(), { insecure: true });
    socket.handlers.handshake(socket, isSecure, bunError("DEPTH_ZERO_SELF_SIGNED_CERT"));
    await dialing;
  }
  const socket = new StubSocket();
  const dialing = dial(socket, new Owner(), { insecure: true });
  socket.handlers.handshake(socket, false, bunError("EPROTO"));
  await assertRejects(() => dialing, TlsError);
});

test("Bun TLS: what comes in one flight with the end of the handshake waits for the dial", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const dialing = dial(socket, owner, {});
  socket.handlers.handshake(socket, true, null);
  socket.handlers.data(socket, Uint8Array.of(1));
  await dialing;
  for (let i = 0; i < 20; i++) await undefined;
  assertEquals(owner.byteCount, 0);
  await owner.received(1);
});

test("Bun TLS: an alert after the handshake is the error of close", async () => {
  const socket = new StubSocket();
  const owner = new Owner();
  const dialing = dial(socket, owner, {});
  socket.handlers.handshake(socket, true, null);
  await dialing;
  const alert = Object.assign(new Error("TLSV1_ALERT_CERTIFICATE_REQUIRED"), { code: "EPROTO" });
  socket.handlers.error(socket, alert);
  socket.handlers.close(socket);
  const error = await owner.closed;
  assertInstanceOf(error, TlsError);
  assertEquals([error.reason, error.cause], ["client-certificate-required", alert]);
});

test("Bun TLS: an abort during the handshake terminates the socket", async () => {
  const socket = new StubSocket();
  const controller = new AbortController();
  const dialing = dial(socket, new Owner(), {}, controller.signal);
  controller.abort(new Error("too slow"));
  await assertRejects(() => dialing, Error, "too slow");
  assertEquals(socket.calls, ["terminate"]);
});
