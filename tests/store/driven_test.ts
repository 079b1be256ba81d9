// The driven client with a session store: a connection that is made again in another process goes on.

import { assertEquals } from "@std/assert";
import { connect, type ConnectOptions } from "../../src/client/mod.ts";
import { MemorySessionStore } from "../../src/store/mod.ts";
import { MemoryNetwork, type ScriptedConnection, ScriptedServer, settle } from "../../src/testing/mod.ts";
import { watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";

/** Connects to a server of the test. */
async function open(sessionStore: MemorySessionStore, sessionPresent: boolean, changes: ConnectOptions = {}) {
  const network = new MemoryNetwork();
  const accepting = new ScriptedServer(network).accept();
  const options = {
    clientId: "tern",
    cleanSession: false,
    keepAlive: 0,
    sessionStore,
    transport: network.dial,
    ...changes,
  };
  const connecting = connect("mqtt://broker.test", options);
  const server: ScriptedConnection = await accepting;
  await server.acceptConnect({ sessionPresent });
  return { mqtt: await connecting, server };
}

/** Disconnects, and finishes nothing. */
async function leave({ mqtt, server }: Awaited<ReturnType<typeof open>>): Promise<void> {
  const leaving = mqtt.disconnectNow();
  let packet = await server.receive();
  while (packet !== undefined && packet.type !== "disconnect") packet = await server.receive();
  server.close();
  await leaving;
}

test("what one connection has not finished, the next one does", async () => {
  const store = new MemorySessionStore();
  const first = await open(store, false);
  const subscribing = first.mqtt.subscribe("in/+", { qos: 2 });
  const { packetId } = await first.server.expect("subscribe");
  await first.server.send({ type: "suback", packetId, returnCodes: [2] });
  await subscribing;
  const published = watch(first.mqtt.publish("out", "18.4", { qos: 2 }));
  assertEquals((await first.server.expect("publish")).dup, false);
  await leave(first);
  assertEquals(published.state, "rejected");
  assertEquals(recordsOf(store), ["m/2", "s/in/+", "session", "x/2"]);

  const { mqtt, server } = await open(store, true);
  const again = await server.expect("publish");
  assertEquals([again.dup, again.packetId, new TextDecoder().decode(again.payload)], [true, 2, "18.4"]);
  await server.send({ type: "pubrec", packetId: 2 });
  await server.expect("pubrel");
  await server.send({ type: "pubcomp", packetId: 2 });
  // What the resumed session brings before its subscriber waits for it.
  const message = { type: "publish", topicName: "in/a", payload: Uint8Array.of(49), qos: 2, retain: false } as const;
  await server.send({ ...message, dup: false, packetId: 7 });
  await server.expect("pubrec");
  const resubscribing = mqtt.subscribe("in/+", { qos: 2 });
  const subscribe = await server.expect("subscribe");
  await server.send({ type: "suback", packetId: subscribe.packetId, returnCodes: [2] });
  for await (const received of await resubscribing) {
    assertEquals(received.text(), "1");
    break;
  }
  await settle();
  assertEquals(recordsOf(store).filter((id) => id !== "s/in/+"), ["i/7", "session"]);
  await leave({ mqtt, server });
});
