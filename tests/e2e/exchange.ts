// What passes over every kind of connection alike.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../mod.ts";
import { type PolledClient, textOf } from "../support/polled_client.ts";

const levels: readonly QoS[] = [0, 1, 2];

/** Messages of every QoS, small ones and a large one, there and back; then the client disconnects. It must not have lost the connection. */
export async function exchange(client: PolledClient, largeBytes = 1_000_000): Promise<void> {
  const large = "x".repeat(largeBytes);
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
