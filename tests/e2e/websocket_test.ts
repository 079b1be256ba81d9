// Messages through a real server that speaks WebSocket, in the clear and with TLS.

import { assertEquals, assertGreater, assertInstanceOf } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { ConnectionLostError, type MqttOptions, type QoS, TlsError } from "../../mod.ts";
import { startWebSocketGate } from "../support/bun_program.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { findFreePort, type Mosquitto, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";
import { describeDelivery, isAsPromised, type StormReport, usualStorm, weatherStorm } from "./storm.ts";

const levels: readonly QoS[] = [0, 1, 2];
const kinds = [
  { scheme: "ws", skip: mosquittoMissing() },
  { scheme: "wss", skip: mosquittoMissing() ?? opensslMissing() },
] as const;

interface WebSocketServer extends AsyncDisposable {
  readonly server: Mosquitto;
  /** Where it speaks WebSocket. */
  readonly port: number;
  /** What a client needs to reach it, directly or by another port. */
  network(port?: number): MqttOptions;
  connect(options: MqttOptions, port?: number): Promise<PolledClient>;
}

/** Starts mosquitto with a listener for WebSocket besides the plain one. */
async function startServer(
  scheme: "ws" | "wss",
  listenerConfig: readonly string[] = [],
  config: (folder: string) => readonly string[] = () => [],
): Promise<WebSocketServer> {
  const folder = await makeTemporaryFolder();
  const port = await findFreePort();
  const made = scheme === "wss" ? await makeCertificates() : undefined;
  const listener = [`listener ${port} 127.0.0.1`, "protocol websockets", ...listenerConfig];
  if (made !== undefined) {
    await writeFile(folder.file("ca.pem"), made.ca);
    await writeFile(folder.file("server.pem"), made.server.cert);
    await writeFile(folder.file("server.key"), made.server.key);
    const files = [["certfile", "server.pem"], ["keyfile", "server.key"], ["cafile", "ca.pem"]] as const;
    listener.push(...files.map(([option, file]) => `${option} ${folder.file(file)}`));
  }
  // Started by root, mosquitto else becomes a user that may not read here.
  const server = await startMosquitto({ config: ["user root", ...config(folder.file("")), ...listener] });
  const network = (through: number = port): MqttOptions => ({
    broker: `${scheme}://127.0.0.1:${through}/mqtt`,
    ...(made !== undefined && { tls: { ca: made.ca } }),
  });
  return {
    server,
    port,
    network,
    connect: (options, through) => PolledClient.connect(0, { ...network(through), ...options }),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Messages of every QoS, small ones and some that are not, there and back. */
async function exchange(client: PolledClient, largeBytes: number): Promise<void> {
  const large = "x".repeat(largeBytes);
  for (const qos of levels) {
    await client.subscribe(`level/${qos}`, qos);
    const sent: string[] = [];
    for (let index = 0; index < 100; index++) {
      sent.push(index % 40 === 20 ? `${index} ${large}` : `message ${index} at ${qos}`);
      await client.client.publish(`level/${qos}`, sent.at(-1)!, { qos });
    }
    await client.received(100 * (qos + 1));
    assertEquals(client.messages.slice(100 * qos).map(textOf), sent);
    assertEquals(new Set(client.messages.slice(100 * qos).map((message) => message.qos)), new Set([qos]));
  }
  assertEquals(client.losses, []);
  await client.disconnect();
}

for (const { scheme, skip } of kinds) {
  test(`mosquitto over ${scheme}: messages of every QoS come back once, in order`, async () => {
    await using server = await startServer(scheme);
    await using client = await server.connect({ clientId: "echo" });
    await exchange(client, 20_000);
  }, { skip });

  // The other way, this version of mosquitto hands on a few kilobytes of a large message each tenth of a second.
  test(`mosquitto over ${scheme}: large messages of every QoS arrive as they were sent`, async () => {
    await using server = await startServer(scheme);
    await using publisher = await server.connect({ clientId: "publisher" });
    await using subscriber = await PolledClient.connect(server.server.port, { clientId: "subscriber" });
    await subscriber.subscribe("large/+", 2);
    const payload = Uint8Array.from({ length: 1_000_003 }, (_, index) => (index * 31) % 253);
    for (const qos of levels) await publisher.publish(`large/${qos}`, payload, qos);
    for (const message of await subscriber.received(3)) assertEquals(message.payload, payload);
    await publisher.disconnect();
    await subscriber.disconnect();
  }, { skip });

  test(`mosquitto over ${scheme}: a retained message waits for who subscribes later`, async () => {
    await using server = await startServer(scheme);
    await using publisher = await server.connect({ clientId: "publisher" });
    await publisher.publish("kept", "still here", 1, true);
    await publisher.disconnect();
    await using late = await server.connect({ clientId: "late" });
    await late.subscribe("kept", 1);
    assertEquals((await late.received(1)).map((message) => [textOf(message), message.retain]), [["still here", true]]);
    await late.disconnect();
  }, { skip });

  test(`mosquitto over ${scheme}: a will speaks for who went without DISCONNECT, and for nobody else`, async () => {
    await using server = await startServer(scheme);
    await using watcher = await PolledClient.connect(server.server.port, { clientId: "watcher" });
    await watcher.subscribe("wills/#", 1);
    for (const ending of ["in order", "closed", "cut"] as const) {
      await using proxy = await FaultProxy.start(server.port);
      const will = { topicName: `wills/${ending}`, payload: ending, qos: 1 } as const;
      await using mortal = await server.connect({ clientId: ending, will, reconnect: false }, proxy.port);
      if (ending === "in order") await mortal.disconnect();
      else if (ending === "closed") mortal.eventLoop.close();
      else proxy.cut("reset");
      await mortal.finished.catch(() => {});
    }
    await watcher.received(2);
    await watcher.publish("wills/marker", "marker");
    await watcher.until(() => watcher.messages.some((message) => textOf(message) === "marker"), "sent the marker");
    assertEquals(watcher.messages.map(textOf).filter((text) => text !== "marker").sort(), ["closed", "cut"]);
    await watcher.disconnect();
  }, { skip });

  test(`mosquitto over ${scheme}: a session goes on when the server comes back`, async () => {
    await using server = await startServer(scheme, [], (folder) => [
      "persistence true",
      `persistence_location ${folder}/`,
    ]);
    await using client = await server.connect({
      clientId: "sleeper",
      cleanSession: false,
      reconnect: { minDelayMillis: 20, maxDelayMillis: 50 },
    });
    await client.subscribe("kept", 2);
    await server.server.restart();
    await client.until(() => client.sessions.length === 2, "accepted again");
    assertEquals(client.sessions, [false, true]);
    await client.publish("kept", "still here", 2);
    assertEquals((await client.received(1)).map(textOf), ["still here"]);
    await client.disconnect();
  }, { skip });

  test(`mosquitto over ${scheme}: what a cut connection has left open is sent again`, async () => {
    await using server = await startServer(scheme);
    await using proxy = await FaultProxy.start(server.port);
    const options: MqttOptions = { cleanSession: false, reconnect: { minDelayMillis: 1, maxDelayMillis: 20 } };
    await using client = await server.connect({ clientId: "persistent", ...options }, proxy.port);
    await client.subscribe("work", 1);
    const count = 300;
    const notices = [];
    for (let index = 0; index < count; index++) {
      if (index % 60 === 30) proxy.cut(index % 120 === 30 ? "reset" : "fin");
      notices.push(await client.client.publishTracked("work", `${index}`.padEnd(2000), { qos: 1 }));
    }
    for (const notice of notices) assertEquals((await notice.wait()).type, "qos1-acknowledged");
    const seen = (): Set<number> => new Set(client.messages.map(textOf).map(Number));
    await client.until(() => seen().size === count, "sent all of them");
    assertGreater(client.losses.length, 1);
    assertEquals(client.sessions.slice(1).every((isPresent) => isPresent), true);
    await client.disconnect();
  }, { skip });
}

test("mosquitto over ws: cut connections lose, reorder and double nothing at QoS 1 and 2", async () => {
  await using server = await startServer("ws", [], () => ["log_type none", "log_type information"]);
  const report = await weatherStorm({
    serverPort: server.port,
    scheme: "ws",
    levels: [1, 2],
    fromLeft: 1000,
    fromRight: 1000,
    payloadBytes: 40,
    seed: 1,
    cut: "both",
    // This server takes tenths of a second to upgrade.
    storm: { mostBytes: 100_000, leastMillis: 150, mostMillis: 600 },
  });
  checkStorm(report, 5);
}, { skip: mosquittoMissing(), timeoutMillis: 60_000 });

test("mosquitto over ws: frames that come byte by byte, and late, make the same messages", async () => {
  await using server = await startServer("ws");
  await using proxy = await FaultProxy.start(server.port, { fragmentBytes: 1, delayMillis: 2 });
  await using client = await server.connect({ clientId: "crumbs" }, proxy.port);
  await client.subscribe("crumbs", 2);
  for (let index = 0; index < 20; index++) await client.client.publish("crumbs", `${index} of bread`, { qos: 2 });
  assertEquals((await client.received(20)).map(textOf), Array.from({ length: 20 }, (_, index) => `${index} of bread`));
  assertEquals(client.losses, []);
  await client.disconnect();
}, { skip: mosquittoMissing() });

/** Starts mosquitto behind the WebSocket server of Bun, which puts chunks of the stream into its frames, and not packets. */
async function startBehindGate(config: readonly string[]): Promise<AsyncDisposable & { readonly port: number }> {
  const server = await startMosquitto({ config });
  const gate = await startWebSocketGate(server.port);
  return {
    port: gate.port,
    [Symbol.asyncDispose]: async () => {
      await gate[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("Bun's server over ws: messages of every QoS come back once, in order, large ones too", async () => {
  await using server = await startBehindGate([]);
  await using client = await PolledClient.connect(0, { clientId: "echo", broker: `ws://127.0.0.1:${server.port}` });
  await exchange(client, 1_000_000);
}, { skip: mosquittoMissing() });

for (const seed of [1, 2]) {
  test(
    `Bun's server over ws: cut connections lose, reorder and double nothing at QoS 1 and 2, seed ${seed}`,
    async () => {
      await using server = await startBehindGate(["log_type none", "log_type information"]);
      const report = await weatherStorm({
        serverPort: server.port,
        scheme: "ws",
        levels: [1, 2],
        fromLeft: 2000,
        fromRight: 2000,
        payloadBytes: 40,
        seed,
        cut: "both",
        storm: usualStorm,
      });
      checkStorm(report, 10);
    },
    { skip: mosquittoMissing() },
  );
}

function checkStorm({ deliveries, cuts }: StormReport, leastCuts: number): void {
  assertEquals(deliveries.filter((delivery) => !isAsPromised(delivery)).map(describeDelivery), []);
  assertGreater(cuts, leastCuts);
}

/** What ends the first attempt of a client. */
async function refusal(options: MqttOptions): Promise<Error> {
  await using client = new PolledClient(0, { clientId: "refused", reconnect: false, ...options });
  return await client.finished.then(() => {
    throw new Error("The server has accepted it");
  }, (error) => error);
}

test("mosquitto over wss: a client certificate is asked for, and may be the user name", async () => {
  const { client, strangeClient } = await makeCertificates();
  await using server = await startServer("wss", ["require_certificate true", "use_identity_as_username true"]);
  const { broker, tls } = server.network();
  await using known = await server.connect({ clientId: "known", tls: { ...tls, ...client } });
  await known.disconnect();
  assertEquals(known.losses, []);
  const withoutCertificate = await refusal({ broker: broker!, tls: { ...tls } });
  assertInstanceOf(withoutCertificate, TlsError, withoutCertificate.message);
  assertEquals(withoutCertificate.reason, "client-certificate-required", withoutCertificate.message);
  const withStrange = await refusal({ broker: broker!, tls: { ...tls, ...strangeClient } });
  assertInstanceOf(withStrange, TlsError, withStrange.message);
  assertEquals(withStrange.reason, "client-certificate-refused", withStrange.message);
}, { skip: kinds[1].skip });

test("mosquitto over wss: an authority that is not trusted ends the attempt with a TlsError", async () => {
  const { otherCa } = await makeCertificates();
  await using server = await startServer("wss");
  const error = await refusal({ ...server.network(), tls: { ca: otherCa } });
  assertInstanceOf(error, TlsError);
  assertEquals(error.reason, "unknown-ca");
}, { skip: kinds[1].skip });

test("mosquitto over ws: a port that speaks plain MQTT upgrades nothing", async () => {
  await using server = await startMosquitto();
  const error = await refusal({ broker: `ws://127.0.0.1:${server.port}/mqtt` });
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.reason, "dial-failed");
}, { skip: mosquittoMissing() });
