// Messages through a real server that speaks TLS, without and with client certificates.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { type ConnectionError, ConnectionLostError, type QoS, TlsError, type TlsOptions } from "../../mod.ts";
import { type Certificates, makeCertificates, opensslMissing } from "../support/certificates.ts";
import { findFreePort, type Mosquitto, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { makeTemporaryFolder, type TemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";

const skip = mosquittoMissing() ?? opensslMissing();
const levels: readonly QoS[] = [0, 1, 2];

interface TlsServer extends AsyncDisposable {
  readonly made: Certificates;
  readonly broker: string;
  /** A client that trusts the authority of the server. */
  connect(tls?: TlsOptions): Promise<PolledClient>;
  /** What ends the first attempt of a client. */
  refusal(tls: TlsOptions): Promise<ConnectionError>;
}

async function startTlsServer(config: readonly string[]): Promise<TlsServer> {
  const made = await makeCertificates();
  const folder: TemporaryFolder = await makeTemporaryFolder();
  await writeFile(folder.file("ca.pem"), made.ca);
  await writeFile(folder.file("server.pem"), made.server.cert);
  await writeFile(folder.file("server.key"), made.server.key);
  const port = await findFreePort();
  const listener = [
    `listener ${port} 127.0.0.1`,
    `certfile ${folder.file("server.pem")}`,
    `keyfile ${folder.file("server.key")}`,
  ];
  // Started by root, mosquitto else becomes a user that may not read here.
  const server: Mosquitto = await startMosquitto({
    config: ["user root", ...listener, `cafile ${folder.file("ca.pem")}`, ...config],
  });
  const broker = `mqtts://localhost:${port}`;
  return {
    made,
    broker,
    connect: (tls = {}) => PolledClient.connect(0, { clientId: "secure", broker, tls: { ca: made.ca, ...tls } }),
    refusal: async (tls) => {
      await using client = new PolledClient(0, {
        clientId: "secure",
        broker,
        tls: { ca: made.ca, ...tls },
        reconnect: false,
      });
      return await client.finished.then(() => {
        throw new Error("The server has accepted it");
      }, (error) => error);
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Messages of every QoS, small ones and a large one, there and back. */
async function exchange(client: PolledClient): Promise<void> {
  const large = "x".repeat(1_000_000);
  for (const qos of levels) {
    await client.subscribe(`level/${qos}`, qos);
    const sent: string[] = [];
    for (let index = 0; index < 50; index++) {
      sent.push(index === 25 ? large : `message ${index} at ${qos}`);
      await client.client.publish(`level/${qos}`, sent.at(-1)!, { qos });
    }
    await client.received(50 * (qos + 1));
    assertEquals(client.messages.slice(50 * qos).map(textOf), sent);
    assertEquals(new Set(client.messages.slice(50 * qos).map((message) => message.qos)), new Set([qos]));
  }
  assertEquals(client.losses, []);
  await client.disconnect();
}

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
