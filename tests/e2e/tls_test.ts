// Messages through a real server that speaks TLS, without and with client certificates.

import { assertEquals, assertInstanceOf } from "@std/assert";
import net from "node:net";
import { ConnectionLostError, TlsError } from "../../mod.ts";
import { opensslMissing } from "../support/certificates.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { exchange } from "./exchange.ts";
import { startTlsServer } from "./tls_server.ts";

const skip = mosquittoMissing() ?? opensslMissing();

test("TLS: messages of every QoS come back once, in order", async () => {
  await using server = await startTlsServer([]);
  await using client = await server.connect();
  await exchange(client);
}, { skip });

test("mutual TLS: messages of every QoS come back once, in order", async () => {
  await using server = await startTlsServer(["require_certificate true"]);
  await using client = await server.connect(server.made.client);
  await exchange(client);
}, { skip });

test("mutual TLS: the certificate may be the user name", async () => {
  await using server = await startTlsServer(["require_certificate true", "use_identity_as_username true"]);
  await using client = await server.connect(server.made.client);
  await client.disconnect();
  assertEquals(client.losses, []);
}, { skip });

test("mutual TLS: a client without a certificate gets no connection, although the handshake passes", async () => {
  await using server = await startTlsServer(["require_certificate true"]);
  const error = await server.refusal({});
  assertInstanceOf(error, TlsError, error.message);
  assertEquals(error.reason, "client-certificate-required", error.message);
}, { skip });

test("mutual TLS: a client certificate that nobody has signed gets no connection", async () => {
  await using server = await startTlsServer(["require_certificate true"]);
  const error = await server.refusal(server.made.strangeClient);
  assertInstanceOf(error, TlsError, error.message);
  assertEquals(error.reason, "client-certificate-refused", error.message);
}, { skip });

test("TLS: an authority that is not trusted ends the attempt with a TlsError", async () => {
  await using server = await startTlsServer([]);
  const error = await server.refusal({ ca: server.made.otherCa });
  assertInstanceOf(error, TlsError);
  assertEquals(error.reason, "unknown-ca");
}, { skip });

test("TLS: spoken to a plain MQTT port, it is a TlsError", async () => {
  await using server = await startMosquitto();
  const client = new PolledClient(0, {
    clientId: "secure",
    broker: `mqtts://127.0.0.1:${server.port}`,
    reconnect: false,
  });
  const error = await client.finished.then(() => undefined, (reason) => reason);
  assertInstanceOf(error, TlsError);
  assertEquals(error.reason, "closed-in-handshake");
}, { skip });

test("TLS: a server that never answers the handshake runs into the connect timeout", async () => {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => open.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = new PolledClient(0, {
    clientId: "secure",
    broker: `mqtts://127.0.0.1:${port}`,
    connectTimeoutMillis: 100,
    reconnect: false,
  });
  const error = await client.finished.then(() => undefined, (reason) => reason);
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.reason, "connect-timeout");
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
