// `petrel pub` against a scripted server, in simulated time.

import { assertEquals, assertMatch } from "@std/assert";
import type { Packet, Publish } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { UnsupportedOptionError } from "../../src/transport/transport.ts";
import { ServerSide } from "../loop/scene.ts";
import { test } from "../support/test.ts";
import { type FakeIoOptions, runToEnd, start, type Started, stream } from "./fake_io.ts";

/** Starts `pub` and accepts its connection. */
async function connected(
  args: readonly string[],
  options: FakeIoOptions = {},
): Promise<Started & { readonly server: ServerSide }> {
  const started = await start(["pub", ...args], options);
  const connection = await started.io.server.accept();
  await connection.acceptConnect();
  const server = new ServerSide(connection);
  await settle();
  return {
    ...started,
    server,
    get code() {
      return started.code;
    },
    set code(code) {
      started.code = code;
    },
  };
}

/** Publishes to a server that answers everything. @returns Every message it got, and how the command ended. */
async function published(
  args: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ readonly messages: readonly Publish[]; readonly code: number; readonly errors: readonly string[] }> {
  const { io, ended } = await start(["pub", ...args], options);
  const connection = await io.server.accept();
  await connection.acceptConnect();
  const messages: Publish[] = [];
  for (let packet = await connection.receive(); packet !== undefined; packet = await connection.receive()) {
    if (packet.type === "publish") messages.push(packet);
    await connection.send(...answers(packet));
    if (packet.type === "disconnect") connection.close();
  }
  return { messages, code: await ended, errors: io.errorOutput.lines };
}

function answers(packet: Packet): Packet[] {
  if (packet.type === "publish" && packet.qos === 1) return [{ type: "puback", packetId: packet.packetId }];
  if (packet.type === "publish" && packet.qos === 2) return [{ type: "pubrec", packetId: packet.packetId }];
  return packet.type === "pubrel" ? [{ type: "pubcomp", packetId: packet.packetId }] : [];
}

function textsOf(messages: readonly Publish[]): string[] {
  return messages.map(({ payload }) => new TextDecoder().decode(payload));
}

test("a message among the arguments is published, and the connection ended in order", async () => {
  const { server, io, ended } = await connected(["a/b", "fair winds"]);
  const [publish, disconnect] = server.take();
  assertEquals(publish, {
    type: "publish",
    topicName: "a/b",
    payload: new TextEncoder().encode("fair winds"),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
  });
  assertEquals(disconnect?.type, "disconnect");
  await server.close();
  assertEquals(await ended, 0);
  assertEquals([io.output.text, io.errorOutput.text, io.listeners], ["", "", 0]);
  assertEquals(io.clock.pendingTimers, 0);
});

const givers:
  readonly (readonly [what: string, args: readonly string[], options: FakeIoOptions, texts: readonly string[]])[] = [
    ["behind --", ["--", "a/b", "-5"], {}, ["-5"]],
    ["an empty argument", ["a/b", ""], {}, [""]],
    ["--null", ["a/b", "--null"], {}, [""]],
    ["--file", ["a/b", "-f", "x"], { files: { x: "one\ntwo\n" } }, ["one\ntwo\n"]],
    ["--stdin", ["a/b", "--stdin"], { input: ["one\n", "two\n"] }, ["one\ntwo\n"]],
    ["standard input that is no terminal", ["a/b"], { input: ["x"] }, ["x"]],
    ["standard input that is empty", ["a/b"], { input: [] }, [""]],
    ["--lines", ["a/b", "-l"], { input: ["one\n\ntw", "o\r\nthree"] }, ["one", "two", "three"]],
    ["--repeat", ["a/b", "x", "--repeat", "3"], {}, ["x", "x", "x"]],
    ["--repeat of a file", ["a/b", "-f", "x", "--repeat", "2"], { files: { x: "y" } }, ["y", "y"]],
  ];

for (const [what, args, options, texts] of givers) {
  test(`the message is given by ${what}`, async () => {
    const { messages, code } = await published(args, options);
    assertEquals(textsOf(messages), texts);
    assertEquals(code, 0);
  });
}

test("QoS and retain are those that were asked for", async () => {
  for (const qos of [0, 1, 2] as const) {
    const { messages, code } = await published(["a", "b", "-q", String(qos), "--retain"]);
    assertEquals(messages.map((message) => [message.qos, message.retain]), [[qos, true]]);
    assertEquals(code, 0);
  }
});

test("it ends when the last message is acknowledged, not before", async () => {
  const started = await connected(["a", "b", "-q1", "--repeat", "2"]);
  const { server } = started;
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.send({ type: "puback", packetId: 2 });
  assertEquals([server.takeWords(), started.code], [[], undefined]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await started.ended, 0);
});

test("--interval is the time from one message to the next", async () => {
  const { server, io, ended } = await connected(["a", "b", "--repeat", "3", "--interval", "500"]);
  assertEquals(server.takeWords(), ["publish"]);
  await io.clock.advance(499);
  assertEquals(server.takeWords(), []);
  await io.clock.advance(1);
  assertEquals(server.takeWords(), ["publish"]);
  await io.clock.advance(500);
  assertEquals(server.takeWords(), ["publish", "disconnect"]);
  await server.close();
  assertEquals(await ended, 0);
});

test("lines are published as they come, and no more are read than can be published", async () => {
  let read = 0;
  async function* input(): AsyncGenerator<Uint8Array> {
    for (; read < 1000; read++) {
      await undefined;
      yield new TextEncoder().encode(`${read}\n`);
    }
  }
  const { server, ended } = await connected(["a", "--lines", "-q1"], { input: input() });
  // A window of 100, a channel of 100, and one that waits for room in it.
  assertEquals([server.take().length, read], [100, 200]);
  await server.send(...Array.from({ length: 50 }, (_, index) => ({ type: "puback", packetId: index + 1 }) as const));
  assertEquals([server.take().length, read], [50, 250]);
  void (async () => {
    for (let packetId = 51;; packetId = packetId % 65_535 + 1) {
      if (server.isOver) return;
      await server.send({ type: "puback", packetId });
    }
  })();
  assertEquals(await ended, 0);
  assertEquals(read, 1000);
});

const calls: readonly (readonly [args: readonly string[], message: string, options?: FakeIoOptions])[] = [
  [[], "Cannot use pub: TOPIC is missing"],
  [["a", "b", "c"], "Cannot use pub: it takes TOPIC and MESSAGE; a message with spaces stands in quotes"],
  [["a/+", "b"], 'Cannot use TOPIC: it contains "+" [MQTT-4.7.1-1]'],
  [["", "b"], "Cannot use TOPIC: it is empty [MQTT-4.7.3-1]"],
  [["a"], "Cannot use pub: there is no message: give MESSAGE, --file, --stdin, --lines or --null"],
  [["a", "b", "--null"], "Cannot use --null: MESSAGE gives another message"],
  [["a", "--lines", "--file", "x"], "Cannot use --lines: --file gives another message"],
  [["a", "--lines", "--repeat", "2"], "Cannot use --repeat: --lines gives the messages", { input: [] }],
  [["a", "--file", "x"], "Cannot use --file: ENOENT: no such file or directory, open 'x'"],
];

for (const [args, message, options] of calls) {
  test(`pub ${args.join(" ")}: ${message}`, async () => {
    const { io, code } = await start(["pub", ...args], options);
    assertEquals([code, io.errorOutput.lines[0], io.network.dialCount], [2, `petrel: ${message}`, 0]);
  });
}

test("a server that is not there is told at once, and once", async () => {
  const { io, ended } = await start(["pub", "a", "b"]);
  (await io.server.accept()).cut(new Error("connection refused"));
  assertEquals(await ended, 1);
  assertEquals(io.network.dialCount, 1);
  assertMatch(
    io.errorOutput.text,
    /^petrel: Cannot keep the connection to mqtt:\/\/localhost:1883: connection refused\n$/,
  );
});

test("an option that the runtime cannot honour is exit code 2, and tried once", async () => {
  let dials = 0;
  const transport = (): Promise<never> => {
    dials++;
    return Promise.reject(new UnsupportedOptionError("proxy", "Cannot dial the broker: this runtime has no proxy"));
  };
  const { io, ended } = await start(["pub", "a", "b"], { clientOptions: { transport } });
  assertEquals([await ended, dials], [2, 1]);
  assertEquals(io.errorOutput.lines, ["petrel: Cannot dial the broker: this runtime has no proxy"]);
});

test("a server that refuses is exit code 3, and not asked again", async () => {
  for (const returnCode of [1, 2, 3, 4, 5] as const) {
    const { io, ended } = await start(["pub", "a", "b"]);
    await (await io.server.accept()).refuseConnect(returnCode);
    assertEquals([await ended, io.network.dialCount], [3, 1]);
    assertMatch(
      io.errorOutput.text,
      new RegExp(`^petrel: Cannot connect: the server refused with return code ${returnCode}, .*\n$`),
    );
  }
});

test("a server that does not answer is exit code 4 after --connect-timeout", async () => {
  const { io, ended } = await start(["pub", "a", "b", "--connect-timeout", "2"]);
  await io.server.accept();
  await io.clock.advance(2000);
  assertEquals(await ended, 4);
  assertEquals(io.errorOutput.lines, ["petrel: Cannot connect to mqtt://localhost:1883: no CONNACK within 2000 ms"]);
});

test("a message that is not acknowledged in --timeout is exit code 4, and the connection is ended by DISCONNECT", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1", "--timeout", "2"]);
  assertEquals(server.takeWords(), ["publish 1"]);
  await io.clock.advance(2000);
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await ended, 4);
  assertEquals(io.errorOutput.lines, ["petrel: Cannot publish everything: 2 s have passed"]);
});

test("a connection that is lost is made again, and the message published again", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1"]);
  assertEquals(server.takeWords(), ["publish 1"]);
  await server.cut(new Error("the cable was pulled"));
  await io.clock.advance(100);
  const connection = await io.server.accept();
  await connection.acceptConnect();
  void connection.autoRespond();
  assertEquals(await ended, 0);
  assertMatch(
    io.errorOutput.text,
    /^petrel: Cannot keep the connection to .*: the cable was pulled; trying again in 0\.\d s\n$/,
  );
});

test("a connection that does not come back is given up after so many attempts", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1", "--reconnect-attempts", "2"]);
  await server.cut(new Error("the cable was pulled"));
  io.network.refuse(new Error("nobody listens"), Infinity);
  await io.clock.advance(60_000);
  assertEquals(await ended, 1);
  assertEquals(io.network.dialCount, 3);
  assertEquals(io.errorOutput.lines.at(-1), "petrel: Cannot connect to mqtt://localhost:1883: nobody listens");
});

test("with --reconnect-attempts 0 a loss is the end", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1", "--reconnect-attempts", "0"]);
  await server.cut(new Error("the cable was pulled"));
  assertEquals([await ended, io.network.dialCount], [1, 1]);
});

test("messages that a lost session has taken are counted, and are a failure", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q2", "--repeat", "2"]);
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.cut();
  await io.clock.advance(100);
  const connection = await io.server.accept();
  await connection.acceptConnect();
  void connection.autoRespond();
  assertEquals(await ended, 1);
  assertEquals(
    io.errorOutput.lines.at(-1),
    "petrel: Cannot publish 2 of 2 messages: the first of them says: " +
      "Cannot complete publish: session-lost, it may have been delivered",
  );
});

test("a payload that MQTT cannot carry is a failure that says so", async () => {
  const { code, errors } = await published(["a", "-f", "x"], {
    files: { x: new Uint8Array(1000) },
    clientOptions: { maxOutgoingPacketSize: 100 },
  });
  assertEquals(code, 1);
  assertMatch(errors.join(), /^petrel: Cannot publish: the packet has 1\d{3} bytes, more than the 100 allowed$/);
});

test("Ctrl-C finishes what was begun, reads no more lines, and is exit code 130", async () => {
  const never = new Promise<never>(() => {});
  async function* input(): AsyncGenerator<Uint8Array> {
    yield* stream(["one\n"]);
    await never;
  }
  const started = await connected(["a", "--lines", "-q1"], { input: input() });
  const { server, io } = started;
  assertEquals(server.takeWords(), ["publish 1"]);
  await io.interrupt();
  assertEquals([server.takeWords(), started.code], [[], undefined]);
  await io.clock.advance(500);
  assertEquals(io.errorOutput.lines, ["petrel: Finishing what was begun, for 5 s at most; Ctrl-C ends at once"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await started.ended, 130);
});

test("a second Ctrl-C ends at once", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1"]);
  await io.interrupt();
  assertEquals(server.takeWords(), ["publish 1"]);
  await io.interrupt();
  assertEquals(await ended, 130);
  assertEquals(io.listeners, 0);
});

test("a server that never acknowledges holds up Ctrl-C for five seconds", async () => {
  const { io, ended } = await connected(["a", "b", "-q1"]);
  await io.interrupt("SIGTERM");
  await io.clock.advance(4999);
  assertEquals(io.listeners, 1);
  await io.clock.advance(1);
  assertEquals(await ended, 143);
  assertEquals(io.errorOutput.lines.at(-1), "petrel: Not everything that was begun is finished");
});

test("Ctrl-C while the message is read ends at once", async () => {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield* stream(["one\n"]);
    await new Promise<never>(() => {});
  }
  const { io, ended } = await start(["pub", "a", "--stdin"], { input: input() });
  await io.interrupt();
  assertEquals([await ended, io.network.dialCount], [130, 0]);
});

test("Ctrl-C before the server has answered ends at once", async () => {
  const { io, ended } = await start(["pub", "a", "b", "-q1"]);
  const server = new ServerSide(await io.server.accept());
  await settle();
  assertEquals(server.takeWords(), ["connect"]);
  await io.interrupt();
  assertEquals(server.takeWords(), ["disconnect"]);
  await server.close();
  assertEquals(await ended, 130);
});

test("a connection that does not come back is exit code 1, also if it is a time limit that says so", async () => {
  const { server, io, ended } = await connected(["a", "b", "-q1"]);
  await server.cut();
  await io.clock.advance(60_000);
  assertEquals([await ended, io.network.dialCount], [1, 6]);
  assertEquals(
    io.errorOutput.lines.at(-1),
    "petrel: Cannot connect to mqtt://localhost:1883: no CONNACK within 5000 ms",
  );
});

test("--verbose tells every packet, and neither payload nor password", async () => {
  const { io, code } = await runToEnd(["pub", "a/b", "hunter2", "-q2", "-u", "ann", "--verbose"], {
    env: { PETREL_PASSWORD: "hunter2" },
  });
  assertEquals(code, 0);
  assertEquals(io.errorOutput.lines, [
    "03:04:05.678 → CONNECT",
    "03:04:05.678 ← CONNACK accepted, session present: no",
    "03:04:05.678 → PUBLISH 1",
    "03:04:05.678 ← PUBREC 1",
    "03:04:05.678 → PUBREL 1",
    "03:04:05.678 ← PUBCOMP 1",
    "03:04:05.678 → DISCONNECT",
  ]);
});

test("--quiet tells nothing of a failure but the exit code", async () => {
  const { io, ended } = await start(["pub", "a", "b", "--quiet"]);
  (await io.server.accept()).cut();
  assertEquals([await ended, io.errorOutput.text], [1, ""]);
});
