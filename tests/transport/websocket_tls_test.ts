// Secure WebSocket where TLS fails: the same errors as without WebSocket, and no request in the clear.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { deadline } from "@std/async";
import { TlsError, type TlsErrorReason, type TlsSettings } from "../../src/transport/transport.ts";
import { type Certificate, type Certificates, makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { neverAborted, Owner, readAll } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { listenWebSocketOver, noDial } from "./loopback_websocket.ts";
import { closeCodeOf, closeFrame } from "./websocket_connection.ts";
import { dialWebSocket, listenWss, targetUpon } from "./websocket_dials.ts";

const skip = opensslMissing();

interface Refusal {
  readonly name: string;
  readonly reason: TlsErrorReason;
  server(made: Certificates): Certificate;
  settings(made: Certificates): Partial<TlsSettings>;
}

const refusals: readonly Refusal[] = [
  {
    name: "an authority that is not trusted",
    reason: "unknown-ca",
    server: ({ server }) => server,
    settings: ({ otherCa }) => ({ ca: [otherCa] }),
  },
  { name: "another host", reason: "host-mismatch", server: ({ otherHost }) => otherHost, settings: () => ({}) },
  { name: "an expired certificate", reason: "expired", server: ({ expired }) => expired, settings: () => ({}) },
  {
    name: "a certificate of tomorrow",
    reason: "not-yet-valid",
    server: ({ notYetValid }) => notYetValid,
    settings: () => ({}),
  },
];

for (const { name, reason, server, settings } of refusals) {
  test(`secure WebSocket on ${runtime}: ${name} is a TlsError, ${reason}`, async () => {
    const made = await makeCertificates();
    const tls = { ...plainTls, ca: [made.ca], ...settings(made) };
    await using listening = listenWebSocketOver(dialWebSocket, await listenTls(noDial, server(made), tls), tls);
    const owner = new Owner();
    const dialing = dialWebSocket(listening.target, owner, { signal: neverAborted });
    const error = await assertRejects(() => deadline(dialing, 5000), TlsError);
    assertEquals(error.reason, reason, error.message);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  }, { skip });
}

test(`secure WebSocket on ${runtime}: a port without TLS is a TlsError, and hears no request`, async () => {
  await using lower = await listenLoopback(noDial);
  const plain = targetUpon(lower);
  const heard: number[] = [];
  const serving = lower.accept().then(async (stream) => {
    heard.push(...await stream.read() ?? []);
    stream.end();
    await readAll(stream, () => {});
  });
  const target = { ...plain, url: plain.url.replace("ws:", "wss:"), tls: plainTls };
  const dialing = dialWebSocket(target, new Owner(), { signal: neverAborted });
  const error = await assertRejects(() => deadline(dialing, 5000), TlsError);
  assertEquals(error.reason, "closed-in-handshake");
  await serving;
  // The first byte of a TLS handshake record.
  assertEquals(heard[0], 0x16);
});

test(`secure WebSocket on ${runtime}: the name of the server may be another than that of the address`, async () => {
  const { ca, otherHost } = await makeCertificates();
  const tls = { ...plainTls, ca: [ca], serverName: "other.test" };
  await using listening = listenWebSocketOver(dialWebSocket, await listenTls(noDial, otherHost, tls), tls);
  const owner = new Owner();
  const accepting = listening.accept();
  const transport = await dialWebSocket(listening.target, owner, { signal: neverAborted });
  const { request } = await accepting;
  // The upgrade still asks for the host of the URL.
  assert(/\r\nhost: 127\.0\.0\.1:\d+\r\n/.test(request), request);
  transport.destroy();
  await owner.closed;
}, { skip });

for (const withClient of [false, true]) {
  const name = `secure WebSocket${withClient ? " with a client certificate" : ""} on ${runtime}`;

  test(`${name}: the answer to a Close frame reaches the server`, async () => {
    const { client } = await makeCertificates();
    await using server = await listenWss(withClient ? { client } : {});
    const owner = new Owner();
    const accepting = server.accept();
    await server.dial(server.target, owner, { signal: neverAborted });
    const peer = await accepting;
    await peer.stream.write(closeFrame(1000));
    assertEquals(await owner.closed, undefined);
    assertEquals(await closeCodeOf(peer), 1000);
  }, { skip });
}
