// `petrel sub` against a scripted server, in simulated time.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Packet, Publish, QoS } from "../../src/codec/mod.ts";
import { OutputClosedError } from "../../src/cli/io.ts";
import { settle } from "../../src/testing/mod.ts";
import { packetWord, ServerSide } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { type FakeIoOptions, passDelay, start, type Started } from "./fake_io.ts";

interface Subscribed extends Started {
  readonly server: ServerSide;
}

function message(payload: string, fields: Partial<Publish> = {}): Publish {
  const base = { type: "publish", topicName: "a/b", qos: 0, retain: false, dup: false, packetId: 0 } as const;
  return { ...base, payload: new TextEncoder().encode(payload), ...fields };
}

/** Starts `sub`, accepts its connection and grants its subscription. */
async function subscribed(args: readonly string[], options: FakeIoOptions = {}, granted: QoS = 0): Promise<Subscribed> {
  const started = await start(["sub", ...args], options) as Subscribed;
  return Object.assign(started, { server: await grant(started, granted) });
}

/** Accepts the next connection, which has to subscribe, and grants the subscription. */
async function grant(started: Started, granted: QoS = 0): Promise<ServerSide> {
  const server = await accept(started);
  const [subscribe] = server.take();
  assert(subscribe?.type === "subscribe");
  const returnCodes = subscribe.subscriptions.map(() => granted);
  await server.send({ type: "suback", packetId: subscribe.packetId, returnCodes });
  return server;
}

async function accept({ io }: Started, sessionPresent = false): Promise<ServerSide> {
  const connection = await io.server.accept();
  await connection.acceptConnect({ sessionPresent });
  const server = new ServerSide(connection);
  await settle();
  return server;
}

/** Lets the client disconnect. @returns What it sent before, as words, and its exit code. */
async function finish({ server, ended }: Subscribed): Promise<[words: string[], code: number]> {
  await settle();
  const words = server.takeWords();
  await server.close();
  return [words, await ended];
}

test("filters are subscribed to with one packet, and messages printed as they come", async () => {
  const started = await start(["sub", "a/+", "b/#", "-q1"]);
  const server = await accept(started);
  const [subscribe] = server.take();
  assertEquals(subscribe, {
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ topicFilter: "a/+", qos: 1 }, { topicFilter: "b/#", qos: 1 }],
  });
  await server.send({ type: "suback", packetId: 1, returnCodes: [1, 1] });
  await server.send(message("one"), message("two"));
  assertEquals(started.io.output.text, "one\ntwo\n");
  await server.send(message("three"));
  assertEquals(started.io.output.text, "one\ntwo\nthree\n");
  await started.io.interrupt();
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await started.ended, 130);
  assertEquals(started.io.errorOutput.text, "");
  assertEquals(started.io.clock.pendingTimers, 0);
});

test("--count ends after so many messages, also before the subscription is answered", async () => {
  const started = await start(["sub", "a", "--count", "2"]);
  const server = await accept(started);
  server.take();
  await server.send(message("1"), message("2"), message("3"));
  assertEquals(started.io.output.text, "1\n2\n");
  await started.io.clock.advance(5000);
  await server.close();
  assertEquals(await started.ended, 0);
});

test("messages are acknowledged once they are written, in order, and none that is not", async () => {
  const started = await subscribed(["a", "-q2", "-C3"], {}, 2);
  const { server, io } = started;
  const release = io.output.stick();
  await server.send(message("1", { qos: 1, packetId: 11 }), message("2", { qos: 2, packetId: 12 }));
  assertEquals([io.output.text, server.takeWords()], ["1\n2\n", []]);
  release();
  await settle();
  assertEquals(server.takeWords(), ["puback 11", "pubrec 12"]);
  await server.send(message("3", { qos: 1, packetId: 13 }), message("4", { qos: 1, packetId: 14 }));
  assertEquals(io.output.text, "1\n2\n3\n");
  assertEquals(await finish(started), [["puback 13", "disconnect"], 0]);
});

test("a full output holds the server back, and the connection is kept alive meanwhile", async () => {
  const started = await subscribed(["a", "-q1", "--keep-alive", "10"], {}, 1);
  const { server, io } = started;
  const release = io.output.stick();
  for (let packetId = 1; packetId <= 5; packetId++) {
    await server.send(message(`${packetId}`, { qos: 1, packetId }));
  }
  assertEquals(io.output.text, "1\n");
  let pings = 0;
  for (let seconds = 0; seconds < 600; seconds += 5) {
    await io.clock.advance(5000);
    for (const word of server.takeWords()) {
      assertEquals(word, "pingreq");
      pings++;
      await server.send({ type: "pingresp" });
    }
  }
  assert(pings > 50, `${pings} pings`);
  assertEquals([io.output.text, server.isOver], ["1\n", false]);
  release();
  await settle();
  assertEquals(io.output.text, "1\n2\n3\n4\n5\n");
  assertEquals(server.takeWords(), ["puback 1", "puback 2", "puback 3", "puback 4", "puback 5"]);
  await io.interrupt();
  assertEquals(await finish(started), [["disconnect"], 130]);
});

test("a full output lets no more in than a buffer", async () => {
  const started = await subscribed(["a", "-F", "%l"]);
  const { server, io } = started;
  const release = io.output.stick();
  const large = message("x".repeat(100_000));
  let taken = 0;
  for (let i = 0; i < 50; i++) void server.connection.send(large).then(() => taken++);
  await settle();
  assertEquals(io.output.text, "100000\n");
  assert(taken < 10, `${taken} messages were let in`);
  release();
  await settle();
  assertEquals([io.output.lines.length, taken], [50, 50]);
  await io.interrupt();
  assertEquals(await finish(started), [["disconnect"], 130]);
});

test("an output that nobody reads any more ends with success, and its messages stay the server's", async () => {
  const started = await subscribed(["a", "-q1"], {}, 1);
  const { server, io } = started;
  io.output.fail(new OutputClosedError());
  await server.send(message("1", { qos: 1, packetId: 1 }));
  assertEquals(await finish(started), [["disconnect"], 0]);
  assertEquals(io.errorOutput.text, "");
});

test("an output that cannot be written is a failure", async () => {
  const started = await subscribed(["a"]);
  started.io.output.fail(new Error("Cannot write the output: no space left on device"));
  await started.server.send(message("1"));
  assertEquals(await finish(started), [["disconnect"], 1]);
  assertEquals(started.io.errorOutput.lines, ["petrel: Cannot write the output: no space left on device"]);
});

test("Ctrl-C does not wait for a full output longer than five seconds", async () => {
  const started = await subscribed(["a"]);
  const { server, io } = started;
  io.output.stick();
  await server.send(message("1"));
  await io.interrupt();
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(started.code, undefined);
  await io.clock.advance(5000);
  assertEquals(await started.ended, 130);
});

test("Ctrl-C that ends the reader of the output too is exit code 130", async () => {
  const started = await subscribed(["a"]);
  started.io.output.fail(new OutputClosedError());
  await started.io.interrupt();
  assertEquals(await finish(started), [["disconnect"], 130]);
  assertEquals(started.io.errorOutput.text, "");
});

test("--retained-only prints what is retained, --no-retained the rest; both acknowledge all", async () => {
  const messages = [
    message("old", { qos: 1, packetId: 1, retain: true }),
    message("new", { qos: 1, packetId: 2 }),
    message("older", { qos: 1, packetId: 3, retain: true }),
  ];
  for (const [option, text] of [["--retained-only", "old\nolder\n"], ["--no-retained", "new\n"], ["-R", "new\n"]]) {
    const started = await subscribed(["a", "-q1", option!], {}, 1);
    await started.server.send(...messages);
    assertEquals([started.io.output.text, started.server.takeWords()], [text, ["puback 1", "puback 2", "puback 3"]]);
    await started.io.interrupt();
    assertEquals(await finish(started), [["disconnect"], 130]);
  }
});

test("--count counts what is printed", async () => {
  const started = await subscribed(["a", "-C", "1", "--no-retained"]);
  await started.server.send(message("old", { retain: true }), message("new"));
  assertEquals(await finish(started), [["disconnect"], 0]);
  assertEquals(started.io.output.text, "new\n");
});

test("--timeout ends well after so long, and is a failure if --count is not reached", async () => {
  const listening = await subscribed(["a", "--timeout", "2.5"]);
  await listening.server.send(message("1"));
  await listening.io.clock.advance(2499);
  assertEquals(listening.server.takeWords(), []);
  await listening.io.clock.advance(1);
  assertEquals(await finish(listening), [["disconnect"], 0]);

  const counting = await subscribed(["a", "--timeout", "2", "--count", "2"]);
  await counting.server.send(message("1"));
  await counting.io.clock.advance(2000);
  assertEquals(await finish(counting), [["disconnect"], 4]);
  assertEquals(counting.io.errorOutput.lines, ["petrel: Cannot receive 2 messages, only 1: 2 s have passed"]);
});

test("--timeout that passes before the subscription is answered is a failure", async () => {
  const started = await start(["sub", "a", "--timeout", "2"]);
  const server = await accept(started);
  await started.io.clock.advance(2000);
  await server.close();
  assertEquals(await started.ended, 4);
  assertEquals(started.io.errorOutput.lines, ["petrel: Cannot subscribe: 2 s have passed"]);
});

test("Ctrl-C does not wait for a standard error that is not read", async () => {
  const started = await subscribed(["a", "--verbose"]);
  started.io.errorOutput.isFull = true;
  const release = started.io.errorOutput.stick();
  await started.server.send(message("1"));
  await started.io.interrupt();
  assertEquals((await started.server.take()).map(packetWord), ["disconnect"]);
  release();
  assertEquals(await started.ended, 130);
});

test("a filter that the server refuses is a failure that names it", async () => {
  const started = await start(["sub", "a", "secret/#"]);
  const server = await accept(started);
  server.take();
  await server.send({ type: "suback", packetId: 1, returnCodes: [0, 0x80] });
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await started.ended, 1);
  assertEquals(started.io.errorOutput.lines, [
    "petrel: The server refuses secret/#",
    "petrel: Cannot subscribe: the server refused 1 of 2 topic filters [MQTT-3.8.4-5]",
  ]);
});

test("a QoS that is lower than asked for is told", async () => {
  const started = await subscribed(["a", "-q2"], {}, 1);
  assertEquals(started.io.errorOutput.lines, ["petrel: Warning: a is granted at QoS 1, not 2"]);
  await started.io.interrupt();
  await finish(started);
});

test("a lost connection is made again and its filters subscribed to again, as often as it takes", async () => {
  const started = await subscribed(["a"]);
  const { io } = started;
  let server = started.server;
  for (let loss = 1; loss <= 7; loss++) {
    await server.cut(new Error("the cable was pulled"));
    await passDelay(io);
    server = await grant(started);
    await server.send(message(`${loss}`));
  }
  assertEquals(io.output.text, "1\n2\n3\n4\n5\n6\n7\n");
  assertMatch(io.errorOutput.lines[0]!, /: the cable was pulled; trying again in \d\.\d s$/);
  await io.interrupt();
  await server.close();
  assertEquals(await started.ended, 130);
});

test("connections that are lost again and again right after they were accepted are explained", async () => {
  const started = await subscribed(["a"]);
  const { io } = started;
  let server = started.server;
  for (let loss = 1; loss <= 3; loss++) {
    await server.close();
    await passDelay(io);
    server = await grant(started);
  }
  assertEquals(
    io.errorOutput.lines.at(-1),
    "petrel: The connection was lost 3 times right after it was accepted: " +
      "another client may have the same Client Identifier; see --client-id",
  );
  await io.interrupt();
  await server.close();
  assertEquals(await started.ended, 130);
});

test("with --no-clean-session what the server has kept is printed before the subscription is answered", async () => {
  const started = await start(["sub", "a", "-q1", "--no-clean-session", "-i", "archive", "-C1"]);
  const server = await accept(started, true);
  assertEquals(server.take().map(packetWord), ["subscribe 1"]);
  await server.send(message("kept", { qos: 1, packetId: 7 }));
  assertEquals(started.io.output.text, "kept\n");
  assertEquals(server.takeWords(), ["puback 7"]);
  await server.send({ type: "suback", packetId: 1, returnCodes: [1] });
  await server.close();
  assertEquals(await started.ended, 0);
});

test("--verbose tells every packet and no payload", async () => {
  const started = await subscribed(["a", "-C1", "-q1", "--verbose"], {}, 1);
  const packet: Packet = message("hunter2", { qos: 1, packetId: 3, topicName: "a/\u001b[2J", retain: true, dup: true });
  await started.server.send(packet);
  assertEquals(await finish(started), [["puback 3", "disconnect"], 0]);
  assertEquals(started.io.errorOutput.lines.map((line) => line.slice("03:04:05.678 ".length)), [
    "→ CONNECT",
    "← CONNACK accepted, session present: no",
    "→ SUBSCRIBE 1",
    "← SUBACK 1 QoS 1",
    "← PUBLISH 3 a/\\x1b[2J, QoS 1, retained, dup, 7 bytes",
    "→ PUBACK 3",
    "→ DISCONNECT",
  ]);
});

test("a standard error that is not read holds everything up until it is", async () => {
  const started = await subscribed(["a", "--verbose"]);
  const { server, io } = started;
  io.errorOutput.isFull = true;
  const release = io.errorOutput.stick();
  await server.send(message("1"));
  await server.send(message("2"));
  assertEquals(io.output.text, "");
  io.errorOutput.isFull = false;
  release();
  await settle();
  assertEquals(io.output.text, "1\n2\n");
  await io.interrupt();
  assertEquals(await finish(started), [["disconnect"], 130]);
});

const calls: readonly (readonly [args: readonly string[], message: string])[] = [
  [[], "Cannot use sub: FILTER is missing"],
  [["a", "b/#/c"], 'Cannot use FILTER "b/#/c": it has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  [["a", "--retained-only", "--no-retained"], "Cannot use --no-retained: --retained-only says the opposite"],
  [["a", "--json", "--format", "hex"], "Cannot use --json: --format says something else"],
  [["a", "--count", "0"], 'Cannot use --count: "0" is no whole number of 1 or more'],
];

for (const [args, said] of calls) {
  test(`sub ${args.join(" ")}: ${said}`, async () => {
    const { io, code } = await start(["sub", ...args]);
    assertEquals([code, io.errorOutput.lines[0], io.network.dialCount], [2, `petrel: ${said}`, 0]);
  });
}
