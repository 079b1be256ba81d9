// The driven client against mosquitto: streams over a real network, with a server that floods, restarts, refuses and repeats.

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import {
  connect,
  ConnectionLostError,
  type ConnectOptions,
  type Message,
  type MqttConnection,
  type QoS,
  type Subscription,
} from "../../mod.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { startAedes } from "../support/aedes.ts";
import { test } from "../support/test.ts";
import type { Server } from "./servers.ts";

const skip = mosquittoMissing();
const prompt: ConnectOptions = { reconnect: { minDelayMillis: 1, maxDelayMillis: 20 } };

function open(port: number, options: ConnectOptions = {}): Promise<MqttConnection> {
  return connect(`mqtt://127.0.0.1:${port}`, { ...prompt, ...options });
}

/** Takes so many messages. */
async function take(stream: Subscription, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) {
    const { value } = await stream.next();
    if (value === undefined) {
      throw new Error(`Cannot take ${count} messages: the stream ended after ${messages.length}`);
    }
    messages.push(value);
  }
  return messages;
}

function textsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`);
}

for (const qos of [0, 1, 2] as const) {
  test(`QoS ${qos}: what is published comes out of the stream, in order`, async () => {
    await using server = await startMosquitto();
    await using mqtt = await open(server.port);
    const stream = await mqtt.subscribe("numbers", { qos });
    const publishing = (async () => {
      for (const number of numbers(500)) await mqtt.publish("numbers", number, { qos });
    })();
    assertEquals(textsOf(await take(stream, 500)), numbers(500));
    await publishing;
  }, { skip });
}

test("an echo with a window of 1 keeps up with a flood, and loses nothing at QoS 1 and 2", async () => {
  const flood = 1000;
  for (const qos of [1, 2] as const) {
    await using server = await startMosquitto({ config: ["max_inflight_messages 20"] });
    await using source = await open(server.port);
    await using echo = await open(server.port, { inflight: 1, inflightQos2: 1, capacity: 1 });
    await using target = await open(server.port);
    const calls = await echo.subscribe("calls", { qos, capacity: 1 });
    const echoes = await target.subscribe("echoes", { qos });
    const echoing = (async () => {
      for await (const message of calls) await echo.publish("echoes", message.payload, { qos });
    })();
    const sent = Promise.all(numbers(flood).map((number) => source.publish("calls", number, { qos })));
    assertEquals(textsOf(await take(echoes, flood)), numbers(flood));
    await sent;
    assertEquals([calls.dropped, echo.diagnostics().counters.failures], [0, 0]);
    await echo.disconnect();
    await echoing;
  }
}, { skip, timeoutMillis: 60_000 });

test("an echo goes on under a flood at QoS 0 that it cannot keep up with", async () => {
  await using server = await startMosquitto();
  await using source = await open(server.port);
  await using echo = await open(server.port, { inflight: 1, capacity: 1 });
  const calls = await echo.subscribe("calls", { capacity: 1 });
  let isOver = false;
  const flooding = (async () => {
    const payload = new Uint8Array(100);
    while (!isOver) {
      await Promise.all(Array.from({ length: 100 }, () => source.publish("calls", payload)));
      // The process has an echo to run too.
      await delay(1);
    }
  })();
  let echoed = 0;
  for await (const message of calls) {
    await echo.publish("echoes", message.payload, { qos: 1 });
    const { waiting, ahead } = echo.diagnostics().streams;
    assert(waiting <= 4096 && ahead <= 4096, `${waiting} and ${ahead} messages are held`);
    if (++echoed === 100) break;
  }
  isOver = true;
  await flooding;
}, { skip, timeoutMillis: 60_000 });

for (const allowsDuplicates of [false, true]) {
  const kind = allowsDuplicates ? "a copy for each filter" : "one copy";
  test(`streams over overlapping filters get each message once from a server that sends ${kind}`, async () => {
    await using server = await startMosquitto({ config: [`allow_duplicate_messages ${allowsDuplicates}`] });
    await using publisher = await open(server.port);
    await publisher.publish("a/b", "kept", { qos: 1, retain: true });
    await using mqtt = await open(server.port);
    const filters: readonly [string, QoS][] = [["a/#", 1], ["a/b", 1], ["+/b", 1], ["a/b", 0]];
    const streams: Subscription[] = [];
    for (const [topicFilter, qos] of filters) streams.push(await mqtt.subscribe(topicFilter, { qos }));
    const texts = numbers(100);
    // At QoS 0 a copy is left out also before the kind of server is known, and tells it.
    for (const [i, text] of texts.entries()) await publisher.publish("a/b", text, { qos: i === 0 ? 0 : 1 });
    // A stream that joins a filter others have is given what the server had kept only if it is still on its way.
    const isJoined = (stream: Subscription): boolean => stream === streams[3];
    for (const stream of streams) {
      const [first] = await take(stream, 1);
      assert(first?.text() === "kept" && first.retain || isJoined(stream) && first?.text() === "0");
      const isKept = first.retain;
      assertEquals(textsOf(await take(stream, isKept ? 100 : 99)), isKept ? texts : texts.slice(1));
    }
    await publisher.publish("a/b", "end");
    for (const stream of streams) assertEquals(textsOf(await take(stream, 1)), ["end"]);
    assertEquals(mqtt.diagnostics().streams.copies > 2, allowsDuplicates);
  }, { skip });
}

interface OverlapKind {
  readonly name: string;
  readonly start: () => Promise<Server>;
  readonly skip: string | undefined;
  readonly delivered: RegExp;
}

const ONCE = /^on on 1 2 3 3 end$/;
// "on" tells nothing, since it comes more often than copies explain; "1" is in doubt as a rule, and "2" tells the kind.
const COPIES = /^on on on on (1 ){1,2}2 3 3 end$/;
const withCopies = ["allow_duplicate_messages true"];
const kinds: readonly OverlapKind[] = [
  { name: "mosquitto", start: () => startMosquitto(), skip, delivered: ONCE },
  { name: "mosquitto with copies", start: () => startMosquitto({ config: withCopies }), skip, delivered: COPIES },
  { name: "aedes", start: startAedes, skip: undefined, delivered: ONCE },
];
for (const { name, start, skip, delivered } of kinds) {
  for (const qos of [1, 2] as const) {
    test(
      `${name}: two equal messages at QoS ${qos}, before anything is known of the server, are both delivered`,
      async () => {
        await using server = await start();
        await using publisher = await open(server.port);
        await using mqtt = await open(server.port);
        const streams = [await mqtt.subscribe("a/#", { qos }), await mqtt.subscribe("a/+", { qos })];
        const publish = (text: string): Promise<unknown> => publisher.publish("a/b", text, { qos });
        await Promise.all([publish("on"), publish("on")]);
        for (const text of ["1", "2", "3", "3", "end"]) await publish(text);
        for (const stream of streams) {
          const texts: string[] = [];
          while (texts.at(-1) !== "end") texts.push(...textsOf(await take(stream, 1)));
          assertMatch(texts.join(" "), delivered);
        }
      },
      { skip },
    );
  }
}

test("reconnecting does not show: a server that restarts, and a network that cuts", async () => {
  await using server = await startMosquitto();
  await using proxy = await FaultProxy.start(server.port);
  await using mqtt = await open(proxy.port, { clientId: "survivor" });
  const stream = await mqtt.subscribe("news", { qos: 1 });
  for (let round = 0; round < 5; round++) {
    if (round % 2 === 0) proxy.cut(round % 4 === 0 ? "reset" : "fin");
    else await server.restart();
    await mqtt.publish("news", `${round}`, { qos: 1 });
    // A publish that was on its way is sent again, so it may come twice; it comes.
    let text: string;
    do [text] = textsOf(await take(stream, 1)) as [string]; while (text !== `${round}`);
  }
  const { connections } = mqtt.diagnostics().counters;
  assert(connections >= 4, `${connections} connections`);
}, { skip });

test("a program that resumes its session gets what was kept for it, though it subscribes one line later", async () => {
  await using server = await startMosquitto();
  const durable = { clientId: "worker", cleanSession: false } as const;
  {
    await using first = await open(server.port, durable);
    await first.subscribe("jobs/#", { qos: 1 });
    // Not left: the subscription stays with the session.
  }
  await using publisher = await open(server.port);
  for (const number of numbers(10)) await publisher.publish(`jobs/${number}`, number, { qos: 1 });
  await using second = await open(server.port, durable);
  const jobs = await second.subscribe("jobs/#", { qos: 1 });
  assertEquals(textsOf(await take(jobs, 10)), numbers(10));
}, { skip });

test("in manual mode what was not finished comes again on the next connection, and only that", async () => {
  await using server = await startMosquitto();
  const durable = { clientId: "worker", cleanSession: false, ackMode: "manual" } as const;
  await using publisher = await open(server.port);
  const first = await open(server.port, durable);
  const jobs = await first.subscribe("jobs", { qos: 1 });
  for (const number of numbers(5)) await publisher.publish("jobs", number, { qos: 1 });
  assertEquals(textsOf(await take(jobs, 3)), ["0", "1", "2"]);
  // The third is in hand. DISCONNECT is sent without finishing anything.
  await first.disconnect();
  await using second = await open(server.port, durable);
  const again = await take(await second.subscribe("jobs", { qos: 1 }), 3);
  assertEquals(again.map((message) => [message.text(), message.dup]), [["2", true], ["3", true], ["4", true]]);
}, { skip });

test("requests are answered by a responder on another connection, many at a time", async () => {
  await using server = await startMosquitto();
  await using responder = await open(server.port);
  await using requester = await open(server.port);
  const requests = await responder.subscribe("square", { qos: 1 });
  const responding = (async () => {
    for await (const message of requests) {
      const { id, number } = message.json<{ id: number; number: number }>();
      await responder.publish(`squares/${id}`, JSON.stringify({ id, square: number ** 2 }), { qos: 1 });
    }
  })();
  const squares = await Promise.all(
    numbers(50).map(async (_, id) => {
      const response = await requester.request("square", JSON.stringify({ id, number: id }), {
        responseTopic: "squares/+",
        qos: 1,
        timeoutMillis: 10_000,
        correlate: (message) => message.topicName === `squares/${id}`,
      });
      return response.json<{ square: number }>().square;
    }),
  );
  assertEquals(squares, numbers(50).map((_, id) => id ** 2));
  await requester.disconnect();
  assertEquals(requester.diagnostics().streams.topicFilters, 0);
  await responder.disconnect();
  await responding;
}, { skip });

test("nobody listens: a connection that is to fail fast does, and closes everything", async () => {
  const port = await findFreePort();
  const error = await connect(`mqtt://127.0.0.1:${port}`, { reconnect: false }).catch((error) => error);
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.reason, "dial-failed");
});
