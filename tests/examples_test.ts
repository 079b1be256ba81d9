// The programs under examples/, run as a reader would run them: each in a process of its own on this runtime, against a real server.
// What they print is what their comments promise.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { readdirSync } from "node:fs";
import process from "node:process";
import { repositoryRoot } from "../tools/source_tree.ts";
import { startAedes } from "./support/aedes.ts";
import { type Child, startChild } from "./support/child.ts";
import { FaultProxy } from "./support/fault_proxy.ts";
import { mosquittoMissing, startMosquitto } from "./support/mosquitto.ts";
import { PolledClient, textOf } from "./support/polled_client.ts";
import { makeTemporaryFolder } from "./support/temporary_folder.ts";
import { runtime, test } from "./support/test.ts";

const LIMIT_MILLIS = 20_000;

/** How an example is started on this runtime: the arguments of `startChild`. */
function command(
  file: string,
  ...args: readonly string[]
): [program: string, args: string[], env: Record<string, string>] {
  const path = `${repositoryRoot}examples/${file}`;
  const runtimeArgs = runtime === "deno" ? ["run", "-A", path] : [path];
  return [process.execPath, [...runtimeArgs, ...args], { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" }];
}

/** Runs an example to its end. @returns What it printed, line by line. */
async function run(file: string, ...args: readonly string[]): Promise<string[]> {
  const child = startChild(...command(file, ...args));
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
  "sync_publish_subscribe.ts": (lines) => {
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

/** Examples whose tests are written out below. */
const others = [
  "bridge.ts",
  "bun_script.ts",
  "demo.ts",
  "deno_cron.ts",
  "durable_sensor.ts",
  "sensor.ts",
  "telemetry.ts",
];

test("every example has a test", () => {
  const files = readdirSync(`${repositoryRoot}examples`).filter((name) => name.endsWith(".ts")).sort();
  assertEquals(files, [...Object.keys(examples), ...others].sort());
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

test("examples/sensor.ts measures on while the network is away, and everything arrives in order", async () => {
  await using server = await startAedes();
  await using proxy = await FaultProxy.start(server.port);
  await using reader = await PolledClient.connect(server.port, { clientId: "reader" });
  await reader.subscribe("sensors/+/celsius", 1);
  const sensor = startChild(...command("sensor.ts", `mqtt://127.0.0.1:${proxy.port}`));
  await reader.received(10);
  await proxy.refuse("closed");
  proxy.cut("reset");
  await sensor.line(/^Offline/);
  await proxy.welcome();
  assertEquals(await sensor.exited, "exit 0", sensor.output());
  const lines = sensor.output().trimEnd().split("\n");
  assertEquals([lines[0], lines.at(-1)], ["Offline: measuring goes on", "Sent 60 readings, dropped 0"]);
  assertMatch(lines.at(-2)!, /^Online again, \d+ readings have waited$/);
  // A reading may come again, but only behind one it was before.
  const values = reader.messages.map((message) => Math.round(Number(textOf(message)) * 10) - 200);
  assertEquals([...new Set(values)], Array.from({ length: 60 }, (_, index) => index));
});

test("examples/bridge.ts loses nothing when it is killed in the middle", async () => {
  await using from = await startAedes();
  await using to = await startAedes();
  await using writer = await PolledClient.connect(from.port, { clientId: "writer" });
  await using reader = await PolledClient.connect(to.port, { clientId: "reader" });
  await reader.subscribe("bridge/#", 1);
  const start = (): Child =>
    startChild(...command("bridge.ts", `mqtt://127.0.0.1:${from.port}`, `mqtt://127.0.0.1:${to.port}`));
  const first = start();
  await first.line(/^The bridge is open$/);
  const sent = Array.from({ length: 40 }, (_, index) => `message ${index}`);
  for (const text of sent.slice(0, 20)) await writer.publish("bridge/a", text);
  await reader.received(5);
  await first.stop("SIGKILL");
  for (const text of sent.slice(20)) await writer.publish("bridge/a", text);
  const second = start();
  await second.line(/^The bridge is open$/);
  await writer.publish("bridge/a", "close the bridge");
  assertEquals(await second.exited, "exit 0", second.output());
  await reader.until(() => reader.messages.some((message) => textOf(message) === "close the bridge"), "sent the last");
  assertEquals([...new Set(reader.messages.map(textOf))].sort(), [...sent, "close the bridge"].sort());
});

test("examples/durable_sensor.ts loses no reading when it is killed, and sends none twice", async () => {
  await using folder = await makeTemporaryFolder();
  // aedes forgets the session of a client that has subscribed to nothing.
  await using server = await startMosquitto();
  await using reader = await PolledClient.connect(server.port, { clientId: "reader" });
  await reader.subscribe("greenhouse/celsius", 2);
  await using proxy = await FaultProxy.start(server.port);
  const start = (): Child =>
    startChild(...command("durable_sensor.ts", `mqtt://127.0.0.1:${proxy.port}`, folder.file("readings.db")));
  await proxy.refuse("closed");
  const offline = start();
  await offline.line(/^Kept reading 4$/);
  await offline.stop("SIGKILL");
  await proxy.welcome();
  const online = start();
  await online.line(/^Restored the session, with [5-9] unfinished messages$/);
  await online.line(/^Kept reading 7$/);
  await online.stop("SIGKILL");
  const last = start();
  assertEquals(await last.exited, "exit 0", last.output());
  assertStringIncludes(last.output(), "Every reading is delivered");
  const kept = [offline, online, last].map((run) => run.output().match(/^Kept reading/gm)!.length);
  await reader.until(() => reader.messages.length >= kept[0]! + kept[1]! + kept[2]!, "received every reading");
  const readings = reader.messages.map((message): { run: number; index: number } => JSON.parse(textOf(message)));
  const names = readings.map(({ run, index }) => `${run} ${index}`);
  assertEquals(names, [...new Set(names)]);
  // A run that was killed may have kept one more than it could say.
  const runs = [...new Set(readings.map(({ run }) => run))];
  const counts = runs.map((run) => readings.filter((reading) => reading.run === run).length);
  assertEquals(counts.map((count, i) => count === kept[i] || (i < 2 && count === kept[i]! + 1)), [true, true, true]);
}, { skip: mosquittoMissing() });

if (runtime === "bun") {
  test("examples/bun_script.ts publishes its input line by line", async () => {
    await using server = await startAedes();
    const script = `printf 'one\\ntwo\\n' | "$0" "$1" "$2" notes/today`;
    const child = startChild("/bin/sh", [
      "-c",
      script,
      process.execPath,
      `${repositoryRoot}examples/bun_script.ts`,
      `mqtt://127.0.0.1:${server.port}`,
    ]);
    assertEquals(await child.exited, "exit 0", child.output());
    assertEquals(child.output(), "notes/today: one\nnotes/today: two\n");
  });
}

if (runtime === "deno") {
  test("examples/telemetry.ts exports logs and metrics by OpenTelemetry, and no payload", async () => {
    await using server = await startAedes();
    const exported: Record<string, string> = {};
    const collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const path = new URL(request.url).pathname;
      exported[path] = (exported[path] ?? "") + new TextDecoder().decode(await request.bytes());
      return new Response();
    });
    const [program, args, env] = command("telemetry.ts", `mqtt://127.0.0.1:${server.port}`);
    const child = startChild(program, args, {
      ...env,
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
    });
    assertEquals(await child.exited, "exit 0", child.output());
    await collector.shutdown();
    for (const word of ["connected", "telemetry/echo", "closed"]) assertStringIncludes(exported["/v1/logs"]!, word);
    for (const word of ["mqtt.packets", "mqtt.bytes", "suback"]) assertStringIncludes(exported["/v1/metrics"]!, word);
    assertEquals(Object.values(exported).some((text) => text.includes("not for the log")), false);
  });

  test("examples/deno_cron.ts reports once, and registers a job that Deno accepts", async () => {
    await using server = await startAedes();
    await using reader = await PolledClient.connect(server.port, { clientId: "reader" });
    await reader.subscribe("reports/+");
    const broker = `mqtt://127.0.0.1:${server.port}`;
    assertEquals(await run("deno_cron.ts", broker, "--once"), ["Reported"]);
    const [report] = await reader.received(1);
    assertMatch(textOf(report!), /^\{"host":"example","heapUsed":\d+\}$/);
    const [program, args, env] = command("deno_cron.ts", broker);
    const cron = startChild(program, args.toSpliced(1, 0, "--unstable-cron"), env);
    const ended = await Promise.race([cron.exited, delay(1000)]);
    await cron.stop("SIGKILL");
    assertEquals(ended, undefined, cron.output());
  });
}
