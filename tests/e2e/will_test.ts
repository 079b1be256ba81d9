// The Will Message at real servers: it speaks when a connection ends without DISCONNECT, and is silent after each kind of disconnect.

import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DisconnectTimeoutError, type MqttOptions, type QoS } from "../../mod.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { servers } from "./servers.ts";

const WILL_TOPIC = "wills/mortal";

/** A watcher that sees wills and work, and a client that has a will and may die. */
interface Scene extends AsyncDisposable {
  readonly watcher: PolledClient;
  readonly mortal: PolledClient;
}

async function setScene(port: number, options: MqttOptions = {}, mortalPort: number = port): Promise<Scene> {
  const watcher = await PolledClient.connect(port, { clientId: "watcher" });
  await watcher.subscribe("wills/#", 2);
  await watcher.subscribe("work/#", 2);
  const mortal = await PolledClient.connect(mortalPort, {
    clientId: "mortal",
    will: { topicName: WILL_TOPIC, payload: "dead", qos: 1 },
    ...options,
  });
  return {
    watcher,
    mortal,
    [Symbol.asyncDispose]: async () => {
      await mortal[Symbol.asyncDispose]();
      await watcher[Symbol.asyncDispose]();
    },
  };
}

/** What has come besides work, once the server has had every chance to publish a will. */
async function lastWords({ watcher }: Scene): Promise<string[]> {
  for (const marker of ["marker 1", "marker 2"]) {
    await watcher.publish("wills/marker", marker, 2);
    await watcher.until(() => watcher.messages.some((message) => textOf(message) === marker), `sent ${marker}`);
    // A will travels on its own in the server, so it is given time as well.
    await delay(20);
  }
  const words = watcher.messages.filter(({ topicName }) => topicName.startsWith("wills/")).map(textOf);
  return words.filter((word) => !word.startsWith("marker"));
}

function workOf({ watcher }: Scene): string[] {
  return watcher.messages.filter(({ topicName }) => topicName.startsWith("work/")).map(textOf);
}

for (const { name, start, skip } of servers) {
  for (const qos of [0, 1, 2] as QoS[]) {
    test(`${name}: a will at QoS ${qos} is published when the loop is closed without DISCONNECT`, async () => {
      await using server = await start();
      const will = { topicName: WILL_TOPIC, payload: new Uint8Array([0, 255, 128]), qos };
      await using scene = await setScene(server.port, { will });
      scene.mortal.eventLoop.close();
      await scene.mortal.finished;
      const [message] = await scene.watcher.received(1);
      assertEquals([message?.topicName, [...message!.payload], message?.qos, message?.retain], [
        WILL_TOPIC,
        [0, 255, 128],
        qos,
        false,
      ]);
    }, { skip });
  }

  for (const cut of ["fin", "reset"] as const) {
    test(`${name}: a will is published when the network cuts the connection by ${cut}`, async () => {
      await using server = await start();
      await using proxy = await FaultProxy.start(server.port);
      await using scene = await setScene(server.port, { reconnect: false }, proxy.port);
      proxy.cut(cut);
      await assertRejects(() => scene.mortal.finished);
      assertEquals((await scene.watcher.received(1)).map(textOf), ["dead"]);
    }, { skip });
  }

  test(`${name}: a retained will waits for who subscribes later`, async () => {
    await using server = await start();
    const will = { topicName: WILL_TOPIC, payload: "kept", qos: 1 as const, retain: true };
    await using scene = await setScene(server.port, { will });
    scene.mortal.eventLoop.close();
    await scene.watcher.received(1);
    await using late = await PolledClient.connect(server.port, { clientId: "late" });
    await late.subscribe("wills/+", 1);
    assertEquals((await late.received(1)).map((message) => [textOf(message), message.retain]), [["kept", true]]);
  }, { skip });

  test(`${name}: a will is silent after a plain disconnect`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port);
    await scene.mortal.disconnect();
    assertEquals(await lastWords(scene), []);
  }, { skip });

  test(`${name}: a will is silent after an unsubscribe and a disconnect`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port);
    await scene.mortal.subscribe("work/#", 1);
    await scene.mortal.client.unsubscribe("work/#");
    await scene.mortal.disconnect();
    assertEquals(await lastWords(scene), []);
    const answers = scene.mortal.events.map((event) => event.type === "incoming" ? event.packet.type : event.type);
    // The disconnect has waited for the answer.
    assertEquals(answers.includes("unsuback"), true);
  }, { skip });

  test(`${name}: a will is silent after a tracked unsubscribe and a disconnect`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port);
    await scene.mortal.subscribe("work/#", 1);
    const notice = await scene.mortal.client.unsubscribeTracked("work/#");
    await scene.mortal.disconnect();
    await notice.waitCompletion();
    assertEquals(await lastWords(scene), []);
  }, { skip });

  test(`${name}: a disconnect with messages of every QoS in flight finishes them, and the will is silent`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port);
    const { client } = scene.mortal;
    const notices = await Promise.all(
      Array.from(
        { length: 30 },
        (_, index) => client.publishTracked(`work/${index % 3}`, `${index}`, { qos: (index % 3) as QoS }),
      ),
    );
    await scene.mortal.disconnect();
    const results = await Promise.all(notices.map((notice) => notice.wait()));
    assertEquals(results.map(({ type }) => type).slice(0, 3), ["qos0-flushed", "qos1-acknowledged", "qos2-completed"]);
    assertEquals(await lastWords(scene), []);
    await scene.watcher.until(() => workOf(scene).length === 30, "sent all work");
    assertEquals(workOf(scene).map(Number).sort((a, b) => a - b), Array.from({ length: 30 }, (_, index) => index));
  }, { skip });

  test(`${name}: a disconnect before a backlog that was never sent sends it all, and the will is silent`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port, { inflight: 1, capacity: 200 });
    const { client } = scene.mortal;
    for (let index = 0; index < 150; index++) client.tryPublish("work/1", `${index}`, { qos: (index % 2 + 1) as QoS });
    await scene.mortal.disconnect();
    assertEquals(await lastWords(scene), []);
    await scene.watcher.until(() => workOf(scene).length === 150, "sent all work");
    assertEquals(workOf(scene).map(Number), Array.from({ length: 150 }, (_, index) => index));
  }, { skip });

  test(`${name}: a disconnect that does not wait leaves a backlog behind, and the will is silent`, async () => {
    await using server = await start();
    await using scene = await setScene(server.port, { inflight: 1, capacity: 200 });
    const { client } = scene.mortal;
    for (let index = 0; index < 150; index++) client.tryPublish("work/1", `${index}`, { qos: 2 });
    await client.disconnectNow();
    await scene.mortal.finished;
    assertEquals(await lastWords(scene), []);
    assertEquals(workOf(scene).length < 150, true);
  }, { skip });

  test(`${name}: a disconnect that runs out of time sends no DISCONNECT, and the will is published`, async () => {
    await using server = await start();
    await using proxy = await FaultProxy.start(server.port);
    await using scene = await setScene(server.port, {}, proxy.port);
    // No answer comes through, so the drain cannot end.
    proxy.freeze("incoming");
    await scene.mortal.client.publish("work/1", "unanswered", { qos: 1 });
    await scene.mortal.client.disconnectWithTimeout(50);
    await assertRejects(() => scene.mortal.finished, DisconnectTimeoutError);
    await scene.watcher.until(() => scene.watcher.messages.some((message) => textOf(message) === "dead"), "told");
    assertEquals(workOf(scene), ["unanswered"]);
  }, { skip });
}
