// MQTT.js as the other side: what one client publishes the other receives, byte by byte, whoever of them it is.

import { assertEquals } from "@std/assert";
import mqtt, { type IPublishPacket, type MqttClient } from "mqtt";
import type { QoS } from "../../mod.ts";
import { PolledClient } from "../support/polled_client.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { test } from "../support/test.ts";
import { servers } from "./servers.ts";

/** What both sides must agree on. */
interface Seen {
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
}

/** Payloads of many sizes, those around a step of the Remaining Length among them. */
function payloads(seed: number): Uint8Array[] {
  const random = new SeededRandom(seed);
  const sizes = [0, 1, 2, 100, 121, 122, 123, 1_000, 16_370, 16_371, 16_372, 16_373, 16_384, 50_000];
  for (let count = 0; count < 50; count++) sizes.push(random.integer(0, 3_000));
  return sizes.map((size) => Uint8Array.from({ length: size }, () => random.integer(0, 255)));
}

async function connectMqttJs(
  port: number,
): Promise<{ client: MqttClient; seen: Seen[]; received: (n: number) => Promise<void> }> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: "mqttjs", reconnectPeriod: 0 });
  const seen: Seen[] = [];
  let look = (): void => {};
  client.on("message", (topicName: string, payload: Uint8Array, { qos, retain }: IPublishPacket) => {
    // A view, as Petrel gives it: the other client has a class of its own for bytes.
    seen.push({ topicName, payload: new Uint8Array(payload), qos, retain });
    look();
  });
  const received = (count: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => seen.length >= count && resolve();
      look();
    });
  return { client, seen, received };
}

for (const { name, start, skip } of servers) {
  for (const qos of [0, 1, 2] as const) {
    test(`${name}: MQTT.js receives at QoS ${qos} what Petrel publishes`, async () => {
      await using server = await start();
      const other = await connectMqttJs(server.port);
      try {
        await other.client.subscribeAsync("petrel/#", { qos: 2 });
        await using petrel = await PolledClient.connect(server.port, { clientId: "petrel" });
        const sent = payloads(1).map((payload, index) => ({
          topicName: `petrel/${index}/ż`,
          payload,
          qos,
          retain: false,
        }));
        for (const { topicName, payload } of sent) await petrel.client.publish(topicName, payload, { qos });
        await petrel.disconnect();
        await other.received(sent.length);
        assertEquals(other.seen, sent);
      } finally {
        await other.client.endAsync();
      }
    }, { skip });

    test(`${name}: Petrel receives at QoS ${qos} what MQTT.js publishes`, async () => {
      await using server = await start();
      const other = await connectMqttJs(server.port);
      try {
        await using petrel = await PolledClient.connect(server.port, { clientId: "petrel" });
        await petrel.subscribe("mqttjs/#", 2);
        const sent = payloads(2).map((payload, index) => ({
          topicName: `mqttjs/${index}/ż`,
          payload,
          qos,
          retain: false,
        }));
        for (const { topicName, payload } of sent) {
          other.client.publish(topicName, payload as Parameters<MqttClient["publish"]>[1], { qos });
        }
        await petrel.received(sent.length);
        assertEquals(
          petrel.messages.map(({ topicName, payload, qos, retain }) => ({
            topicName,
            payload: payload.slice(),
            qos,
            retain,
          })),
          sent,
        );
        await petrel.disconnect();
      } finally {
        await other.client.endAsync();
      }
    }, { skip });
  }

  test(`${name}: Petrel and MQTT.js leave each other retained messages and wills`, async () => {
    await using server = await start();
    const other = await connectMqttJs(server.port);
    try {
      await using petrel = await PolledClient.connect(server.port, {
        clientId: "petrel",
        will: { topicName: "left/will", payload: "petrel is gone", qos: 1 },
      });
      await petrel.publish("left/by/petrel", "kept", 1, true);
      await other.client.publishAsync("left/by/mqttjs", "kept too", { qos: 1, retain: true });
      await petrel.subscribe("left/by/mqttjs", 1);
      const [kept] = await petrel.received(1);
      assertEquals([new TextDecoder().decode(kept!.payload), kept!.retain], ["kept too", true]);
      await other.client.subscribeAsync(["left/by/petrel", "left/will"], { qos: 1 });
      await other.received(1);
      petrel.eventLoop.close();
      await other.received(2);
      const texts = other.seen.map((
        { topicName, payload, retain },
      ) => [topicName, new TextDecoder().decode(payload), retain]);
      assertEquals(texts, [["left/by/petrel", "kept", true], ["left/will", "petrel is gone", false]]);
    } finally {
      await other.client.endAsync();
    }
  }, { skip });
}
