// Petrel against real servers, over the transport protocol it supports on every runtime.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../mod.ts";
import { servers } from "../e2e/servers.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";

const levels: readonly QoS[] = [0, 1, 2];

for (const { name, start, skip } of servers) {
  test(`${name}, over TCP, serves Petrel in every kind of packet [MQTT-7.0.0-2] [MQTT-7.1.2-1]`, async () => {
    await using server = await start();
    await using client = await PolledClient.connect(server.port, { clientId: "interoperation" });
    await client.subscribe("t/#", 2);
    for (const qos of levels) await client.publish(`t/${qos}`, `at ${qos}`, qos);
    const messages = await client.received(levels.length);
    assertEquals(messages.map((message) => `${textOf(message)} ${message.qos}`).sort(), ["at 0 0", "at 1 1", "at 2 2"]);
    await (await client.client.unsubscribeTracked("t/#")).waitCompletion();
    await client.disconnect();
    assertEquals(client.losses, []);
  }, { skip });
}
