// What an aborted signal does to a publish that a session store is to keep: taken back, it is sent by nobody, this process or the next.

import { assertEquals } from "@std/assert";
import { MemorySessionStore } from "../../src/store/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { Scene, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { recordsOf } from "./held_store.ts";

test("one abort of a publish that has room and of one that waits for it leaves nothing to the next client", async () => {
  const sessionStore = new MemorySessionStore();
  const { client, eventLoop } = new Scene({ cleanSession: false, sessionStore, capacity: 1 });
  const abort = new AbortController();
  const notice = await client.publishTracked("a", "x", { qos: 1, signal: abort.signal });
  const ended = watch(notice.wait());
  const waiting = watch(client.publish("b", "x", { qos: 1, signal: abort.signal }));
  const behind = watch(client.publish("c", "x", { qos: 1 }));
  await settle();
  abort.abort("enough");
  await settle();
  assertEquals([ended.state, waiting.error, behind.state], ["rejected", "enough", "fulfilled"]);
  assertEquals(recordsOf(sessionStore), ["m/3", "session"]);
  eventLoop.close();
});
