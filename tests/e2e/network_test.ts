// A network that does not cut but misbehaves otherwise: a peer that falls silent, bytes that come one by one or late, a server that
// turns clients away, and a peer that takes nothing more.

import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { delay } from "@std/async";
import { ConnectionLostError, type MqttOptions, type QoS } from "../../mod.ts";
import { type Direction, FaultProxy } from "../support/fault_proxy.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { servers } from "./servers.ts";

/** Besides the time the protocol gives, what timers and a busy machine may add. */
const SLACK_MILLIS = 300;

const prompt: MqttOptions = { reconnect: { minDelayMillis: 1, maxDelayMillis: 20 } };

/** Waits for a loss. @returns How long it took, in milliseconds. */
async function lossAfter(client: PolledClient): Promise<number> {
  const start = performance.now();
  await client.until(() => client.losses.length > 0, "given up");
  const [loss] = client.losses;
  assertEquals(loss instanceof ConnectionLostError && loss.reason, "keep-alive-timeout");
  return performance.now() - start;
}

/** What a client does while its peer is silent. @returns What ends it. */
type Work = (client: PolledClient) => () => void;

const nothing: Work = () => () => {};

/** The dead peer is found in time, and what was published meanwhile arrives after the reconnect. */
async function surviveSilence(
  serverPort: number,
  direction: Direction,
  work: Work,
): Promise<void> {
  await using proxy = await FaultProxy.start(serverPort);
  await using client = await PolledClient.connect(proxy.port, {
    ...prompt,
    clientId: "deaf",
    keepAlive: 1,
    cleanSession: false,
  });
  await client.subscribe("silence", 1);
  proxy.freeze(direction);
  const notice = await client.client.publishTracked("silence", "into the void", { qos: 1 });
  const stopWork = work(client);
  const millis = await lossAfter(client).finally(stopWork);
  assertLessOrEqual(millis, 1_500 + SLACK_MILLIS, `a dead peer was found after ${millis} ms`);
  // Not before a PINGREQ has gone unanswered.
  assertGreater(millis, 1_000);
  proxy.thaw(direction);
  await notice.waitCompletion();
  await client.until(() => client.messages.some((message) => textOf(message) === "into the void"), "sent its message");
  assertEquals(client.sessions, [false, true]);
  await client.disconnect();
}

for (const direction of ["incoming", "outgoing"] as const) {
  test(
    `mosquitto: a peer whose ${direction} direction is frozen is given up within one and a half Keep Alive`,
    async () => {
      await using server = await startMosquitto();
      await surviveSilence(server.port, direction, nothing);
    },
    { skip: mosquittoMissing() },
  );
}

test("mosquitto: steady writes do not keep a dead peer alive", async () => {
  await using server = await startMosquitto();
  await surviveSilence(server.port, "incoming", ({ client }) => {
    const timer = setInterval(() => client.tryPublish("steady", "write", { qos: 0 }), 20);
    return () => clearInterval(timer);
  });
}, { skip: mosquittoMissing() });

test("mosquitto: a write that is stuck does not keep a dead peer alive", async () => {
  await using server = await startMosquitto();
  const bulk = new Uint8Array(200_000);
  await surviveSilence(server.port, "outgoing", ({ client }) => {
    for (let count = 0; count < 80; count++) client.tryPublish("bulk", bulk, { qos: 0 });
    return () => {};
  });
}, { skip: mosquittoMissing() });

test("mosquitto: a peer that is silent for less than that is kept", async () => {
  await using server = await startMosquitto();
  await using proxy = await FaultProxy.start(server.port);
  await using client = await PolledClient.connect(proxy.port, { clientId: "patient", keepAlive: 1 });
  await client.subscribe("pause", 1);
  for (const direction of ["incoming", "outgoing"] as const) {
    proxy.freeze(direction);
    await client.client.publish("pause", direction, { qos: 1 });
    await delay(900);
    proxy.thaw(direction);
    // Both sides hear of each other before the next silence: the server has a limit of its own.
    await client.publish("breath", "", 1);
  }
  assertEquals((await client.received(2)).map(textOf), ["incoming", "outgoing"]);
  assertEquals(client.losses, []);
  await client.disconnect();
}, { skip: mosquittoMissing() });

for (const { name, start, skip } of servers) {
  test(`${name}: bytes that come one by one, and late, make the same messages`, async () => {
    await using server = await start();
    await using proxy = await FaultProxy.start(server.port, { fragmentBytes: 1, delayMillis: 5 });
    await using client = await PolledClient.connect(proxy.port, { clientId: "crumbs" });
    await client.subscribe("crumbs/#", 2);
    const sent: string[] = [];
    for (let index = 0; index < 30; index++) {
      const qos = index % 3 as QoS;
      sent.push(`crumbs/${qos} ${index} of bread`);
      await client.client.publish(`crumbs/${qos}`, `${index} of bread`, { qos });
    }
    const received = (await client.received(30)).map((message) => `${message.topicName} ${textOf(message)}`);
    assertEquals(received.sort(), sent.sort());
    await client.disconnect();
    assertEquals(client.losses, []);
    const { incomingBytes, outgoingBytes } = client.eventLoop.diagnostics().counters;
    assertGreater(Math.min(incomingBytes, outgoingBytes), 800);
  }, { skip });

  test(`${name}: a server that turns clients away for a while is tried until it does not`, async () => {
    await using server = await start();
    await using proxy = await FaultProxy.start(server.port);
    await using client = await PolledClient.connect(proxy.port, {
      ...prompt,
      clientId: "persistent",
      cleanSession: false,
    });
    await client.subscribe("work", 2);
    for (const refusal of ["closed", "reset"] as const) {
      await proxy.refuse(refusal);
      proxy.cut("reset");
      const losses = client.losses.length;
      for (let index = 0; index < 20; index++) await client.client.publish("work", `${refusal} ${index}`, { qos: 2 });
      await client.until(() => client.losses.length >= losses + 5, "turned away five times");
      await proxy.welcome();
      await client.received(refusal === "closed" ? 20 : 40);
    }
    const expected = ["closed", "reset"].flatMap((refusal) => Array.from({ length: 20 }, (_, i) => `${refusal} ${i}`));
    assertEquals(client.messages.map(textOf), expected);
    const reasons = client.losses.map((loss) => loss instanceof ConnectionLostError ? loss.reason : loss.name);
    assert(reasons.includes("dial-failed"), `lost by ${reasons}`);
    await client.disconnect();
  }, { skip });

  test(`${name}: a server that accepts and says nothing is given up after the time limit`, async () => {
    await using server = await start();
    await using proxy = await FaultProxy.start(server.port);
    proxy.freeze("incoming");
    await using client = new PolledClient(proxy.port, { ...prompt, clientId: "waiting", connectTimeoutMillis: 150 });
    await client.until(() => client.losses.length === 2, "given up twice");
    const reasons = client.losses.map((loss) => loss instanceof ConnectionLostError ? loss.reason : loss.name);
    assertEquals(reasons, ["connect-timeout", "connect-timeout"]);
    proxy.thaw("incoming");
    await client.until(() => client.sessions.length === 1, "accepted");
    await client.disconnect();
  }, { skip });
}

test("mosquitto: a peer that takes nothing more makes publish wait, and loses nothing", async () => {
  await using server = await startMosquitto();
  await using proxy = await FaultProxy.start(server.port);
  await using client = await PolledClient.connect(proxy.port, { clientId: "held", outgoingEvents: false });
  proxy.freeze("outgoing");
  const payload = new Uint8Array(10_000);
  const total = 3_000;
  let admitted = 0;
  const publishing = (async () => {
    for (; admitted < total; admitted++) await client.client.publish("held", payload, { qos: 0 });
  })();
  let before = -1;
  while (admitted > before) {
    before = admitted;
    await delay(100);
  }
  // What the kernel holds for a connection is a few megabytes; the rest waits.
  assertLess(admitted, total);
  const { requests, counters } = client.eventLoop.diagnostics();
  assertGreaterOrEqual(requests.publishes, 100);
  assertLess(counters.outgoingBytes, total * payload.length);
  proxy.thaw("outgoing");
  await publishing;
  await client.disconnect();
  assertEquals(client.eventLoop.diagnostics().counters.outgoingPackets, total + 2);
  assertEquals(client.losses, []);
}, { skip: mosquittoMissing() });

test("mosquitto: a subscriber that does not poll holds the server back, and misses nothing", async () => {
  await using server = await startMosquitto();
  await using publisher = await PolledClient.connect(server.port, { clientId: "eager", outgoingEvents: false });
  await using lazy = await PolledClient.connect(server.port, { clientId: "lazy" });
  await lazy.subscribe("flood", 0);
  const resume = lazy.pause();
  const payload = new Uint8Array(10_000);
  const total = 1_000;
  for (let index = 0; index < total; index++) await publisher.client.publish("flood", payload, { qos: 1 });
  await publisher.disconnect();
  await delay(50);
  // A pause is asked for at 256 KiB, and two more reads may be under way.
  assertLess(lazy.eventLoop.diagnostics().counters.incomingBytes, 1 << 20);
  resume();
  await lazy.received(total);
  assertEquals(lazy.losses, []);
  await lazy.disconnect();
}, { skip: mosquittoMissing() });
