// Messages through proxies to a real server: in the clear, with TLS and client certificates, by WebSocket; and what the client is told
// of a proxy that does not help.

import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import net from "node:net";
import { type ConnectionError, ConnectionLostError, type MqttOptions, ProxyError, TlsError } from "../../mod.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { type ProxyPlace, type ProxyProtocol, startProxyPlace } from "../transport/proxy_place.ts";
import { exchange } from "./exchange.ts";
import { startTlsServer } from "./tls_server.ts";

const noMosquitto = mosquittoMissing();
const noServer = noMosquitto ?? opensslMissing();
const protocols: readonly ProxyProtocol[] = ["http", "https", "socks5"];
const user = { username: "ann", password: "p@ss:wörd" };

/** The option that leads through a proxy. */
function through({ settings }: ProxyPlace): MqttOptions["proxy"] {
  const { protocol, hostname, port, username, password, tls } = settings;
  const userInfo = username === undefined ? "" : `${encodeURIComponent(username)}:${encodeURIComponent(password!)}@`;
  const url = `${protocol}://${userInfo}${hostname}:${port}`;
  return protocol === "https" ? { url, tls: { ca: [...tls.ca] } } : url;
}

for (const protocol of protocols) {
  test(`${protocol} proxy: messages of every QoS come back once, in order`, async () => {
    await using server = await startMosquitto();
    await using place = await startProxyPlace(protocol, { user, hosts: { "broker.test": server.port } });
    await using client = await PolledClient.connect(0, {
      clientId: "proxied",
      broker: "mqtt://broker.test:1883",
      proxy: through(place),
    });
    await exchange(client);
    assertEquals(place.proxy.requests, ["broker.test:1883"]);
  }, { skip: protocol === "https" ? noServer : noMosquitto });

  for (const withClient of [false, true]) {
    test(`${protocol} proxy: so do they with TLS${withClient ? " and a client certificate" : ""}`, async () => {
      await using server = await startTlsServer(withClient ? ["require_certificate true"] : []);
      await using place = await startProxyPlace(protocol);
      const proxy = through(place);
      await using client = await server.connect(withClient ? server.made.client : {}, { proxy });
      await exchange(client);
      assertEquals(place.proxy.requests, [server.broker.slice("mqtts://".length)]);
    }, { skip: noServer });
  }

  test(`${protocol} proxy: so do they by WebSocket`, async () => {
    const port = await findFreePort();
    await using _server = await startMosquitto({ config: [`listener ${port} 127.0.0.1`, "protocol websockets"] });
    await using place = await startProxyPlace(protocol);
    const broker = `ws://127.0.0.1:${port}/mqtt`;
    await using client = await PolledClient.connect(0, { clientId: "proxied", broker, proxy: through(place) });
    // mosquitto loses its way in larger messages over WebSocket.
    await exchange(client, 20_000);
    assertEquals(place.proxy.requests, [`127.0.0.1:${port}`]);
  }, { skip: protocol === "https" ? noServer : noMosquitto });

  test(`${protocol} proxy: a session goes on through it when it comes back`, async () => {
    await using server = await startMosquitto();
    await using place = await startProxyPlace(protocol);
    await using client = await PolledClient.connect(0, {
      clientId: "persistent",
      broker: `mqtt://127.0.0.1:${server.port}`,
      proxy: through(place),
      cleanSession: false,
      reconnect: { minDelayMillis: 1, maxDelayMillis: 20 },
    });
    await client.subscribe("kept", 1);
    place.proxy.cut();
    await client.until(() => client.sessions.length === 2, "accepted again");
    await client.publish("kept", "still here");
    await client.received(1);
    assertEquals(client.sessions, [false, true]);
    await client.disconnect();
  }, { skip: protocol === "https" ? noServer : noMosquitto });
}

/** What ends the first attempt of a client. */
async function lossOf(options: MqttOptions): Promise<ConnectionError> {
  await using client = new PolledClient(0, { clientId: "proxied", reconnect: false, ...options });
  return await client.finished.then(() => {
    throw new Error("It was not refused");
  }, (error) => error);
}

test("proxy: one that refuses is a lost connection, with the ProxyError as its cause", async () => {
  await using place = await startProxyPlace("http", { user });
  const loss = await lossOf({ broker: "mqtt://broker.test", proxy: `http://127.0.0.1:${place.settings.port}` });
  assertInstanceOf(loss, ConnectionLostError);
  assertEquals(loss.reason, "dial-failed");
  assertInstanceOf(loss.cause, ProxyError);
  assertEquals(loss.cause.reason, "authentication");
  const reason = "it asks for credentials (407 Proxy Authentication Required)";
  assertEquals(
    loss.message,
    `Cannot connect to mqtt://broker.test:1883: Cannot go through the proxy http://127.0.0.1:${place.settings.port}: ${reason}`,
  );
});

test("proxy: a server behind it whose certificate does not hold is a TlsError, as without it", async () => {
  await using server = await startTlsServer([]);
  await using place = await startProxyPlace("socks5");
  const { otherCa } = await makeCertificates();
  const loss = await lossOf({ broker: server.broker, tls: { ca: otherCa }, proxy: through(place) });
  assertInstanceOf(loss, TlsError, loss.message);
  assertEquals(loss.reason, "unknown-ca");
}, { skip: noServer });

test("proxy: a server behind it that demands a client certificate says so", async () => {
  await using server = await startTlsServer(["require_certificate true"]);
  await using place = await startProxyPlace("http");
  const loss = await lossOf({ broker: server.broker, tls: { ca: server.made.ca }, proxy: through(place) });
  assertInstanceOf(loss, TlsError, loss.message);
  assertEquals(loss.reason, "client-certificate-required");
}, { skip: noServer });

test("proxy: one that does not answer runs into the connect timeout", async () => {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => open.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  for (const protocol of ["http", "socks5"]) {
    const proxy = `${protocol}://127.0.0.1:${port}`;
    const loss = await lossOf({ broker: "mqtts://broker.test", proxy, connectTimeoutMillis: 100 });
    assertInstanceOf(loss, ConnectionLostError);
    assertEquals(loss.reason, "connect-timeout");
    assertMatch(loss.message, /broker\.test:8883/);
  }
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
