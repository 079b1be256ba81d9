// Messages through a real server that listens on a unix socket.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../mod.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";

const skip = mosquittoMissing();
const levels: readonly QoS[] = [0, 1, 2];

/** Started by root, mosquitto else becomes a user that may not write here. */
const listener = (path: string): readonly string[] => ["user root", `listener 0 ${path}`];

test("unix socket: messages of every QoS come back once, in order", async () => {
  await using folder = await makeTemporaryFolder();
  // A name that is written differently in a URL, and must be decoded once.
  const path = folder.file("ü%41.sock");
  await using server = await startMosquitto({ config: listener(path) });
  await using client = await PolledClient.connect(server.port, {
    clientId: "unix",
    broker: `unix://${encodeURI(path)}`,
  });
  for (const qos of levels) {
    await client.subscribe(`level/${qos}`, qos);
    const sent: string[] = [];
    for (let index = 0; index < 100; index++) {
      sent.push(`message ${index} at ${qos}`);
      await client.client.publish(`level/${qos}`, sent.at(-1)!, { qos });
    }
    await client.received(100 * (qos + 1));
    assertEquals(client.messages.slice(100 * qos).map(textOf), sent);
    assertEquals(new Set(client.messages.slice(100 * qos).map((message) => message.qos)), new Set([qos]));
  }
  await client.disconnect();
}, { skip });

test("unix socket: a session goes on when the server comes back", async () => {
  await using folder = await makeTemporaryFolder();
  const path = folder.file("server.sock");
  await using server = await startMosquitto({
    config: [
      ...listener(path),
      "persistence true",
      "autosave_interval 1",
      `persistence_location ${folder.file("")}`,
    ],
  });
  await using client = await PolledClient.connect(server.port, {
    clientId: "unix",
    broker: `unix://${path}`,
    cleanSession: false,
    reconnect: { minDelayMillis: 20, maxDelayMillis: 50 },
  });
  await client.subscribe("kept", 1);
  await server.restart();
  await client.until(() => client.sessions.length === 2, "accepted again");
  assertEquals(client.sessions, [false, true]);
  await client.publish("kept", "still here");
  assertEquals((await client.received(1)).map(textOf), ["still here"]);
  await client.disconnect();
}, { skip });

test("unix socket: a missing path is a lost connection that says so", async () => {
  await using folder = await makeTemporaryFolder();
  const path = folder.file("missing.sock");
  await using client = new PolledClient(0, { clientId: "unix", broker: `unix://${path}`, reconnect: false });
  const error = await client.finished.then(() => undefined, (reason: Error) => reason);
  assertEquals(
    error?.message,
    `Cannot connect to unix://${path}: Cannot dial the unix socket ${path}: there is no such path`,
  );
});
