// Petrel needs nothing of a server but MQTT 3.1.1, and sends it nothing else.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { concat } from "../codec/hex.ts";
import { decodeNaive } from "../codec/naive.ts";
import { Scene, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";

const levels: readonly QoS[] = [0, 1, 2];

test("a server that can do nothing but MQTT 3.1.1 is enough, and all it is sent is MQTT 3.1.1 [MQTT-7.0.0-2]", async () => {
  const scene = new Scene();
  const run = scene.run();
  const serving = scene.server.accept().then((connection) => connection.autoRespond());
  await scene.client.subscribe("t/#", 2);
  for (const qos of levels) await scene.client.publish(`t/${qos}`, "x", { qos });
  await settle();
  await scene.client.unsubscribe("t/#");
  await scene.clock.advance(61_000);
  await scene.client.disconnect();
  await settle();
  await serving;
  assertEquals(run.end.state, "fulfilled");
  assertEquals(words(run.events).filter((word) => word === "incoming publish").length, levels.length);
  const { packets, ending } = decodeNaive(concat(...scene.writes));
  assertEquals(ending, "clean");
  assertEquals([...new Set(packets.map(({ type }) => type))].sort(), [
    "connect",
    "disconnect",
    "pingreq",
    "puback",
    "pubcomp",
    "publish",
    "pubrec",
    "pubrel",
    "subscribe",
    "unsubscribe",
  ]);
});
