// The blocking pair inside the process of the tests, as other people's tests would have it: nothing of it is left behind.

import { assertEquals } from "@std/assert";
import { Client } from "@petrel/mqtt/sync";
import { test } from "../support/test.ts";

const module = new URL("./programs/memory_options.ts", import.meta.url);

test("a client that is closed leaves neither operations nor resources behind", () => {
  using pair = Client.create({ clientId: "plain", module });
  assertEquals(pair.client.publishTracked("a", "", { qos: 1 }).wait().type, "qos1-acknowledged");
});

test("a client whose events were taken to the end leaves nothing behind either", () => {
  const { client, connection } = Client.create({ clientId: "plain", module });
  client.disconnect();
  for (const event of connection) assertEquals(event.type === "disconnected", false);
  assertEquals(connection.isDone, true);
});

test("a worker that could not start leaves nothing behind", () => {
  let name = "";
  try {
    Client.create({ clientId: "plain", module, keepAlive: -1 });
  } catch (error) {
    name = (error as Error).name;
  }
  assertEquals(name, "RangeError");
});
