// The servers that other tests lean on, tried with a client that is not ours.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import process from "node:process";
import { startAedes, startAedesProcess } from "./aedes.ts";
import { mosquittoMissing, startMosquitto } from "./mosquitto.ts";
import { test } from "./test.ts";

async function connect(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  return await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
}

/** Sends messages of every QoS through a server, and waits for all of them. */
async function exchange(port: number, payloadBytes = 10): Promise<void> {
  const client = await connect(port);
  const received: string[] = [];
  const all = new Promise<void>((resolve) => {
    client.on("message", (topicName, payload) => {
      received.push(`${topicName} ${payload.length}`);
      if (received.length === 3) resolve();
    });
  });
  await client.subscribeAsync("petrel/+", { qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    await client.publishAsync(`petrel/${qos}`, "x".repeat(payloadBytes), { qos });
  }
  await deadline(all, 10_000);
  assertEquals(received.sort(), [0, 1, 2].map((qos) => `petrel/${qos} ${payloadBytes}`));
  await client.endAsync();
}

test("mosquitto serves, and is gone after stop", async () => {
  await using server = await startMosquitto();
  await exchange(server.port);
  assertStringIncludes(server.log(), "New client connected");
  await server.stop();
  await server.stop();
  await assertRejects(() => connect(server.port));
}, { skip: mosquittoMissing() });

test("mosquitto serves on the same port after restart, also after SIGKILL", async () => {
  await using server = await startMosquitto();
  await server.stop("SIGKILL");
  await server.restart();
  await exchange(server.port);
  await server.restart();
  await exchange(server.port);
}, { skip: mosquittoMissing() });

test("mosquitto refuses to start with a faulty configuration, and says why", async () => {
  await assertRejects(() => startMosquitto({ config: ["no_such_option 1"] }), Error, "no_such_option");
}, { skip: mosquittoMissing() });

test("mosquitto keeps more than 20 QoS 2 exchanges open", async () => {
  await using server = await startMosquitto();
  const client = await connect(server.port);
  let count = 0;
  const all = new Promise<void>((resolve) => client.on("message", () => ++count === 100 && resolve()));
  await client.subscribeAsync("many", { qos: 2 });
  await Promise.all(Array.from({ length: 100 }, () => client.publishAsync("many", "x", { qos: 2 })));
  await deadline(all, 10_000);
  await client.endAsync();
}, { skip: mosquittoMissing() });

test("a missing mosquitto is a reason to skip, or a failure where everything is required", () => {
  const { PETREL_REQUIRE_ALL } = process.env;
  try {
    delete process.env.PETREL_REQUIRE_ALL;
    assertEquals(mosquittoMissing([]), "mosquitto is not installed");
    process.env.PETREL_REQUIRE_ALL = "1";
    assertThrows(() => mosquittoMissing([]), Error, "Cannot leave a test out: mosquitto is not installed");
  } finally {
    if (PETREL_REQUIRE_ALL === undefined) delete process.env.PETREL_REQUIRE_ALL;
    else process.env.PETREL_REQUIRE_ALL = PETREL_REQUIRE_ALL;
  }
});

test("aedes serves in this process and leaves nothing open", async () => {
  await using server = await startAedes();
  await exchange(server.port);
  const client = await connect(server.port);
  const closed = new Promise<void>((resolve) => client.on("close", () => resolve()));
  assertEquals(server.broker.connectedClients, 1);
  await server.close();
  await closed;
  await assertRejects(() => connect(server.port));
});

test("aedes serves in a process of its own, large packets too", async () => {
  await using server = await startAedesProcess();
  await exchange(server.port);
  await exchange(server.port, 1_000_000);
  await server.stop();
  await assertRejects(() => connect(server.port));
});
