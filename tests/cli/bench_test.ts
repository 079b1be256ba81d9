// `petrel bench` against a small server, in simulated time.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Packet } from "../../src/codec/mod.ts";
import { type ScriptedConnection, settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { type FakeIo, type FakeIoOptions, runToEnd, start, type Started } from "./fake_io.ts";

/** The line of a report that begins with a word, as its cells. */
function row({ io }: Started, title: string): string[] {
  const line = io.output.lines.find((candidate) => candidate.trim().startsWith(title));
  assert(line !== undefined, `${title} is missing in\n${io.output.text}`);
  return line.trim().slice(title.length).trim().split(/ {2,}/);
}

/** Starts a benchmark against the small server, and lets time pass until it ends. */
async function runInTime(args: readonly string[], options: FakeIoOptions = {}): Promise<Started & { code: number }> {
  const started = await start(["bench", ...args], options);
  const { io } = started;
  void io.server.autoRespond();
  await settle();
  while (started.code === undefined) {
    const { nextDeadline } = io.clock;
    if (nextDeadline === undefined) throw new Error("Cannot go on: nothing waits for time");
    await io.clock.advance(nextDeadline - io.clock.now());
    await settle();
  }
  return { io, code: started.code, ended: started.ended };
}

test("pub publishes so many messages, counts them, and ends", async () => {
  const result = await runToEnd(["bench", "pub", "-n", "50", "-q1", "-c", "2", "--size", "1000"]);
  assertEquals(result.code, 0, result.io.errorOutput.text);
  assertEquals(result.io.output.lines[0], "2 publishers, QoS 1, 1,000 bytes");
  assertEquals(row(result, "published")[0], "100");
  assert(result.io.output.text.includes("PUBACK"));
  assert(!result.io.output.text.includes("received"));
  assertEquals(result.io.errorOutput.text, "");
  assertEquals(result.io.network.dialCount, 2);
});

test("sub receives what one publishes, as often as there are clients", async () => {
  const result = await runToEnd(["bench", "sub", "-n", "20", "-c", "3", "-q", "2"]);
  assertEquals(result.code, 0, result.io.errorOutput.text);
  assertEquals(result.io.output.lines[0], "1 publisher, 3 subscribers, QoS 2, 64 bytes");
  assertEquals([row(result, "published")[0], row(result, "received")[0]], ["20", "60"]);
  assertEquals(row(result, "received").at(-1), "0");
});

test("publishers and subscribers may be as many as one likes", async () => {
  const result = await runToEnd(["bench", "-n", "10", "--publishers", "3", "--subscribers", "2"]);
  assertEquals(result.code, 0, result.io.errorOutput.text);
  assertEquals([row(result, "published")[0], row(result, "received")[0]], ["30", "60"]);
});

test("pingpong publishes the next message when the last has come back", async () => {
  const result = await runToEnd(["bench", "pingpong", "-n", "25", "-c", "2", "-q", "1"]);
  assertEquals(result.code, 0, result.io.errorOutput.text);
  assertEquals(result.io.output.lines[0], "2 clients, QoS 1, 64 bytes");
  assertEquals([row(result, "published")[0], row(result, "received")[0]], ["50", "50"]);
  assert(result.io.output.text.includes("round trip"));
});

test("--rate and --duration say how many messages there are, and a latency counts from when a message was due", async () => {
  const result = await runInTime(["pub", "--rate", "100", "--duration", "2", "-q", "1"]);
  assertEquals(result.code, 0, result.io.errorOutput.text);
  assertEquals(result.io.output.lines[0], "1 publisher, QoS 1, 64 bytes, 100 messages per second each");
  assertEquals(row(result, "published").slice(0, 2), ["200", "101"]);
});

test("without --messages and --duration it takes five seconds", async () => {
  const result = await runInTime(["pub", "--rate", "10"]);
  assertEquals(row(result, "published")[0], "50");
});

test("--json is one line with everything in it", async () => {
  const { io, code } = await runToEnd(["bench", "-n", "10", "-q", "1", "--json", "--topic", "mine"]);
  assertEquals([code, io.output.lines.length], [0, 1]);
  const result = JSON.parse(io.output.text);
  const { published, received, acknowledged, delivered, ...plan } = result;
  assertEquals(plan, {
    kind: "pubsub",
    publishers: 1,
    subscribers: 1,
    qos: 1,
    size: 64,
    rate: null,
    topicPrefix: "mine",
    lost: 0,
  });
  assertEquals([published.count, received.count], [10, 10]);
  for (const latency of [acknowledged, delivered]) {
    assertEquals(Object.keys(latency), ["count", "p50", "p90", "p99", "p99.9", "max", "histogram"]);
    assertEquals(latency.count, 10);
    assertEquals(latency.histogram.reduce((sum: number, { count }: { count: number }) => sum + count, 0), 10);
  }
});

/** Serves clients as a script says. @returns What ends the waiting for more of them. */
function serve(io: FakeIo, answer: (packet: Packet, connection: ScriptedConnection) => Packet[]): void {
  void (async () => {
    while (true) {
      const connection = await io.server.accept();
      void (async () => {
        await connection.acceptConnect();
        for (let packet = await connection.receive(); packet !== undefined; packet = await connection.receive()) {
          if (packet.type === "disconnect") connection.close();
          await connection.send(...answer(packet, connection));
        }
      })();
    }
  })();
}

function suback(packet: Packet): Packet[] {
  return packet.type === "subscribe"
    ? [{ type: "suback", packetId: packet.packetId, returnCodes: [packet.subscriptions[0]!.qos] }]
    : [];
}

test("messages that do not arrive are lost: told at QoS 0, a failure above", async () => {
  for (const [qos, code] of [["0", 0], ["1", 1]] as const) {
    const started = await start(["bench", "-n", "10", "-q", qos]);
    serve(started.io, (packet) => {
      if (packet.type === "publish" && packet.qos === 1) return [{ type: "puback", packetId: packet.packetId }];
      return suback(packet);
    });
    await settle();
    await started.io.clock.advance(1000);
    assertEquals(await started.ended, code);
    assertEquals(row(started, "received").at(-1), "10");
    assertEquals(
      started.io.errorOutput.lines,
      code === 0 ? [] : ["petrel: Cannot account for every message: 10 of QoS 1 have not arrived"],
    );
  }
});

test("a failure does not cut off the report before it", async () => {
  const started = await start(["bench", "-n", "10", "-q", "1"]);
  const release = started.io.output.stick();
  serve(started.io, (packet) => {
    if (packet.type === "publish") return [{ type: "puback", packetId: packet.packetId }];
    return suback(packet);
  });
  await settle();
  await started.io.clock.advance(1000);
  await settle();
  assertEquals([started.code, row(started, "received").at(-1)], [undefined, "10"]);
  release();
  assertEquals(await started.ended, 1);
});

test("a message that the server holds up is as late as it was due, and large ones do not share a buffer", async () => {
  const args = [
    "bench",
    "pub",
    "-q",
    "1",
    "-n",
    "120",
    "--rate",
    "1000",
    "--inflight",
    "1",
    "--size",
    "20000",
    "--json",
  ];
  const { io, ended } = await start(args);
  const connection = await io.server.accept();
  await connection.acceptConnect();
  await settle();
  const stamps: number[] = [];
  await io.clock.advance(1000);
  for (let packet = await connection.receive(); packet !== undefined; packet = await connection.receive()) {
    if (packet.type === "disconnect") connection.close();
    if (packet.type !== "publish") continue;
    stamps.push(new DataView(packet.payload.buffer, packet.payload.byteOffset).getFloat64(0));
    await connection.send({ type: "puback", packetId: packet.packetId });
  }
  assertEquals(await ended, 0);
  // The first was due when the clock stood at 1000, and all were held up until 2000: a hundred in the channel, the rest before it.
  assertEquals(stamps, Array.from({ length: 120 }, (_, index) => 1000 + index));
  const { acknowledged } = JSON.parse(io.output.text);
  assertEquals([acknowledged.count, acknowledged.max], [120, 1000]);
  assert(acknowledged.p50 >= 940 && acknowledged.p50 < 960, String(acknowledged.p50));
});

test("a ball that is lost does not end the game", async () => {
  const started = await start(["bench", "pingpong", "-n", "3"]);
  let balls = 0;
  serve(started.io, (packet) => {
    if (packet.type !== "publish") return suback(packet);
    return ++balls === 2 ? [] : [packet];
  });
  await settle();
  await started.io.clock.advance(2000);
  await started.io.clock.advance(1000);
  assertEquals(await started.ended, 0);
  assertEquals(row(started, "received").filter((_, index) => index === 0 || index === 4), ["2", "1"]);
});

test("a server that refuses a client ends it with exit code 3", async () => {
  const { io, ended } = await start(["bench", "-n", "10"]);
  await (await io.server.accept()).refuseConnect(5);
  assertEquals(await ended, 3);
  assertEquals(io.output.text, "");
});

test("a connection that is lost ends it with exit code 1", async () => {
  const { io, ended } = await start(["bench", "pub", "-n", "10", "-q", "1", "-c", "2"]);
  const [one, other] = [await io.server.accept(), await io.server.accept()];
  await Promise.all([one.acceptConnect(), other.acceptConnect()]);
  await settle();
  one.cut(new Error("the cable was pulled"));
  void other.autoRespond();
  assertEquals(await ended, 1);
  assertMatch(io.errorOutput.text, /the cable was pulled\n$/);
});

test("a server that refuses a subscription ends it with exit code 1", async () => {
  const { io, ended } = await start(["bench", "sub"]);
  serve(
    io,
    (packet) => packet.type === "subscribe" ? [{ type: "suback", packetId: packet.packetId, returnCodes: [0x80] }] : [],
  );
  assertEquals(await ended, 1);
});

test("Ctrl-C ends the publishing, prints what was measured, and is exit code 130", async () => {
  const started = await start(["bench", "pub", "--rate", "10", "--duration", "60"]);
  void started.io.server.autoRespond();
  await settle();
  await started.io.clock.advance(950);
  await started.io.interrupt();
  assertEquals(await started.ended, 130);
  assertEquals(row(started, "published")[0], "10");
  assertEquals(started.io.clock.pendingTimers, 0);
});

test("a server with which nothing moves on ends it with exit code 4", async () => {
  const started = await start(["bench", "pub", "-n", "1000", "-q", "1"]);
  let acknowledged = 0;
  serve(started.io, (packet) => {
    if (packet.type === "pingreq") return [{ type: "pingresp" }];
    return packet.type === "publish" && acknowledged++ < 5 ? [{ type: "puback", packetId: packet.packetId }] : [];
  });
  await settle();
  await started.io.clock.advance(9999);
  assertEquals(started.code, undefined);
  await started.io.clock.advance(20_000);
  assertEquals(await started.ended, 4);
  assertEquals(started.io.output.text, "");
  assertEquals(started.io.errorOutput.lines[0], "petrel: Cannot go on, as nothing has happened: 10 s have passed");
});

test("progress is shown on a terminal only, on one line, and taken away", async () => {
  const args = ["pub", "--rate", "100", "--duration", "1"];
  const watched = await runInTime(args, { isErrorOutputTerminal: true });
  const frames = watched.io.errorOutput.text.split("\r\x1b[K").slice(1);
  assertEquals(frames[0], "Connecting 0 of 1");
  assert(frames.length >= 5, watched.io.errorOutput.text);
  assertMatch(frames[3]!, /^█+░+ \d\.\d s {2}published \d+ \(\d+\/s\)$/);
  assertEquals(frames.at(-1), "");
  assert(frames.every((frame) => frame.length < 80 && !frame.includes("\n")));
  for (const [more, options] of [[[], {}], [["--quiet"], { isErrorOutputTerminal: true }]] as const) {
    assertEquals((await runInTime([...args, ...more], options)).io.errorOutput.text, "");
  }
});

test("a report fits into 80 columns", async () => {
  const { io } = await runInTime([
    "--rate",
    "100",
    "--duration",
    "2",
    "-q",
    "2",
    "--publishers",
    "3",
    "--size",
    "70000",
  ]);
  assertEquals(io.output.lines.filter((line) => [...line].length > 80), []);
});

const calls: readonly (readonly [args: readonly string[], message: string])[] = [
  [["ping"], 'Cannot use "ping": the kinds are pub, sub, pingpong'],
  [["pub", "sub"], "Cannot use bench: it takes one KIND"],
  [["--clients", "2"], "Cannot use --clients: without KIND there are --publishers and --subscribers"],
  [["pub", "--subscribers", "2"], "Cannot use --subscribers: with KIND there is --clients"],
  [["sub", "--size", "7"], "Cannot use --size: 7 bytes do not hold the 8 that tell when a message was sent"],
  [["--no-clean-session", "-i", "a"], "Cannot use --no-clean-session: a benchmark leaves no sessions behind"],
  [["--reconnect-attempts", "1"], "Cannot use --reconnect-attempts: a benchmark ends when a connection is lost"],
  [["--topic", "a/#"], 'Cannot use --topic: it contains "#" [MQTT-4.7.1-1]'],
  [["--rate", "0"], 'Cannot use --rate: "0" is no whole number from 1 to 1000000'],
];

for (const [args, said] of calls) {
  test(`bench ${args.join(" ")}: ${said}`, async () => {
    const { io, code } = await start(["bench", ...args]);
    assertEquals([code, io.errorOutput.lines[0], io.network.dialCount], [2, `petrel: ${said}`, 0]);
  });
}

test("an empty payload is enough where nobody receives it", async () => {
  const result = await runToEnd(["bench", "pub", "-n", "5", "--size", "0"]);
  assertEquals([result.code, result.io.output.lines[0]], [0, "1 publisher, QoS 0, 0 bytes"]);
});
