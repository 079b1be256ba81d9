// The programs under examples/, run as a reader would run them: each in a process of its own on this runtime, against a real server.
// What they print is what their comments promise.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readdirSync } from "node:fs";
import process from "node:process";
import { repositoryRoot } from "../tools/source_tree.ts";
import { startAedes } from "./support/aedes.ts";
import { startChild } from "./support/child.ts";
import { runtime, test } from "./support/test.ts";

const LIMIT_MILLIS = 20_000;

/** Runs an example to its end. @returns What it printed, line by line. */
async function run(file: string, ...args: readonly string[]): Promise<string[]> {
  const path = `${repositoryRoot}examples/${file}`;
  const runtimeArgs = runtime === "deno" ? ["run", "-A", path] : [path];
  const child = startChild(process.execPath, [...runtimeArgs, ...args], { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" });
  const limit = setTimeout(() => void child.stop("SIGKILL"), LIMIT_MILLIS);
  const exit = await child.exited;
  clearTimeout(limit);
  assertEquals(exit, "exit 0", child.output());
  return child.output().trimEnd().split("\n");
}

/** What each example must print. */
const examples: Readonly<Record<string, (lines: readonly string[]) => void>> = {
  "publish_subscribe.ts": (lines) => {
    assertEquals(lines.at(-1), "Done after 10 messages");
    const text = lines.join("\n");
    for (const type of ["connected", "outgoing", "incoming"]) assertMatch(text, new RegExp(`type: ["']${type}["']`));
  },
  "tracked_publish.ts": (lines) => {
    assertEquals(lines.map((line) => line.replace(/(SUBACK|packet) \d+/, "$1 N")), [
      "SUBACK N: granted QoS 2",
      "QoS 0: qos0-flushed",
      "QoS 1: qos1-acknowledged, packet N",
      "QoS 2: qos2-completed, packet N",
      "UNSUBACK",
    ]);
  },
  "manual_ack.ts": (lines) => {
    const jobs = ["first", "second", "third"];
    assertEquals(lines, jobs.flatMap((job) => [`Stored "${job}"`, "Acknowledged"]));
  },
  "driven.ts": (lines) => {
    assertEquals(lines, [
      "Left the readings",
      "Alarm from greenhouse/7/temperature: 35 °C",
      "Alarm from greenhouse/7/temperature: 38 °C",
    ]);
  },
  "request_response.ts": (lines) => {
    assertEquals(lines, [
      "[ 2, 3, 7 ]",
      "Cannot complete request: no response on nobody/answers within 100 ms, it may have been delivered",
    ]);
  },
  "last_will.ts": (lines) => assertEquals(lines, ["The sensor is online", "The sensor is offline"]),
  "custom_transport.ts": (lines) => {
    assertEquals(lines.length, 2);
    assertEquals(lines[0], "through a link of our own");
    // CONNECT, SUBSCRIBE, PUBLISH, PUBACK, DISCONNECT, and what answers them.
    assertMatch(lines[1]!, /^\d\d+ bytes sent, \d\d+ received$/);
  },
  "graceful_shutdown.ts": (lines) => {
    assertEquals(lines.length, 1);
    const [, published, acknowledged] = /^Published (\d+), acknowledged (\d+), /.exec(lines[0]!) ?? [];
    assertEquals(published, acknowledged);
    assertMatch(published!, /^[1-9]\d+$/);
    assertStringIncludes(lines[0]!, "nothing left behind: true");
  },
};

test("every example has a test", () => {
  const files = readdirSync(`${repositoryRoot}examples`).filter((name) => name.endsWith(".ts")).sort();
  assertEquals(files, [...Object.keys(examples), "demo.ts"].sort());
});

for (const [file, check] of Object.entries(examples)) {
  test(`examples/${file} prints what it should and ends by itself`, async () => {
    await using server = await startAedes();
    check(await run(file, `mqtt://127.0.0.1:${server.port}`));
  });
}

test("examples/demo.ts survives the cut of its connection with every message at QoS 1 and 2", async () => {
  const lines = await run("demo.ts");
  const what = (pattern: RegExp) =>
    lines.filter((line) => pattern.test(line)).map((line) => line.replace(/^ *\d+ ms /, ""));
  const [zero, ...others] = what(/ total /);
  // What is published at QoS 0 while the connection is cut may be lost.
  assertMatch(zero!, /^ total {4}[23] of 3 on demo\/qos0$/);
  assertEquals(others, [" total    3 of 3 on demo/qos1", " total    3 of 3 on demo/qos2"]);
  assertEquals(what(/ cuts the connection/).length, 1);
  assertEquals(what(/ connected, /), [
    " client   connected, session present: false",
    " client   connected, session present: true",
  ]);
  const results = what(/ publish /).map((line) => line.replace(/^.*: /, ""));
  const round = ["qos0-flushed", "qos1-acknowledged", "qos2-completed"];
  // The first message after the cut is at QoS 0, and may have gone with the connection.
  if (results[6]?.startsWith("disconnected")) results[6] = "qos0-flushed";
  assertEquals(results, [...round, ...round, ...round]);
});
