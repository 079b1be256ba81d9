// Strings on their way from the application to the server: as UTF-8, and what is none is refused at the call.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AsyncClient } from "../../src/client/mod.ts";
import type { MqttOptions } from "../../src/loop/mod.ts";
import { MemoryNetwork, settle } from "../../src/testing/mod.ts";
import { hex } from "../codec/hex.ts";
import { connectedScene, Scene } from "../loop/scene.ts";
import { test } from "../support/test.ts";

/** Texts and their UTF-8, by hand. */
const texts: readonly (readonly [string, Uint8Array])[] = [
  ["petrel", hex("70 65 74 72 65 6c")],
  ["é", hex("c3 a9")],
  ["\u{feff}ż", hex("ef bb bf c5 bc")],
  ["海燕", hex("e6 b5 b7 e7 87 95")],
  ["🐦", hex("f0 9f 90 a6")],
];

/** Where a CONNECT carries a text of the user's; each field comes after `skipped` bytes of the payload. */
const fields: readonly (readonly [name: string, option: (text: string) => MqttOptions, skipped: number])[] = [
  ["the Client Identifier [MQTT-3.1.3-4]", (text) => ({ clientId: text }), 0],
  ["the Will Topic [MQTT-3.1.3-10]", (text) => ({ clientId: "c", will: { topicName: text, payload: "" } }), 3],
  ["the User Name [MQTT-3.1.3-11]", (text) => ({ clientId: "c", username: text }), 3],
];

for (const [name, option, skipped] of fields) {
  test(`${name} leaves as UTF-8`, async () => {
    for (const [text, bytes] of texts) {
      const scene = new Scene(option(text));
      scene.run();
      await scene.accept();
      const start = 12 + skipped;
      const connect = scene.writes[0]!;
      assertEquals(connect.slice(start, start + 2 + bytes.length), Uint8Array.of(0, bytes.length, ...bytes), text);
      scene.eventLoop.close();
    }
  });

  test(`${name} is refused before anything is sent if it cannot be UTF-8, or has U+0000`, () => {
    const faults = [["a\ud800", "[MQTT-1.5.3-1]"], ["\udc00a", "[MQTT-1.5.3-1]"], ["a\0b", "[MQTT-1.5.3-2]"]] as const;
    for (const [text, rule] of faults) {
      const options = { broker: "mqtt://broker.test", transport: new MemoryNetwork().dial, ...option(text) };
      assertThrows(() => AsyncClient.create(options), TypeError, rule);
    }
  });
}

for (
  const [name, type, tailLength] of [
    ["Topic Filters of SUBSCRIBE [MQTT-3.8.3-1]", "subscribe", 1],
    ["Topic Filters of UNSUBSCRIBE [MQTT-3.10.3-1]", "unsubscribe", 0],
  ] as const
) {
  test(`${name} leave as UTF-8, and what cannot be UTF-8 is refused at the call`, async () => {
    const { scene } = await connectedScene();
    const ask = (text: string): Promise<void> => scene.client[type](text);
    for (const [text, bytes] of texts) {
      await ask(text);
      await settle();
      const packet = scene.writes.at(-1)!;
      assertEquals(packet.slice(4, packet.length - tailLength), Uint8Array.of(0, bytes.length, ...bytes), text);
    }
    const writes = scene.writes.length;
    for (const text of ["a\ud800", "\udc00/a"]) await assertRejects(() => ask(text), TypeError, "[MQTT-1.5.3-1]");
    await settle();
    assertEquals(scene.writes.length, writes);
    scene.eventLoop.close();
  });
}

test("no Topic Name and no Topic Filter with U+0000 leaves [MQTT-4.7.3-2]", async () => {
  const { client, eventLoop } = new Scene();
  for (const text of ["\0", "a\0b", "a/\0/+", "é\0"]) {
    await assertRejects(() => client.publish(text, ""), TypeError, "contains U+0000");
    assertThrows(() => client.tryPublish(text, ""), TypeError, "contains U+0000");
    await assertRejects(() => client.subscribe(text), TypeError, "contains U+0000");
    await assertRejects(() => client.subscribeMany([{ topicFilter: "a", qos: 0 }, { topicFilter: text, qos: 0 }]));
    await assertRejects(() => client.unsubscribe(text), TypeError, "contains U+0000");
  }
  assertEquals(eventLoop.diagnostics().requests, { publishes: 0, controls: 0 });
  eventLoop.close();
});
