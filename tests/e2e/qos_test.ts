// Messages through real servers: every QoS both ways, and what may be in a message and in a Topic Name.

import { assertEquals } from "@std/assert";
import type { Publish, QoS } from "../../mod.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { servers } from "./servers.ts";

const levels: readonly QoS[] = [0, 1, 2];

/** What of a message does not depend on the way it came. */
function essence({ topicName, payload, qos, retain, dup }: Publish) {
  return { topicName, payload: [...payload], qos, retain, dup };
}

for (const { name, start, skip, largePayloadBytes } of servers) {
  test(`${name}: each QoS of a publish meets each QoS of a subscription, and the lower one holds`, async () => {
    await using server = await start();
    await using subscriber = await PolledClient.connect(server.port, { clientId: "subscriber" });
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    const expected: string[] = [];
    for (const granted of levels) {
      await subscriber.subscribe(`level/${granted}`, granted);
      for (const qos of levels) {
        await publisher.publish(`level/${granted}`, `sent at ${qos}`, qos);
        expected.push(`level/${granted} sent at ${qos} comes at ${Math.min(qos, granted)}`);
      }
    }
    const messages = await subscriber.received(expected.length);
    const seen = messages.map((message) => `${message.topicName} ${textOf(message)} comes at ${message.qos}`);
    // Order holds within a topic and a QoS; a QoS 2 message may come after a QoS 0 message that was published later.
    assertEquals(seen.sort(), expected.sort());
    await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  }, { skip });

  for (const qos of levels) {
    test(`${name}: a client that publishes to itself at QoS ${qos} receives every message once, in order`, async () => {
      await using server = await start();
      await using client = await PolledClient.connect(server.port, { clientId: "echo" });
      await client.subscribe("echo", qos);
      const sent: string[] = [];
      for (let index = 0; index < 300; index++) {
        sent.push(`message ${index}`);
        await client.client.publish("echo", `message ${index}`, { qos });
      }
      const messages = await client.received(sent.length);
      const { eventLoop } = client;
      await client.until(() => eventLoop.diagnostics().session.incomingQos2 === 0, "sent every PUBREL");
      await client.disconnect();
      assertEquals(messages.map(textOf), sent);
      assertEquals(new Set(messages.map((message) => message.qos)), new Set([qos]));
      const { outgoingExchanges, ignoredAcks } = eventLoop.diagnostics().session;
      assertEquals([outgoingExchanges, ignoredAcks], [0, 0]);
    }, { skip });

    test(
      `${name}: payloads of no bytes, of every byte and of many bytes arrive as they are at QoS ${qos}`,
      async () => {
        await using server = await start();
        await using client = await PolledClient.connect(server.port, { clientId: "payloads" });
        await client.subscribe("payload", qos);
        const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
        const large = Uint8Array.from({ length: largePayloadBytes }, (_, index) => (index * 31) % 253);
        for (const payload of [new Uint8Array(), everyByte, large]) await client.publish("payload", payload, qos);
        const messages = await client.received(3);
        assertEquals(messages.slice(0, 2).map(essence), [
          { topicName: "payload", payload: [], qos, retain: false, dup: false },
          { topicName: "payload", payload: [...everyByte], qos, retain: false, dup: false },
        ]);
        assertEquals(messages[2]!.payload, large);
        await client.disconnect();
      },
      { skip },
    );
  }

  test(`${name}: a retained message comes to who subscribes later, and an empty one removes it`, async () => {
    await using server = await start();
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    await publisher.publish("kept/a", "first", 1, true);
    await publisher.publish("kept/a", "second", 1, true);
    await publisher.publish("kept/b", "other", 2, true);
    await publisher.publish("kept/c", "not kept", 1, false);

    await using early = await PolledClient.connect(server.port, { clientId: "early" });
    await early.subscribe("kept/+", 2);
    const kept = (await early.received(2)).map(({ topicName, payload, retain }) => ({ topicName, payload, retain }));
    assertEquals(kept.sort((a, b) => a.topicName < b.topicName ? -1 : 1), [
      { topicName: "kept/a", payload: new TextEncoder().encode("second"), retain: true },
      { topicName: "kept/b", payload: new TextEncoder().encode("other"), retain: true },
    ]);
    await publisher.publish("kept/a", "third", 1, true);
    // To a subscription that is there already it is a message like any other [MQTT-3.3.1-9].
    assertEquals((await early.received(3))[2]!.retain, false);

    await publisher.publish("kept/a", "", 1, true);
    await publisher.publish("kept/b", "", 1, true);
    await using late = await PolledClient.connect(server.port, { clientId: "late" });
    await late.subscribe("kept/+", 2);
    await publisher.publish("kept/end", "end", 1);
    assertEquals((await late.received(1)).map(textOf), ["end"]);
  }, { skip });

  test(`${name}: wildcards choose what comes`, async () => {
    await using server = await start();
    const names = ["a", "a/b", "a/b/c", "a/x/c", "/a", "b", "a/", "a//c"];
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ["a", ["a"]],
      ["a/+", ["a/b", "a/"]],
      ["a/#", ["a", "a/b", "a/b/c", "a/x/c", "a/", "a//c"]],
      ["+/b/#", ["a/b", "a/b/c"]],
      ["a/+/c", ["a/b/c", "a/x/c", "a//c"]],
      ["+", ["a", "b"]],
      ["/+", ["/a"]],
      ["#", names],
    ];
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    for (const [topicFilter, expected] of cases) {
      await using subscriber = await PolledClient.connect(server.port, { clientId: "subscriber" });
      await subscriber.subscribe(topicFilter, 1);
      await subscriber.subscribe("the/end/of/it", 1);
      for (const topicName of names) await publisher.publish(topicName, "");
      await publisher.publish("the/end/of/it", "");
      await subscriber.until(
        () => subscriber.messages.some(({ topicName }) => topicName === "the/end/of/it"),
        "sent all",
      );
      const seen = new Set(subscriber.messages.map(({ topicName }) => topicName));
      seen.delete("the/end/of/it");
      assertEquals([...seen].sort(), [...expected].sort(), `of "${topicFilter}"`);
      await subscriber.disconnect();
    }
  }, { skip });

  test(`${name}: Topic Names and Topic Filters beyond ASCII arrive unchanged`, async () => {
    await using server = await start();
    await using client = await PolledClient.connect(server.port, { clientId: "ptak-🐦" });
    const names = ["zażółć/gęślą", "海燕/🐦", "a b/ c", "\u{feff}bom", "é/e\u0301", "𝄞"];
    for (const topicName of names) {
      await client.subscribe(topicName, 1);
      await client.publish(topicName, topicName, 1);
    }
    const messages = await client.received(names.length);
    assertEquals(messages.map((message) => [message.topicName, textOfKeepingBom(message)]), names.map((n) => [n, n]));
    await client.subscribe("+/🐦", 1);
    await client.publish("嵐/🐦", "by wildcard", 1);
    assertEquals((await client.received(names.length + 1)).at(-1)?.topicName, "嵐/🐦");
    await client.disconnect();
  }, { skip });

  test(`${name}: after an unsubscribe nothing more comes`, async () => {
    await using server = await start();
    await using client = await PolledClient.connect(server.port, { clientId: "leaver" });
    await client.subscribe("news/#", 1);
    await client.subscribe("end", 1);
    await client.publish("news/1", "one");
    await (await client.client.unsubscribeTracked("news/#")).waitCompletion();
    await client.publish("news/2", "two");
    await client.publish("end", "end");
    await client.until(() => client.messages.some(({ topicName }) => topicName === "end"), "sent the end");
    assertEquals(client.messages.map(({ topicName }) => topicName), ["news/1", "end"]);
    await client.disconnect();
  }, { skip });
}

/** Without this option the decoder drops a leading U+FEFF, which belongs to the text [MQTT-1.5.3-3]. */
function textOfKeepingBom({ payload }: Publish): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
}
